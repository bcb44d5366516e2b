"""Anthropic's own client and LiveKit's plugin for it."""

from __future__ import annotations

from typing import Any

from checks import (
    ANSWER,
    QUESTION,
    TOOL,
    TOOL_ARGUMENTS,
    TOOL_DESCRIPTION,
    TOOL_QUESTION,
    TOOL_SCHEMA,
    TOOL_SPEECH,
    Check,
    Client,
    Sandbox,
    expect,
    expect_equal,
    failing,
)
from livekit_clients import expect_text, expect_tool_call, replied

MODEL = "claude-haiku-4-5"


def _sdk() -> list[Check]:
    import anthropic

    def messages(sandbox: Sandbox) -> Any:
        options = {"api_key": "conformance", "base_url": sandbox.url, "max_retries": 0}
        return anthropic.AsyncAnthropic(**options, _strict_response_validation=True).messages

    def request(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
        spoken = [{"role": role, "content": text} for role, text in turns or (("user", QUESTION),)]
        return {"model": MODEL, "max_tokens": 500, "messages": spoken, **more}

    async def text(sandbox: Sandbox) -> None:
        async with messages(sandbox).stream(**request(system="Be short.")) as stream:
            pieces = [piece async for piece in stream.text_stream]
            message = await stream.get_final_message()
        expect_equal("".join(pieces), ANSWER, "text")
        expect(len(pieces) > 3, "the reply came in one piece")
        expect_equal(message.stop_reason, "end_turn", "stop reason")
        expect(message.usage.input_tokens > 0 and message.usage.output_tokens > 3, "no usage")

    async def tools(sandbox: Sandbox) -> None:
        tool = {"name": TOOL, "description": TOOL_DESCRIPTION, "input_schema": TOOL_SCHEMA}
        turns = (("user", "Hello."), ("assistant", TOOL_QUESTION), ("user", TOOL_SPEECH))
        async with messages(sandbox).stream(**request(*turns, tools=[tool])) as stream:
            kinds = [event.type async for event in stream]
            message = await stream.get_final_message()
        expect(kinds.count("input_json") > 2, "the arguments came in one piece")
        expect_equal(message.stop_reason, "tool_use", "stop reason")
        expect_equal([(each.name, each.input) for each in message.content], [(TOOL, TOOL_ARGUMENTS)], "calls")
        call = message.content[0]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": '{"next":{"question":"What is your goal?"}}'}
        again = request(*turns, tools=[tool])
        again["messages"] += [
            {"role": "assistant", "content": [call.model_dump(include={"type", "id", "name", "input"})]},
            {"role": "user", "content": [result]},
        ]
        answer = await messages(sandbox).create(**again)
        expect_equal(answer.content[0].text, "Thank you, Robin. What is your goal?", "answer to the result")

    async def cache(sandbox: Sandbox) -> None:
        system = [{"type": "text", "text": "Be short. " * 3_000, "cache_control": {"type": "ephemeral"}}]
        usages = [(await messages(sandbox).create(**request(system=system))).usage for _ in range(2)]
        expect(usages[0].cache_creation_input_tokens > 1_000, "nothing was written to the cache")
        expect_equal(usages[1].cache_read_input_tokens, usages[0].cache_creation_input_tokens, "read from the cache")

    async def ask(sandbox: Sandbox) -> None:
        async with messages(sandbox).stream(**request()) as stream:
            await stream.get_final_message()

    def wrong(sandbox: Sandbox) -> Any:
        return messages(sandbox).create(**request(("assistant", "Hello.")))

    return [
        Check("streamed text", text),
        Check("streamed tool call, its result answered", tools),
        Check("prompt cache", cache),
        Check("400", failing("anthropic", None, anthropic.BadRequestError, wrong, status_code=400), provokes=True),
        Check("401", failing("anthropic", "refuse", anthropic.AuthenticationError, ask, status_code=401)),
        Check("429", failing("anthropic", "rate-limit", anthropic.RateLimitError, ask, status_code=429)),
        Check("529", failing("anthropic", "overload", anthropic.OverloadedError, ask, status_code=529)),
    ]


def _livekit() -> list[Check]:
    from livekit.agents import APIStatusError
    from livekit.plugins import anthropic

    def model(sandbox: Sandbox) -> Any:
        return anthropic.LLM(model=MODEL, api_key="conformance", base_url=sandbox.url, caching="ephemeral")

    def ask(sandbox: Sandbox) -> Any:
        return replied(model(sandbox), ("user", QUESTION))

    async def prewarm(sandbox: Sandbox) -> None:
        await model(sandbox)._prewarm_impl()

    return [
        Check("streamed text", lambda sandbox: expect_text(model(sandbox))),
        Check("streamed tool call", lambda sandbox: expect_tool_call(model(sandbox))),
        Check("prewarming", prewarm),
        Check("401", failing("anthropic", "refuse", APIStatusError, ask, status_code=401)),
        Check("429", failing("anthropic", "rate-limit", APIStatusError, ask, status_code=429)),
    ]


CLIENTS = [
    Client("anthropic", "anthropic", _sdk),
    Client("livekit-plugins-anthropic", "anthropic", _livekit),
]
