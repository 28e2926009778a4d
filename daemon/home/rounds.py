"""Which of several speakers answers a wake word that all of them heard. Pure.

Every speaker publishes a claim at one topic, and hears all claims there, its own too. A broker gives all of
them the messages of a topic in one order, so all of them see the same round: it begins with the first claim,
and ends with the close that whoever made that claim publishes some time later. The loudest claim of the round
wins, the larger id among equals. Who claims just after a round is late: that word has its answer.

Nothing here waits. A speaker whose round is not closed in time answers, as it would without a broker: two
answers are better than none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from daemon.outside import OutOfRange, json_of, number, whole_number

WINDOW_S = 0.07
"""From the first claim to its close. The same word is found by neighbours within some 30 ms, a step of the
wake word's network, and the 3 ms a metre that sound takes; the rest is for their way to the broker."""
LATE_S = 0.6
"""So long after a close a claim is of the same word. Nobody says two wake words so fast."""
STALE_S = 0.5
"""A round that was not closed by then lost whoever began it, and does not count."""

MAX_CLAIMS = 16
"""In a round; policy for one more: it does not take part, and answers by itself."""
LOUDEST_DB = 120.0
ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class WakeClaim:
    """A speaker heard its wake word: its n-th, so many dB above its noise floor."""

    speaker: str
    word: int
    score_db: float


@dataclass(frozen=True, slots=True)
class WakeClose:
    """The round that this claim began is over."""

    speaker: str
    word: int


@dataclass(frozen=True, slots=True)
class WakeVerdict:
    """What came of a claim of one's own."""

    word: int
    answers: bool


def message_of(payload: bytes) -> WakeClaim | WakeClose:
    """What somebody published. Raises ValueError for any other form."""
    match json_of(payload):
        case {"id": str(speaker), "word": word, **rest} if 0 < len(speaker) <= ID_CHARS and speaker.isascii():
            pass
        case _:
            raise OutOfRange("is no claim and no close")
    if rest.keys() == {"score_db"}:
        return WakeClaim(speaker, whole_number(word), number(rest["score_db"], 0.0, LOUDEST_DB))
    if rest == {"close": True}:
        return WakeClose(speaker, whole_number(word))
    raise OutOfRange("is no claim and no close")


@dataclass(slots=True)
class _WakeRound:
    first: WakeClaim
    began_s: float
    claims: dict[str, WakeClaim] = field(default_factory=dict)


class WakeRounds:
    """The rounds as one speaker sees them."""

    def __init__(self, own: str) -> None:
        self._own = own
        self._round: _WakeRound | None = None
        self._late_until_s = float("-inf")

    def opened(self, word: int) -> bool:
        """Whether the round that is open began with this word of one's own, so that it is ours to close."""
        found = self._round
        return found is not None and (found.first.speaker, found.first.word) == (self._own, word)

    def hear(self, message: WakeClaim | WakeClose, now_s: float) -> Iterator[WakeVerdict]:
        """Take the next message of the topic; what it means for one's own claim."""
        if self._round is not None and now_s - self._round.began_s > STALE_S:
            self._round = None
        match message:
            case WakeClaim():
                yield from self._claim(message, now_s)
            case WakeClose():
                yield from self._close(message, now_s)

    def _claim(self, claim: WakeClaim, now_s: float) -> Iterator[WakeVerdict]:
        if self._round is None and now_s < self._late_until_s:
            if claim.speaker == self._own:
                yield WakeVerdict(claim.word, answers=False)
            return
        if self._round is None:
            self._round = _WakeRound(claim, now_s)
        if len(self._round.claims) < MAX_CLAIMS:
            self._round.claims.setdefault(claim.speaker, claim)

    def _close(self, close: WakeClose, now_s: float) -> Iterator[WakeVerdict]:
        found = self._round
        if found is None or (found.first.speaker, found.first.word) != (close.speaker, close.word):
            return
        self._round = None
        self._late_until_s = now_s + LATE_S
        winner = max(found.claims.values(), key=lambda one: (one.score_db, one.speaker))
        own = found.claims.get(self._own)
        if own is not None:
            yield WakeVerdict(own.word, answers=own is winner)
