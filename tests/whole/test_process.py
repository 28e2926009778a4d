"""The daemon as a process: how it starts, refuses, is told to end, and what it never shows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from places import ROOT
from rig import HELLO

from daemon.control.client import answers, call
from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from hw.base import MIC_FORMAT

KEY = "AIzaSyT3st-Not_A-Real-Key-0123456789abcdef"
END_LIMIT_S = 2.0
"""From a signal to the end of the process; so the tests that ask for it run alone."""


class Process:
    """`conure run`, with its output."""

    def __init__(self, process: asyncio.subprocess.Process, socket: Path) -> None:
        self.process = process
        self.socket = socket

    async def until(self, what: object, timeout_s: float = 15.0) -> None:
        """Wait until the daemon's status fulfils a condition."""
        async with asyncio.timeout(timeout_s):
            while not (await asyncio.to_thread(answers, self.socket) and what(await self.status())):  # type: ignore[operator]
                assert self.process.returncode is None, "the daemon has ended"
                await asyncio.sleep(0.01)

    async def status(self) -> dict[str, object]:
        return await self.command("status")

    async def command(self, name: str, **args: object) -> dict[str, object]:
        return await asyncio.to_thread(call, self.socket, name, args)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float, str]:
        """Tell it to end; returns exit status, seconds it took, and all its output."""
        began_s = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        out, err = await self.process.communicate()
        return self.process.returncode or 0, time.monotonic() - began_s, (out + err).decode()


def environment(folder: Path, **more: str) -> dict[str, str]:
    names = ("PATH", "HOME", "LANG", *(name for name in os.environ if name.startswith("COVERAGE_")))
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"CONURE_SOCKET": str(folder / "control.sock"), "XDG_STATE_HOME": str(folder)} | more


async def start(folder: Path, *arguments: str, **more: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", *arguments,
        env=environment(folder, **more), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )  # fmt: skip
    return Process(process, folder / "control.sock")


@contextlib.asynccontextmanager
async def served(
    folder: Path, plan: Plan | None = None, config: str = ""
) -> AsyncIterator[tuple[Process, StandIn]]:
    """A daemon on the simulated board with a key, talking to a stand-in of this process."""
    async with StandIn(plan=plan) as standin:
        ca = folder / "ca.pem"
        ca.write_text(standin.ca_pem)
        (folder / "config.toml").write_text('[board]\nname = "simulated"\n' + config)
        process = await start(
            folder, "run", "--config", str(folder / "config.toml"),
            GEMINI_API_KEY=KEY, GOOGLE_GEMINI_BASE_URL=standin.base_url, SSL_CERT_FILE=str(ca),
        )  # fmt: skip
        try:
            yield process, standin
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.process.kill()
            await process.process.wait()


def online(status: dict[str, object]) -> bool:
    return bool(status["link"]["state"] == "online")  # type: ignore[index]  # parsed JSON


def state(name: str) -> object:
    return lambda status: status["state"] == name


MOMENTS = ["connecting", "idle", "listening", "speaking"]


@pytest.mark.alone
@pytest.mark.parametrize("moment", MOMENTS)
async def test_sigterm_ends_it_cleanly_at_any_moment(moment: str, tmp_path: Path) -> None:
    plan = Plan.from_toml('[[rule]]\nwhen = "setup"\ndo = { action = "stall", seconds = 30 }')
    wav = tmp_path / "heard.wav"
    config = f'record_wav = "{wav}"\n'
    async with served(tmp_path, plan if moment == "connecting" else None, config) as (conure, standin):
        if moment == "connecting":
            await standin.wait_for(lambda record: record.connections and record.connections[0].setup, 15)
        else:
            await conure.until(online)
        if moment == "listening":
            await conure.command("talk")
            await conure.until(state("listening"))
        if moment == "speaking":
            await conure.command("say", text="tell me a long story about parrots")
            await conure.until(state("speaking"))
        status, took_s, output = await conure.end()
        assert status == 0, output
        assert took_s < END_LIMIT_S
        assert "Traceback" not in output
        assert not conure.socket.exists()
        with wave.open(str(wav), "rb") as recording:
            assert recording.getframerate() == 24_000
        if moment not in ("connecting",):
            await standin.wait_for(lambda record: not record.connections[0].open)
            assert standin.record.connections[0].close_code in (1000, 1001)


async def test_the_status_counts_what_went_wrong_at_its_own_socket(tmp_path: Path) -> None:
    async with served(tmp_path) as (conure, _):
        await conure.until(online)
        with socket.socket(socket.AF_UNIX) as half:
            half.connect(str(conure.socket))
            half.sendall(b'{"command"')
        await conure.until(lambda status: status["counters"]["control_clients_lost"] == 1)
        counters = (await conure.status())["counters"]
        assert isinstance(counters, dict)
        assert counters["log_lines_dropped"] == counters["manager_messages_dropped"] == 0


@pytest.mark.alone
async def test_sigint_ends_it_too(tmp_path: Path) -> None:
    async with served(tmp_path) as (conure, _):
        await conure.until(online)
        status, took_s, _ = await conure.end(signal.SIGINT)
        assert (status, took_s < END_LIMIT_S) == (0, True)


async def test_a_second_instance_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    async with served(tmp_path) as (conure, _):
        await conure.until(online)
        second = await start(tmp_path, "run", "--standin", "--board", "simulated")
        out, err = await second.process.communicate()
        assert second.process.returncode == 1
        assert b"running" in err
        assert len(err.splitlines()) == 1, (out, err)
        await conure.until(online)


async def test_the_key_appears_nowhere(tmp_path: Path) -> None:
    """Logs at debug, status, command line, environment of the log, errors of a refused key."""
    async with served(tmp_path, config='[log]\nlevel = "debug"\n') as (conure, standin):
        await conure.until(online)
        await conure.command("say", text="hello")
        await conure.until(lambda status: status["turns"])
        seen = str(await conure.status())
        pid = conure.process.pid
        seen += Path(f"/proc/{pid}/cmdline").read_text()
        await standin.drop(1007, f"API key not valid: {KEY}")
        await conure.command("say", text="again")
        await conure.until(lambda status: len(status["turns"]) >= 2)
        seen += str(await conure.status())
        _, _, output = await conure.end()
        seen += output
        assert "INFO" in seen
        assert KEY not in seen
        assert KEY[4:20] not in seen


@pytest.mark.parametrize(
    ("config", "environ", "words"),
    [
        ("", {}, ["API key"]),
        ('[board]\nname = "gemeric"\n', {"GEMINI_API_KEY": KEY}, ["gemeric", "generic"]),
        (
            '[live]\nbase_url = "http://example.org"\n',
            {"GEMINI_API_KEY": KEY},
            ["http://example.org", "https"],
        ),
        (
            '[board]\nname = "generic"\nmic = "Nonesuch"\nspeaker = "Nonesuch"\n',
            {"GEMINI_API_KEY": KEY},
            ["conure: board.", ' = ["Nonesuch"]: there is no ', "--board simulated"],
        ),
        ("[vad\n", {"GEMINI_API_KEY": KEY}, ["config.toml"]),
    ],
    ids=["no key", "board", "plain HTTP", "device", "no TOML"],
)
async def test_what_cannot_work_is_one_clear_line_and_78(
    config: str, environ: dict[str, str], words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(config)
    process = await start(tmp_path, "run", "--config", str(tmp_path / "config.toml"), **environ)
    _, err = await process.process.communicate()
    assert process.process.returncode == 78, err
    assert all(word in err.decode() for word in words), err
    assert "Traceback" not in err.decode()


async def test_a_wav_in_the_wrong_format_is_one_clear_line_and_78(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.wav"
    with wave.open(str(wrong), "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(44_100)
        wav.writeframes(bytes(400))
    (tmp_path / "config.toml").write_text(f'[board]\nname = "simulated"\nsample_wav = "{wrong}"\n')
    process = await start(tmp_path, "run", "--standin", "--once", "--config", str(tmp_path / "config.toml"))
    _, err = await process.process.communicate()
    assert process.process.returncode == 78, err
    assert b"wrong.wav" in err
    assert b"16" in err


async def test_once_hears_its_own_sentence(tmp_path: Path) -> None:
    wav = tmp_path / "reply.wav"
    process = await start(tmp_path, "run", "--demo", "--once", "--board", "simulated", "--wav-out", str(wav))
    out, err = await process.process.communicate()
    assert process.process.returncode == 0, (out, err)
    text = out.decode()
    assert f"The reply is in {wav}." in text
    assert all(word in text for word in ("listening", "thinking", "speaking", "first sound", "was heard"))
    with wave.open(str(wav), "rb") as reply:
        assert reply.getnframes() > 2 * 24_000


REHEARSE = ("run", "--standin", "--once", "--board", "simulated")


def brief(folder: Path) -> list[str]:
    """Options of a rehearsal in which two words are said, and not a sentence."""
    words = folder / "words.wav"
    with wave.open(str(words), "wb") as wav:
        wav.setparams((1, 2, MIC_FORMAT.rate_hz, 0, "NONE", ""))
        wav.writeframes(HELLO)
    config = folder / "config.toml"
    config.write_text(f'[board]\nname = "simulated"\nsample_wav = "{words}"\n')
    return ["--config", str(config)]


async def until_listening(process: Process) -> None:
    """Read what a rehearsal tells until its turn has begun."""
    assert process.process.stdout is not None
    async with asyncio.timeout(15.0):
        while b"listening" not in (line := await process.process.stdout.readline()):
            assert line, "it has ended"


@pytest.mark.alone
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_once_interrupted_is_no_success(number: signal.Signals, status: int, tmp_path: Path) -> None:
    process = await start(tmp_path, *REHEARSE)
    await until_listening(process)
    ended, took_s, output = await process.end(number)
    assert ended == status, output
    assert took_s < END_LIMIT_S
    assert output.splitlines()[-1] == "conure: interrupted before the turn was over"
    assert "Traceback" not in output
    assert not (tmp_path / "conure/reply.wav").exists()


async def test_once_refuses_a_file_that_it_could_not_write_before_it_begins(tmp_path: Path) -> None:
    wav = tmp_path / "none" / "reply.wav"
    process = await start(tmp_path, *REHEARSE, "--wav-out", str(wav))
    out, err = await process.process.communicate()
    assert process.process.returncode == 78, err
    assert out == b""
    assert err.decode().startswith(f"conure: {wav}: cannot be written")
    assert len(err.splitlines()) == 1


async def test_once_that_loses_its_file_meanwhile_fails_with_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "soon gone"
    folder.mkdir()
    process = await start(tmp_path, *REHEARSE, *brief(tmp_path), "--wav-out", str(folder / "reply.wav"))
    await until_listening(process)
    folder.rmdir()
    out, err = await process.process.communicate()
    assert process.process.returncode == 1, (out, err)
    assert b"The reply was heard" in out
    assert "reply.wav: the reply cannot be written: No such file" in err.decode()
    assert len(err.splitlines()) == 1


async def test_once_keeps_the_reply_in_the_state_folder_and_says_so(tmp_path: Path) -> None:
    process = await start(tmp_path, *REHEARSE, *brief(tmp_path))
    out, err = await process.process.communicate()
    assert process.process.returncode == 0, (out, err)
    wav = tmp_path / "conure/reply.wav"
    assert f"The reply is in {wav}." in out.decode()
    assert wav.stat().st_mode & 0o777 == 0o600
    assert wav.parent.stat().st_mode & 0o777 == 0o700


async def test_a_terminal_that_hangs_up_ends_it_cleanly(tmp_path: Path) -> None:
    async with served(tmp_path) as (process, _):
        await process.until(online)
        status, _, output = await process.end(signal.SIGHUP)
    assert status == 0, output
    assert not process.socket.exists()


async def test_nohup_keeps_it(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = await start(tmp_path, "run", "--standin", "--board", "simulated")
    finally:
        signal.signal(signal.SIGHUP, before)
    await process.until(state("idle"))
    process.process.send_signal(signal.SIGHUP)
    assert (await process.status())["state"] == "idle"
    assert (await process.end())[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_command_that_has_a_device_gives_it_back_before_a_signal_ends_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "leds.py").write_text(LIT)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(tmp_path / "leds.py"), env=environment(tmp_path, PYTHONPATH=str(ROOT)),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and (await process.stdout.readline()).strip()
    process.send_signal(number)
    assert (await process.stdout.read()).decode().splitlines()[-1] == "dark"
    assert await process.wait() == -number


LIT = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
from hw.simulated.board import SimulatedLeds
SimulatedLeds.close = lambda self: print("dark", flush=True)
from daemon.cli.main import main
sys.exit(main(["lights", "--board", "simulated"]))
"""


async def test_whoever_watches_sees_how_it_is_what_changes_and_an_orderly_end(tmp_path: Path) -> None:
    async with served(tmp_path) as (process, _):
        await process.until(online)
        watcher = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "daemon", "status", "--watch", "--json", cwd=ROOT,
            env=environment(tmp_path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert watcher.stdout is not None
        first = json.loads(await watcher.stdout.readline())
        assert (first["v"], first["event"], first["status"]["link"]["state"]) == (1, "snapshot", "online")
        await process.command("volume", percent=35)
        await process.command("mute")
        await process.until(lambda status: not status["devices"]["mic"]["open"])
        await process.end()
        out, _ = await watcher.communicate()
    events = [json.loads(line) for line in out.splitlines()]
    assert all(event["v"] == 1 and "at" in event for event in events)
    assert [event["volume"] for event in events if event["event"] == "volume"] == [35]
    assert [event["muted"] for event in events if event["event"] == "mute"] == [True]
    device = next(event for event in events if event["event"] == "device")
    assert (device["device"], device["open"]) == ("mic", False)
    assert any(event["event"] == "light" for event in events)
    assert events[-1]["event"] == "end" and watcher.returncode == 0


async def test_a_second_one_may_not_keep_the_same_state_and_no_process_finds_the_key_of_the_first(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as (daemon, _):
        await daemon.until(online)
        assert KEY.encode() not in Path(f"/proc/{daemon.process.pid}/environ").read_bytes()
        second = await start(
            tmp_path, "run", "--config", str(tmp_path / "config.toml"),
            GEMINI_API_KEY=KEY, CONURE_SOCKET=str(tmp_path / "other.sock"),
        )  # fmt: skip
        out, err = await second.process.communicate()
        assert second.process.returncode == 1
        assert f"another conure is running already (process {daemon.process.pid})" in err.decode()
        assert "both keep their state in" in err.decode()
        assert KEY not in (out + err).decode()
