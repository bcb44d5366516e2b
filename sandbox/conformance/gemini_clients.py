"""Google's own client for Gemini."""

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

MODEL = "gemini-2.5-flash"


def _sdk() -> list[Check]:
    from google import genai
    from google.genai import errors, live, types

    connect = live.ws_connect

    # The client insists on TLS, which nothing on loopback has.
    def without_tls(address: str, ssl: object = None, **options: Any) -> Any:
        return connect(address.replace("wss:", "ws:", 1), **options)

    live.ws_connect = without_tls

    def client(sandbox: Sandbox) -> Any:
        return genai.Client(
            api_key="conformance",
            http_options=types.HttpOptions(
                base_url=f"{sandbox.url}/gemini",
                api_version="v1beta",
                retry_options=types.HttpRetryOptions(attempts=1),
            ),
        ).aio

    async def chunks(sandbox: Sandbox, *turns: tuple[str, str], **config: Any) -> list[Any]:
        contents = [types.Content(role=role, parts=[types.Part(text=text)]) for role, text in turns]
        settings = types.GenerateContentConfig(system_instruction="Be short.", **config)
        stream = await client(sandbox).models.generate_content_stream(model=MODEL, contents=contents, config=settings)
        return [chunk async for chunk in stream]

    async def text(sandbox: Sandbox) -> None:
        found = await chunks(sandbox, ("user", QUESTION))
        pieces = [chunk.text for chunk in found if chunk.text]
        expect_equal("".join(pieces), ANSWER, "text")
        expect(len(pieces) > 2, "the reply came in one piece")
        expect_equal(found[-1].candidates[0].finish_reason, types.FinishReason.STOP, "finish reason")
        expect(found[-1].usage_metadata.candidates_token_count > 3, "no usage")

    async def tools(sandbox: Sandbox) -> None:
        function = {"name": TOOL, "description": TOOL_DESCRIPTION, "parameters_json_schema": TOOL_SCHEMA}
        tool = types.Tool(function_declarations=[types.FunctionDeclaration(**function)])
        turns = (("user", "Hello."), ("model", TOOL_QUESTION), ("user", TOOL_SPEECH))
        found = await chunks(sandbox, *turns, tools=[tool])
        calls = [(call.name, call.args) for chunk in found for call in chunk.function_calls or []]
        expect_equal(calls, [(TOOL, TOOL_ARGUMENTS)], "calls")

    async def talk(sandbox: Sandbox) -> None:
        config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
        async with client(sandbox).live.connect(model="gemini-3.8-live", config=config) as session:
            turn = types.Content(role="user", parts=[types.Part(text=QUESTION)])
            await session.send_client_content(turns=turn, turn_complete=True)
            pieces, audio = [], bytearray()
            async for message in session.receive():
                audio += message.data or b""
                content = message.server_content
                if content and content.output_transcription and content.output_transcription.text:
                    pieces.append(content.output_transcription.text)
        expect_equal("".join(pieces).strip(), ANSWER, "transcript of the answer")
        expect(len(audio) > 48_000, "less than a second of audio")

    def ask(sandbox: Sandbox) -> Any:
        return chunks(sandbox, ("user", QUESTION))

    bad_key = "Gemini answers 400 API_KEY_INVALID to a wrong key, not 401"
    return [
        Check("streamed text", text),
        Check("streamed tool call", tools),
        Check("Live: audio and its transcript", talk, note="the client insists on wss: its address is changed to ws"),
        Check("wrong key", failing("gemini", "refuse", errors.ClientError, ask, code=400), note=bad_key),
        Check("429", failing("gemini", "rate-limit", errors.ClientError, ask, code=429)),
        Check("503", failing("gemini", "overload", errors.ServerError, ask, code=503)),
    ]


CLIENTS = [Client("google-genai", "gemini", _sdk)]
