"""What waits for a client: its order, its bounds, and what a cut takes out of it."""

from __future__ import annotations

from daemon.web.talk.news import ReplySound, ReplyWasCut, ReplyWhole, TurnDone, WordsHeard
from daemon.web.talk.outbox import MAX_NEWS, PIECE_BYTES, Outbox


async def all_of(outbox: Outbox, *, sound: bool = True) -> list[object]:
    taken: list[object] = []
    while (news := await outbox.take(0.0, sound=sound)) is not None:
        taken.append(news)
    return taken


async def test_sound_stands_between_the_news_as_it_came_and_is_cut_to_messages() -> None:
    outbox = Outbox(1_000_000)
    outbox.put(WordsHeard(1, "model", "One"))
    outbox.put_sound(1, b"ab" * 3000)
    outbox.put_sound(1, b"cd" * 3000)
    outbox.put(ReplyWhole(1))
    sound = b"ab" * 3000 + b"cd" * 3000
    assert await all_of(outbox) == [
        WordsHeard(1, "model", "One"),
        ReplySound(1, sound[:PIECE_BYTES]),
        ReplySound(1, sound[PIECE_BYTES:]),
        ReplyWhole(1),
    ]


async def test_a_cut_takes_out_the_sound_and_leaves_the_words() -> None:
    outbox = Outbox(1_000_000)
    outbox.put_sound(1, bytes(50_000))
    outbox.put(WordsHeard(1, "model", "One"))
    assert outbox.drop_sound() == 50_000
    outbox.put(ReplyWasCut(1))
    outbox.put_sound(2, b"xy")
    assert await all_of(outbox) == [WordsHeard(1, "model", "One"), ReplyWasCut(1), ReplySound(2, b"xy")]


async def test_sound_that_is_not_wanted_yet_stays_with_what_follows_it() -> None:
    outbox = Outbox(1_000_000)
    outbox.put_sound(1, b"xy")
    outbox.put(TurnDone(1))
    assert await all_of(outbox, sound=False) == []
    assert await all_of(outbox) == [ReplySound(1, b"xy"), TurnDone(1)]


async def test_sound_that_finds_no_room_is_counted_and_its_client_is_behind_only_by_news() -> None:
    outbox = Outbox(100)
    outbox.put_sound(1, bytes(150))
    assert (outbox.refused_bytes, outbox.behind) == (50, False)
    for _ in range(MAX_NEWS + 1):
        outbox.put(TurnDone(1))
    assert outbox.behind
