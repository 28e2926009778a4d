"""The control socket, its client, and that there is one daemon at a time."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from daemon.control import client
from daemon.control import server as control_server
from daemon.control.client import REQUEST_LIMIT_BYTES, answers, call, control_path, find_daemon, watch
from daemon.control.server import MAX_CLIENTS, ControlServer, listen, parse_request
from daemon.errors import AlreadyRunning, ControlError
from hw.base import MicError

PATIENCE_S = 20.0
"""What should happen at once may take this long on a machine that is busy."""


class FakeDaemon:
    """Echoes commands, and streams what it is told to."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.watchers = 0
        self.changed = asyncio.Event()

    async def handle(self, command: str, args: dict[str, Any]) -> Any:
        self.commands.append((command, args))
        match command:
            case "refuse":
                raise ControlError("not now")
            case "unplug":
                raise MicError("hw:1", "gone")
            case "crash":
                raise KeyError("bug")
            case "hang":
                await asyncio.Event().wait()
        return {"command": command, **args}

    async def watch(self, _args: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        self._count(1)
        try:
            while True:
                yield await self.events.get()
        finally:
            self._count(-1)

    def _count(self, step: int) -> None:
        self.watchers += step
        self.changed.set()

    async def wait_for_watchers(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.watchers != count:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@pytest.fixture
async def conure() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
async def server(path: Path, conure: FakeDaemon) -> AsyncIterator[ControlServer]:
    async with ControlServer(path, conure.handle, conure.watch) as running:
        yield running


async def ask(path: Path, command: str, **args: Any) -> Any:
    return await asyncio.to_thread(call, path, command, args, PATIENCE_S)


async def raw(path: Path, data: bytes) -> dict[str, Any]:
    """Send bytes as they are and return the answer."""
    reader, writer = await asyncio.open_unix_connection(path)
    async with asyncio.timeout(PATIENCE_S):
        writer.write(data)
        line = await reader.readline()
    writer.close()
    answer: dict[str, Any] = json.loads(line)
    return answer


async def eventually(condition: Any) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


# --- commands


async def test_a_command_reaches_the_daemon_and_its_result_comes_back(
    server: ControlServer, conure: FakeDaemon, path: Path
) -> None:
    assert await ask(path, "say", text="grüß dich") == {"command": "say", "text": "grüß dich"}
    assert conure.commands == [("say", {"text": "grüß dich"})]
    assert server.counters.requests == 1


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("command", "words"), [("refuse", "not now"), ("unplug", "hw:1: gone"), ("crash", "failed by a bug")]
)
async def test_what_the_daemon_refuses_is_told_and_ends_nothing(
    path: Path, command: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ControlError, match=words):
        await ask(path, command)
    assert [record.levelname for record in caplog.records] == (["ERROR"] if command == "crash" else [])
    assert await ask(path, "status") == {"command": "status"}


@pytest.mark.usefixtures("server")
async def test_a_command_that_hangs_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "ANSWER_TIMEOUT_S", 0.01)
    with pytest.raises(ControlError, match="hang took longer than"):
        await ask(path, "hang")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello\n", "one line of JSON"),
        (b"\xff\n", "one line of JSON"),
        (b"[" * 60_000 + b"\n", "one line of JSON"),
        (b'{"command": "x", "args": {"n": 1e999}}\n', "must be a number from"),
        (b"[]\n", "a request is"),
        (b'{"command": 3}\n', "a request is"),
        (b'{"command": "x", "args": []}\n', "a request is"),
        (b"x" * (REQUEST_LIMIT_BYTES + 1) + b"\n", "at most 65536 bytes"),
    ],
    ids=["words", "bytes", "nested", "range", "list", "number", "args", "long"],
)
async def test_a_bad_request_is_answered_with_what_is_wrong(path: Path, data: bytes, words: str) -> None:
    answer = await raw(path, data)
    assert answer["ok"] is False
    assert words in answer["error"]


def test_arguments_may_be_left_out() -> None:
    assert parse_request(b'{"command": "stop"}') == ("stop", {})


async def test_a_client_that_sends_nothing_is_closed(
    server: ControlServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "REQUEST_TIMEOUT_S", 0.01)
    reader, writer = await asyncio.open_unix_connection(path)
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.read() == b""
    writer.close()
    assert server.counters.clients_lost == 1


async def test_half_a_request_is_counted_and_a_look_is_not(server: ControlServer, path: Path) -> None:
    assert await asyncio.to_thread(answers, path)
    for data in (b"", b'{"comm'):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(data)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert server.counters.clients_lost == 1
    assert server.counters.requests == 0


async def test_one_client_too_many_is_told_so(server: ControlServer, conure: FakeDaemon, path: Path) -> None:
    others = [await asyncio.open_unix_connection(path) for _ in range(MAX_CLIENTS)]
    for _, writer in others:
        writer.write(b'{"command": "watch"}\n')
    await conure.wait_for_watchers(MAX_CLIENTS)
    with pytest.raises(ControlError, match="8 clients already"):
        await ask(path, "status")
    assert server.counters.clients_refused == 1
    others[0][1].close()
    await conure.wait_for_watchers(MAX_CLIENTS - 1)
    await eventually(lambda: len(server._tasks) < MAX_CLIENTS)
    assert await ask(path, "status")
    for _, writer in others[1:]:
        writer.close()


# --- watching


@pytest.mark.usefixtures("server")
async def test_a_watcher_gets_every_event_in_order(conure: FakeDaemon, path: Path) -> None:
    for number in range(3):
        conure.events.put_nowait({"event": "state", "number": number})
    seen: Iterator[dict[str, Any]] = watch(path)
    assert [(await asyncio.to_thread(next, seen))["number"] for _ in range(3)] == [0, 1, 2]
    await asyncio.to_thread(seen.close)  # type: ignore[attr-defined]  # it is a generator
    await conure.wait_for_watchers(0)


async def test_watching_ends_with_the_daemon(server: ControlServer, conure: FakeDaemon, path: Path) -> None:
    watching = asyncio.create_task(asyncio.to_thread(lambda: list(watch(path))))
    await conure.wait_for_watchers(1)
    await server.stop()
    async with asyncio.timeout(PATIENCE_S):
        assert await watching == []
    assert conure.watchers == 0


async def test_a_watcher_that_takes_nothing_is_dropped_and_counted(
    server: ControlServer, conure: FakeDaemon, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "WRITE_TIMEOUT_S", 0.05)
    lazy = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with lazy:
        lazy.connect(str(path))
        lazy.sendall(b'{"command": "watch"}\n')
        conure.events.put_nowait({"event": "big", "text": "x" * 4_000_000})
        await eventually(lambda: server.counters.watchers_dropped == 1)
        await conure.wait_for_watchers(0)


async def test_a_bug_in_the_stream_is_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_args: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        yield {"event": "first"}
        raise KeyError("bug")

    async with ControlServer(path, FakeDaemon().handle, broken):
        assert await asyncio.to_thread(lambda: list(watch(path))) == [{"event": "first"}]
    assert "met a bug" in caplog.text


# --- the client's words


def test_nobody_there_says_how_to_start(path: Path) -> None:
    with pytest.raises(ControlError, match=r"the daemon is not running.*start it with `conure run`"):
        call(path, "status")


def test_a_socket_left_behind_says_the_same(path: Path) -> None:
    leave_stale(path)
    with pytest.raises(ControlError, match="the daemon is not running"):
        list(watch(path))


def test_another_users_daemon_asks_for_sudo(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(client, "_connect", refuse)
    with pytest.raises(ControlError, match="try again with sudo"):
        call(path, "status")
    assert answers(path)


@pytest.mark.usefixtures("server")
async def test_no_answer_in_time_names_the_journal(path: Path) -> None:
    with pytest.raises(ControlError, match=r"does not answer.*journalctl"):
        await asyncio.to_thread(call, path, "hang", {}, 0.05)


def test_a_request_that_is_too_long_is_not_sent(path: Path) -> None:
    with pytest.raises(ControlError, match="too long"):
        call(path, "say", {"text": "x" * REQUEST_LIMIT_BYTES})


@pytest.mark.parametrize("answer", [b"what?\n", b"[1]\n"])
async def test_an_answer_from_something_else_is_an_error(path: Path, answer: bytes) -> None:
    with pytest.raises(ControlError, match="is not understood"):
        await ask_impostor(path, answer)


async def test_an_answer_that_breaks_off_is_an_error(path: Path) -> None:
    with pytest.raises(ControlError, match="ended before it had answered"):
        await ask_impostor(path, b'{"ok": tr')


async def ask_impostor(path: Path, answer: bytes) -> Any:
    async def give(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        await writer.drain()
        writer.close()

    path.parent.mkdir()
    async with await asyncio.start_unix_server(give, path):
        return await ask(path, "status")


# --- one daemon, one socket


def test_only_this_user_may_connect(path: Path) -> None:
    with listen(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_lock_that_leads_elsewhere_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    precious = tmp_path / "precious"
    precious.write_text("kept")
    path.with_name("control.sock.lock").symlink_to(precious)
    with pytest.raises(ControlError, match="cannot be made"), listen(path):
        pass
    assert precious.read_text() == "kept"


@pytest.mark.usefixtures("server")
async def test_a_second_daemon_is_refused_and_the_first_goes_on(conure: FakeDaemon, path: Path) -> None:
    with pytest.raises(AlreadyRunning, match=rf"running already \(process {os.getpid()}\)"):
        await ControlServer(path, conure.handle, conure.watch).start()
    assert await ask(path, "status") == {"command": "status"}


@pytest.mark.usefixtures("server")
async def test_a_second_daemon_is_refused_without_the_lock_file_too(conure: FakeDaemon, path: Path) -> None:
    path.with_name("control.sock.lock").unlink()
    with pytest.raises(AlreadyRunning, match="it answers at"):
        await asyncio.to_thread(lambda: asyncio.run(ControlServer(path, conure.handle, conure.watch).start()))


async def test_a_socket_left_behind_is_replaced(conure: FakeDaemon, path: Path) -> None:
    leave_stale(path)
    async with ControlServer(path, conure.handle, conure.watch):
        assert await ask(path, "status")


def leave_stale(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))


def test_the_lock_goes_with_a_process_that_is_killed(path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from daemon.control.server import listen\n"
        "with listen(Path(sys.argv[1])): print('listening', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"listening\n"
        with pytest.raises(AlreadyRunning, match=f"process {other.pid}"), listen(path):
            pass
        other.kill()
    with listen(path):
        assert path.exists()


def test_the_socket_is_removed_at_the_end_and_another_can_listen(path: Path) -> None:
    for _ in range(2):
        with listen(path):
            assert path.exists()
        assert not path.exists()


async def test_a_server_that_was_stopped_can_be_stopped_again(conure: FakeDaemon, path: Path) -> None:
    server = ControlServer(path, conure.handle, conure.watch)
    await server.start()
    await server.stop()
    await server.stop()
    assert not answers(path)


def test_a_file_in_the_way_is_left_alone(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text("precious")
    with pytest.raises(ControlError, match="it is no socket"), listen(path):
        pass
    assert path.read_text() == "precious"


def test_a_directory_that_others_can_change_is_refused_unless_it_is_sticky(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(ControlError, match="can be changed by others"), listen(path):
        pass
    path.parent.chmod(0o1777)
    with listen(path):
        assert path.exists()


@pytest.mark.parametrize("name", ["x" * 200, "file/control.sock"])
def test_a_path_that_cannot_be_is_one_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ControlError, match=r"control socket .* cannot be made"), listen(tmp_path / name):
        pass


# --- where it is


def test_the_place_of_the_socket_follows_the_environment(tmp_path: Path) -> None:
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert control_path(env) == tmp_path / "conure/control.sock"
    env["RUNTIME_DIRECTORY"] = "/run/c:/run/d"
    assert control_path(env) == Path("/run/c/control.sock")
    env["CONURE_SOCKET"] = "/a/b.sock"
    assert control_path(env) == Path("/a/b.sock")


def test_without_a_runtime_directory_the_place_is_named_after_the_user(tmp_path: Path) -> None:
    found = control_path({"XDG_RUNTIME_DIR": str(tmp_path / "none")})
    assert found == Path(f"/tmp/conure-{os.getuid()}/control.sock")


def test_another_users_directory_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    if tmp_path.stat().st_uid == 0:
        os.chown(tmp_path, 12345, -1)
    with pytest.raises(ControlError, match="can be changed by others"):
        client.check_private(tmp_path)


def test_a_link_in_place_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(ControlError, match="is in the way"):
        client.check_private(tmp_path / "link")


async def test_the_services_daemon_is_found_where_the_user_runs_none(
    conure: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    service = tmp_path / "service.sock"
    monkeypatch.setattr(client, "SYSTEM_SOCKET", service)
    assert find_daemon(env) == tmp_path / "conure/control.sock"
    async with ControlServer(service, conure.handle, conure.watch):
        assert await asyncio.to_thread(find_daemon, env) == service
        assert find_daemon(env | {"CONURE_SOCKET": "/elsewhere"}) == Path("/elsewhere")


# --- the gateway's group


def some_group() -> grp.struct_group:
    """A group of this machine that is not this process's first one, to which root may give a file."""
    return next(group for group in grp.getgrall() if group.gr_gid not in (os.getgid(), 0))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a socket to a group that it is not in")
def test_the_gateway_s_group_may_connect_where_there_is_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = some_group()
    monkeypatch.setattr(control_server, "GATEWAY_GROUP", group.gr_name)
    with listen(path):
        found = path.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o660, group.gr_gid)
        client.check_private(path.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become other users")
@pytest.mark.parametrize(("member", "code"), [(True, 0), (False, 13)])
def test_another_user_connects_only_as_a_member_of_the_group(
    monkeypatch: pytest.MonkeyPatch, member: bool, code: int
) -> None:
    group = some_group()
    monkeypatch.setattr(control_server, "GATEWAY_GROUP", group.gr_name)
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        socket_path = Path(folder) / "run.sock"
        with listen(socket_path) as listener:
            listener.listen(1)
            assert connected_as(socket_path, 65534, group.gr_gid if member else 65534) == code


def connected_as(path: Path, uid: int, gid: int) -> int:
    """The error number of connecting as another user, who is in this group alone; 0: it worked."""
    code = (
        "import os, socket, sys\n"
        f"os.setgroups([]); os.setgid({gid}); os.setuid({uid})\n"
        f"sys.exit(socket.socket(socket.AF_UNIX).connect_ex({str(path)!r}))"
    )
    return subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_without_the_group_only_this_user_may_connect(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "GATEWAY_GROUP", "no-such-group")
    with listen(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_group_that_it_may_not_give_the_socket_to_is_told_and_harms_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(control_server, "GATEWAY_GROUP", some_group().gr_name)
    monkeypatch.setattr(os, "chown", refuse)
    with listen(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "cannot use the control socket" in caplog.text
