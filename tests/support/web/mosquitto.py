"""A private Mosquitto for tests: on loopback, with a port, files and nothing else of its own."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin")
"""None: a test that needs it is skipped. Debian puts it where only root's path leads."""

STARTS_S = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Mosquitto:
    """Started, ended and started again at the same port."""

    folder: Path
    port: int = field(default_factory=free_port)
    options: str = "allow_anonymous true\n"
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it listens."""
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\npersistence false\nuser {getpass.getuser()}\n{self.options}"
        )
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [PROGRAM, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        give_up_s = time.monotonic() + STARTS_S
        while time.monotonic() < give_up_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(0.01)
        raise TimeoutError("mosquitto does not listen")

    def stop(self) -> None:
        """At once: whoever is connected sees it die, and nothing of it is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def mosquitto(folder: Path, options: str = "allow_anonymous true\n") -> Iterator[Mosquitto]:
    """Inside, one runs. `options` are further lines of its configuration."""
    broker = Mosquitto(folder, options=options)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
