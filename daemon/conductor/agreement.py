"""A wake word that several speakers have heard is answered by one of them. Event loop only.

The bridge to the broker agrees with the other speakers. Until it says who answers, nothing is heard or shown
of the word; what follows it is in the ring, so nothing of it is lost. A bridge that is away, or says nothing
in time, changes nothing: this speaker answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from daemon.errors import ControlError
from daemon.events import TalkPressed
from daemon.outside import OutOfRange, one_line, whole

WAIT_S = 0.15
"""So long a wake word waits for the word of the bridge."""

HOUSE_KEPT_S = 30.0
"""So long it holds what the bridge told; it tells each 10 s (`home.bridge.TELL_S`)."""

MAX_PEERS = 1000
MAX_COUNTERS = 40
TROUBLE_CHARS = 200
COUNTER_CHARS = 40


class OneAnswers:
    """Holds a wake word back until it is known whether this speaker answers it."""

    def __init__(
        self,
        tell: Callable[..., None],
        post: Callable[[TalkPressed], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` is `Feed.tell`."""
        self._tell = tell
        self._post = post
        self._clock = clock
        self._house: dict[str, Any] | None = None
        self._bridge_counts: dict[str, int] = {}
        self._until_s = 0.0
        self._word = 0
        self._held: tuple[TalkPressed, asyncio.TimerHandle] | None = None
        self._counts = {"wake_words_yielded": 0, "wake_words_undecided": 0}

    # --- the wake word

    def holds(self, heard: TalkPressed) -> bool:
        """Whether the word is held back; it is posted again, `agreed`, if this speaker is to answer it."""
        if heard.agreed or not self._others():
            return False
        self._release()
        self._word += 1
        agreed = replace(heard, agreed=True)
        timer = asyncio.get_running_loop().call_later(WAIT_S, self._answer_undecided, agreed)
        self._held = (agreed, timer)
        self._tell("wake", word=self._word, score_db=round(heard.score_db, 2))
        return True

    def _others(self) -> bool:
        """Whether there is somebody to agree with."""
        house = self._newest()
        return house is not None and house["connected"] and house["peers"] > 0

    def _answer_undecided(self, held: TalkPressed) -> None:
        self._counts["wake_words_undecided"] += 1
        self._held = None
        self._post(held)

    def _release(self) -> TalkPressed | None:
        """What was held back, once."""
        held, self._held = self._held, None
        if held is None:
            return None
        held[1].cancel()
        return held[0]

    # --- commands of the bridge

    async def decide(self, args: dict[str, Any]) -> None:
        """The command `wake`: whether this speaker `answers` the word of this number. Raises ControlError.

        What comes too late changes nothing.
        """
        match args:
            case {"word": int(word), "answers": bool(answers)}:
                pass
            case _:
                raise ControlError('wake needs "word", a number, and "answers", true or false')
        if word != self._word or not (held := self._release()):
            return
        if answers:
            self._post(held)
        else:
            self._counts["wake_words_yielded"] += 1
            self._tell("wake_yielded", word=word)

    async def note_house(self, args: dict[str, Any]) -> None:
        """The command `house`: how the bridge is. Raises ControlError."""
        try:
            self._house, self._bridge_counts = _house_of(args)
        except OutOfRange as error:
            raise ControlError(f"of the house {error}") from error
        self._until_s = self._clock() + HOUSE_KEPT_S

    # --- told

    def _newest(self) -> dict[str, Any] | None:
        return self._house if self._clock() < self._until_s else None

    def report(self) -> dict[str, Any]:
        """For `conure status`: null where no bridge has told anything lately."""
        house = self._newest()
        return {"house": house and {**house, "trouble": house["trouble"] or None}}

    def counters(self) -> dict[str, int]:
        """What was left to another speaker, what nobody decided in time, and what the bridge has counted."""
        return self._counts | self._bridge_counts


def _house_of(args: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """How the bridge is, and its counters. Raises OutOfRange."""
    match args:
        case {
            "connected": bool(connected),
            "trouble": str(trouble),
            "peers": peers,
            "counters": dict(counters),
        }:
            pass
        case _:
            raise OutOfRange("are needed: connected, trouble, peers, counters")
    known = whole(peers, MAX_PEERS)
    if known is None or len(counters) > MAX_COUNTERS or any(whole(one) is None for one in counters.values()):
        raise OutOfRange(f"peers and at most {MAX_COUNTERS} counters must be whole numbers")
    named = {one_line(str(name), COUNTER_CHARS): count for name, count in counters.items()}
    return {"connected": connected, "trouble": one_line(trouble, TROUBLE_CHARS), "peers": known}, named
