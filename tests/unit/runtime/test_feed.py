"""What is told to whoever watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from fakes import PATIENCE_S, settled

from daemon.runtime.feed import MAX_WAITING, Feed, Note


class Watcher:
    """A watcher that takes notes only when it is asked to."""

    def __init__(self, feed: Feed) -> None:
        self._notes = feed.watch()
        self._next: asyncio.Task[Note] | None = None

    async def begin(self) -> None:
        """Be known to the feed."""
        self._next = asyncio.create_task(anext(self._notes))  # type: ignore[arg-type]  # an async generator
        await settled()

    async def take(self) -> Note:
        """The next note."""
        assert self._next is not None
        async with asyncio.timeout(PATIENCE_S):
            note = await self._next
        await self.begin()
        return note

    @property
    def waits(self) -> bool:
        return self._next is not None and not self._next.done()

    async def end(self) -> None:
        assert self._next is not None
        self._next.cancel()
        await asyncio.gather(self._next, return_exceptions=True)
        assert isinstance(self._notes, AsyncGenerator)
        await self._notes.aclose()


async def watching(feed: Feed) -> Watcher:
    watcher = Watcher(feed)
    await watcher.begin()
    return watcher


@pytest.fixture
def feed() -> Feed:
    return Feed()


async def test_every_watcher_gets_every_note_in_order(feed: Feed) -> None:
    watchers = [await watching(feed) for _ in range(2)]
    feed.tell("state", state="listening")
    feed.tell("earcon", name="done")
    for watcher in watchers:
        assert await watcher.take() == {"event": "state", "state": "listening"}
        assert await watcher.take() == {"event": "earcon", "name": "done"}
        assert watcher.waits
        await watcher.end()


async def test_a_watcher_gets_what_happens_from_now_on(feed: Feed) -> None:
    feed.tell("before")
    watcher = await watching(feed)
    feed.tell("after")
    assert await watcher.take() == {"event": "after"}
    await watcher.end()


async def test_a_slow_watcher_loses_its_oldest_notes_and_they_are_counted(feed: Feed) -> None:
    watcher = await watching(feed)
    for number in range(MAX_WAITING + 5):
        feed.tell("note", number=number)
    assert feed.dropped == 5
    got = [await watcher.take() for _ in range(MAX_WAITING)]
    assert [note["number"] for note in got] == list(range(5, MAX_WAITING + 5))
    await watcher.end()


async def test_a_watcher_that_left_is_forgotten(feed: Feed) -> None:
    watcher = await watching(feed)
    await watcher.end()
    for _ in range(MAX_WAITING + 1):
        feed.tell("note")
    assert feed.dropped == 0
