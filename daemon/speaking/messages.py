"""What is said aloud when something is wrong, and how often. Pure.

The words are recordings that come with the program, since most of them tell that the service cannot be
reached; `scripts/make-messages` makes them from this table. Each follows its tone. If the same words were
said a moment ago, there is only the tone.
"""

from __future__ import annotations

from enum import Enum

from daemon.session.failures import TREATMENTS, FailureKind, Retry
from daemon.words import Earcon

REPEAT_AFTER_S = 60.0
"""Who presses again and again knows by now what is wrong; who comes a minute later may not."""


class Message(Enum):
    """A recording, by the name of its file."""

    OFFLINE = "offline"
    NO_SERVICE = "no_service"
    CLOCK = "clock"
    INTERCEPTED = "intercepted"
    REFUSED_KEY = "refused_key"
    REFUSED = "refused"
    QUOTA = "quota"
    BUDGET = "budget"
    NO_MICROPHONE = "no_microphone"
    ERROR = "error"


WORDS: dict[Message, str] = {
    Message.OFFLINE: "I cannot reach the network. I will keep trying.",
    Message.NO_SERVICE: "The service does not answer. I will keep trying.",
    Message.CLOCK: "I do not know the time yet, so I cannot connect.",
    Message.INTERCEPTED: "This network wants you to sign in.",
    Message.REFUSED_KEY: "The service does not accept my key.",
    Message.REFUSED: "The service refuses me. My status says why.",
    Message.QUOTA: "The quota of my key is used up.",
    Message.BUDGET: "Today's budget is used up.",
    Message.NO_MICROPHONE: "I have no microphone.",
    Message.ERROR: "Something went wrong. Please try again.",
}

BY_EARCON: dict[Earcon, Message] = {
    Earcon.OFFLINE: Message.OFFLINE,
    Earcon.REFUSED: Message.REFUSED,
    Earcon.QUOTA: Message.QUOTA,
    Earcon.NO_MIC: Message.NO_MICROPHONE,
    Earcon.ERROR: Message.ERROR,
}
"""What follows a tone when nothing more is known. The other tones need no words."""

BY_FAILURE: dict[FailureKind, Message] = {
    FailureKind.NETWORK: Message.OFFLINE,
    FailureKind.HALF_OPEN: Message.OFFLINE,
    FailureKind.TRANSIENT: Message.NO_SERVICE,
    FailureKind.POISONED_HANDLE: Message.NO_SERVICE,
    FailureKind.GOING_AWAY: Message.NO_SERVICE,
    FailureKind.BUG: Message.NO_SERVICE,
    FailureKind.CLOCK: Message.CLOCK,
    FailureKind.INTERCEPTED: Message.INTERCEPTED,
    FailureKind.REFUSED_KEY: Message.REFUSED_KEY,
    FailureKind.REFUSED_MODEL: Message.REFUSED,
    FailureKind.REFUSED_CONFIG: Message.REFUSED,
    FailureKind.REFUSED_REGION: Message.REFUSED,
    FailureKind.REFUSED_PROJECT: Message.REFUSED,
    FailureKind.QUOTA: Message.QUOTA,
}
"""What follows a tone that tells of the link (`LINK_EARCONS`), by what is wrong with the link."""

BUDGET_EARCON = Earcon.QUOTA
"""The tone of `Message.BUDGET`: the day's budget is the owner's own limit, and no failure of the link."""

LINK_EARCONS = (Earcon.OFFLINE, Earcon.REFUSED, Earcon.QUOTA)


def message_for(earcon: Earcon, failure: FailureKind | None) -> Message | None:
    """The words that belong to a tone while the link has this failure (None: it has none); None: no words."""
    if failure is not None and earcon in LINK_EARCONS:
        return BY_FAILURE[failure]
    return BY_EARCON.get(earcon)


class Reticence:
    """Keeps the device from saying the same words again and again."""

    def __init__(self) -> None:
        self._said_at_s: dict[Message, float] = {}

    def may_say(self, message: Message, now_s: float) -> bool:
        """Whether the words are due; if they are, they are taken as said now (monotonic seconds)."""
        said_at_s = self._said_at_s.get(message)
        if said_at_s is not None and now_s - said_at_s < REPEAT_AFTER_S:
            return False
        self._said_at_s[message] = now_s
        return True


# --- for the README --------------------------------------------------------------------------------

TONES: dict[Earcon, str] = {
    Earcon.LISTENING: "two quick notes, rising",
    Earcon.DONE: "two quick notes, falling",
    Earcon.MUTED: "two slow notes, an octave down",
    Earcon.UNMUTED: "two slow notes, an octave up",
    Earcon.ERROR: "three notes, the first one higher",
    Earcon.OFFLINE: "three notes, falling",
    Earcon.QUOTA: "four notes, down and up and down",
    Earcon.REFUSED: "three notes, all the same",
    Earcon.NO_MIC: "three notes, the last one low",
    Earcon.LOOK: "two quick notes, the same",
}
"""How the melodies of `earcons.py` sound."""

MEANINGS: dict[Earcon, str] = {
    Earcon.LISTENING: "it listens",
    Earcon.DONE: "nobody spoke; it stopped listening",
    Earcon.MUTED: "the microphone is closed",
    Earcon.UNMUTED: "the microphone is open again",
    Earcon.ERROR: "no answer, or only a part of it",
    Earcon.OFFLINE: "no connection",
    Earcon.QUOTA: "the quota, or the day's budget, is used up",
    Earcon.REFUSED: "the service refuses, until somebody acts",
    Earcon.NO_MIC: "no microphone",
    Earcon.LOOK: "a picture leaves, since you asked it to look",
}


def earcon_table() -> str:
    """Every tone, what it means and what is said after it, as a Markdown table."""
    rows = [f"| {TONES[earcon]} | {MEANINGS[earcon]} | {_words_after(earcon)} |" for earcon in Earcon]
    return "\n".join(["| Tone | Meaning | What it says |", "|---|---|---|", *rows])


def _words_after(earcon: Earcon) -> str:
    possible = {BY_FAILURE[kind] for kind in FailureKind if _earcon_of(kind) is earcon}
    possible |= {BY_EARCON[earcon]} if earcon in BY_EARCON else set()
    possible |= {Message.BUDGET} if earcon is BUDGET_EARCON else set()
    return " or ".join(f"“{WORDS[message]}”" for message in Message if message in possible) or "–"


def _earcon_of(kind: FailureKind) -> Earcon:
    """The tone with which the dialogue tells of a failed link."""
    if kind is FailureKind.QUOTA:
        return Earcon.QUOTA
    return Earcon.REFUSED if TREATMENTS[kind].retry is Retry.WHEN_ASKED else Earcon.OFFLINE
