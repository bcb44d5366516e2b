"""OpenAI's own client and LiveKit's plugin for it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from checks import (
    ANSWER,
    QUESTION,
    SENTENCE,
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
    expect_speech,
    failing,
    load_line,
)
from livekit_clients import expect_text, expect_tool_call, expect_voice, replied, without_retries

MODEL = "gpt-4.1-mini"
TURNS = (("user", "Hello."), ("assistant", TOOL_QUESTION), ("user", TOOL_SPEECH))
PARAMETERS = {"name": TOOL, "description": TOOL_DESCRIPTION, "parameters": TOOL_SCHEMA}


def _spoken(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turns]


def _client(sandbox: Sandbox, prefix: str = "/openai/v1") -> Any:
    import openai

    options = {"api_key": "conformance", "base_url": sandbox.url + prefix, "max_retries": 0}
    return openai.AsyncOpenAI(**options, _strict_response_validation=True)


def _chat(prefix: str = "/openai/v1", model: str = MODEL) -> tuple[Callable[[Sandbox], Awaitable[None]], ...]:
    """Text and a tool call of chat completions, which others than OpenAI serve too."""

    async def chat(sandbox: Sandbox) -> None:
        request = {"model": model, "messages": _spoken(("user", QUESTION)), "stream_options": {"include_usage": True}}
        async with _client(sandbox, prefix).chat.completions.stream(**request) as stream:
            kinds = [event.type async for event in stream]
            completion = await stream.get_final_completion()
        expect(kinds.count("content.delta") > 3, "the reply came in one piece")
        expect_equal(completion.choices[0].message.content, ANSWER, "text")
        expect_equal(completion.choices[0].finish_reason, "stop", "finish reason")
        expect(completion.usage and completion.usage.completion_tokens > 3, "no usage")

    async def tool_call(sandbox: Sandbox) -> None:
        tools = [{"type": "function", "function": PARAMETERS}]
        request = {"model": model, "messages": _spoken(*TURNS), "tools": tools}
        async with _client(sandbox, prefix).chat.completions.stream(**request) as stream:
            message = (await stream.get_final_completion()).choices[0].message
        calls = [(each.function.name, json.loads(each.function.arguments)) for each in message.tool_calls or []]
        expect_equal(calls, [(TOOL, TOOL_ARGUMENTS)], "calls")

    return chat, tool_call


def _sdk() -> list[Check]:
    import openai

    chat, chat_tools = _chat()

    async def responses(sandbox: Sandbox) -> None:
        request = {"model": MODEL, "input": _spoken(("user", QUESTION)), "store": False}
        async with _client(sandbox).responses.stream(**request) as stream:
            kinds = [event.type async for event in stream]
            response = await stream.get_final_response()
        expect(kinds.count("response.output_text.delta") > 3, "the reply came in one piece")
        expect_equal(response.output_text, ANSWER, "text")
        expect(response.usage and response.usage.output_tokens > 3, "no usage")

    async def responses_tools(sandbox: Sandbox) -> None:
        tools = [{"type": "function", "strict": False, **PARAMETERS}]
        request = {"model": MODEL, "input": _spoken(*TURNS), "store": False, "tools": tools}
        async with _client(sandbox).responses.stream(**request) as stream:
            output = (await stream.get_final_response()).output
        calls = [(each.name, json.loads(each.arguments)) for each in output if each.type == "function_call"]
        expect_equal(calls, [(TOOL, TOOL_ARGUMENTS)], "calls")

    async def speech(sandbox: Sandbox) -> None:
        request = {"model": "gpt-4o-mini-tts", "voice": "marin", "input": SENTENCE, "response_format": "pcm"}
        async with _client(sandbox).audio.speech.with_streaming_response.create(**request) as response:
            pieces = [piece async for piece in response.iter_bytes()]
        expect(len(pieces) > 3, "the audio came in one piece")
        await expect_speech(sandbox, "openai", b"".join(pieces))

    async def transcription(sandbox: Sandbox) -> None:
        line = load_line()
        request = {"model": "gpt-4o-transcribe", "file": ("line.wav", line.wav, "audio/wav"), "language": "en"}
        answer = await _client(sandbox).audio.transcriptions.create(**request)
        expect_equal(answer.text, line.text, "text")

    async def realtime_transcription(sandbox: Sandbox) -> None:
        line = load_line()
        audio = {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
            "turn_detection": {"type": "server_vad"},
        }
        options = {"websocket_base_url": sandbox.ws_url + "/openai/v1"}
        async with _client(sandbox).with_options(**options).realtime.connect(
            extra_query={"intent": "transcription"}
        ) as connection:
            await connection.session.update(session={"type": "transcription", "audio": {"input": audio}})

            async def say() -> None:
                async for chunk in line.at(24_000).spoken(ended):
                    await connection.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())

            ended = asyncio.Event()
            speaking = asyncio.create_task(say())
            kinds = []
            async for event in connection:
                kinds.append(event.type)
                expect(event.type != "error", f"an error event: {event}")
                if event.type == "conversation.item.input_audio_transcription.completed":
                    expect_equal(event.transcript, line.text, "transcript")
                    break
            ended.set()
            await speaking
        for kind in ("session.updated", "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"):
            expect(kind in kinds, f"no {kind}")
        expect("conversation.item.input_audio_transcription.delta" in kinds, "no delta")

    async def realtime_conversation(sandbox: Sandbox) -> None:
        options = {"websocket_base_url": sandbox.ws_url + "/openai/v1"}
        async with _client(sandbox).with_options(**options).realtime.connect(model="gpt-realtime") as connection:
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            content = [{"type": "input_text", "text": QUESTION}]
            await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
            await connection.response.create()
            pieces = []
            async for event in connection:
                expect(event.type != "error", f"an error event: {event}")
                if event.type == "response.output_text.delta":
                    pieces.append(event.delta)
                if event.type == "response.done":
                    break
        expect_equal("".join(pieces), ANSWER, "text")
        expect(len(pieces) > 3, "the reply came in one piece")

    def ask(sandbox: Sandbox) -> Any:
        return _client(sandbox).chat.completions.create(model=MODEL, messages=_spoken(("user", QUESTION)), stream=True)

    def speak(sandbox: Sandbox) -> Any:
        return _client(sandbox).audio.speech.create(model="tts-1", voice="alloy", input=SENTENCE, response_format="pcm")

    def unknown(sandbox: Sandbox) -> Any:
        request = {"model": "gpt-none", "messages": _spoken(("user", QUESTION)), "stream": True}
        return _client(sandbox).chat.completions.create(**request)

    return [
        Check("chat completions: streamed text", chat),
        Check("chat completions: streamed tool call", chat_tools),
        Check("responses: streamed text", responses),
        Check("responses: streamed tool call", responses_tools),
        Check("speech: audio", speech),
        Check("transcription of a file", transcription),
        Check("realtime transcription: deltas and final", realtime_transcription),
        Check("realtime conversation: streamed text", realtime_conversation),
        Check("401", failing("openai", "refuse", openai.AuthenticationError, ask, status_code=401)),
        Check("404", failing("openai", None, openai.NotFoundError, unknown, status_code=404), provokes=True),
        Check("429", failing("openai", "rate-limit", openai.RateLimitError, ask, status_code=429)),
        Check("503", failing("openai", "overload", openai.InternalServerError, ask, status_code=503)),
        Check("speech: 429", failing("openai", "rate-limit", openai.RateLimitError, speak, status_code=429)),
    ]


def _livekit() -> list[Check]:
    from livekit import rtc
    from livekit.agents import APIStatusError, utils
    from livekit.plugins import openai

    def at(sandbox: Sandbox) -> dict[str, Any]:
        return {"api_key": "conformance", "base_url": f"{sandbox.url}/openai/v1"}

    def chat(sandbox: Sandbox) -> Any:
        return openai.LLM(model=MODEL, **at(sandbox))

    def responses(sandbox: Sandbox) -> Any:
        return openai.responses.LLM(model=MODEL, use_websocket=False, store=False, **at(sandbox))

    def ask(sandbox: Sandbox) -> Any:
        return replied(chat(sandbox), ("user", QUESTION))

    def voice(sandbox: Sandbox) -> Any:
        engine = openai.TTS(model="gpt-4o-mini-tts", voice="marin", response_format="pcm", **at(sandbox))
        return expect_voice(sandbox, "openai", engine.synthesize(SENTENCE, conn_options=without_retries()))

    async def file(sandbox: Sandbox) -> None:
        line = load_line()
        frame = rtc.AudioFrame(line.pcm, line.rate_hz, 1, len(line.pcm) // 2)
        engine = openai.STT(model="gpt-4o-transcribe", use_realtime=False, **at(sandbox))
        event = await engine.recognize([frame], conn_options=without_retries())
        expect_equal(event.alternatives[0].text, line.text, "text")

    return [
        Check("chat completions: streamed text", lambda sandbox: expect_text(chat(sandbox))),
        Check("chat completions: streamed tool call", lambda sandbox: expect_tool_call(chat(sandbox))),
        Check("responses: streamed text", lambda sandbox: expect_text(responses(sandbox))),
        Check("responses: streamed tool call", lambda sandbox: expect_tool_call(responses(sandbox))),
        Check("speech: audio", voice),
        Check(
            "transcription of a file",
            file,
            note="its realtime transcription puts ?model= into the address of any host but api.openai.com, "
            "which OpenAI refuses: not tried",
        ),
        Check("401", failing("openai", "refuse", APIStatusError, ask, status_code=401)),
        Check("429", failing("openai", "rate-limit", APIStatusError, ask, status_code=429)),
        Check("speech: 429", failing("openai", "rate-limit", APIStatusError, voice, status_code=429)),
    ]


def _proxy() -> list[Check]:
    import openai

    prefix, model = "/litellm/v1", "local/strict"
    chat, tool_call = _chat(prefix, model)

    def ask(sandbox: Sandbox) -> Any:
        request = {"model": model, "messages": _spoken(("user", QUESTION)), "stream": True}
        return _client(sandbox, prefix).chat.completions.create(**request)

    return [
        Check("LiteLLM: streamed text", chat),
        Check("LiteLLM: streamed tool call", tool_call),
        Check("LiteLLM: 401", failing("litellm", "refuse", openai.AuthenticationError, ask, status_code=401)),
        Check("LiteLLM: 429", failing("litellm", "rate-limit", openai.RateLimitError, ask, status_code=429)),
    ]


CLIENTS = [
    Client("openai", "openai", _sdk),
    Client("openai", "litellm", _proxy),
    Client("livekit-plugins-openai", "openai", _livekit),
]
