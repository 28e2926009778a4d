"""What becomes of foreign errors."""

from __future__ import annotations

import socket
import ssl
import time

import pytest
from google.genai import errors
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidProxy, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from daemon.config.secret import Secret
from daemon.runtime.clock import CLOCK_SET_S
from daemon.session.gemini.errors import translate
from daemon.session.gemini.wire import Redirected
from daemon.session.signals import SignalKind, Where, classify

KEY = Secret("s3cret-key")

CLOSED = Close(1011, "Internal error encountered.")

ERRORS: list[tuple[Exception, SignalKind, int]] = [
    (InvalidStatus(Response(403, "Forbidden", Headers(), b"no")), SignalKind.HTTP, 403),
    (Redirected(302), SignalKind.HTTP, 302),
    (InvalidProxy("http://user:pass@proxy", "bad"), SignalKind.UNREACHABLE, 0),
    (ImportError("python-socks"), SignalKind.UNREACHABLE, 0),
    (errors.APIError(1007, "API key not valid"), SignalKind.CLOSE, 1007),
    (errors.APIError(1006, "abnormal closure [internal]"), SignalKind.RESET, 1006),
    (ConnectionClosedError(CLOSED, None), SignalKind.CLOSE, 1011),
    (ConnectionClosedError(None, None), SignalKind.RESET, 1006),
    (ssl.SSLCertVerificationError("certificate verify failed"), SignalKind.TLS, 0),
    (socket.gaierror(-3, "Temporary failure in name resolution"), SignalKind.DNS, 0),
    (ConnectionRefusedError(111, "Connection refused"), SignalKind.UNREACHABLE, 0),
    (TimeoutError(), SignalKind.TIMEOUT, 0),
    (TypeError("'<=' not supported"), SignalKind.MESSAGE, 0),
    (AttributeError("'list' object has no attribute 'get'"), SignalKind.MESSAGE, 0),
]


@pytest.mark.parametrize(
    ("error", "kind", "code"), ERRORS, ids=[type(error).__name__ for error, *_ in ERRORS]
)
def test_each_foreign_error_is_a_signal(error: Exception, kind: SignalKind, code: int) -> None:
    signal = translate(error, Where.CONNECT, resuming=False, key=KEY)
    assert (signal.kind, signal.code) == (kind, code)


def test_neither_the_key_nor_a_proxy_s_password_is_repeated() -> None:
    leaked = translate(errors.APIError(1007, f"bad key {KEY.reveal()}"), Where.SETUP, resuming=False, key=KEY)
    assert "s3cret" not in leaked.reason
    assert "bad key" in leaked.reason
    proxy = translate(InvalidProxy("http://user:pass@proxy", "bad"), Where.CONNECT, resuming=False, key=KEY)
    assert "pass" not in proxy.reason


@pytest.mark.parametrize("error", [ZeroDivisionError(), RecursionError(), MemoryError(), AssertionError()])
def test_whatever_else_a_library_raises_is_about_a_message(error: Exception) -> None:
    signal = translate(error, Where.RECEIVE, resuming=False, key=KEY)
    assert (signal.kind, signal.reason) == (SignalKind.MESSAGE, type(error).__name__)


@pytest.mark.parametrize("code", [10**400, -1, "abc", [1], None, True])
def test_a_code_out_of_range_is_none(code: object) -> None:
    error = errors.APIError(1011, "")
    error.code = code  # type: ignore[assignment]  # the service may say anything
    assert translate(error, Where.RECEIVE, resuming=False, key=KEY).code == 0


def test_the_key_is_masked_before_a_long_answer_is_cut() -> None:
    for cut_at in range(150, 205):
        reason = "x" * cut_at + KEY.reveal() + "y" * 400
        signal = translate(errors.APIError(1007, reason), Where.SETUP, resuming=False, key=KEY)
        assert "s3cret-k" not in str(classify(signal))


@pytest.mark.parametrize(("wall_s", "clock_set"), [(CLOCK_SET_S - 1.0, False), (CLOCK_SET_S, True)])
def test_a_clock_counts_as_set_from_when_alarms_ring_by_it(
    monkeypatch: pytest.MonkeyPatch, wall_s: float, clock_set: bool
) -> None:
    monkeypatch.setattr(time, "time", lambda: wall_s)
    signal = translate(ssl.SSLError("no"), Where.CONNECT, resuming=False, key=KEY)
    assert signal.clock_set is clock_set


def test_where_each_of_several_addresses_failed_all_are_told() -> None:
    error = OSError("Multiple exceptions: [Errno 111] at ('::1', 443), [Errno 101] at ('127.0.0.1', 443)")
    signal = translate(error, Where.CONNECT, resuming=False, key=Secret("k" * 39))
    assert "::1" in signal.reason
    assert "127.0.0.1" in signal.reason
