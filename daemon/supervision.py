"""What the service manager is told: READY, the state in words, and that everything still moves.

The one module that knows sd_notify (systemd-python). Outside systemd all of it does nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

READY_POLL_S = 0.005
"""How often the start looks whether the devices have moved; the start must take less than 0.4 s."""


def notify(message: str) -> None:
    """Tell systemd, if it is there; a socket that nobody serves any more is logged.

    The import waits until then: it costs memory on a laptop.
    """
    if "NOTIFY_SOCKET" not in os.environ:
        return
    from systemd import daemon

    try:
        daemon.notify(message)
    except OSError as error:
        log.warning("systemd cannot be told %s: %s", message.partition("=")[0], error.strerror)


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

    async def ready(self) -> None:
        """Wait until each part has moved once, then tell systemd."""
        start = {name: count() for name, count in self._progress.items()}
        # The counters grow on the device threads; a few looks at the start need no machinery.
        while any(count() == start[name] for name, count in self._progress.items()):  # noqa: ASYNC110 - see above
            await asyncio.sleep(READY_POLL_S)
        notify(f"READY=1\nSTATUS={self._status()}")

    async def run(self) -> None:
        """Feed the watchdog for ever, as long as everything moves."""
        while True:
            await asyncio.sleep(self._interval_s)
            stuck = self.stuck()
            if stuck:
                log.error("no progress of %s: the watchdog is not fed", ", ".join(stuck))
                notify(f"STATUS=stuck: {', '.join(stuck)}")
            else:
                notify(f"WATCHDOG=1\nSTATUS={self._status()}")

    def stuck(self) -> list[str]:
        """The parts that have not moved since the last call."""
        now = {name: count() for name, count in self._progress.items()}
        stuck = [name for name, count in now.items() if count == self._seen[name]]
        self._seen = now
        return stuck


def watchdog_interval_s(environ: Mapping[str, str]) -> float:
    """Half of what systemd allows (sd_watchdog_enabled(3)); 10 s without a watchdog."""
    usec = environ.get("WATCHDOG_USEC", "")
    return int(usec) / 2e6 if usec.isdigit() and int(usec) > 0 else 10.0
