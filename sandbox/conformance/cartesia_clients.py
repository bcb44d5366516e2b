"""Cartesia's own client and LiveKit's plugin for it."""

from __future__ import annotations

from typing import Any

from checks import SENTENCE, Check, Client, Sandbox, expect, expect_equal, expect_speech, failing, raised
from livekit_clients import expect_voice, without_retries

MODEL = "sonic-3"
VOICE = {"mode": "id", "id": "f786b574-daa5-4673-aa0c-cbe3e8534c02"}
FORMAT = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000}


def _sdk() -> list[Check]:
    from cartesia import AsyncCartesia
    from websockets.exceptions import InvalidStatus

    def connect(sandbox: Sandbox) -> Any:
        options = {"api_key": "conformance", "base_url": sandbox.url, "websocket_base_url": sandbox.ws_url}
        # The address carries the version too, which the real server insists on.
        return AsyncCartesia(**options, max_retries=0, _strict_response_validation=True).tts.websocket_connect()

    async def speak(sandbox: Sandbox) -> None:
        async with connect(sandbox) as connection:
            settings = {"model_id": MODEL, "voice": VOICE, "output_format": FORMAT, "language": "en"}
            context = connection.context(**settings, add_timestamps=True)
            words = SENTENCE.split(" ")
            await context.push(" ".join(words[:4]) + " ")
            await context.push(" ".join(words[4:]))
            await context.no_more_inputs()
            messages = [message async for message in context.receive()]
        kinds = [message.type for message in messages]
        expect("error" not in kinds, f"an error: {messages[-1]}")
        expect_equal(kinds[-1], "done", "last message")
        chunks = [message.audio for message in messages if message.type == "chunk"]
        expect(len(chunks) > 3, "the audio came in one piece")
        audio = b"".join(chunks)
        await expect_speech(sandbox, "cartesia", audio)
        stamps = [message.word_timestamps for message in messages if message.type == "timestamps"]
        expect_equal([word for each in stamps for word in each.words], SENTENCE.split(), "words")
        ends = [end for each in stamps for end in each.end]
        expect(ends == sorted(ends) and ends[-1] <= len(audio) / 48_000 + 0.01, "words end after the audio")

    async def cancel(sandbox: Sandbox) -> None:
        async with connect(sandbox) as connection:
            context = connection.context(model_id=MODEL, voice=VOICE, output_format=FORMAT)
            await context.push(SENTENCE + " " + SENTENCE)
            async for message in context.receive():
                if message.type == "chunk":
                    break
            await context.cancel()
            again = connection.context(model_id=MODEL, voice=VOICE, output_format=FORMAT)
            await again.push("And on.")
            await again.no_more_inputs()
            kinds = [message.type async for message in again.receive()]
        expect_equal(kinds[-1], "done", "last message of the context after the cancelled one")
        await sandbox.last("cartesia", "context-cancelled")

    def refused(mode: str, status: int) -> Any:
        async def run(sandbox: Sandbox) -> None:
            await sandbox.fail("cartesia", mode)
            error = await raised(InvalidStatus, speak(sandbox))
            expect_equal(error.response.status_code, status, "status")

        return run

    async def wrong(sandbox: Sandbox) -> None:
        async with connect(sandbox) as connection:
            context = connection.context(
                model_id="sonic-2", voice=VOICE, output_format=FORMAT, pronunciation_dict_id="none"
            )
            await context.push(SENTENCE)
            message = [message async for message in context.receive()][-1]
        expect_equal((message.type, message.status_code), ("error", 400), "last message")

    thrown = "the client leaves a refused handshake to its WebSocket library's InvalidStatus"
    return [
        Check("audio in pieces, word timestamps", speak),
        Check("cancelling, then another context", cancel),
        Check("401", refused("refuse", 401), note=thrown),
        Check("429", refused("rate-limit", 429), note=thrown),
        Check("400 of a context", wrong),
    ]


def _livekit() -> list[Check]:
    import aiohttp
    from livekit.agents import APIStatusError
    from livekit.plugins import cartesia

    async def speak(sandbox: Sandbox) -> None:
        async with aiohttp.ClientSession() as session:
            engine = cartesia.TTS(model=MODEL, api_key="conformance", base_url=sandbox.url, http_session=session)
            stream = engine.stream(conn_options=without_retries())
            for word in SENTENCE.split():
                stream.push_text(word + " ")
            stream.end_input()
            try:
                await expect_voice(sandbox, "cartesia", stream)
            finally:
                await engine.aclose()

    return [
        Check("audio in pieces, word timestamps", speak),
        Check("401", failing("cartesia", "refuse", APIStatusError, speak, status_code=401)),
        Check("429", failing("cartesia", "rate-limit", APIStatusError, speak, status_code=429)),
    ]


CLIENTS = [
    Client("cartesia", "cartesia", _sdk),
    Client("livekit-plugins-cartesia", "cartesia", _livekit),
]
