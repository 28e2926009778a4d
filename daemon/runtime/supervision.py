"""What the service manager is told: READY, the state in words, and that everything still moves.

The one module that knows sd_notify(3). Outside systemd all of it does nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

READY_POLL_S = 0.005
"""How often the start looks whether the devices have moved; the start must take less than 0.4 s."""

STATUS_S = 1.0
"""How often the state is looked at, to be told where it has changed."""

STATUS_LIMIT = 300
"""Longest state in words, in characters: it is one line of `systemctl status`."""


def under_service_manager(environ: Mapping[str, str]) -> bool:
    """Whether a service manager started this process, and nobody is looking."""
    return "NOTIFY_SOCKET" in environ


def notify(message: str) -> bool:
    """Tell the service manager, if there is one. Returns whether it was taken (True without one).

    Never waits: a manager that is too busy to read must not hold up a conversation. One that is gone is
    logged.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return True
    if address.startswith("@"):  # the abstract namespace (sd_notify(3))
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto(message.encode(), address)
    except BlockingIOError:
        return False
    except OSError as error:
        log.warning("systemd cannot be told %s: %s", message.partition("=")[0], error.strerror)
    return True


def reloading() -> str:
    """What begins the taking of a new configuration; READY=1 ends it (sd_notify(3))."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


class Supervisor:
    """Feeds the watchdog by progress: of capture, of playback and of the event loop itself."""

    def __init__(
        self,
        progress: Mapping[str, Callable[[], int]],
        status: Callable[[], str],
        environ: Mapping[str, str],
    ) -> None:
        """`progress` gives, by name, counters that grow while a part lives; `status` the state in words."""
        self._progress = progress
        self._status = status
        self._interval_s = watchdog_interval_s(environ)
        self._seen = dict.fromkeys(progress, -1)
        self._stuck = ""
        self._told = ""
        self.dropped = 0
        """Messages that the manager was too busy to take; the next one says as much."""

    def counters(self) -> dict[str, int]:
        """What the manager was not told."""
        return {"manager_messages_dropped": self.dropped}

    async def ready(self) -> None:
        """Wait until each part has moved once, then tell systemd."""
        start = {name: count() for name, count in self._progress.items()}

        def moved() -> bool:
            return all(count() != start[name] for name, count in self._progress.items())

        # The counters grow on the device threads; a few looks at the start need no machinery.
        while not (moved() and self._tell("READY=1")):  # noqa: ASYNC110 - see above
            await asyncio.sleep(READY_POLL_S)

    async def run(self) -> None:
        """Tell the state where it changes and feed the watchdog, for ever, as long as everything moves."""
        loop = asyncio.get_running_loop()
        feed_at_s = loop.time() + self._interval_s
        while True:
            await asyncio.sleep(min(STATUS_S, feed_at_s - loop.time()))
            if loop.time() >= feed_at_s:
                feed_at_s = loop.time() + self._interval_s
                self._feed()
            elif self._status_line() != self._told:
                self._tell()

    def _feed(self) -> None:
        self._stuck = ", ".join(self.stuck())
        if self._stuck:
            log.error("no progress of %s: the watchdog is not fed", self._stuck)
            self._tell()
        else:
            self._tell("WATCHDOG=1")

    def stuck(self) -> list[str]:
        """The parts that have not moved since the last call."""
        now = {name: count() for name, count in self._progress.items()}
        stuck = [name for name, count in now.items() if count == self._seen[name]]
        self._seen = now
        return stuck

    def _tell(self, *words: str) -> bool:
        """These words, with the state."""
        status = self._status_line()
        taken = notify("\n".join([*words, f"STATUS={status}"]))
        self.dropped += not taken
        if taken:
            self._told = status
        return taken

    def _status_line(self) -> str:
        words = f"stuck: {self._stuck}" if self._stuck else self._status()
        return " ".join(words.split())[:STATUS_LIMIT]


def watchdog_interval_s(environ: Mapping[str, str]) -> float:
    """Half of what systemd allows (sd_watchdog_enabled(3)); 10 s without a watchdog."""
    usec = environ.get("WATCHDOG_USEC", "")
    return int(usec) / 2e6 if usec.isascii() and usec.isdigit() and int(usec) > 0 else 10.0
