"""The machine itself: its clock, power, free space, memory, and the versions of what runs on it."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon import __version__
from daemon.doctor.finding import Check, Finding, fine, skipped, wrong
from daemon.doctor.machine import Machine
from daemon.runtime.clock import clock_is_set
from daemon.runtime.store import state_folder

if TYPE_CHECKING:
    from daemon.doctor.case import Case

MODEL = Path("/proc/device-tree/model")

THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
"""The same in a file, for kernels without vcgencmd's device (drivers/firmware/raspberrypi.c)."""

POWER_BITS: tuple[tuple[int, str, str], ...] = (
    # bit of get_throttled (raspberrypi.com documentation, vcgencmd): what it means, what to do
    (0, "under-voltage now", "a supply that holds 5.1 V (3 A for a Pi 4, 5 A for a Pi 5), and a short cable"),
    (16, "under-voltage since it was started", "a better supply and a short cable; fewer USB devices"),
    (2, "throttled now", "a heat sink, or more air"),
    (3, "hot now, and slowed down", "a heat sink, or more air"),
    (18, "throttled since it was started", "a heat sink, or a better supply"),
    (19, "was hot since it was started", "a heat sink, or more air"),
)

LEAST_FREE_BYTES = 100 * 2**20
"""The journal, an upgrade's wheels and the state files; below this a card is full within days."""

LEAST_MEMORY_KB = 60 * 1024
"""Conure's peak is 90 MB, most of which a running one has already."""

LIBRARIES = (
    "google-genai", "websockets", "numpy", "PyAudio", "soxr", "pywebrtc-audio", "webrtcvad-wheels",
    "gpiozero", "lgpio", "systemd-python",
)  # fmt: skip

EMPTY_LGPIO = "0.0.0.2"
"""A stub that was uploaded in the place of the library, and is still found where no wheel fits."""

CHECKS = (Check.CLOCK, Check.POWER, Check.SPACE, Check.MEMORY, Check.VERSIONS)


def probe(case: Case) -> Iterator[Finding]:
    """All of it."""
    machine = case.machine
    yield _clock(machine)
    yield _power(machine)
    yield _space(machine)
    yield judge_memory(machine.read("/proc/meminfo") or "")
    yield _versions(machine)


def _clock(machine: Machine) -> Finding:
    set_to_s = machine.wall_clock()
    told = machine.run(["timedatectl", "show", "--property=NTPSynchronized", "--property=NTP"])
    return judge_clock(set_to_s, told or "")


def judge_clock(now_s: float, told: str) -> Finding:
    """Whether the clock is set; `told`: what timedatectl shows, empty where it is not there."""
    check = Check.CLOCK
    on = "`sudo timedatectl set-ntp true`"
    if not clock_is_set(now_s):
        remedy = f"{on} and a network; without one, `sudo date -s 'YYYY-MM-DD HH:MM'`"
        return wrong(check, "not set: certificates cannot be checked", remedy)
    if "NTPSynchronized=yes" in told:
        return fine(check, "set, and kept by the network")
    if "NTPSynchronized=no" in told:
        found = "set, but not kept by the network" + (" yet" if "NTP=yes" in told else ": that is off")
        return skipped(check, found, "" if "NTP=yes" in told else on)
    return fine(check, "set")


def _power(machine: Machine) -> Finding:
    if "Raspberry Pi" not in (machine.read(MODEL) or ""):
        return skipped(Check.POWER, "only a Raspberry Pi tells")
    told = machine.run(["vcgencmd", "get_throttled"]) or machine.read(THROTTLED) or ""
    return judge_power(told)


def judge_power(told: str) -> Finding:
    """From `throttled=0x50005`, or the number alone."""
    found = re.fullmatch(r"(?:throttled=)?(?:0x)?([0-9a-fA-F]+)", told.strip())
    if found is None:
        return skipped(Check.POWER, "the firmware does not tell", "`sudo conure doctor` may ask it")
    bits = int(found[1], 16)
    troubles = [(words, remedy) for bit, words, remedy in POWER_BITS if bits & 1 << bit]
    if not troubles:
        return fine(Check.POWER, "steady since it was started")
    return wrong(Check.POWER, ", ".join(words for words, _ in troubles), troubles[0][1])


def _space(machine: Machine) -> Finding:
    places = [
        Path("/"),
        Path("/var/lib/conure"),
        *([folder] if (folder := state_folder(machine.env)) else []),
    ]
    free = {}
    for place in places:
        try:
            free[place] = machine.free_bytes(machine.at(place))
        except OSError:
            continue
    if not free:
        return skipped(Check.SPACE, "cannot be told")
    least = min(free, key=lambda place: free[place])
    return judge_space(least, free[least])


def judge_space(place: Path, free_bytes: int) -> Finding:
    """Whether there is room for a while."""
    words = f"{free_bytes / 2**20:,.0f} MB on the file system of {place}"
    if free_bytes >= LEAST_FREE_BYTES:
        return fine(Check.SPACE, words)
    remedy = "`sudo journalctl --vacuum-size=50M`, `sudo apt clean`; `sudo du -xh / | sort -h | tail`"
    return wrong(Check.SPACE, f"only {words}", remedy)


def judge_memory(meminfo: str) -> Finding:
    """From /proc/meminfo."""
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", meminfo, re.MULTILINE))
    if "MemAvailable" not in found or "MemTotal" not in found:
        return skipped(Check.MEMORY, "cannot be told")
    available_kb, total_kb = int(found["MemAvailable"]), int(found["MemTotal"])
    words = f"{available_kb // 1024} of {total_kb // 1024} MB available"
    if available_kb < LEAST_MEMORY_KB:
        return wrong(Check.MEMORY, f"only {words}", "end what uses it (`ps aux --sort=-rss | head`)")
    return fine(Check.MEMORY, words)


def versions(machine: Machine) -> dict[str, Any]:
    """What runs here: conure, python, system, kernel, machine (may be empty), and libraries by name."""
    system = re.search(r'^PRETTY_NAME="?([^"\n]*)', machine.read("/etc/os-release") or "", re.MULTILINE)
    return {
        "conure": __version__,
        "python": platform.python_version(),
        "system": system[1] if system else platform.system(),
        "kernel": f"Linux {platform.release()} {platform.machine()}",
        "machine": machine.read(MODEL) or "",
        "libraries": {name: machine.version_of(name) for name in LIBRARIES},
    }


def _versions(machine: Machine) -> Finding:
    told = versions(machine)
    libraries = told["libraries"]
    faults = [f"{name} is missing" for name, version in libraries.items() if version is None]
    if libraries["lgpio"] == EMPTY_LGPIO:
        faults.append(f"lgpio {EMPTY_LGPIO} is an empty stub")
    if faults:
        return wrong(
            Check.VERSIONS, "; ".join(faults), "install again: `sudo scripts/install`, or `scripts/run`"
        )
    parts = [
        f"conure {told['conure']}",
        f"Python {told['python']}",
        told["system"],
        told["kernel"],
        told["machine"],
        *(f"{name} {version}" for name, version in libraries.items()),
    ]
    return fine(Check.VERSIONS, ", ".join(part for part in parts if part))
