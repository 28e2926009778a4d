"""A private PulseAudio for tests: its own folder, socket and configuration, and two null sinks as sound card.

What is played into `mic_sink` is heard by the capture device `conure_mic`, and `conure_speaker` plays into
`speaker_sink`; both are also the default devices. Nothing of the user's own sound server is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw.base import MIC_FORMAT, SPEAKER_FORMAT, PcmFormat

MISSING = [program for program in ("pulseaudio", "pactl", "parec", "pacat") if shutil.which(program) is None]
"""Programs without which there is no private PulseAudio; a test that needs it is then skipped."""

MIC_DEVICE = "conure_mic"
SPEAKER_DEVICE = "conure_speaker"
MIC_SINK = "mic_sink"
SPEAKER_SINK = "speaker_sink"

LATENCY_MS = 5
"""A null sink goes at the pace of its most impatient client: until a recorder with this latency listens to
its monitor, it takes and gives samples in bursts of up to two seconds."""

ASOUNDRC = f"""
pcm.{MIC_DEVICE} {{ type pulse device "{MIC_SINK}.monitor" hint.description "test microphone" }}
pcm.{SPEAKER_DEVICE} {{ type pulse device "{SPEAKER_SINK}" hint.description "test speaker" }}
pcm.!default {{ type asym capture.pcm "{MIC_DEVICE}" playback.pcm "{SPEAKER_DEVICE}" }}
ctl.!default {{ type pulse }}
"""

TIMEOUT_S = 15.0
"""A server that starts, and sinks that become regular, may take this long on a busy machine."""

REGULAR_S = 0.5
IRREGULAR_S = 0.05
"""The sinks are regular when for the first time span no recorder waited longer than the second."""

AHEAD_S = 1.2
"""A sink that works so far ahead answers nobody for longer than a read may take."""

RECENT_PIECES = 20_000
"""What a recorder keeps unless told otherwise: some 100 s."""

LOUD = 500
"""Samples above this are sound: some -36 dBFS."""


@dataclass(frozen=True, slots=True)
class SinkForm:
    """A sink's own format, and the rate at which it is recorded."""

    arguments: str
    recorded_hz: int


USUAL = {name: SinkForm("rate=48000", SPEAKER_FORMAT.rate_hz) for name in (MIC_SINK, SPEAKER_SINK)}
"""Stereo at 48 kHz, as most cards are: the server resamples."""

EXACT = {
    MIC_SINK: SinkForm("rate=16000 channels=1", MIC_FORMAT.rate_hz),
    SPEAKER_SINK: SinkForm("rate=24000 channels=1", SPEAKER_FORMAT.rate_hz),
}
"""The formats of Conure's own streams: nothing is resampled, and samples can be compared one by one."""


class Recorder:
    """What a sink plays, as mono, with the time at which each piece came; the newest `keep_pieces` of it."""

    def __init__(
        self,
        pulse: PrivatePulse,
        sink: str,
        rate_hz: int = SPEAKER_FORMAT.rate_hz,
        keep_pieces: int = RECENT_PIECES,
    ) -> None:
        self.rate_hz = rate_hz
        self._keep_pieces = keep_pieces
        command = ["parec", f"--device={sink}.monitor", f"--latency-msec={LATENCY_MS}", "--raw"]
        self._process = subprocess.Popen(
            [*command, f"--rate={rate_hz}", "--channels=1", "--format=s16le"],
            env=pulse.process_environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
        )  # fmt: skip
        self._lock = threading.Lock()
        self._pieces: list[tuple[float, bytes]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def pieces(self) -> list[tuple[float, bytes]]:
        """Each piece with the time at which its first sample was played, seen from when the piece came."""
        with self._lock:
            pieces = list(self._pieces)
        form = PcmFormat(self.rate_hz)
        return [(came_s - form.seconds(len(pcm)), pcm) for came_s, pcm in pieces]

    def recent(self, seconds: float) -> list[tuple[float, bytes]]:
        """The newest pieces, with times that do not depend on when a busy machine delivered each.

        The sink plays by this machine's clock, so a sample's place in the record is its time; the piece that
        came with the least delay tells when the record began.
        """
        form = PcmFormat(self.rate_hz)
        pieces = [(at_s, pcm) for at_s, pcm in self.pieces() if at_s > time.monotonic() - seconds]
        places_s = [0.0, *accumulate(form.seconds(len(pcm)) for _, pcm in pieces)]
        began_s = min(
            (at_s - place_s for (at_s, _), place_s in zip(pieces, places_s, strict=False)), default=0.0
        )
        return [(began_s + place_s, pcm) for (_, pcm), place_s in zip(pieces, places_s, strict=False)]

    def wait_until_regular(self) -> None:
        """Wait until pieces come at an even pace. Raises TimeoutError."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while not self._is_regular():
            if time.monotonic() > deadline_s:
                raise TimeoutError("the null sinks stay irregular")
            time.sleep(0.05)

    def close(self) -> None:
        """Stop recording."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _is_regular(self) -> bool:
        now_s = time.monotonic()
        with self._lock:
            times = [came_s for came_s, _ in self._pieces]
        recent = [came_s for came_s in times if came_s > now_s - REGULAR_S]
        edges = [now_s - REGULAR_S, *recent, now_s]
        waits = (later - earlier for earlier, later in pairwise(edges))
        return bool(times) and times[0] < now_s - REGULAR_S and max(waits) < IRREGULAR_S

    def _run(self) -> None:
        assert self._process.stdout is not None
        odd = b""
        while data := os.read(self._process.stdout.fileno(), 4096):
            data = odd + data
            whole = len(data) // 2 * 2
            odd = data[whole:]
            with self._lock:
                self._pieces.append((time.monotonic(), data[:whole]))
                del self._pieces[: -self._keep_pieces]


class PrivatePulse:
    """A server of its own; `environment` is what makes PulseAudio's and ALSA's libraries find it."""

    def __init__(
        self, folder: Path, sinks: Mapping[str, SinkForm] = USUAL, keep_pieces: int = RECENT_PIECES
    ) -> None:
        self.folder = folder
        self._sinks = sinks
        self._keep_pieces = keep_pieces
        self._server: subprocess.Popen[bytes] | None = None
        self.recorders: dict[str, Recorder] = {}
        """What each sink plays: they also make the sinks regular."""
        self.environment = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "PULSE_RUNTIME_PATH": str(folder / "pulse"),
            "PULSE_SERVER": f"unix:{folder / 'socket'}",
        }
        (folder / ".asoundrc").write_text(ASOUNDRC, encoding="utf-8")

    @property
    def process_environment(self) -> dict[str, str]:
        """The environment of a child process that shall use this server."""
        return {**os.environ, **self.environment}

    def start(self) -> None:
        """Start the server, and wait until it is of use. Raises TimeoutError."""
        with (self.folder / "log").open("wb") as log:
            self._server = subprocess.Popen(self._command(), env=self.process_environment, stderr=log)
        self._until(lambda: self._pactl("info"))
        self.recorders = {
            sink: Recorder(self, sink, form.recorded_hz, self._keep_pieces)
            for sink, form in self._sinks.items()
        }
        for sink in self._sinks:
            self.set_pace(sink)
        for recorder in self.recorders.values():
            recorder.wait_until_regular()

    def revive(self) -> None:
        """Start it again where it has ended: a test that failed, or that ended it, leaves it to the next."""
        if self._server is None or self._server.poll() is not None:
            self.kill()
            self.start()

    def set_pace(self, sink: str) -> None:
        """Let a new sink that has a recorder begin anew: it is two seconds ahead, and would wait for so long.

        Raises TimeoutError.
        """
        self._until(lambda: self._is_recorded(sink))
        for asleep in ("1", "0"):
            self._pactl("suspend-sink", sink, asleep)

    def leave_alone(self) -> None:
        """End what makes the sinks regular, as on a machine where nobody plays or listens; `kill` ends that.

        Returns when they have gone ahead by seconds. Raises TimeoutError.
        """
        for recorder in self.recorders.values():
            recorder.close()
        self.recorders = {}
        self._until(lambda: self._ahead_s() > AHEAD_S)

    def _ahead_s(self) -> float:
        """By how much the sink that is least ahead works ahead."""
        told = re.findall(r"^\s*Latency: (\d+) usec", self._pactl("list", "sinks"), re.MULTILINE)
        return min((int(usec) / 1e6 for usec in told), default=0.0)

    def kill(self) -> None:
        """End the server as a crash would, while its clients go on; `start` may follow."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None
        for recorder in self.recorders.values():
            recorder.close()
        self.recorders = {}
        (self.folder / "socket").unlink(missing_ok=True)

    def hang(self) -> None:
        """Let the server stop answering, with all connections open; only `kill` ends that."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def play(self, pcm: bytes) -> None:
        """Let the microphone hear 16 kHz mono s16 samples; returns when they have been said."""
        command = ["pacat", f"--device={MIC_SINK}", "--raw", "--channels=1", "--format=s16le"]
        subprocess.run(
            [*command, f"--rate={MIC_FORMAT.rate_hz}"], env=self.process_environment, input=pcm, check=True
        )

    def _command(self) -> list[str]:
        return [
            "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
            "--log-level=error", "--log-target=stderr",
            "-L", f"module-native-protocol-unix socket={self.folder / 'socket'} auth-anonymous=1",
            *(word for name, form in self._sinks.items()
              for word in ("-L", f"module-null-sink sink_name={name} {form.arguments}")),
        ]  # fmt: skip

    def _is_recorded(self, sink: str) -> bool:
        sources = [line.split("\t") for line in self._pactl("list", "short", "sources").splitlines()]
        return any(source[1] == f"{sink}.monitor" and source[-1] == "RUNNING" for source in sources)

    def _pactl(self, *words: str) -> str:
        """What the server answers; nothing while it does not."""
        command = ["pactl", *words]
        return subprocess.run(command, env=self.process_environment, capture_output=True, text=True).stdout

    def _until(self, condition: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline_s:
                raise TimeoutError((self.folder / "log").read_text(encoding="utf-8"))
            time.sleep(0.02)


@pytest.fixture(scope="session")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePulse]:
    """A running server that this process uses, the same for all tests; skips without PulseAudio."""
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)}")
    server = PrivatePulse(tmp_path_factory.mktemp("pulse"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        server.start()
        yield server
        server.kill()


def loud_times_s(pieces: list[tuple[float, bytes]], since_s: float) -> NDArray[np.float64]:
    """When each loud sample was played, of those that were after a moment."""
    times = [begin_s + loud_frames(pcm) / SPEAKER_FORMAT.rate_hz for begin_s, pcm in pieces]
    together = np.sort(np.concatenate([np.zeros(0), *times]))
    return together[together >= since_s]


def loud_frames(pcm: bytes) -> NDArray[np.intp]:
    """Which frames of mono samples are loud."""
    return np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > LOUD)
