"""The one module that speaks to `google.genai`: connect, send, receive; foreign errors end here.

Importing it costs some 0.4 s and 30 MB, so the composition root imports it on a thread after READY.
Everything else here runs on the event loop.

What the SDK does (google-genai 3.4.0, `live.py`): `receive()` ends at every turn and is entered again;
each close is raised as `APIError` there and as `ConnectionClosed` from a send; a message that it does not
know raises TypeError or ValueError while the connection stays good; there is no time limit on the set-up.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from google import genai
from google.genai import errors, types
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
)

from daemon.config.models import Capabilities, TextInput, Tool, capabilities
from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.events import (
    GenerationComplete,
    GoAway,
    HandleUpdate,
    NotUnderstood,
    ReplyAudio,
    ServerEvent,
    ServerInterrupted,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    TurnComplete,
    Usage,
)
from daemon.runtime.clock import clock_is_set
from daemon.session.failures import Kind, LinkError, Signal, Where, classify
from daemon.session.liveness import Evidence
from daemon.session.tcp import Socket, evidence_of, limit_silence
from daemon.tools.calling.fates import ToolAnswer
from daemon.tools.declaring.declarations import Declaration, Equipment

UPLINK_MIME = "audio/pcm;rate=16000"
"""Live API guide, audio formats: raw 16-bit PCM, the rate in the MIME type."""

CLOSE_CODE_ABNORMAL = 1006
"""RFC 6455 §7.4.1: reserved for a connection that ended without a close frame."""

TRANSPORT: dict[str, Any] = {
    "close_timeout": 1.5,  # leaving a dead connection blocks this long
    "ping_interval": 20,  # keeps NAT mappings alive
    "ping_timeout": None,  # healthy sessions answer pings 8-30 s late (sip-to-ai PR #14)
    "max_size": 8 * 2**20,  # the default of 1 MiB closes on a large message
    "compression": None,  # base64 PCM hardly shrinks, and deflating costs CPU
}
"""Arguments of `websockets.asyncio.client.connect`, which `HttpOptions.async_client_args` passes on."""

OPENING_S = 5.0
"""TCP, TLS and the upgrade take at most this: a try that began on a dead path sends its greeting ever more
seldom (RFC 6298), and must not outlive the path's return for long."""

OPENING_SHARE = 2 / 3
"""Of `setup_timeout_s`: what TCP, TLS and the upgrade may take; the rest is the set-up's own."""


NOT_UNDERSTOOD = (TypeError, ValueError, AttributeError, LookupError)
"""What the SDK raises at a message that it cannot read, the connection being good all the same. pydantic's
ValidationError and UnicodeDecodeError are ValueErrors."""

HTTP_FOUND = 302
"""RFC 9110 §15.4.3: a redirect, which a captive portal answers with."""


class LiveClient:
    """Makes sessions. One for the life of the process (clients of the SDK are not cheap to make)."""

    def __init__(
        self,
        settings: LiveSettings,
        api_key: Secret,
        *,
        base_url: str | None = None,
        trust: ssl.SSLContext | None = None,
        equipment: Equipment | None = None,
    ) -> None:
        """`base_url` and `trust` lead to another server, such as the stand-in; None: the SDK's own.

        `equipment` gives the instruction and the tools of each session; None: those of the settings alone.
        """
        self._settings = settings
        self._equipment = equipment or Equipment(lambda: settings.instruction)
        self._key = api_key
        arguments = TRANSPORT | {"open_timeout": min(OPENING_S, settings.setup_timeout_s * OPENING_SHARE)}
        arguments |= {"ssl": trust} if trust else {}
        self._client = genai.Client(
            api_key=api_key.reveal(),
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=base_url or None,
                api_version=settings.api_version,
                async_client_args=arguments,
            ),
        )

    @contextlib.asynccontextmanager
    async def session(self, handle: str | None) -> AsyncIterator[LiveSession]:
        """A set-up session, resumed if a handle is given. Raises LinkError, also from its body's calls."""
        resuming = handle is not None
        connection = self._client.aio.live.connect(
            model=self._settings.model, config=connect_config(self._settings, handle, self._equipment)
        )
        async with contextlib.AsyncExitStack() as stack:
            limit = asyncio.timeout(self._settings.setup_timeout_s)
            try:
                async with limit:
                    raw = await stack.enter_async_context(connection)
            except Exception as error:
                where = Where.SETUP if limit.expired() else opening_stage(error)
                raise self._link_error(error, where, resuming) from error
            if raw.setup_complete is None:
                signal = Signal(Kind.MESSAGE, Where.SETUP, reason="the set-up was answered by something else")
                raise LinkError(classify(signal))
            yield LiveSession(raw, self, resuming)

    def _link_error(self, error: Exception, where: Where, resuming: bool) -> LinkError:
        return LinkError(classify(translate(error, where, resuming=resuming, key=self._key)))


class LiveSession:
    """One set-up connection. Event loop only; one task sends and another receives."""

    def __init__(self, raw: Any, client: LiveClient, resuming: bool) -> None:
        self._raw = raw
        self._client = client
        self._resuming = resuming
        self._text_input = capabilities(client._settings.model).text_input
        # The SDK shows neither its socket nor a ping; without them the half-open rule has no evidence.
        self._websocket = getattr(raw, "_ws", None)
        if (connection := self._socket()) is not None:
            limit_silence(connection)

    async def send_audio(self, pcm: bytes) -> None:
        """Send 16 kHz mono s16 PCM. Raises LinkError."""
        await self._send(audio=types.Blob(data=pcm, mime_type=UPLINK_MIME))

    async def start_activity(self) -> None:
        """Open the user's turn. Raises LinkError."""
        await self._send(activity_start=types.ActivityStart())

    async def end_activity(self) -> None:
        """Close the user's turn: the model answers. Raises LinkError."""
        await self._send(activity_end=types.ActivityEnd())

    async def end_stream(self) -> None:
        """The open microphone pauses (server turn-taking). Raises LinkError."""
        await self._send(audio_stream_end=True)

    async def send_text(self, text: str) -> None:
        """A whole turn in writing, by the way that the model accepts. Raises LinkError."""
        if self._text_input is TextInput.REALTIME:
            await self._send(text=text)
            return
        turn = types.Content(role="user", parts=[types.Part(text=text)])
        try:
            await self._raw.send_client_content(turns=turn, turn_complete=True)
        except (ConnectionClosed, OSError) as error:
            raise self._client._link_error(error, Where.SEND, self._resuming) from error

    async def send_tool_answer(self, answer: ToolAnswer) -> None:
        """Answer a call that the model made on this connection. Raises LinkError."""
        scheduling = answer.scheduling and types.FunctionResponseScheduling(answer.scheduling.value)
        response = types.FunctionResponse(
            id=answer.call_id, name=answer.name, response=answer.response, scheduling=scheduling
        )
        try:
            await self._raw.send_tool_response(function_responses=[response])
        except (ConnectionClosed, OSError) as error:
            raise self._client._link_error(error, Where.SEND, self._resuming) from error

    async def ping(self) -> None:
        """Give the other end something to acknowledge. Raises LinkError."""
        if self._websocket is None:
            return
        try:
            await self._websocket.ping()
        except (ConnectionClosed, OSError) as error:
            raise self._client._link_error(error, Where.SEND, self._resuming) from error

    def evidence(self) -> Evidence | None:
        """What TCP has delivered; None where that cannot be known."""
        connection = self._socket()
        if self._websocket is None or connection is None:
            return None
        return evidence_of(connection, self._websocket.transport.get_write_buffer_size())

    def abort(self) -> None:
        """End the connection without a word: nobody is there to hear one."""
        if self._websocket is not None:
            self._websocket.transport.abort()

    async def receive(self) -> AsyncIterator[ServerEvent]:
        """Everything the server says until the connection ends, which raises LinkError."""
        while True:
            try:
                async for message in self._raw.receive():
                    for event in parse(message):
                        yield event
            except NOT_UNDERSTOOD as error:
                yield NotUnderstood(type(error).__name__)
            except (errors.APIError, ConnectionClosed, OSError) as error:
                raise self._client._link_error(error, Where.RECEIVE, self._resuming) from error

    def _socket(self) -> Socket | None:
        transport = getattr(self._websocket, "transport", None)
        return transport.get_extra_info("socket") if transport is not None else None

    async def _send(self, **realtime_input: Any) -> None:
        try:
            await self._raw.send_realtime_input(**realtime_input)
        except (ConnectionClosed, OSError) as error:
            raise self._client._link_error(error, Where.SEND, self._resuming) from error


# --- configuration ---------------------------------------------------------------------------------


def connect_config(
    settings: LiveSettings, handle: str | None, equipment: Equipment | None = None
) -> types.LiveConnectConfig:
    """What the model in the settings accepts, and nothing else. Fresh each time: the SDK changes it."""
    model = capabilities(settings.model)
    equipment = equipment or Equipment(lambda: settings.instruction)
    by_device = settings.turn_taking == "device"
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        speech_config=speech_config(settings),
        system_instruction=equipment.instruction() or None,
        tools=tools_config(settings, equipment),
        session_resumption=types.SessionResumptionConfig(handle=handle),
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(disabled=by_device)
        ),
    )
    if settings.transcribe:
        config.input_audio_transcription = types.AudioTranscriptionConfig()
        config.output_audio_transcription = types.AudioTranscriptionConfig()
    if settings.compression_tokens > 0:
        config.context_window_compression = types.ContextWindowCompressionConfig(
            trigger_tokens=settings.compression_tokens, sliding_window=types.SlidingWindow()
        )
    if settings.temperature >= 0 and model.temperature:
        config.temperature = settings.temperature
    config.thinking_config = thinking_config(model)
    return config


def thinking_config(model: Capabilities) -> types.ThinkingConfig | None:
    """As little thought before the answer as the model can do with; None: it is not to be asked."""
    if model.thinking_budget is not None:
        return types.ThinkingConfig(thinking_budget=model.thinking_budget)
    if model.thinking_level:
        return types.ThinkingConfig(thinking_level=types.ThinkingLevel(model.thinking_level))
    return None


def tools_config(settings: LiveSettings, equipment: Equipment) -> list[types.Tool | Any] | None:
    """Search and functions, as far as the model takes them; None for nothing."""
    model = capabilities(settings.model)
    declarations = equipment.declarations() if Tool.FUNCTIONS in model.tools else []
    search = settings.google_search and Tool.SEARCH in model.tools
    tools = [types.Tool(google_search=types.GoogleSearch())] if search else []
    if declarations:
        functions = [function_declaration(declaration) for declaration in declarations]
        tools.append(types.Tool(function_declarations=functions))
    return [*tools] or None


def function_declaration(declaration: Declaration) -> types.FunctionDeclaration:
    """A declaration in the SDK's types.

    In `parameters`, never in `parameters_json_schema`: of that the Live models see nothing, and call without
    arguments (python-genai #1147, livekit agents #2940).
    """
    parameters = None
    if declaration.parameters.get("properties"):
        json_schema = types.JSONSchema.model_validate(declaration.parameters)
        parameters = types.Schema.from_json_schema(json_schema=json_schema)
    return types.FunctionDeclaration(
        name=declaration.name,
        description=declaration.description,
        parameters=parameters,
        behavior=types.Behavior(declaration.behavior) if declaration.behavior else None,
    )


def speech_config(settings: LiveSettings) -> types.SpeechConfig | None:
    """Voice and language, where set."""
    if not settings.voice and not settings.language:
        return None
    voice = (
        types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=settings.voice))
        if settings.voice
        else None
    )
    return types.SpeechConfig(voice_config=voice, language_code=settings.language or None)


# --- messages --------------------------------------------------------------------------------------


def parse(message: types.LiveServerMessage) -> Iterator[ServerEvent]:
    """All that one message says, in the order in which it has to be acted on.

    The fields of a message are not exclusive. Audio that comes with `interrupted` belongs to the turn
    that was cut, and is dropped here.
    """
    content = message.server_content
    if content is not None:
        if content.interrupted:
            yield ServerInterrupted()
        else:
            yield from _audio(content)
        yield from _transcripts(content)
        if content.generation_complete:
            yield GenerationComplete()
        if is_turn_complete(content):
            reason = content.turn_complete_reason
            yield TurnComplete(reason.value if reason else "")
    if message.tool_call is not None:
        for call in message.tool_call.function_calls or []:
            yield ToolCall(call.id or "", call.name or "", dict(call.args or {}))
    if message.tool_call_cancellation is not None:
        yield ToolCallCancelled(tuple(message.tool_call_cancellation.ids or ()))
    yield from _session_notices(message)


def is_turn_complete(content: types.LiveServerContent) -> bool:
    """As the SDK's own `receive()` decides: an interaction status, where there is one, must say idle."""
    status = content.interaction_status
    if status is None or status is types.InteractionStatus.INTERACTION_STATUS_UNSPECIFIED:
        return bool(content.turn_complete)
    return status is types.InteractionStatus.IDLE


def _audio(content: types.LiveServerContent) -> Iterator[ServerEvent]:
    for part in (content.model_turn.parts if content.model_turn else None) or []:
        blob = part.inline_data
        if blob is not None and blob.data and (blob.mime_type or "audio/pcm").startswith("audio/pcm"):
            yield ReplyAudio(blob.data[: len(blob.data) & ~1])  # whole samples, whatever comes


def _transcripts(content: types.LiveServerContent) -> Iterator[ServerEvent]:
    for who, transcription in (
        ("user", content.input_transcription),
        ("model", content.output_transcription),
    ):
        if transcription is not None and transcription.text:
            yield Transcript(who, transcription.text)


def _session_notices(message: types.LiveServerMessage) -> Iterator[ServerEvent]:
    update = message.session_resumption_update
    if update is not None and update.new_handle:
        yield HandleUpdate(update.new_handle, bool(update.resumable))
    if message.go_away is not None:
        yield GoAway(parse_duration_s(message.go_away.time_left))
    usage = message.usage_metadata
    if usage is not None:
        yield Usage(usage.prompt_token_count or 0, usage.response_token_count or 0)


def parse_duration_s(text: str | None) -> float | None:
    """A protobuf Duration in JSON ("50s", "1.5s") in seconds; None for anything else."""
    try:
        return float((text or "").removesuffix("s"))
    except ValueError:
        return None


# --- errors ----------------------------------------------------------------------------------------


def opening_stage(error: Exception) -> Where:
    """Whether an error while connecting came before or after the upgrade."""
    after = isinstance(error, (errors.APIError, ConnectionClosed, *NOT_UNDERSTOOD))
    return Where.SETUP if after else Where.CONNECT


def translate(error: Exception, where: Where, *, resuming: bool, key: Secret) -> Signal:
    """A foreign exception as a `Signal`; one that is not known here is raised again: it is our bug."""
    kind, code, reason = _kind_code_reason(error)
    return Signal(
        kind,
        where,
        code,
        key.scrub(reason),
        resuming=resuming,
        clock_set=clock_is_set(time.time()),
    )


def _kind_code_reason(error: Exception) -> tuple[Kind, int, str]:
    match error:
        case InvalidStatus():
            body = (error.response.body or b"")[:500].decode("utf-8", "replace")
            return Kind.HTTP, error.response.status_code, body
        case errors.APIError():
            return _close(int(error.code or 0), _api_reason(error))
        case ConnectionClosed():
            frame = error.rcvd or error.sent
            return _close(frame.code if frame else CLOSE_CODE_ABNORMAL, frame.reason if frame else "")
        case ssl.SSLError():
            return Kind.TLS, 0, getattr(error, "verify_message", "") or str(error)
        case socket.gaierror():
            return Kind.DNS, 0, str(error.strerror or error)
        case TimeoutError():
            return Kind.TIMEOUT, 0, ""
        case OSError() | EOFError():
            return Kind.UNREACHABLE, 0, str(error.strerror if isinstance(error, OSError) else error)
        case InvalidHandshake():
            return Kind.UNREACHABLE, 0, str(error)
        case InvalidURI():
            return Kind.HTTP, HTTP_FOUND, "it leads to another address"
        case InvalidProxy() | ImportError():  # their texts may hold the proxy's password
            return Kind.UNREACHABLE, 0, "the proxy of the environment (HTTPS_PROXY) cannot be used"
        case _ if isinstance(error, NOT_UNDERSTOOD):
            return Kind.MESSAGE, 0, type(error).__name__
    raise error


def _api_reason(error: errors.APIError) -> str:
    return error.details if isinstance(error.details, str) else str(error.details or "")


def _close(code: int, reason: str) -> tuple[Kind, int, str]:
    if code == CLOSE_CODE_ABNORMAL:
        return Kind.RESET, code, ""
    return Kind.CLOSE, code, reason
