"""The service as systemd sees it: its limits, its ends, what it writes."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import machine
import pytest
from machine import Button, ask, configured, fresh_start, shown, speak, state, systemctl, wait_for

WATCHDOG_S = 30.0
"""WatchdogSec of the unit. Ending and starting come on top: five seconds at most, and a start."""

CGROUP = Path("/sys/fs/cgroup/system.slice/conure.service")


@pytest.fixture(autouse=True)
def running() -> None:
    if shown("ActiveState") != "active" or state() != "idle":
        fresh_start()


def main_pid() -> int:
    return int(shown("MainPID"))


def restarts() -> int:
    return int(shown("NRestarts"))


# --- the unit


def test_the_unit_is_understood() -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", machine.UNIT], capture_output=True, text=True, check=False
    )
    # Growing pauses between restarts came with systemd 254.
    strange = [line for line in done.stderr.splitlines() if not re.search("Restart(Steps|MaxDelaySec)", line)]
    assert strange == []


def test_the_exposure_level_is_low() -> None:
    lines = machine.run("systemd-analyze", "security", "--no-pager", machine.UNIT).splitlines()
    level = float(re.findall(r"[\d.]+", lines[-1])[-1])
    print(lines[-1])
    assert level <= 1.5


def test_the_journal_has_fields() -> None:
    now_s = time.time()
    Button().tap()
    wait_for(lambda: state() == "listening", "listening")
    ask("stop")
    wait_for(lambda: state() == "idle", "idle")
    entries = machine.journal_since(now_s, "CONURE_STATE=listening")
    assert entries
    entry = entries[0]
    assert entry["CONURE_BOARD"] == "generic"
    assert int(entry["CONURE_TURN"]) >= 1
    assert (entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]) == ("6", "conure")
    assert entry["_TRANSPORT"] == "journal"


def test_it_keeps_far_below_its_memory_ceiling() -> None:
    events = dict(line.split() for line in (CGROUP / "memory.events").read_text().splitlines())
    peak_mb = int((CGROUP / "memory.peak").read_text()) / 2**20
    print(f"peak {peak_mb:.0f} MB")
    assert [events[name] for name in ("high", "max", "oom_kill")] == ["0", "0", "0"]
    assert int(shown("MemoryMax")) == 224 * 2**20
    assert shown("OOMPolicy") == "continue"


def test_it_writes_nothing_outside_its_own_folders(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    stamp.touch()
    time.sleep(1.1)
    fresh_start()
    Button().tap()
    speak()
    machine.answered(0)
    systemctl("stop", machine.UNIT)
    # The machine's clock leaps ahead while nothing but the disk is busy.
    words = ["find", "/", "-xdev", "-newer", str(stamp), "(", "-type", "f", "-o", "-type", "d", ")"]
    newer = machine.run(*words, timeout_s=3600).split()
    allowed = ("/var/lib/conure", "/var/log/journal", "/var/lib/systemd", "/run", "/out", "/tmp", "/var/tmp")
    assert [path for path in newer if not path.startswith(allowed) and path not in ("/", "/var/lib")] == []
    assert state_files() <= {"lock", "usage.json", "times.json", "session.json"}


def state_files() -> set[str]:
    """What the daemon keeps, without what sound libraries put into a home directory (.config)."""
    return {path.name for path in machine.STATE.iterdir() if path.name != ".config"}


# --- SIGHUP


def test_a_good_configuration_is_taken_on_reload() -> None:
    pid = main_pid()
    with configured(("pin = 17", 'pin = 17\nhold = "none"\nlong = "mute"\nlong_ms = 600')):
        assert systemctl("reload", machine.UNIT) == 0
        wait_for(lambda: state() == "idle" and shown("SubState") == "running", "taken")
        Button().tap(0.9)
        wait_for(lambda: ask("status")["muted"], "the long press mutes, as now configured")
    assert systemctl("reload", machine.UNIT) == 0
    wait_for(lambda: state() == "idle" and not ask("status")["muted"], "the old one is taken again")
    assert (main_pid(), restarts()) == (pid, 0)


def test_a_bad_configuration_is_told_and_the_old_one_stays() -> None:
    now_s = time.time()
    up_s = ask("status")["up_s"]
    with configured(("pin = 17", "pin = 1700")):
        assert systemctl("reload", machine.UNIT) == 0
        wait_for(lambda: machine.journal_since(now_s, "PRIORITY=3"), "an error in the journal")
    told = machine.journal_since(now_s, "PRIORITY=3")[0]["MESSAGE"]
    assert "button.pin" in told
    assert "stays in force" in told
    wait_for(
        lambda: (shown("ActiveState"), shown("SubState")) == ("active", "running"), "no longer reloading"
    )
    assert ask("status")["up_s"] > up_s
    assert state() == "idle"


# --- its ends


def test_a_stopped_process_is_restarted_by_the_watchdog() -> None:
    old, count = main_pid(), restarts()
    os.kill(old, signal.SIGSTOP)
    took_s = wait_for(lambda: back_again(count), "restarted", 90)
    print(f"back after {took_s:.0f} s")
    assert took_s < WATCHDOG_S + 15
    assert main_pid() != old


def test_a_blocked_loop_is_restarted_by_the_watchdog_and_tells_where_it_stood() -> None:
    now_s = time.time()
    old, count = main_pid(), restarts()
    stop_thread(old)
    took_s = wait_for(lambda: reap(old) or back_again(count), "restarted", 90)
    print(f"back after {took_s:.0f} s")
    assert took_s < WATCHDOG_S + 15
    told = "\n".join(str(entry["MESSAGE"]) for entry in machine.journal_since(now_s))
    assert "Watchdog timeout" in told
    assert "Fatal Python error: Aborted" in told
    assert "asyncio" in told


def back_again(count: int) -> bool:
    """Whether it has been restarted since there were `count` restarts, and is READY."""
    return restarts() > count and shown("ActiveState") == "active"


def stop_thread(number: int) -> None:
    """Stop one thread and leave the others of its process running (ptrace(2): PTRACE_SEIZE, _INTERRUPT)."""
    libc = ctypes.CDLL(None, use_errno=True)
    for request in (0x4206, 0x4207):
        assert libc.ptrace(ctypes.c_long(request), ctypes.c_long(number), None, None) == 0, ctypes.get_errno()


def reap(number: int) -> bool:
    """Let go of a stopped thread that has ended: before that, systemd does not learn of it. Always False."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(number, os.WNOHANG | 0x40000000)  # __WALL
    return False


def test_killed_in_the_middle_of_a_reply_it_comes_back_with_whole_files() -> None:
    Button().tap()
    wait_for(lambda: state() == "listening", "listening")
    speak()
    wait_for(lambda: state() == "speaking", "speaking")
    count = restarts()
    os.kill(main_pid(), signal.SIGKILL)
    wait_for(lambda: back_again(count), "back and READY")
    for name in state_files():
        json.loads((machine.STATE / name).read_text())


def test_without_a_key_it_says_so_by_light_ends_with_78_and_is_left_alone() -> None:
    key = Path("/etc/credstore/gemini-api-key")
    aside = key.with_suffix(".aside")
    systemctl("stop", machine.UNIT)
    key.rename(aside)
    lamp = machine.Lamp()
    try:
        with machine.recording() as wav, lamp.watching() as samples:
            assert systemctl("start", machine.UNIT) != 0
        assert (shown("ExecMainStatus"), shown("ActiveState"), shown("Result")) == (
            "78",
            "failed",
            "exit-code",
        )
        assert 5 in machine.blinks(samples)
        assert machine.seen(samples) == {"red"}
        assert machine.likeness(wav)["peak"] > 1000, "the words were to be heard"
        time.sleep(5)
        assert (restarts(), shown("ActiveState")) == (0, "failed")
    finally:
        aside.rename(key)
    fresh_start()


# --- the card


def test_a_card_that_is_removed_and_comes_back() -> None:
    lamp, pid = machine.Lamp(), main_pid()
    removing = switch_card("unbind")
    wait_for(lambda: light() == "no microphone", "the light tells that the microphone is gone")
    wait_for(lambda: "no capture device" in shown("StatusText"), "the state names the device that is missed")
    samples = lamp.watch(10.0)
    assert machine.seen(samples) == {"red"}
    assert set(machine.blinks(samples)) == {3}
    let_go(removing)
    assert switch_card("bind").wait(machine.PATIENCE_S) == 0
    wait_for(lambda: light() == "ready", "both devices are back")
    before = len(machine.turns())
    Button().tap()
    wait_for(lambda: state() == "listening", "listening")
    speak()
    machine.answered(before)
    assert (main_pid(), restarts()) == (pid, 0)


def let_go(removing: subprocess.Popen[bytes]) -> None:
    """Wait until nobody has a file of the removed card open any more.

    PortAudio 19.6 leaves those of a stream that failed open when it closes it, and this driver, unlike
    that of a USB card, waits for them. A reload closes them.
    """
    try:
        removing.wait(5)
    except subprocess.TimeoutExpired:
        print("files of the removed card were still open; reloading")
        assert systemctl("reload", machine.UNIT) == 0
        assert removing.wait(machine.PATIENCE_S) == 0


def switch_card(way: str) -> subprocess.Popen[bytes]:
    """Take the card from its driver (unbind), or give it back (bind)."""
    return subprocess.Popen(["sh", "-c", f"echo snd_aloop.0 >/sys/bus/platform/drivers/snd_aloop/{way}"])


def light() -> str:
    """What the lights say; empty while the daemon cannot be asked."""
    try:
        return str(ask("status")["light"])
    except OSError:
        return ""


# --- the clock


def test_with_a_wrong_clock_it_waits_for_time() -> None:
    now_s = time.time()
    systemctl("stop", machine.UNIT)
    time.clock_settime(time.CLOCK_REALTIME, 1_600_000_000)  # September 2020
    try:
        assert systemctl("start", machine.UNIT) == 0
        wait_for(lambda: "clock" in shown("StatusText").lower(), "the state names the clock")
        wait_for(
            lambda: ask("status")["light"] == "offline", "the light tells of it, once nobody is listened to"
        )
    finally:
        time.clock_settime(time.CLOCK_REALTIME, now_s)
    wait_for(machine.is_online, "online, once the time is known")
