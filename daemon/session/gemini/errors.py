"""Foreign errors end here: what the SDK, websockets and the system raise, as a `Signal` of our own."""

from __future__ import annotations

import socket
import ssl
import time

from google.genai import errors
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
)

from daemon.config.secret import Secret
from daemon.runtime.clock import clock_is_set
from daemon.session.failures import LinkError, Signal, SignalKind, Where, classify

CLOSE_CODE_ABNORMAL = 1006
"""RFC 6455 §7.4.1: reserved for a connection that ended without a close frame."""

HTTP_FOUND = 302
"""RFC 9110 §15.4.3: a redirect, which a captive portal answers with."""

NOT_UNDERSTOOD = (TypeError, ValueError, AttributeError, LookupError)
"""What the SDK raises at a message that it cannot read, the connection being good all the same. pydantic's
ValidationError and UnicodeDecodeError are ValueErrors."""


class Translator:
    """Turns what one connection's library raises into LinkErrors. `resuming`: it was set up with a handle."""

    def __init__(self, key: Secret, *, resuming: bool) -> None:
        self._key = key
        self._resuming = resuming

    def link_error(self, error: Exception, where: Where) -> LinkError:
        """The error to raise in its place, `error` being its cause."""
        return LinkError(classify(translate(error, where, resuming=self._resuming, key=self._key)))


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


def _kind_code_reason(error: Exception) -> tuple[SignalKind, int, str]:
    match error:
        case InvalidStatus():
            body = (error.response.body or b"")[:500].decode("utf-8", "replace")
            return SignalKind.HTTP, error.response.status_code, body
        case errors.APIError():
            return _close(int(error.code or 0), _api_reason(error))
        case ConnectionClosed():
            frame = error.rcvd or error.sent
            return _close(frame.code if frame else CLOSE_CODE_ABNORMAL, frame.reason if frame else "")
        case ssl.SSLError():
            return SignalKind.TLS, 0, getattr(error, "verify_message", "") or str(error)
        case socket.gaierror():
            return SignalKind.DNS, 0, str(error.strerror or error)
        case TimeoutError():
            return SignalKind.TIMEOUT, 0, ""
        case OSError() | EOFError():
            return SignalKind.UNREACHABLE, 0, str(error.strerror if isinstance(error, OSError) else error)
        case InvalidHandshake():
            return SignalKind.UNREACHABLE, 0, str(error)
        case InvalidURI():
            return SignalKind.HTTP, HTTP_FOUND, "it leads to another address"
        case InvalidProxy() | ImportError():  # their texts may hold the proxy's password
            return SignalKind.UNREACHABLE, 0, "the proxy of the environment (HTTPS_PROXY) cannot be used"
        case _ if isinstance(error, NOT_UNDERSTOOD):
            return SignalKind.MESSAGE, 0, type(error).__name__
    raise error


def _api_reason(error: errors.APIError) -> str:
    return error.details if isinstance(error.details, str) else str(error.details or "")


def _close(code: int, reason: str) -> tuple[SignalKind, int, str]:
    if code == CLOSE_CODE_ABNORMAL:
        return SignalKind.RESET, code, ""
    return SignalKind.CLOSE, code, reason
