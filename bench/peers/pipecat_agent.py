"""A voice agent as Pipecat's documentation starts one in a LiveKit room: its own services, its defaults.

Environment: LIVEKIT_URL, ROOM_NAME, ROOM_TOKEN (of the agent), SANDBOX_URL (the stand-ins of the vendors). One process is
one call; it ends when the caller leaves.
"""

import asyncio
import os

import anthropic
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.anthropic.llm import AnthropicLLMService
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.transports.livekit.transport import LiveKitParams, LiveKitTransport

sandbox_url = os.environ["SANDBOX_URL"]
socket_url = sandbox_url.replace("http", "ws", 1)


async def main() -> None:
    transport = LiveKitTransport(
        url=os.environ["LIVEKIT_URL"],
        token=os.environ["ROOM_TOKEN"],
        room_name=os.environ["ROOM_NAME"],
        params=LiveKitParams(audio_in_enabled=True, audio_out_enabled=True),
    )
    stt = DeepgramSTTService(api_key="stand-in", base_url=socket_url)
    llm = AnthropicLLMService(
        api_key="stand-in",
        client=anthropic.AsyncAnthropic(api_key="stand-in", base_url=sandbox_url),
        settings=AnthropicLLMService.Settings(
            model="claude-haiku-4-5", system_instruction="Answer in one short sentence."
        ),
    )
    tts = CartesiaTTSService(
        api_key="stand-in",
        url=f"{socket_url}/tts/websocket",
        settings=CartesiaTTSService.Settings(voice="71a7ad14-091c-4e8e-a314-022ece01c121"),
    )
    aggregators = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    pipeline = Pipeline(
        [transport.input(), stt, aggregators.user(), llm, tts, transport.output(), aggregators.assistant()]
    )
    task = PipelineTask(pipeline, params=PipelineParams())

    @transport.event_handler("on_participant_left")
    async def on_participant_left(*_) -> None:
        await task.cancel()

    await PipelineRunner().run(task)


if __name__ == "__main__":
    asyncio.run(main())
