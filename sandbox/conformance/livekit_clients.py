"""What the checks of LiveKit's plugins share."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from checks import (
    ANSWER,
    QUESTION,
    SENTENCE,
    TOOL,
    TOOL_ARGUMENTS,
    TOOL_DESCRIPTION,
    TOOL_QUESTION,
    TOOL_SPEECH,
    Sandbox,
    expect,
    expect_equal,
    expect_speech,
    load_line,
)


def without_retries() -> Any:
    """Connection options with which the first failure is the last."""
    from livekit.agents import APIConnectOptions

    return APIConnectOptions(max_retry=0, timeout=10)


async def recognized(stream: Any) -> list[Any]:
    """Speaks a line into a stream, and is silent until its end was noticed; the events."""
    from livekit import rtc
    from livekit.agents import stt

    line = load_line()
    ended = asyncio.Event()

    async def say() -> None:
        async for chunk in line.spoken(ended):
            stream.push_frame(rtc.AudioFrame(chunk, line.rate_hz, 1, len(chunk) // 2))
        stream.end_input()

    events = []
    async with stream:
        speaking = asyncio.create_task(say())
        try:
            async for event in stream:
                events.append(event)
                if event.type == stt.SpeechEventType.END_OF_SPEECH:
                    ended.set()
        finally:
            speaking.cancel()
    return events


def tool() -> Any:
    """A tool as an app declares one; LiveKit makes a strict schema of its parameters."""
    from livekit.agents import function_tool

    async def save(step: str, answer: str) -> str:
        return f"{step}: {answer}"

    return function_tool(save, name=TOOL, description=TOOL_DESCRIPTION)


async def replied(model: Any, *turns: tuple[str, str], tools: list[Any] | None = None) -> list[Any]:
    """The chunks of one reply."""
    from livekit.agents import llm

    context = llm.ChatContext.empty()
    context.add_message(role="system", content="You are an assistant.")
    for role, text in turns:
        context.add_message(role=role, content=text)
    async with model.chat(chat_ctx=context, tools=tools, conn_options=without_retries()) as stream:
        return [chunk async for chunk in stream]


async def expect_text(model: Any) -> None:
    """A reply in several pieces, with its usage."""
    chunks = await replied(model, ("user", QUESTION))
    pieces = [chunk.delta.content for chunk in chunks if chunk.delta and chunk.delta.content]
    expect_equal("".join(pieces), ANSWER, "text")
    expect(len(pieces) > 3, "the reply came in one piece")
    usage = [chunk.usage for chunk in chunks if chunk.usage]
    expect(usage and usage[-1].prompt_tokens > 0 and usage[-1].completion_tokens > 3, "no usage")


async def expect_tool_call(model: Any) -> None:
    """A call of a tool with arguments."""
    turns = (("user", "Hello."), ("assistant", TOOL_QUESTION), ("user", TOOL_SPEECH))
    chunks = await replied(model, *turns, tools=[tool()])
    calls = [call for chunk in chunks if chunk.delta for call in chunk.delta.tool_calls]
    expect_equal([call.name for call in calls], [TOOL], "calls")
    expect_equal(json.loads(calls[0].arguments), TOOL_ARGUMENTS, "arguments")
    expect(calls[0].call_id, "the call has no id")


async def expect_voice(sandbox: Sandbox, vendor: str, stream: Any) -> None:
    """What a voice says of one sentence."""
    audio = bytearray()
    async with stream:
        async for event in stream:
            audio += event.frame.data.tobytes()
    await expect_speech(sandbox, vendor, bytes(audio), SENTENCE)
