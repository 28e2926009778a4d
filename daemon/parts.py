"""What the controller is told of, what it conducts, and in what manner."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.button_input import ButtonEdge, GestureDue
from daemon.capture import Capture
from daemon.connection import Connection
from daemon.dialogue import Policy
from daemon.events import DialogueEvent, MicSilent, ServerEvent, UtteranceGiven
from daemon.feed import Feed
from daemon.lamp import Lamp
from daemon.ledger import Ledger
from daemon.mailbox import Mailbox
from daemon.playback import Playback, PlaybackStarted, SpeakerBack, SpeakerLost
from daemon.reminders.service import Reminders
from daemon.settings import ButtonSettings
from daemon.timers import TimerDue
from daemon.tools.host import ToolHost, ToolsChanged, no_tools
from daemon.uplink import Uplink
from daemon.usage import Accounts

Event = (
    DialogueEvent
    | ServerEvent
    | UtteranceGiven
    | ButtonEdge
    | GestureDue
    | TimerDue
    | ToolsChanged
    | PlaybackStarted
    | MicSilent
    | SpeakerLost
    | SpeakerBack
)


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
