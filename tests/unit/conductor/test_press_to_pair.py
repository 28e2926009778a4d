"""When a press of the button lets a browser in, and when it means what it always means."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daemon.conductor.pairing import LONGEST_S, SETTLE_S, PressToPair
from daemon.errors import ControlError
from daemon.events import PairingChanged


class Hall:
    """A window for presses, its clock, and what it tells."""

    def __init__(self, *, has_button: bool = True) -> None:
        self.now_s = 100.0
        self.notes: list[dict[str, Any]] = []
        self.changes: list[PairingChanged] = []
        self.pairing = PressToPair(
            tell=lambda event, **fields: self.notes.append({"event": event, **fields}),
            post=self.changes.append,
            clock=lambda: self.now_s,
            has_button=has_button,
        )

    async def ask(self, **args: Any) -> Any:
        return await self.pairing.handle(args)

    def press(self, after_s: float = SETTLE_S) -> bool:
        self.now_s += after_s
        return self.pairing.press()


@pytest.fixture
async def hall() -> Hall:
    return Hall()


async def test_a_press_lets_in_and_is_told_by_the_number_of_the_request(hall: Hall) -> None:
    answer = await hall.ask(seconds=30)
    waited = [hall.pairing.waits]
    assert hall.press()
    waited.append(hall.pairing.waits)
    assert waited == [True, False]
    assert hall.notes == [{"event": "pair", "id": answer["id"], "pressed": True}]
    assert len(hall.changes) == 2, "the light is drawn again at both ends"


async def test_a_press_right_after_the_light_began_was_meant_for_talking(hall: Hall) -> None:
    await hall.ask(seconds=30)
    assert not hall.press(after_s=SETTLE_S - 0.01)
    assert hall.pairing.waits
    assert hall.press(after_s=0.01)


async def test_one_press_lets_in_one(hall: Hall) -> None:
    await hall.ask(seconds=30)
    assert hall.press()
    assert not hall.press()


async def test_without_a_request_a_press_is_a_press(hall: Hall) -> None:
    assert not hall.press()


async def test_it_ends_by_itself_and_tells_so(hall: Hall) -> None:
    answer = await hall.ask(seconds=0.01)
    async with asyncio.timeout(20):
        while hall.pairing.waits:
            await asyncio.sleep(0.005)
    assert hall.notes == [{"event": "pair", "id": answer["id"], "pressed": False}]
    assert not hall.press()


async def test_it_is_taken_back(hall: Hall) -> None:
    first = await hall.ask(seconds=30)
    await hall.ask(seconds=0)
    assert hall.notes == [{"event": "pair", "id": first["id"], "pressed": False}]
    assert not hall.press()
    await hall.ask(seconds=0)
    assert len(hall.notes) == 1


async def test_another_request_takes_the_place_of_the_first(hall: Hall) -> None:
    first = await hall.ask(seconds=30)
    second = await hall.ask(seconds=30)
    assert first["id"] != second["id"]
    hall.press()
    assert [(note["id"], note["pressed"]) for note in hall.notes] == [
        (first["id"], False),
        (second["id"], True),
    ]


@pytest.mark.parametrize("seconds", [-1, LONGEST_S + 1, "30", True, None, float("nan")])
async def test_how_long_is_bounded(hall: Hall, seconds: object) -> None:
    with pytest.raises(ControlError, match="must be a number from 0 to 60"):
        await hall.ask(seconds=seconds)


async def test_a_board_without_a_button_says_what_helps() -> None:
    with pytest.raises(ControlError, match="use a code"):
        await Hall(has_button=False).ask(seconds=30)
