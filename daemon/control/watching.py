"""What `conure status --watch` is told: first how everything is, then each change, with its time.

The form is a contract for programs (docs/use/service.md): each event is an object with `v`, `at` and `event`.
New events and new keys may come at any time; a key that changes its meaning, or goes, makes another `v`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from daemon.runtime.local_clock import local_time

VERSION = 1

LOOK_S = 0.25
"""How often is looked for what nobody tells of: a device, the light, the loudness."""

Event = dict[str, Any]


async def watched(
    watch: Callable[[], AsyncIterator[Mapping[str, Any]]],
    snapshot: Callable[[], Mapping[str, Any]],
    look: Callable[[], Mapping[str, Any]],
    wall_clock: Callable[[], float] = time.time,
    *,
    level: bool = False,
) -> AsyncGenerator[Event]:
    """The snapshot, then each note of the feed and each change of what a look shows, until the end.

    `look` gives the part of the snapshot that `changes` compares.
    `level`: also how loud the microphone is, each LOOK_S at most.
    """
    notes = watch()
    pending = asyncio.ensure_future(anext(notes))
    await asyncio.sleep(0)  # the feed knows of us before the snapshot is taken: nothing falls between
    before = snapshot()
    try:
        yield _stamped({"event": "snapshot", "status": before}, wall_clock())
        while True:
            done, _ = await asyncio.wait({pending}, timeout=LOOK_S)
            after = look()
            for event in changes(before, after, level=level):
                yield _stamped(event, wall_clock())
            before = after
            if done:
                note = pending.result()
                yield _stamped(note, wall_clock())
                if note["event"] == "end":
                    return
                pending = asyncio.ensure_future(anext(notes))
    finally:
        pending.cancel()
        await asyncio.gather(pending, return_exceptions=True)
        if isinstance(notes, AsyncGenerator):
            await notes.aclose()


def _stamped(event: Mapping[str, Any], wall_s: float) -> Event:
    at = local_time(wall_s).isoformat(timespec="milliseconds")
    return {"v": VERSION, "at": at, **event}


def changes(before: Mapping[str, Any], after: Mapping[str, Any], *, level: bool = False) -> Iterator[Event]:
    """An event for each part of the snapshot that is another now, with how it is. Pure."""
    for old, new in zip(_facts(before), _facts(after), strict=True):
        if old != new:
            yield new
    if level and (heard := _level(after)) != _level(before):
        yield heard


def _level(status: Mapping[str, Any]) -> Event:
    mic = status["devices"]["mic"]
    return {"event": "level", **{name: mic.get(name) for name in ("level_dbfs", "floor_dbfs")}}


def _facts(status: Mapping[str, Any]) -> Iterator[Event]:
    """What may change without a note of its own, each as the event that tells of it."""
    yield {"event": "mute", "muted": status["muted"]}
    yield {"event": "volume", "volume": status["volume"]}
    yield {"event": "light", "light": status["light"]}
    timers = status.get("timers", {})
    yield {"event": "timers", **{name: timers.get(name) for name in ("waiting", "rings", "missed")}}
    link = status["link"]
    yield {"event": "link", **{name: link[name] for name in ("state", "problem", "remedy")}}
    for name, device in status["devices"].items():
        yield {"event": "device", "device": name, **{key: device.get(key) for key in ("open", "problem")}}
