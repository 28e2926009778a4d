"""What must be true of a step, whatever went wrong in it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from daemon.standin.record import ConnectionRecord
from soak.stage import Scene
from soak.stamps import Stamp, read_stamps

GOT_AN_ANSWER = ("answered", "short")
"""Outcomes of a turn whose reply was heard, or a part of it."""


def complaints(scene: Scene) -> list[str]:
    """Everything that is wrong with a step; empty: nothing."""
    heard = read_stamps(scene.heard)
    return [
        *scene.complaints,
        *_lost_words(scene, heard),
        *_answered_twice(heard),
        *_replies_torn(heard),
        *(wrong for connection in scene.connections for wrong in _sent_twice(connection)),
        *_not_answered(scene, heard),
    ]


def answers(stamps: list[Stamp]) -> list[tuple[int, int]]:
    """The replies that were heard, each once, in order."""
    return list(dict.fromkeys((stamp.said, stamp.attempt) for stamp in stamps))


def _lost_words(scene: Scene, heard: list[Stamp]) -> Iterator[str]:
    for answer in answers(heard):
        if answer not in scene.whole:
            yield f"stale: reply {answer} of an earlier step was heard"
        elif not scene.whole[answer]:
            yield f"words lost: reply {answer} was heard, to a part of the utterance"
    if scene.step.must_be_answered and not set(scene.outcomes).isdisjoint((*GOT_AN_ANSWER, "silent")):
        yield from (
            f"words lost: utterance {number} is in no turn of the record"
            for number, said in scene.said.items()
            if not any(said in turn.pcm for connection in scene.connections for turn in connection.turns)
        )


def _answered_twice(heard: list[Stamp]) -> Iterator[str]:
    replies = Counter(said for said, _ in answers(heard))
    yield from (f"answered twice: {count} replies to {said}" for said, count in replies.items() if count > 1)


def _replies_torn(heard: list[Stamp]) -> Iterator[str]:
    """Each reply sounds once, from its beginning, without a hole."""
    for said, attempt in answers(heard):
        places = [stamp.place for stamp in heard if (stamp.said, stamp.attempt) == (said, attempt)]
        if places != list(range(len(places))):
            what = "doubled" if len(set(places)) < len(places) else "torn"
            yield f"reply {what}: {(said, attempt)} as {places}"


def _sent_twice(connection: ConnectionRecord) -> Iterator[str]:
    """Nothing that was said is sent twice on the same connection."""
    stamps = Counter(stamp for turn in connection.turns for stamp in read_stamps(turn.pcm))
    doubled = sorted(stamp for stamp, count in stamps.items() if count > 1)
    if doubled:
        yield f"sent twice on connection {connection.number}: {len(doubled)} chunks, first {doubled[0]}"


def _not_answered(scene: Scene, heard: list[Stamp]) -> Iterator[str]:
    """A plain question has one turn, and where nothing excuses it the whole of its answer is heard."""
    if not scene.step.must_be_answered:
        return
    if scene.outcomes != ["answered"]:
        yield f"not answered: {scene.outcomes}"
    elif len(heard) != scene.step.reply_chunks:
        yield f"reply lost: {len(heard)} of {scene.step.reply_chunks} chunks were heard"
