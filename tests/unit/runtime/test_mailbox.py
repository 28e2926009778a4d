"""The one queue of events."""

from __future__ import annotations

import asyncio
import threading

import pytest
from fakes import PATIENCE_S, settled

from daemon.runtime.mailbox import ROOM, Mailbox, MailboxFull


async def test_events_come_out_in_the_order_in_which_they_went_in() -> None:
    box: Mailbox[int] = Mailbox()
    for event in range(3):
        box.post(event)
    assert [await box.get() for _ in range(3)] == [0, 1, 2]


async def test_the_consumer_waits_for_the_next_event() -> None:
    box: Mailbox[int] = Mailbox()
    first = asyncio.create_task(box.get())
    await settled()
    assert not first.done()
    box.post(1)
    assert await first == 1
    second = asyncio.create_task(box.get())
    await settled()
    assert not second.done()
    second.cancel()


async def test_threads_post_in_their_own_order() -> None:
    box: Mailbox[tuple[int, int]] = Mailbox()

    def post(thread: int) -> None:
        for number in range(100):
            box.post_from_thread((thread, number))

    posters = [threading.Thread(target=post, args=(thread,)) for thread in range(2)]
    for poster in posters:
        poster.start()
    async with asyncio.timeout(PATIENCE_S):
        got = [await box.get() for _ in range(200)]
    for poster in posters:
        poster.join(PATIENCE_S)
    for thread in range(2):
        assert [number for poster, number in got if poster == thread] == list(range(100))


async def test_a_full_box_ends_its_consumer() -> None:
    box: Mailbox[int] = Mailbox(limit=2)
    for event in range(2):
        box.post(event)
    assert await box.get() == 0
    box.post(2)
    box.post(3)
    with pytest.raises(MailboxFull, match="3 events"):
        await box.get()
    assert box.high_water == 3


async def test_who_brings_more_from_outside_waits_for_room() -> None:
    box: Mailbox[int] = Mailbox()
    for event in range(ROOM):
        await box.room()
        box.post(event)
    waiting = asyncio.create_task(box.room())
    await settled()
    assert not waiting.done()
    assert box.held_back == 1
    assert await box.get() == 0
    await asyncio.wait_for(waiting, PATIENCE_S)


def test_a_thread_may_post_when_the_loop_is_closed() -> None:
    async def make() -> Mailbox[int]:
        return Mailbox()

    box = asyncio.run(make())
    box.post_from_thread(1)
    assert box.high_water == 0
