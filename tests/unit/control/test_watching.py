"""What whoever watches the speaker is told, and in which form."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemon.config.settings import Settings
from daemon.control import watching
from daemon.control.watching import VERSION, changes, watched
from daemon.run.assembly import build
from daemon.runtime.feed import MAX_WAITING, Feed
from hw.simulated.board import SimulatedBoard

STATUS: dict[str, Any] = {
    "muted": False,
    "volume": 70,
    "light": "ready",
    "link": {"state": "offline", "problem": None, "remedy": None, "since_s": 1.0},
    "devices": {"mic": {"open": True, "problem": None, "level_dbfs": -40.0}, "lights": {"problem": None}},
}


def changed(**paths: Any) -> dict[str, Any]:
    status = copy.deepcopy(STATUS)
    for path, value in paths.items():
        part = status
        *above, name = path.split("__")
        for key in above:
            part = part[key]
        part[name] = value
    return status


@pytest.mark.parametrize(
    ("path", "value", "event"),
    [
        ("muted", True, {"event": "mute", "muted": True}),
        ("volume", 75, {"event": "volume", "volume": 75}),
        ("light", "listening", {"event": "light", "light": "listening"}),
        ("link__state", "online", {"event": "link", "state": "online", "problem": None, "remedy": None}),
        ("devices__mic__open", False, {"event": "device", "device": "mic", "open": False, "problem": None}),
    ],
)
def test_each_change_is_an_event_that_tells_how_it_is(path: str, value: Any, event: dict[str, Any]) -> None:
    assert list(changes(STATUS, changed(**{path: value}))) == [event]


def test_what_changes_all_the_time_is_no_event() -> None:
    assert list(changes(STATUS, changed(link__since_s=2.0, devices__mic__level_dbfs=-20.0))) == []


class World:
    """A feed, and what the speaker is like."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.status = STATUS

    def events(self) -> AsyncIterator[dict[str, Any]]:
        return watched(self.feed.watch, lambda: self.status, lambda: self.status, lambda: 1_796_000_000.25)


async def test_the_snapshot_comes_first_then_notes_and_changes_each_with_version_and_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "LOOK_S", 0.001)
    world = World()
    events = world.events()
    first = await anext(events)
    world.feed.tell("state", state="listening", was="idle", cause="button")
    told = await anext(events)
    world.status = changed(volume=75)
    seen = await anext(events)
    assert (first["event"], first["status"]) == ("snapshot", STATUS)
    assert (told["event"], told["state"]) == ("state", "listening")
    assert (seen["event"], seen["volume"]) == ("volume", 75)
    for event in (first, told, seen):
        assert list(event)[:3] == ["v", "at", "event"] and event["v"] == VERSION
        assert event["at"][10] == "T" and event["at"][19:23] == ".250" and event["at"][23] in "+-"
    await events.aclose()  # type: ignore[attr-defined]  # a generator, which is an iterator to its users


async def test_what_happens_while_the_snapshot_is_taken_is_not_lost() -> None:
    world = World()
    events = world.events()
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.feed.tell("earcon", name="done")
    assert (await first)["event"] == "snapshot"
    assert (await anext(events))["event"] == "earcon"
    await events.aclose()  # type: ignore[attr-defined]  # as above


async def test_whoever_watches_no_more_is_forgotten() -> None:
    world = World()
    events = world.events()
    await anext(events)
    await events.aclose()  # type: ignore[attr-defined]  # as above
    for _ in range(2 * MAX_WAITING):
        world.feed.tell("earcon", name="done")
    assert world.feed.dropped == 0, "nobody is behind"


async def test_what_the_speaker_tells_of_itself_has_all_the_facts() -> None:
    conure = build(Settings(), SimulatedBoard(), stand_in=True)
    status, look = conure.reporter.snapshot(), conure.reporter.look()
    assert list(changes(status, look)) == []
    assert {name: status[name] for name in look} == look


def test_the_level_is_told_only_to_who_asked_for_it() -> None:
    louder = changed(devices__mic__level_dbfs=-20.0)
    assert list(changes(STATUS, louder)) == []
    assert list(changes(STATUS, louder, level=True)) == [
        {"event": "level", "level_dbfs": -20.0, "floor_dbfs": None}
    ]
    assert list(changes(STATUS, STATUS, level=True)) == []


def test_what_waits_and_rings_is_an_event_when_it_changes() -> None:
    before = STATUS | {"timers": {"waiting": 0, "rings": None, "next": None, "missed": None}}
    after = STATUS | {
        "timers": {"waiting": 1, "rings": None, "next": "1: timer, 9 minutes left", "missed": None}
    }
    later = STATUS | {"timers": after["timers"] | {"next": "1: timer, 8 minutes left"}}
    assert list(changes(before, after)) == [{"event": "timers", "waiting": 1, "rings": None, "missed": None}]
    assert list(changes(after, later)) == []
