"""A voice agent as LiveKit's documentation for Python starts one: its own plugins, its defaults.

Environment: LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET, BENCH_AGENT (the agent's name), WORKER_PORT (of its health
server), SANDBOX_URL (the stand-ins of the vendors), BENCH_TURN_DETECTION ("vad" leaves out the end-of-turn model, which
can't judge synthetic speech well). Run as `python livekit_agent.py start`.
"""

import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, JobProcess, cli
from livekit.plugins import anthropic, cartesia, deepgram, silero

sandbox_url = os.environ["SANDBOX_URL"]


def prewarm(process: JobProcess) -> None:
    process.userdata["vad"] = silero.VAD.load()


# The server of a bench must not be passed over because the machine is busy with the bench.
server = AgentServer(
    setup_fnc=prewarm,
    load_fnc=lambda *_: 0.0,
    host="127.0.0.1",
    port=int(os.environ["WORKER_PORT"]),
)


@server.rtc_session(agent_name=os.environ["BENCH_AGENT"])
async def entrypoint(ctx: JobContext) -> None:
    by_vad = {"turn_handling": {"turn_detection": "vad"}} if os.environ.get("BENCH_TURN_DETECTION") == "vad" else {}
    session = AgentSession(
        stt=deepgram.STT(api_key="stand-in", base_url=f"{sandbox_url}/v1/listen"),
        llm=anthropic.LLM(model="claude-haiku-4-5", api_key="stand-in", base_url=sandbox_url),
        tts=cartesia.TTS(api_key="stand-in", base_url=sandbox_url),
        vad=ctx.proc.userdata["vad"],
        **by_vad,
    )
    await session.start(agent=Agent(instructions="Answer in one short sentence."), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)
