"""Where the control socket is, and how another process asks the daemon there. Synchronous; no asyncio.

One request is one line of JSON, `{"command": "...", "args": {...}}`. Its answer is one line as well:
`{"ok": true, "result": ...}` or `{"ok": false, "error": "..."}`. After the command `watch` come lines of
JSON, one for each event, until either side closes. The other side is `server.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from daemon.errors import ControlError

SOCKET_NAME = "control.sock"
SYSTEM_SOCKET = Path("/run/conure") / SOCKET_NAME
"""Where the system service listens: its unit has RuntimeDirectory=conure."""

REQUEST_LIMIT_BYTES = 64 * 1024
"""Longest request line."""
ANSWER_LIMIT_BYTES = 1024 * 1024
"""Longest answer line: a status with all its turns is some 20 KB."""

TIMEOUT_S = 15.0
"""How long an answer may take; the server gives up before (`ANSWER_TIMEOUT_S` in `server.py`)."""

PROBE_TIMEOUT_S = 1.0
"""How long it may take to learn whether somebody listens; the kernel answers at once."""

Env = Mapping[str, str]


def control_path(env: Env) -> Path:
    """Where a daemon with this environment listens. Raises ControlError if that place is not safe."""
    if named := env.get("CONURE_SOCKET"):
        return Path(named)
    if runtime := env.get("RUNTIME_DIRECTORY"):  # set by systemd; several are separated by colons
        return Path(runtime.split(":")[0]) / SOCKET_NAME
    uid = os.getuid()
    user = Path(env.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}")
    if user.is_dir():
        return user / "conure" / SOCKET_NAME
    shared = Path(f"/tmp/conure-{uid}")  # noqa: S108 - its owner and mode are checked
    check_private(shared)
    return shared / SOCKET_NAME


def check_private(folder: Path) -> None:
    """Raise ControlError if somebody else could put a socket into this directory. It may be missing.

    A sticky directory such as /tmp will do for a socket that was put there on purpose: nobody else can
    take the place of a file in it.
    """
    try:
        found = folder.lstat()
    except OSError:
        return  # whoever goes on to use it will learn why it cannot be
    if not stat.S_ISDIR(found.st_mode):
        raise ControlError(f"{folder} is in the way: the control socket needs a directory there")
    foreign = found.st_uid not in (os.getuid(), 0)
    open_to_all = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
    if foreign or open_to_all:
        raise ControlError(f"{folder} can be changed by others; remove it, or set CONURE_SOCKET")


def find_daemon(env: Env) -> Path:
    """The socket of the daemon to talk to: the user's own if it answers, else the system service's.

    Where none answers it is the user's own, so that the error names a place. Raises as `control_path`.
    """
    own = control_path(env)
    places = [own] if env.get("CONURE_SOCKET") else [own, SYSTEM_SOCKET]
    return next((place for place in places if answers(place)), own)


def answers(path: Path) -> bool:
    """Whether somebody listens there, be it that we may not talk to them."""
    try:
        _connect(path, PROBE_TIMEOUT_S).close()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def call(path: Path, command: str, args: dict[str, Any] | None = None, timeout_s: float = TIMEOUT_S) -> Any:
    """Ask the daemon for one thing and return its result. Raises ControlError that says what to do."""
    with _asked(path, command, args or {}, timeout_s) as lines:
        return _result(_parse(_read_line(lines, path)))


def watch(path: Path) -> Iterator[dict[str, Any]]:
    """Every event of the daemon until it ends. Raises ControlError if it cannot be reached."""
    with _asked(path, "watch", {}, None) as lines:
        while line := _read_line(lines, path, at_end=b""):
            event = _parse(line)
            if "event" not in event:
                _result(event)
            yield event


def _connect(path: Path, timeout_s: float | None) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _asked(path: Path, command: str, args: dict[str, Any], timeout_s: float | None) -> BinaryIO:
    """Send a request and return the stream of its answer."""
    request = json.dumps({"command": command, "args": args}).encode() + b"\n"
    if len(request) > REQUEST_LIMIT_BYTES:
        raise ControlError(f"that is too long: {len(request)} bytes of at most {REQUEST_LIMIT_BYTES}")
    try:
        with _connect(path, timeout_s) as connection:
            with contextlib.suppress(BrokenPipeError):  # who refuses without reading has said why
                connection.sendall(request)
            return connection.makefile("rb")
    except OSError as error:
        raise _unreachable(path, error) from error


def _unreachable(path: Path, error: OSError) -> ControlError:
    if isinstance(error, PermissionError):
        return ControlError(f"the running conure belongs to another user ({path}); try again with sudo")
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        how = "start it with `conure run`, or `sudo systemctl start conure`"
        return ControlError(f"the daemon is not running (nothing listens at {path}); {how}")
    if isinstance(error, TimeoutError):
        return ControlError(f"the daemon does not answer ({path}); see `journalctl -u conure`")
    return ControlError(f"the control socket {path} cannot be used: {error.strerror or error}")


def _read_line(lines: BinaryIO, path: Path, at_end: bytes | None = None) -> bytes:
    """The next whole line. `at_end` is returned at the end of the stream; None: that is an error."""
    try:
        line = lines.readline(ANSWER_LIMIT_BYTES)
    except OSError as error:
        if at_end is not None and isinstance(error, ConnectionResetError):
            return at_end
        raise _unreachable(path, error) from error
    if not line.endswith(b"\n") and (line or at_end is None):
        raise ControlError("the daemon ended before it had answered")
    return line


def _parse(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise ControlError("the daemon's answer is not understood: is it another version?") from error
    if not isinstance(answer, dict):
        raise ControlError("the daemon's answer is not understood: is it another version?")
    return answer


def _result(answer: dict[str, Any]) -> Any:
    if answer.get("ok") is not True:
        raise ControlError(str(answer.get("error") or "the daemon refused without a reason"))
    return answer.get("result")
