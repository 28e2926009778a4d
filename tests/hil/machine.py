"""The virtual machine as the tests see it: the installed service from outside, its lights, its sound card.

Runs in the guest as root, with the distribution's Python and pytest; nothing of Conure is imported.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

UNIT = "conure.service"
CONFIG = Path("/etc/conure/config.toml")
CONTROL = "/run/conure/control.sock"
STATE = Path("/var/lib/conure")
SENTENCE = Path("/src/hw/simulated/sentence.wav")
FAR_END = "plughw:Loopback,1"
"""The test's end of the loopback cable; the daemon has the other."""

BUTTON = 17
RED, GREEN, BLUE = 22, 23, 24
PATIENCE_S = 60.0
"""Emulation takes seconds for what takes a Pi tenths; a test that is about time says how much it allows."""


def run(*words: str, timeout_s: float = PATIENCE_S) -> str:
    """What a program prints. Raises CalledProcessError or TimeoutExpired."""
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, timeout=timeout_s)
    return done.stdout.strip()


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> float:
    """Wait until the condition holds; returns how long that took, in seconds."""
    began_s = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - began_s
        assert waited_s < timeout_s, f"not within {timeout_s:g} s: {what}; {shown('StatusText')!r}"
        time.sleep(0.1)
    return time.monotonic() - began_s


# --- the service


def shown(name: str) -> str:
    """A property of the unit."""
    return run("systemctl", "show", "--value", "--property", name, UNIT)


def systemctl(*words: str) -> int:
    """The exit status of systemctl."""
    return subprocess.run(["systemctl", *words], check=False).returncode


def ask(command: str, **args: object) -> Any:
    """What the daemon answers at its control socket (`daemon/control/client.py`)."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_S)
        client.connect(CONTROL)
        client.sendall(json.dumps({"command": command, "args": args}).encode() + b"\n")
        with client.makefile() as answers:
            answer = json.loads(answers.readline())
    assert answer["ok"], answer
    return answer["result"]


def state() -> str:
    """The daemon's state in one word; empty while it cannot be asked."""
    try:
        return str(ask("status")["state"])
    except OSError:
        return ""


def is_online() -> bool:
    return bool(ask("status")["link"]["state"] == "online")


def turns() -> list[dict[str, Any]]:
    """The turns that are over, the last one last."""
    return [turn for turn in ask("status")["turns"] if turn["outcome"] is not None]


def answered(before: int) -> None:
    """Wait until one more turn is over than there were before; it was answered."""
    wait_for(lambda: len(turns()) > before, "the turn is over")
    print(turns()[-1])
    assert turns()[-1]["outcome"] == "answered"


def fresh_start() -> None:
    """The service runs as installed, is idle and connected, and has not been restarted."""
    systemctl("reset-failed", UNIT)
    assert systemctl("restart", UNIT) == 0
    wait_for(lambda: state() == "idle" and is_online(), "idle and online after a start")


@contextlib.contextmanager
def configured(*changes: tuple[str, str]) -> Iterator[None]:
    """The configuration with these replacements; it is put back afterwards."""
    before = CONFIG.read_text()
    text = before
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    CONFIG.write_text(text)
    try:
        yield
    finally:
        CONFIG.write_text(before)


def journal_since(at_s: float, *matches: str) -> list[dict[str, Any]]:
    """The unit's entries from this moment on (time.time(), seconds)."""
    run("journalctl", "--sync")
    lines = run("journalctl", "--output=json", f"--since=@{at_s:.6f}", f"--unit={UNIT}", *matches)
    return [json.loads(line) for line in lines.splitlines()]


# --- the button and the lights


@dataclass(frozen=True)
class Line:
    """A line of the simulated header, from the side of the wires."""

    folder: Path

    @classmethod
    def number(cls, number: int) -> Line:
        return cls(Path(run("hardware", "line", str(number))))

    @property
    def level(self) -> int:
        return int((self.folder / "value").read_text())

    def pull(self, way: str) -> None:
        (self.folder / "pull").write_text(f"pull-{way}")


class Button:
    """A push button between its line and ground."""

    def __init__(self) -> None:
        self._line = Line.number(BUTTON)

    def press(self) -> None:
        self._line.pull("down")

    def release(self) -> None:
        self._line.pull("up")

    def tap(self, held_s: float = 0.1) -> None:
        self.press()
        time.sleep(held_s)
        self.release()


@dataclass(frozen=True)
class Sample:
    """The three lines at one moment."""

    at_s: float
    red: int
    green: int
    blue: int


class Lamp:
    """Watches the three LED lines, as an eye would."""

    def __init__(self) -> None:
        self._lines = [Line.number(number) for number in (RED, GREEN, BLUE)]

    def look(self) -> Sample:
        return Sample(time.monotonic(), *(line.level for line in self._lines))

    def watch(self, seconds: float) -> list[Sample]:
        """Samples, some 200 a second at best."""
        end_s = time.monotonic() + seconds
        samples = []
        while time.monotonic() < end_s:
            samples.append(self.look())
            time.sleep(0.004)
        return samples

    @contextlib.contextmanager
    def watching(self) -> Iterator[list[Sample]]:
        """Samples that grow while the body runs."""
        samples: list[Sample] = []
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(0.004):
                samples.append(self.look())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield samples
        finally:
            stop.set()
            watcher.join()


def seen(samples: list[Sample]) -> set[str]:
    """The colours that were lit at any time."""
    return {name for name in ("red", "green", "blue") if any(getattr(sample, name) for sample in samples)}


def blinks(samples: list[Sample], colour: str = "red") -> list[int]:
    """How many times the colour lit up in each group of blinks; pauses of a second and more part the groups.

    The first and the last group may have been watched in part only, and are left out.
    """
    lit_s = [sample.at_s for sample in samples if getattr(sample, colour)]
    ups = [at_s for before_s, at_s in pairwise(lit_s) if at_s - before_s > 0.15]
    groups: list[int] = []
    last_s = None
    for at_s in [*lit_s[:1], *ups]:
        if last_s is None or at_s - last_s > 1.0:
            groups.append(0)
        groups[-1] += 1
        last_s = at_s
    return groups[1:-1]


# --- the sound card


def speak(wav: Path = SENTENCE) -> None:
    """Say something into the daemon's microphone, in real time."""
    run("aplay", "--quiet", "--device", FAR_END, str(wav))


@contextlib.contextmanager
def recording() -> Iterator[Path]:
    """A file that receives what the daemon's speaker plays (24 kHz mono), while the body runs."""
    wav = Path(tempfile.mkdtemp()) / "heard.wav"
    words = ["arecord", "--quiet", "--device", FAR_END, "--format", "S16_LE", "--rate", "24000", str(wav)]
    recorder = subprocess.Popen(words)
    wait_for(lambda: wav.exists() and wav.stat().st_size > 0, "the recording has begun")
    try:
        yield wav
    finally:
        recorder.terminate()
        recorder.wait()


def likeness(wav: Path) -> dict[str, float]:
    """How much of the sentence is in a recording (`compare.py`, which needs the numpy of Conure)."""
    compare = str(Path(__file__).with_name("compare.py"))
    environ = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    words = ["/opt/conure/current/bin/python", compare, str(SENTENCE), str(wav)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environ)
    found: dict[str, float] = json.loads(done.stdout)
    print(found)
    return found
