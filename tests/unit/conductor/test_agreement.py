"""A wake word waits until it is known which speaker answers it, and not longer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daemon.conductor import agreement
from daemon.conductor.agreement import HOUSE_KEPT_S, MAX_COUNTERS, OneAnswers
from daemon.errors import ControlError
from daemon.events import TalkPressed, Trigger

HEARD = TalkPressed(Trigger.WAKE_WORD, heard_at_byte=640, score_db=21.456)
HOUSE: dict[str, Any] = {"connected": True, "trouble": "", "peers": 1, "counters": {"mqtt_connects": 1}}


class World:
    """What happened, and what time it is."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.posted: list[TalkPressed] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.came = asyncio.Event()
        self.one = OneAnswers(self._tell, self._post, lambda: self.now_s)

    def _post(self, event: TalkPressed) -> None:
        self.posted.append(event)
        self.came.set()

    def _tell(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields))


@pytest.fixture
async def world() -> World:
    return World()


@pytest.fixture
async def together(world: World) -> World:
    """There is another speaker."""
    await world.one.note_house(HOUSE)
    return world


async def test_without_a_bridge_or_another_speaker_nothing_waits(world: World) -> None:
    assert not world.one.holds(HEARD)
    for house in ({"peers": 0}, {"connected": False}):
        await world.one.note_house(HOUSE | house)
        assert not world.one.holds(HEARD)
    assert world.told == []


async def test_a_bridge_that_has_not_told_anything_lately_does_not_count(together: World) -> None:
    together.now_s += HOUSE_KEPT_S
    assert not together.one.holds(HEARD)
    assert together.one.report() == {"house": None}


async def test_the_word_is_told_with_its_loudness_and_answered_when_the_bridge_says_so(
    together: World,
) -> None:
    assert together.one.holds(HEARD)
    assert together.told == [("wake", {"word": 1, "score_db": 21.46})]
    assert together.posted == []
    await together.one.decide({"word": 1, "answers": True})
    [agreed] = together.posted
    assert (agreed.trigger, agreed.heard_at_byte, agreed.agreed) == (Trigger.WAKE_WORD, 640, True)
    assert not together.one.holds(agreed)


async def test_what_another_speaker_answers_is_dropped_and_counted(together: World) -> None:
    together.one.holds(HEARD)
    await together.one.decide({"word": 1, "answers": False})
    await together.one.decide({"word": 1, "answers": True})  # it was decided
    assert together.posted == []
    assert together.told[-1] == ("wake_yielded", {"word": 1})
    assert together.one.counters()["wake_words_yielded"] == 1
    assert together.one.counters()["wake_words_undecided"] == 0


async def test_without_a_decision_in_time_it_is_answered(
    together: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "WAIT_S", 0.01)
    together.one.holds(HEARD)
    await asyncio.wait_for(together.came.wait(), 5.0)
    assert [event.agreed for event in together.posted] == [True]
    assert together.one.counters()["wake_words_undecided"] == 1
    await together.one.decide({"word": 1, "answers": False})  # too late
    assert together.one.counters()["wake_words_yielded"] == 0


async def test_a_word_that_follows_takes_the_place_of_the_one_that_waits(together: World) -> None:
    together.one.holds(HEARD)
    together.one.holds(HEARD)
    await together.one.decide({"word": 1, "answers": True})
    assert together.posted == []
    await together.one.decide({"word": 2, "answers": True})
    assert len(together.posted) == 1


async def test_the_house_is_shown(together: World) -> None:
    assert together.one.report() == {"house": {"connected": True, "trouble": None, "peers": 1}}
    assert together.one.counters()["mqtt_connects"] == 1
    await together.one.note_house(HOUSE | {"trouble": "refused"})
    assert together.one.report()["house"]["trouble"] == "refused"


@pytest.mark.parametrize("args", [{}, {"word": "1", "answers": True}, {"word": 1, "answers": "yes"}])
async def test_a_decision_of_another_form_is_refused(together: World, args: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match="wake needs"):
        await together.one.decide(args)


@pytest.mark.parametrize(
    "args",
    [
        {}, HOUSE | {"peers": -1}, HOUSE | {"peers": "1"}, HOUSE | {"connected": 1},
        HOUSE | {"counters": {"x": "y"}},
        HOUSE | {"counters": {f"c{number}": 1 for number in range(MAX_COUNTERS + 1)}},
    ],
)  # fmt: skip
async def test_a_house_of_another_form_is_refused(world: World, args: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match="of the house"):
        await world.one.note_house(args)
    assert world.one.report() == {"house": None}
