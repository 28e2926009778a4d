"""Foreign errors end here: what the SDK, websockets and the system raise, as a `Signal` of our own."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from itertools import islice

from google.genai import errors
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
)

from daemon.config.secret import Secret
from daemon.outside import whole
from daemon.runtime.clock import clock_is_set
from daemon.session.failures import LinkError
from daemon.session.gemini.wire import Redirected
from daemon.session.signals import Signal, SignalKind, Where, classify

CLOSE_CODE_ABNORMAL = 1006
"""RFC 6455 §7.4.1: reserved for a connection that ended without a close frame."""

MAX_CODE = 65535
"""RFC 6455 §5.5.1: a close code has two bytes; those of HTTP and of Google's API are shorter."""

OPENING = (OSError, EOFError, InvalidHandshake, InvalidURI, InvalidProxy, ImportError)
"""What is raised before the upgrade has been answered well."""

ENDED = (errors.APIError, ConnectionClosed, OSError, EOFError)
"""What a receive raises when the connection has ended. Whatever else it raises is about one message, of
which the library could make nothing, and the connection is good: TypeError, ValueError, RecursionError."""


class Translator:
    """Turns what one connection's library raises into LinkErrors. `resuming`: it was set up with a handle."""

    def __init__(self, key: Secret, *, resuming: bool) -> None:
        self._key = key
        self._resuming = resuming

    def link_error(self, error: Exception, where: Where) -> LinkError:
        """The error to raise in its place, `error` being its cause."""
        return LinkError(classify(translate(error, where, resuming=self._resuming, key=self._key)))


DEEPEST_CAUSE = 10
"""How far down an error's causes are followed; the HTTP library has four layers."""


def opening_stage(error: Exception) -> Where:
    """Whether an error while connecting came before or after the upgrade."""
    return Where.CONNECT if isinstance(error, OPENING) else Where.SETUP


def translate(error: Exception, where: Where, *, resuming: bool, key: Secret) -> Signal:
    """A foreign exception as a `Signal`, whatever its class: what a library makes of foreign input is no bug
    of ours.
    """
    kind, code, reason = _kind_code_reason(error)
    return Signal(
        kind,
        where,
        whole(code, MAX_CODE) or 0,
        key.scrub(reason),
        resuming=resuming,
        clock_set=clock_is_set(time.time()),
    )


def translate_call(error: Exception, key: Secret, where: Where = Where.CONNECT) -> Signal:
    """The same of a call over plain HTTP. The HTTP library wraps what the system raised; that counts."""
    kind, code, reason = _call_kind_code_reason(error)
    clock_set = clock_is_set(time.time())
    return Signal(kind, where, whole(code, MAX_CODE) or 0, key.scrub(reason), clock_set=clock_set)


def _call_kind_code_reason(error: Exception) -> tuple[SignalKind, object, str]:
    for cause in islice(_causes(error), DEEPEST_CAUSE):
        match cause:
            case errors.APIError():
                return SignalKind.HTTP, cause.code, f"{cause.status}: {cause.message}"
            case OSError() | EOFError():
                return _kind_code_reason(cause)
    broken = isinstance(error, ValueError)  # JSON that is none, or of another form
    return (SignalKind.MESSAGE if broken else SignalKind.RESET), 0, type(error).__name__


def _causes(error: BaseException | None) -> Iterator[Exception]:
    """The error, and what brought it about."""
    while isinstance(error, Exception):
        yield error
        error = error.__cause__ or error.__context__


def _kind_code_reason(error: Exception) -> tuple[SignalKind, object, str]:
    match error:
        case Redirected():
            return SignalKind.HTTP, error.status, str(error)
        case InvalidStatus():
            body = error.response.body or b""
            return SignalKind.HTTP, error.response.status_code, bytes(body).decode("utf-8", "replace")
        case errors.APIError():
            return _close(error.code, _api_reason(error))
        case ConnectionClosed():
            frame = (
                error.rcvd
            )  # what was sent is our own word: about a frame that breaks the protocol, perhaps
            return _close(frame.code if frame else CLOSE_CODE_ABNORMAL, frame.reason if frame else "")
        case ssl.SSLError():
            return SignalKind.TLS, 0, getattr(error, "verify_message", "") or str(error)
        case socket.gaierror():
            return SignalKind.DNS, 0, str(error.strerror or error)
        case TimeoutError():
            return SignalKind.TIMEOUT, 0, ""
        case OSError() | EOFError():
            # Where several addresses failed each in its own way, asyncio tells of all, without a number.
            return SignalKind.UNREACHABLE, 0, str(getattr(error, "strerror", None) or error)
        case InvalidProxy() | ImportError():  # their texts may hold the proxy's password
            return SignalKind.UNREACHABLE, 0, "the proxy of the environment (HTTPS_PROXY) cannot be used"
        case InvalidHandshake():
            return SignalKind.UNREACHABLE, 0, str(error)
        case _:
            return SignalKind.MESSAGE, 0, type(error).__name__


def _api_reason(error: errors.APIError) -> str:
    return error.details if isinstance(error.details, str) else str(error.details or "")


def _close(code: object, reason: str) -> tuple[SignalKind, object, str]:
    if code == CLOSE_CODE_ABNORMAL:
        return SignalKind.RESET, code, ""
    return SignalKind.CLOSE, code, reason
