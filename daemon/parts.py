"""What the controller is told of, what it conducts, and in what manner."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.capture import Capture
from daemon.connection import Connection
from daemon.dialogue.state import Policy
from daemon.events import Event
from daemon.feed import Feed
from daemon.lamp import Lamp
from daemon.ledger import Ledger
from daemon.mailbox import Mailbox
from daemon.playback import Playback
from daemon.reminders.service import Reminders
from daemon.settings import ButtonSettings
from daemon.tools.host import ToolHost, no_tools
from daemon.uplink import Uplink
from daemon.usage import Accounts


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
    min_speech_ms: int
    barge_in_speech_ms: int
    earcons: bool
    log_transcripts: bool
    spoken: bool = True
    speak_reminders: bool = True
    echo_free: bool = True
    """Whether the microphone does not hear the speaker."""
