"""What the controller is told of, what it conducts, and in what manner."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.conductor.accounts import Accounts
from daemon.conductor.ledger import Ledger
from daemon.config.settings import ButtonSettings, VadSettings
from daemon.dialogue.state import Policy
from daemon.events import Event
from daemon.hearing.capture import Capture
from daemon.lights.lamp import Lamp
from daemon.reminders.service import Reminders
from daemon.runtime.feed import Feed
from daemon.runtime.mailbox import Mailbox
from daemon.session.connection import Connection
from daemon.session.uplink import Uplink
from daemon.speaking.playback import Playback
from daemon.tools.calling.host import ToolHost, no_tools


@dataclass(slots=True)
class Parts:
    """What the controller conducts; the composition root makes them."""

    mailbox: Mailbox[Event]
    capture: Capture
    playback: Playback
    uplink: Uplink
    connection: Connection
    lamp: Lamp
    ledger: Ledger
    feed: Feed
    accounts: Accounts = field(default_factory=Accounts)
    reminders: Reminders = field(default_factory=Reminders)
    tools: ToolHost = field(default_factory=no_tools)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the controller behaves, from the configuration."""

    policy: Policy
    button: ButtonSettings
    vad: VadSettings
    earcons: bool
    log_transcripts: bool
    spoken: bool = True
    speak_reminders: bool = True
    echo_free: bool = True
    """Whether the microphone does not hear the speaker."""
