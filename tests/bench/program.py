"""A program under measurement: started with clocks running, asked of the kernel what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOP_TIMEOUT_S = 5.0
TICKS_HZ = os.sysconf("SC_CLK_TCK")
MB = 1024 * 1024


class Notices:
    """A socket as systemd's: learns of READY=1. It is always read, since whoever writes to it waits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._ready: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._socket, self._take)

    async def ready_s(self, timeout_s: float) -> float:
        """When READY=1 came. Raises TimeoutError."""
        try:
            return await asyncio.wait_for(self._ready, timeout_s)
        except TimeoutError as error:
            raise TimeoutError(f"not READY within {timeout_s:.0f} s") from error

    def close(self) -> None:
        """Nobody listens any more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self.path.unlink()

    def _take(self) -> None:
        if b"READY=1" in self._socket.recv(4096) and not self._ready.done():
            self._ready.set_result(time.monotonic())


@dataclass(frozen=True, slots=True)
class Program:
    """A running process."""

    process: subprocess.Popen[bytes]
    started_s: float

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def cpu_s(self) -> float:
        """User and system time until now, of all its threads (proc(5), stat: fields 14 and 15)."""
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_HZ

    def memory_mb(self, what: str) -> float:
        """`VmHWM` is the peak, `VmRSS` what is resident now, `RssFile` what of it the kernel shares with the
        files of the libraries and can take back (proc(5), status)."""
        line = next(line for line in self._read("status").splitlines() if line.startswith(what))
        return int(line.split()[1]) * 1024 / MB

    def check(self) -> None:
        """Raises RuntimeError when it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the program ended by itself with {self.process.returncode}")

    def _read(self, name: str) -> str:
        self.check()
        return Path(f"/proc/{self.pid}/{name}").read_text("utf-8")


@contextlib.contextmanager
def started(
    command: Sequence[str], environment: dict[str, str], log: Path, folder: Path
) -> Iterator[Program]:
    """Run a program for as long as the body runs; its messages go to `log`."""
    with log.open("ab") as messages:
        started_s = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages
        )
        try:
            yield Program(process, started_s)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass(slots=True)
class CpuMeter:
    """CPU time over wall time, in seconds a minute, from its making on."""

    program: Program
    _cpu_s: float = field(init=False)
    _since_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._cpu_s, self._since_s = self.program.cpu_s(), time.monotonic()

    def s_per_min(self) -> float:
        """What it has cost since."""
        return (self.program.cpu_s() - self._cpu_s) / (time.monotonic() - self._since_s) * 60
