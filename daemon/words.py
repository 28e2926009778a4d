"""The words that several modules share: phases, triggers, tones, outcomes. Names as users see them."""

from __future__ import annotations

from enum import Enum


class Phase(Enum):
    """Where the conversation is."""

    IDLE = "idle"
    LISTENING = "listening"
    SENDING = "sending"
    THINKING = "thinking"
    SPEAKING = "speaking"
    FOLLOW_UP = "follow_up"


class Trigger(Enum):
    """What opened a turn."""

    BUTTON = "button"
    VOICE = "voice"
    COMMAND = "command"
    TEXT = "text"
    WAKE_WORD = "wake_word"


class LinkPhase(Enum):
    """Where the connection is; the words of `conure status`."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    ONLINE = "online"
    ROTATING = "rotating"
    BACKING_OFF = "backing_off"
    REFUSED = "refused"


class Earcon(Enum):
    """A short tone and what it tells."""

    LISTENING = "listening"
    DONE = "done"
    ERROR = "error"
    MUTED = "muted"
    UNMUTED = "unmuted"
    OFFLINE = "offline"
    REFUSED = "refused"
    QUOTA = "quota"
    NO_MIC = "no_mic"
    LOOK = "look"


class Outcome(Enum):
    """How a turn ended."""

    ANSWERED = "answered"
    SILENT = "silent"
    """The model chose to say nothing."""
    CUT = "cut"
    """The user spoke, pressed or stopped it."""
    SHORT = "short"
    """The network took the end of the reply."""
    CANCELLED = "cancelled"
    """Nobody spoke, or the user withdrew."""
    FAILED = "failed"
    """No answer could be had."""
