"""The control socket: the running daemon answers `conure status`, `talk`, `mute`, … Event loop only.

`client.py` tells the protocol. A file lock beside the socket keeps a second daemon out, without a race. The
lock goes with the process, so a socket that a process left behind can be replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import json
import logging
import os
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from daemon.control.client import REQUEST_LIMIT_BYTES, answers, check_private
from daemon.errors import ControlError, ConureError
from daemon.outside import json_of, one_line
from daemon.runtime.lock import already_running, locked
from hw.base import DeviceError

log = logging.getLogger(__name__)

MAX_CLIENTS = 8
"""Clients at one time; policy for one more: it is told so and closed, and counted."""
REQUEST_TIMEOUT_S = 5.0
"""A client that has not sent its request by then is closed."""
ANSWER_TIMEOUT_S = 10.0
"""A command must be carried out by then."""
GATEWAY_GROUP = "conure-web"
"""Its members may connect: the gateway runs as a user of its own, with no other right on this machine."""
OVERFLOW_GID = 65534
"""What a group without a number of its own looks like in a user namespace (user_namespaces(7))."""
REASON_CHARS = 200
"""Longest reason why a request is not understood."""
WRITE_TIMEOUT_S = 5.0
"""A client that has not taken what was written by then is closed; a watcher is counted."""

Handler = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""`handler(command, args)` gives what `json` can write, or raises ConureError or DeviceError."""
Watch = Callable[[Mapping[str, Any]], AsyncIterator[Mapping[str, Any]]]
"""`watch(args)` gives the events from now on; a slow client does not ask for more, so it must be bounded."""


@dataclass(slots=True)
class ControlCounters:
    """What happened at the socket since the start."""

    requests: int = 0
    clients_refused: int = 0
    clients_lost: int = 0
    """Clients that sent half a request or none in time, or did not take their answer."""
    watchers_dropped: int = 0
    """Watchers that did not take an event within WRITE_TIMEOUT_S."""

    def counters(self) -> dict[str, int]:
        """Who was sent away, for `conure status`."""
        return {
            "control_clients_refused": self.clients_refused,
            "control_clients_lost": self.clients_lost,
            "control_watchers_dropped": self.watchers_dropped,
        }


class ControlServer:
    """Listens at `path` between `start` and `stop`, or in an `async with` block."""

    def __init__(
        self, path: Path, handler: Handler, watch: Watch, counters: ControlCounters | None = None
    ) -> None:
        """`counters` are counted on, for who shows them."""
        self.counters = counters or ControlCounters()
        self._path = path
        self._handler = handler
        self._watch = watch
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = contextlib.ExitStack()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises AlreadyRunning, or ControlError where the socket cannot be made."""
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(listen(self._path))
            self._server = await asyncio.start_unix_server(
                self._accept, sock=listener, limit=REQUEST_LIMIT_BYTES, backlog=MAX_CLIENTS
            )
            self._held = stack.pop_all()

    async def stop(self) -> None:
        """Close every client and remove the socket. Without effect if it does not listen."""
        if self._server is not None:
            await _accept_no_more(self._server)
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None
        self._held.close()

    async def __aenter__(self) -> ControlServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="control-client")
        self._tasks.add(task)
        task.add_done_callback(partial(self._forget, writer))

    def _forget(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        writer.transport.abort()  # close() would wait for a client that takes nothing
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a client of the control socket met a bug", exc_info=error)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)  # so that drain() waits until all is taken
        try:
            if len(self._tasks) > MAX_CLIENTS:
                self.counters.clients_refused += 1
                await _write(writer, _refusal(f"there are {MAX_CLIENTS} clients already; try again later"))
            else:
                await self._converse(reader, writer)
        except (ConnectionError, TimeoutError, EOFError):
            self.counters.clients_lost += 1

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                line = await _read_request(reader)
            if not line:
                return  # somebody only looked whether anybody is here
            command, args = parse_request(line)
        except ControlError as error:
            await _write(writer, _refusal(str(error)))
            return
        self.counters.requests += 1
        if command == "watch":
            await self._stream(reader, writer, args)
        else:
            await _write(writer, await self._carry_out(command, args))

    async def _carry_out(self, command: str, args: dict[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return {"ok": True, "result": await self._handler(command, args)}
        except (ConureError, DeviceError) as error:
            return _refusal(str(error))
        except TimeoutError:
            return _refusal(f"{command} took longer than {ANSWER_TIMEOUT_S:g} s")
        except Exception:  # a bug in a command must not leave its asker without an answer
            log.exception("the command %r failed", command)
            return _refusal(f"{command} failed by a bug; the log has the details")

    async def _stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, args: Mapping[str, Any]
    ) -> None:
        """Send events until the client closes its side or is too slow."""
        pump = asyncio.create_task(self._pump(writer, args), name="control-watch")
        gone = asyncio.create_task(reader.read(1), name="control-gone")
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pump.cancel()
            gone.cancel()
            await asyncio.gather(pump, gone, return_exceptions=True)
        if not pump.cancelled():
            pump.result()

    async def _pump(self, writer: asyncio.StreamWriter, args: Mapping[str, Any]) -> None:
        events = self._watch(args)
        try:
            async for event in events:
                await _write(writer, event)
        except TimeoutError:
            self.counters.watchers_dropped += 1
            log.info("a watcher of the control socket was too slow and is closed")
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()


async def _accept_no_more(server: asyncio.Server) -> None:
    """Let what is being accepted become a task: `Server.close` would lose it and leave its socket open."""
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    for _step in ("the transport is made", "the protocol is told"):
        await asyncio.sleep(0)


# --- one request -----------------------------------------------------------------------------------


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    """One line, empty if none came. Raises ControlError if it is too long, EOFError if only half came."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""
    except asyncio.LimitOverrunError as error:
        raise ControlError(f"a request has at most {REQUEST_LIMIT_BYTES} bytes") from error


def parse_request(line: bytes) -> tuple[str, dict[str, Any]]:
    """Command and arguments of a request line. Raises ControlError."""
    try:
        request = json_of(line)
    except ValueError as error:
        raise ControlError(f"a request is one line of JSON: {one_line(str(error), REASON_CHARS)}") from error
    match request:
        case {"command": str(command), "args": dict(args)}:
            return command, args
        case {"command": str(command)} if "args" not in request:
            return command, {}
    raise ControlError('a request is {"command": "...", "args": {...}}')


def _refusal(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}


async def _write(writer: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
    """Send one line and wait until it is taken. Raises TimeoutError or ConnectionError."""
    writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await writer.drain()


# --- the socket, beside its lock -----------------------------------------------------------------------


@contextlib.contextmanager
def listen(path: Path) -> Iterator[socket.socket]:
    """A listening socket that only this user, and the gateway's group, can connect to; removed at the end.

    Raises AlreadyRunning, or ControlError where the directory or the path cannot be used.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(path.parent)
        with locked(path.with_name(f"{path.name}.lock")):
            _remove_stale(path)
            with _bound(path) as listener:
                share_with(GATEWAY_GROUP, path)
                yield listener
    except OSError as error:
        reason = error.strerror or error
        raise ControlError(f"the control socket {path} cannot be made: {reason}") from error


def share_with(group: str, path: Path) -> None:
    """Let the members of a group connect as well, if there is such a group and this user is in it.

    In the service's sandbox other groups have no number, and nothing can be given to one. There the unit has
    made the folder the group's (setgid), and the socket in it is so from the start.
    """
    try:
        number = grp.getgrnam(group).gr_gid
        folder = path.parent.stat()
        if not folder.st_mode & stat.S_ISGID:
            os.chown(path, -1, number)
        elif folder.st_gid not in (number, OVERFLOW_GID):
            return  # another group's
        path.chmod(0o660)
    except KeyError:
        return
    except OSError as error:
        log.warning("the group %s cannot use the control socket: %s", group, error.strerror or error)


def _remove_stale(path: Path) -> None:
    """Make room for the socket, if nobody answers there and it is a socket at all."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"{path} is in the way: it is no socket")
    if answers(path):
        raise already_running(f"it answers at {path}")
    path.unlink()


@contextlib.contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        os.fchmod(listener.fileno(), 0o600)  # on Linux the file that bind() makes gets this mode
        listener.bind(str(path))
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
