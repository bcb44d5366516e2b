"""What the checks of all clients share: the running stand-ins, the spoken lines, and what is expected of an answer."""

from __future__ import annotations

import array
import asyncio
import json
import urllib.request
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LINES = Path(__file__).parent.parent / "lines"
LINE = "en-weather"
QUESTION = "What can you do?"
ANSWER = (
    "I can talk with you and remember what matters to you. "
    "I can also set up your profile, one question at a time."
)
# A tool whose description makes the stand-ins' rules call it with arguments once its question was asked.
TOOL = "save_onboarding_step"
TOOL_DESCRIPTION = "Saves the answer to a step.\n- preferred_name: What shall I call you?\n- goal: What is your goal?"
TOOL_QUESTION = "What shall I call you?"
TOOL_SPEECH = "Call me Robin."
TOOL_ARGUMENTS = {"step": "preferred_name", "answer": "Robin"}
TOOL_SCHEMA = {
    "type": "object",
    "properties": {"step": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["step", "answer"],
}
SENTENCE = "The museum stays open until nine on Friday evening."


class Mismatch(Exception):
    """A client got something else than its vendor's documentation promises."""


def expect(condition: object, message: str) -> None:
    """Fails the check with a message unless the condition holds."""
    if not condition:
        raise Mismatch(message)


def expect_equal(found: object, expected: object, what: str) -> None:
    """Fails the check unless both are equal."""
    expect(found == expected, f"{what}: expected {expected!r}, found {found!r}")


@dataclass
class Line:
    """A sentence that the stand-ins know by its sound: 16-bit mono PCM."""

    text: str
    pcm: bytes
    wav: bytes
    rate_hz: int

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate_hz

    def at(self, rate_hz: int) -> Line:
        """The same at a higher rate, by straight lines between the samples."""
        samples = array.array("h", self.pcm)
        count = len(samples) * rate_hz // self.rate_hz - 1
        found = array.array("h")
        for index in range(count):
            left, part = divmod(index * self.rate_hz, rate_hz)
            right = samples[min(left + 1, len(samples) - 1)]
            found.append(round(samples[left] + (right - samples[left]) * part / rate_hz))
        return Line(self.text, found.tobytes(), self.wav, rate_hz)

    async def spoken(self, ended: asyncio.Event, chunk_ms: int = 50) -> AsyncIterator[bytes]:
        """The line, then silence until `ended`, at the pace at which a microphone gives them."""
        size = 2 * self.rate_hz * chunk_ms // 1000
        start = 0
        while start < len(self.pcm) or not ended.is_set():
            yield self.pcm[start : start + size].ljust(size, b"\0")
            start += size
            await asyncio.sleep(chunk_ms / 1000)


def load_line(name: str = LINE) -> Line:
    """Reads one of the recordings."""
    entry = next(each for each in json.loads((LINES / "lines.json").read_text()) if each["id"] == name)
    path = LINES / entry["file"]
    with wave.open(str(path)) as file:
        pcm = file.readframes(file.getnframes())
        return Line(entry["text"], pcm, path.read_bytes(), file.getframerate())


class Sandbox:
    """The stand-ins, behind one loopback port."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ws_url = url.replace("http", "ws", 1)

    def _call(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method="PUT" if data else "GET")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    async def fail(self, vendor: str, mode: str | None) -> None:
        """Switches a failure of one vendor on, or off with None."""
        await asyncio.to_thread(self._call, "/sandbox/failures", {vendor: mode and {"mode": mode}})

    async def events(self, vendor: str) -> list[dict[str, Any]]:
        """What the stand-ins of a vendor saw and did, in order."""
        log = await asyncio.to_thread(self._call, "/sandbox/log")
        return [event for event in log if event["vendor"] == vendor]

    async def last(self, vendor: str, name: str) -> dict[str, Any]:
        """The last event of a name."""
        found = [event for event in await self.events(vendor) if event["event"] == name]
        expect(found, f"the stand-in logged no {name}")
        return found[-1]


@dataclass
class Check:
    """One thing that a client must be able to do with a stand-in."""

    name: str
    run: Callable[[Sandbox], Awaitable[None]]
    # What the client can't do, or how it was helped, if anything.
    note: str = ""
    # The stand-in is to refuse what it is asked, which it logs as unexpected.
    provokes: bool = False


@dataclass
class Client:
    """A client as it is published, and what it is tried at."""

    package: str
    vendor: str
    # Imports the client, so that one that is not installed fails alone.
    load: Callable[[], list[Check]]
    checks: list[Check] = field(default_factory=list)


async def raised(expected: type[BaseException], work: Awaitable[object]) -> Any:
    """The error that an action ends with; fails the check when there is none, or one of another class."""
    try:
        await work
    except expected as error:
        return error
    except Exception as error:
        raise Mismatch(f"expected {expected.__name__}, got {type(error).__name__}: {error}") from error
    raise Mismatch(f"expected {expected.__name__}, but nothing failed")


def failing(
    vendor: str, mode: str | None, expected: type[BaseException], act: Callable[[Sandbox], Awaitable[object]], **fields: object
) -> Callable[[Sandbox], Awaitable[None]]:
    """A check that a failure of the vendor becomes the client's own error, with the fields given."""

    async def run(sandbox: Sandbox) -> None:
        await sandbox.fail(vendor, mode)
        error = await raised(expected, act(sandbox))
        for name, value in fields.items():
            expect_equal(getattr(error, name), value, f"{type(error).__name__}.{name}")

    return run


async def expect_speech(sandbox: Sandbox, vendor: str, audio: bytes, text: str = SENTENCE, rate_hz: int = 24_000) -> None:
    """Holds 16-bit mono audio against what the stand-in says it sent, and against how long people speak."""
    expect(len(audio) % 2 == 0, "half a sample at the end")
    milliseconds = len(audio) / 2 / rate_hz * 1000
    sent = (await sandbox.last(vendor, "context-completed"))["audioMs"]
    expect(abs(milliseconds - sent) < 30, f"{milliseconds:.0f} ms of audio arrived, {sent} ms were sent")
    each = milliseconds / len(text)
    expect(30 < each < 150, f"{each:.0f} ms for each character is no speech")
    samples = array.array("h", audio)
    expect(max(samples) > 1_000, "silence only")
