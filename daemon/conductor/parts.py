"""The parts that the controller and the performer work with, by name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daemon.announcements.service import Announcements
from daemon.conductor.accounts import Accounts
from daemon.conductor.daily import DailyTimes
from daemon.conductor.ledger import Ledger
from daemon.conductor.pairing import PressToPair
from daemon.conductor.totals import TurnTotals
from daemon.events import Event
from daemon.hearing.capture import Capture
from daemon.lights.lamp import Lamp
from daemon.reminders.service import Reminders
from daemon.runtime.feed import Feed
from daemon.runtime.mailbox import Mailbox
from daemon.session.connection import Connection
from daemon.session.uplink import Uplink
from daemon.speaking.playback import Playback
from daemon.speaking.volume import Volume
from daemon.tools.calling.host import ToolHost, no_tools

if TYPE_CHECKING:
    from daemon.conductor.agreement import OneAnswers  # loaded where there is a broker only
    from daemon.seeing.eyes import Eyes  # loaded where there is a camera only


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The composition root makes them."""

    mailbox: Mailbox[Event]
    capture: Capture
    playback: Playback
    uplink: Uplink
    connection: Connection
    lamp: Lamp
    volume: Volume
    ledger: Ledger = field(default_factory=Ledger)
    totals: TurnTotals = field(default_factory=TurnTotals)
    feed: Feed
    accounts: Accounts = field(default_factory=Accounts)
    times: DailyTimes = field(default_factory=DailyTimes)
    reminders: Reminders = field(default_factory=Reminders)
    announcements: Announcements = field(default_factory=Announcements)
    pairing: PressToPair = field(default_factory=PressToPair)
    agreement: OneAnswers | None = None
    """Where there may be other speakers."""
    tools: ToolHost = field(default_factory=no_tools)
    eyes: Eyes | None = None
    clock: Callable[[], float] = time.monotonic

    def look(self) -> dict[str, Any]:
        """The part of the report that may change without a note of its own."""
        return {
            **self.volume.report(),
            "light": self.lamp.scene.name,
            "link": self.connection.report(),
            "devices": {
                "mic": self.capture.report(),
                "speaker": self.volume.speaker_report(),
                "lights": self.lamp.report(),
                **({"camera": self.eyes.report()} if self.eyes else {}),
            },
            "timers": self.reminders.report(),
        }

    def report(self) -> dict[str, Any]:
        """What each tells of itself, for `conure status`."""
        return self.look() | {
            "front_end": self.capture.front_end.report(),
            "usage": self.accounts.report(),
            "announcements": self.announcements.report(),
            "turns": self.ledger.report(),
            **(self.agreement.report() if self.agreement else {}),
            "turn_totals": self.totals.report() | {"used": self.accounts.since_start.as_words()},
        }

    def counters(self) -> dict[str, int]:
        """What each has counted."""
        usual = (
            self.capture, self.playback, self.uplink, self.feed, self.mailbox, self.announcements
        )  # fmt: skip
        others = [part for part in (self.eyes, self.agreement) if part is not None]
        return {name: number for part in (*usual, *others) for name, number in part.counters().items()}
