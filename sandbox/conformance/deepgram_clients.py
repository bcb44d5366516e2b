"""Deepgram's own client and LiveKit's plugin for it."""

from __future__ import annotations

import asyncio
from typing import Any

from checks import Check, Client, Sandbox, expect, expect_equal, failing, load_line
from livekit_clients import recognized, without_retries


def _words_in_time(words: list[Any], text: str, seconds: float) -> None:
    expect_equal(" ".join(each.word for each in words), text, "words")
    ends = [0.0, *(each.end for each in words)]
    starts = [each.start for each in words]
    expect(all(end <= start + 0.001 for end, start in zip(ends, starts, strict=False)), "words overlap")
    expect(all(each.start < each.end for each in words), "a word takes no time")
    expect(ends[-1] <= seconds + 0.3, "words end after the audio")


def _sdk() -> list[Check]:
    from deepgram import AsyncDeepgramClient
    from deepgram.core.api_error import ApiError
    from deepgram.environment import DeepgramClientEnvironment
    from deepgram.listen.v1.types.listen_v1metadata import ListenV1Metadata
    from deepgram.listen.v1.types.listen_v1results import ListenV1Results
    from deepgram.listen.v2.types.listen_v2connected import ListenV2Connected
    from deepgram.listen.v2.types.listen_v2turn_info import ListenV2TurnInfo

    def connect(sandbox: Sandbox, version: int = 1) -> Any:
        urls = {"base": sandbox.url, "production": sandbox.ws_url, "agent": sandbox.ws_url, "agent_rest": sandbox.url}
        client = AsyncDeepgramClient(api_key="conformance", environment=DeepgramClientEnvironment(**urls))
        common = {"encoding": "linear16", "sample_rate": load_line().rate_hz}
        if version == 2:
            return client.listen.v2.connect(model="flux-general-en", **common)
        return client.listen.v1.connect(model="nova-3", language="en", interim_results="true", vad_events="true", **common)

    async def say(socket: Any, ended: asyncio.Event) -> None:
        async for chunk in load_line().spoken(ended):
            await socket.send_media(chunk)
        await socket.send_close_stream()

    async def hear(sandbox: Sandbox, version: int = 1) -> list[Any]:
        messages = []
        ended = asyncio.Event()
        async with connect(sandbox, version) as socket:
            speaking = asyncio.create_task(say(socket, ended))
            async for message in socket:
                messages.append(message)
                if getattr(message, "speech_final", False) or getattr(message, "event", "") == "EndOfTurn":
                    ended.set()
            await speaking
        return messages

    async def transcript(sandbox: Sandbox) -> None:
        line = load_line()
        messages = await hear(sandbox)
        results = [each for each in messages if isinstance(each, ListenV1Results)]
        for each in results:
            # The client itself doesn't look at what it is given.
            ListenV1Results.model_validate(each.model_dump())
        interims = [each for each in results if not each.is_final and each.channel.alternatives[0].transcript]
        finals = [each for each in results if each.is_final and each.channel.alternatives[0].transcript]
        expect(interims, "no interim result")
        expect(line.text.startswith(interims[0].channel.alternatives[0].transcript), "the interim is no beginning")
        expect_equal([each.channel.alternatives[0].transcript for each in finals], [line.text], "finals")
        expect(finals[0].speech_final, "the final has no speech_final")
        _words_in_time(finals[0].channel.alternatives[0].words, line.text, line.seconds)
        expect(any(getattr(each, "type", "") == "SpeechStarted" for each in messages), "no SpeechStarted")
        expect(isinstance(messages[-1], ListenV1Metadata), "the last message is not the metadata")

    async def finalize(sandbox: Sandbox) -> None:
        line = load_line()
        async with connect(sandbox) as socket:
            await socket.send_media(line.pcm)
            await socket.send_keep_alive()
            await socket.send_finalize()
            async for each in socket:
                if isinstance(each, ListenV1Results) and each.from_finalize:
                    expect_equal(each.channel.alternatives[0].transcript, line.text, "transcript")
                    await socket.send_close_stream()
                    return
        expect(False, "no result from Finalize")

    async def flux(sandbox: Sandbox) -> None:
        line = load_line()
        messages = await hear(sandbox, 2)
        expect(isinstance(messages[0], ListenV2Connected), "the first message is not Connected")
        turns = [each for each in messages if isinstance(each, ListenV2TurnInfo)]
        events = [each.event for each in turns]
        expect_equal([*events[:1], *events[-1:]], ["StartOfTurn", "EndOfTurn"], "first and last event")
        expect("Update" in events, "no Update")
        expect_equal(turns[-1].transcript, line.text, "transcript")
        _words_in_time([_Flux(each, turns[-1]) for each in turns[-1].words], line.text, line.seconds)
        expect_equal([each.sequence_id for each in messages], list(range(len(messages))), "sequence ids")

    return [
        Check("streamed transcript: interim, final, words", transcript),
        Check("Finalize and KeepAlive", finalize),
        Check("Flux: a turn and its words", flux),
        Check("401", failing("deepgram", "refuse", ApiError, hear, status_code=401)),
        Check("429", failing("deepgram", "rate-limit", ApiError, hear, status_code=429)),
        Check("Flux: 401", failing("deepgram", "refuse", ApiError, lambda sandbox: hear(sandbox, 2), status_code=401)),
    ]


class _Flux:
    """A word of Flux; where it has no times of its own, those of the turn are shared out."""

    def __init__(self, word: Any, turn: Any) -> None:
        self.word = word.word
        index, count = turn.words.index(word), len(turn.words)
        length = turn.audio_window_end - turn.audio_window_start
        self.start = getattr(word, "start", None) or index / count * length
        self.end = getattr(word, "end", None) or (index + 1) / count * length


def _livekit() -> list[Check]:
    import aiohttp
    from livekit.agents import APIStatusError, stt
    from livekit.plugins import deepgram

    async def transcribe(sandbox: Sandbox, version: int = 1) -> list[Any]:
        async with aiohttp.ClientSession() as session:
            if version == 2:
                engine = deepgram.STTv2(api_key="conformance", base_url=f"{sandbox.ws_url}/v2/listen", http_session=session)
            else:
                engine = deepgram.STT(api_key="conformance", base_url=f"{sandbox.url}/v1/listen", http_session=session)
            return await recognized(engine.stream(conn_options=without_retries()))

    def check(version: int) -> Any:
        async def run(sandbox: Sandbox) -> None:
            line = load_line()
            events = await transcribe(sandbox, version)
            kinds = [event.type for event in events]
            for kind in ("START_OF_SPEECH", "INTERIM_TRANSCRIPT", "FINAL_TRANSCRIPT", "END_OF_SPEECH"):
                expect(stt.SpeechEventType[kind] in kinds, f"no {kind}")
            finals = [event for event in events if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT]
            expect_equal([event.alternatives[0].text for event in finals], [line.text], "finals")
            expect_equal(" ".join(str(word) for word in finals[0].alternatives[0].words or []), line.text, "words")

        return run

    return [
        Check("streamed transcript: interim, final, words", check(1)),
        Check("Flux: a turn and its words", check(2)),
        Check("401", failing("deepgram", "refuse", APIStatusError, transcribe, status_code=401)),
        Check("429", failing("deepgram", "rate-limit", APIStatusError, transcribe, status_code=429)),
    ]


CLIENTS = [
    Client("deepgram-sdk", "deepgram", _sdk),
    Client("livekit-plugins-deepgram", "deepgram", _livekit),
]
