"""Sessions with the service: connect, send, receive.

Importing it costs some 0.4 s and 30 MB, so the composition root imports it on a thread after READY.
Everything else here runs on the event loop.

The SDK connects, sets up, and sends what is rare (google-genai 3.4.0, `live.py`: there is no time limit on
the set-up, and what it cannot make sense of raises TypeError, ValueError or RecursionError). What comes and
goes many times a second does so by the WebSocket under it, in the JSON of the Live API reference: the SDK
takes 0.06 ms to send a message and 0.12 ms to take one, of which 0.01 and 0.04 are needed.
"""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import json
import ssl
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

from google import genai
from google.genai import types

from daemon.config.models import TextInput, capabilities
from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.server_events import NotUnderstood, ServerEvent
from daemon.session.failures import LinkError
from daemon.session.gemini.content import Content
from daemon.session.gemini.errors import ENDED, Translator, opening_stage, translate_call
from daemon.session.gemini.messages import parse
from daemon.session.gemini.setup import connect_config, token_config
from daemon.session.gemini.wire import TRANSPORT, BoundedConnection
from daemon.session.liveness import Evidence
from daemon.session.signals import Signal, SignalKind, Where, classify
from daemon.session.tcp import Socket, evidence_of, limit_silence
from daemon.session.tokens import TokenWish
from daemon.tools.calling.fates import ToolAnswer
from daemon.tools.declaring.declarations import Equipment

UPLINK_MIME = "audio/pcm;rate=16000"
"""Live API guide, audio formats: raw 16-bit PCM, the rate in the MIME type."""

MAX_STRANGE = 64
"""Messages of which nothing can be made, in a row; policy for one more: another connection. A new kind of
message comes among those that are known."""

MAX_TOKEN_CHARS = 8192
"""Of a token's name; policy for a longer one: there is none. It is handed on to browsers, in addresses."""

OPENING_S = 5.0
"""TCP, TLS and the upgrade take at most this: a try that began on a dead path sends its greeting ever more
seldom (RFC 6298), and must not outlive the path's return for long."""

OPENING_SHARE = 2 / 3
"""Of `setup_timeout_s`: what TCP, TLS and the upgrade may take; the rest is the set-up's own."""


warnings.filterwarnings("ignore", message="The SDK's token creation implementation is experimental")
"""It says so of each token; what may change in it is held by our own tests."""


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
        arguments |= {"ssl": trust, "verify": trust} if trust else {}  # of WebSockets, and of plain HTTP
        self._client = genai.Client(
            api_key=api_key.reveal(),
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=base_url or None,
                api_version=settings.api_version,
                async_client_args=arguments,
            ),
        )
        self.content = Content(self._client, api_key, speech_model=settings.speech_model)
        """Calls over plain HTTP, by the same client."""

    @contextlib.asynccontextmanager
    async def session(
        self, handle: str | None, settings: LiveSettings | None = None, equipment: Equipment | None = None
    ) -> AsyncIterator[LiveSession]:
        """A set-up session, resumed if a handle is given. Raises LinkError, also from its body's calls.

        `settings` and `equipment` take the place of the client's own, for what is said in the set-up.
        """
        settings, equipment = settings or self._settings, equipment or self._equipment
        translator = Translator(self._key, resuming=handle is not None)
        connection = self._client.aio.live.connect(
            model=settings.model, config=connect_config(settings, handle, equipment)
        )
        async with contextlib.AsyncExitStack() as stack:
            limit = asyncio.timeout(settings.setup_timeout_s)
            try:
                async with limit:
                    raw = await stack.enter_async_context(connection)
            except Exception as error:
                where = Where.SETUP if limit.expired() else opening_stage(error)
                raise translator.link_error(error, where) from error
            if raw.setup_complete is None:
                signal = Signal(
                    SignalKind.MESSAGE, Where.SETUP, reason="the set-up was answered by something else"
                )
                raise LinkError(classify(signal))
            yield LiveSession(raw, translator, capabilities(settings.model).text_input)

    async def make_token(self, wish: TokenWish) -> str:
        """The name of a new ephemeral token, as secret as the key while it is good. Raises LinkError."""
        try:
            async with asyncio.timeout(self._settings.setup_timeout_s):
                made = await self._client.aio.auth_tokens.create(config=token_config(self._settings, wish))
        except Exception as error:
            raise LinkError(classify(translate_call(error, self._key))) from error
        name: str | None = made.name
        if not name or len(name) > MAX_TOKEN_CHARS:
            raise LinkError(classify(Signal(SignalKind.MESSAGE, Where.CONNECT, reason="no token came")))
        return name


class LiveSession:
    """One set-up connection. Event loop only; one task sends and another receives."""

    detour = ""

    def __init__(self, raw: Any, translator: Translator, text_input: TextInput) -> None:
        """`raw` is the SDK's own session."""
        self._raw = raw
        self._translator = translator
        self._text_input = text_input
        self._websocket: BoundedConnection = raw._ws  # noqa: SLF001 - the SDK shows it nowhere
        if (connection := self._socket()) is not None:
            limit_silence(connection)

    async def send_audio(self, pcm: bytes) -> None:
        """Send 16 kHz mono s16 PCM. Raises LinkError."""
        await self._send("audio", _blob(pcm, UPLINK_MIME))

    async def start_activity(self) -> None:
        """Open the user's turn. Raises LinkError."""
        await self._send("activityStart", {})

    async def end_activity(self) -> None:
        """Close the user's turn: the model answers. Raises LinkError."""
        await self._send("activityEnd", {})

    async def end_stream(self) -> None:
        """The open microphone pauses (server turn-taking). Raises LinkError."""
        await self._send("audioStreamEnd", True)

    async def send_text(self, text: str) -> None:
        """A whole turn in writing, by the way that the model accepts. Raises LinkError."""
        if self._text_input is TextInput.REALTIME:
            await self._send("text", text)
            return
        turn = types.Content(role="user", parts=[types.Part(text=text)])
        with self._sending():
            await self._raw.send_client_content(turns=turn, turn_complete=True)

    async def send_video(self, jpeg: bytes) -> None:
        """Show a picture, at most one a second (Live API guide, video). Raises LinkError."""
        await self._send("video", _blob(jpeg, "image/jpeg"))

    async def send_tool_answer(self, answer: ToolAnswer) -> None:
        """Answer a call that the model made on this connection. Raises LinkError."""
        scheduling = answer.scheduling and types.FunctionResponseScheduling(answer.scheduling.value)
        response = types.FunctionResponse(
            id=answer.call_id, name=answer.name, response=answer.response, scheduling=scheduling
        )
        with self._sending():
            await self._raw.send_tool_response(function_responses=[response])

    async def ping(self) -> None:
        """Give the other end something to acknowledge. Raises LinkError."""
        with self._sending():
            await self._websocket.ping()

    def evidence(self) -> Evidence | None:
        """What TCP has delivered; None where that cannot be known."""
        connection = self._socket()
        if connection is None:
            return None
        return evidence_of(connection, self._websocket.transport.get_write_buffer_size())

    def abort(self) -> None:
        """End the connection without a word: nobody is there to hear one."""
        self._websocket.transport.abort()

    async def receive(self) -> AsyncIterator[ServerEvent]:
        """Everything the server says until the connection ends, which raises LinkError.

        A message of which nothing can be made is passed over, but not MAX_STRANGE in a row. After each
        message the event loop has its turn: thousands of short ones may wait to be read.
        """
        strange = 0
        while strange < MAX_STRANGE:
            try:
                events = parse(json.loads(await self._websocket.recv(decode=False)))
                strange = 0
            except ENDED as error:
                raise self._translator.link_error(error, Where.RECEIVE) from error
            except Exception as error:  # noqa: BLE001 - whatever a library raises at foreign input
                strange += 1
                events = [NotUnderstood(type(error).__name__)]
            for event in events:
                yield event
            await asyncio.sleep(0)
        signal = Signal(SignalKind.MESSAGE, Where.RECEIVE, reason=f"{strange} messages in a row")
        raise LinkError(classify(signal))

    def _socket(self) -> Socket | None:
        connection: Socket | None = self._websocket.transport.get_extra_info("socket")
        return connection

    async def _send(self, name: str, value: object) -> None:
        with self._sending():
            await self._websocket.send(json.dumps({"realtimeInput": {name: value}}))

    @contextlib.contextmanager
    def _sending(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the answers of tools are foreign as well
            raise self._translator.link_error(error, Where.SEND) from error


def _blob(data: bytes, mime_type: str) -> dict[str, str]:
    return {"data": binascii.b2a_base64(data, newline=False).decode(), "mimeType": mime_type}
