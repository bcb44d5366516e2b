"""Holds the stand-ins against the clients of their vendors: `python main.py <address of the sandbox>`.

Prints a JSON object a line for every check: client, version, check, passed, and detail or note. What is wrong with a client
or a stand-in never ends the program; a client that is not installed counts as one failed check.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import logging
import sys
from collections import defaultdict

import anthropic_clients
import cartesia_clients
import deepgram_clients
import gemini_clients
import openai_clients
from checks import Check, Client, Mismatch, Sandbox

CLIENTS: list[Client] = [
    *deepgram_clients.CLIENTS,
    *anthropic_clients.CLIENTS,
    *cartesia_clients.CLIENTS,
    *openai_clients.CLIENTS,
    *gemini_clients.CLIENTS,
]
TIMEOUT_SECONDS = 90
LONGEST_DETAIL = 300


def say(client: Client, version: str, check: str, passed: bool, detail: str = "", note: str = "") -> None:
    """Prints the outcome of one check."""
    row = {"client": client.package, "version": version, "check": check, "passed": passed}
    print(json.dumps({**row, "detail": " ".join(detail.split())[:LONGEST_DETAIL], "note": note}), flush=True)


async def faults(sandbox: Sandbox, vendor: str, since: int, check: Check) -> str:
    """What the stand-in did not know, which it would have to."""
    news = (await sandbox.events(vendor))[since:]
    names = {"stand-in-failed"} if check.provokes else {"unexpected-request", "stand-in-failed"}
    found = [event for event in news if event["event"] in names]
    known = ("atMs", "vendor", "event", "connection")
    told = [f"{each['event']} {json.dumps({k: v for k, v in each.items() if k not in known})}" for each in found]
    return "; ".join(told)


async def run(check: Check, client: Client, version: str, sandbox: Sandbox) -> None:
    """Runs one check, whatever comes of it."""
    since = len(await sandbox.events(client.vendor))
    detail = ""
    try:
        await asyncio.wait_for(check.run(sandbox), TIMEOUT_SECONDS)
    except Mismatch as error:
        detail = str(error)
    except TimeoutError:
        detail = f"no end after {TIMEOUT_SECONDS} s"
    except BaseExceptionGroup as group:
        detail = "; ".join(f"{type(error).__name__}: {error}" for error in group.exceptions)
    except Exception as error:  # Whatever a client throws is a finding.
        detail = f"{type(error).__name__}: {error}"
    finally:
        await sandbox.fail(client.vendor, None)
    unknown = await faults(sandbox, client.vendor, since, check)
    detail = "; ".join(part for part in (detail, unknown) if part)
    say(client, version, check.name, not detail, detail, check.note)


def loaded(client: Client) -> tuple[Client, str] | None:
    """The client with its checks, and its version; None when it is not there, which is said."""
    try:
        version = importlib.metadata.version(client.package)
        client.checks = client.load()
        return client, version
    except Exception as error:  # Not installed, or not for this Python.
        say(client, "", "installed", False, f"{type(error).__name__}: {error}")
        return None


async def run_vendor(clients: list[tuple[Client, str]], sandbox: Sandbox) -> None:
    """One after another: a vendor's failures hit whoever comes."""
    for client, version in clients:
        for check in client.checks:
            await run(check, client, version, sandbox)


async def main(url: str) -> None:
    """All vendors side by side, once all clients are loaded: loading them takes seconds of no answer to anybody."""
    by_vendor: dict[str, list[tuple[Client, str]]] = defaultdict(list)
    for found in map(loaded, CLIENTS):
        if found:
            by_vendor[found[0].vendor].append(found)
    await asyncio.gather(*(run_vendor(clients, Sandbox(url)) for clients in by_vendor.values()))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(sys.argv[1]))
