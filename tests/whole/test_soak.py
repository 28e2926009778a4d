"""A short soak finds nothing wrong; and a soak does notice what it is there to notice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import pytest
from soak import acts, growth
from soak.checks import complaints
from soak.growth import FEWEST_FOR_SLOPE, MB, Sample
from soak.run import run, shrink
from soak.stage import Scene, Stage
from soak.stamps import Stamp, read_stamps, reply, utterance
from soak.steps import FAULTS, NOW, Act, Step, clean_step, from_lines, make_steps, rule, to_lines

from daemon.events import PlaybackDrained
from daemon.standin.record import AudioMessage, ConnectionRecord, TurnRecord
from hw.base import SPEAKER_FORMAT

HOLDS = [Step(number, Act.HOLD) for number in range(1, 31)]
SAID = utterance(2, 20)
"""What is said in the first of them."""


# The stand-in may cancel a reply before its first step; the coroutine inside is then never awaited.
@pytest.mark.filterwarnings("ignore:coroutine '_after' was never awaited:RuntimeWarning")
class TestASoak:
    def test_of_twenty_steps_finds_nothing_wrong_and_ends_with_a_clean_turn(self) -> None:
        result = run(make_steps(1, 20))
        assert result.complaints == []
        assert result.steps == 21
        assert result.outcomes["answered"] > 10

    def test_ends_when_its_time_is_up(self) -> None:
        result = run(HOLDS, minutes=0.0)
        assert (result.steps, result.complaints) == (1, [])

    def test_notices_a_piece_that_the_uplink_loses(self) -> None:
        result = run(HOLDS[:2], prepare=_lose_a_piece)
        assert any(complaint.startswith("words lost") for complaint in result.complaints)
        assert result.failed == HOLDS[0]

    def test_notices_a_reply_that_is_played_twice(self) -> None:
        result = run(HOLDS[:2], prepare=_feed_twice)
        assert any(complaint.startswith("reply doubled") for complaint in result.complaints)

    def test_notices_a_turn_that_is_left_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(acts, "LEFT_OPEN_S", 0.5)
        result = run(HOLDS[:2], prepare=_never_drain)
        assert any(complaint.startswith("left open") for complaint in result.complaints)

    def test_notices_descriptors_that_are_never_closed(self) -> None:
        pipes: list[tuple[int, int]] = []
        try:
            result = run(HOLDS, prepare=lambda stage: _open_a_pipe_for_each_turn(stage, pipes))
            assert any(complaint.startswith("descriptors grow") for complaint in result.complaints)
        finally:
            for end in (end for pipe in pipes for end in pipe):
                os.close(end)

    def test_notices_what_ends_the_daemon(self) -> None:
        result = run(HOLDS[:2], prepare=_break_the_controller)
        assert any(complaint.startswith("the daemon ended") for complaint in result.complaints)


def _lose_a_piece(stage: Stage) -> None:
    ring = stage.rig.conure.sound.uplink_ring
    whole = ring.read_at

    def read_at(position: int, max_bytes: int) -> tuple[int, bytes]:
        begin, pcm = whole(position, max_bytes)
        return (begin, pcm) if utterance(2, 1)[:14] not in pcm else (begin, bytes(len(pcm)))

    ring.read_at = read_at  # type: ignore[method-assign]


def _feed_twice(stage: Stage) -> None:
    playback = stage.rig.conure.parts.playback
    feed = playback.feed

    def feed_twice(pcm: bytes) -> int:
        feed(pcm)
        return feed(pcm)

    playback.feed = feed_twice  # type: ignore[method-assign]


def _never_drain(stage: Stage) -> None:
    controller = stage.rig.conure.controller
    handle = controller.handle
    controller.handle = (  # type: ignore[method-assign]
        lambda event: None if isinstance(event, PlaybackDrained) else handle(event)
    )


def _break_the_controller(stage: Stage) -> None:
    def handle(event: object) -> None:
        raise RuntimeError(f"planted: {event}")

    stage.rig.conure.controller.handle = handle  # type: ignore[method-assign]


def _open_a_pipe_for_each_turn(stage: Stage, pipes: list[tuple[int, int]]) -> None:
    ledger = stage.rig.conure.parts.ledger
    close = ledger.close

    def close_and_leak(*args: object, **more: object) -> object:
        pipes.append(os.pipe())
        return close(*args, **more)  # type: ignore[arg-type]

    ledger.close = close_and_leak  # type: ignore[method-assign,assignment]


class TestStamps:
    def test_are_found_at_any_offset_and_a_torn_one_is_not(self) -> None:
        pcm = bytes(101) + reply(7, 2, 3)
        assert read_stamps(pcm) == [Stamp(7, 2, 0), Stamp(7, 2, 1), Stamp(7, 2, 2)]
        for left_bytes in range(0, 18, 2):  # of the last chunk's stamp; then another sound follows
            torn = pcm[: left_bytes - SPEAKER_FORMAT.chunk_bytes] + bytes(100)
            assert read_stamps(torn) == [Stamp(7, 2, 0), Stamp(7, 2, 1)], left_bytes


class TestSteps:
    def test_are_the_same_for_the_same_seed_and_others_for_another(self) -> None:
        assert make_steps(5, 40) == make_steps(5, 90)[:40]
        assert make_steps(5, 40) != make_steps(6, 40)

    def test_survive_a_plan_file(self) -> None:
        steps = make_steps(5, 200)
        assert list(from_lines(to_lines(steps))) == steps

    def test_use_every_act_and_every_moment(self) -> None:
        steps = make_steps(1, 2000)
        assert {step.act for step in steps} == set(Act)
        assert {step.when for step in steps if step.when} == {when for fault in FAULTS for when in fault.when}

    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.do)
    def test_have_faults_that_the_stand_in_knows(self, fault: Step) -> None:
        for when in fault.when:
            if fault.do != "down":
                rule("activity_end" if when == NOW else when, fault.do)


def scene(
    heard: bytes = b"", sent: Sequence[bytes] = (SAID,), *, whole: bool = True, **more: object
) -> Scene:
    """A step in which one thing was said, was sent as the turns of one connection, and answered."""
    step, outcomes = more.get("step", HOLDS[0]), more.get("outcomes", ["answered"])
    turns = [TurnRecord(number, "activity", 0.0) for number, _ in enumerate(sent)]
    for turn, pcm in zip(turns, sent, strict=True):
        turn.audio.append(AudioMessage(0.0, pcm, 16_000, turn))
    connection = ConnectionRecord(1, 0.0)
    connection.turns.extend(turns)
    assert isinstance(step, Step)
    assert isinstance(outcomes, list)
    return Scene(step, {2: SAID}, {(2, 1): whole, (2, 2): whole}, outcomes, heard, [connection])


class TestTheChecks:
    def test_have_nothing_to_say_of_a_turn_that_went_well(self) -> None:
        assert complaints(scene(reply(2, 1, 20))) == []

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (scene(reply(2, 1, 20), whole=False), "words lost"),
            (scene(reply(2, 1, 20), [SAID[640:]]), "words lost"),
            (scene(reply(2, 1, 20) + reply(2, 2, 20)), "answered twice"),
            (scene(reply(2, 1, 20) + reply(1, 1, 3)), "stale"),
            (scene(reply(2, 1, 20) * 2), "reply doubled"),
            (scene(reply(2, 1, 20)[960 * 3 :]), "reply torn"),
            (scene(reply(2, 1, 19)), "reply lost"),
            (scene(reply(2, 1, 20), [SAID, SAID[-640:]]), "sent twice"),
            (scene(reply(2, 1, 20), outcomes=["failed"]), "not answered"),
            (scene(reply(2, 1, 20), outcomes=[]), "not answered"),
        ],
    )
    def test_name_what_is_wrong(self, wrong: Scene, words: str) -> None:
        assert any(complaint.startswith(words) for complaint in complaints(wrong))

    def test_excuse_a_question_that_a_fault_may_have_cost(self) -> None:
        excused = replace(HOLDS[0], excused=True)
        assert complaints(scene(step=excused, outcomes=["failed"])) == []


def samples(count: int, mb_a_turn: float, warm_up_mb: float = 12.0) -> list[Sample]:
    """A process that warms up, then grows by so much a turn, in steps of a few MB as an allocator does."""
    noise = [0.0, 0.4, 1.5, 0.2, 2.0, 0.9]
    return [
        Sample(
            turn,
            round((90 + warm_up_mb * min(1.0, turn / 100) + turn * mb_a_turn + noise[turn % 6]) * MB),
            descriptors=12 + turn % 3,
            threads=4,
            tasks=14 + turn % 4,
        )
        for turn in range(count)
    ]


class TestGrowth:
    @pytest.mark.parametrize("count", [10, 150, 2000])
    def test_is_not_seen_in_a_process_that_only_warms_up(self, count: int) -> None:
        assert growth.complaints(samples(count, 0.0)) == []

    @pytest.mark.parametrize(("count", "mb_a_turn"), [(2000, 0.0012), (150, 0.3)])
    def test_of_memory_is_seen(self, count: int, mb_a_turn: float) -> None:
        assert any(
            "resident memory" in complaint for complaint in growth.complaints(samples(count, mb_a_turn))
        )

    def test_of_memory_is_measured_in_mb_for_1000_turns(self) -> None:
        slope = growth.slope_mb_per_1000(samples(2 * FEWEST_FOR_SLOPE, 0.005))
        assert slope == pytest.approx(5.0, abs=0.1)

    @pytest.mark.parametrize("name", ["descriptors", "threads", "tasks"])
    def test_of_whatever_is_counted_is_seen(self, name: str) -> None:
        growing = [replace(one, **{name: getattr(one, name) + one.turn // 10}) for one in samples(150, 0.0)]
        assert any(complaint.startswith(f"{name} grow") for complaint in growth.complaints(growing))


class TestShrinking:
    def test_finds_the_step_that_fails_alone(self) -> None:
        steps = make_steps(3, 64)
        assert shrink(steps, lambda fewer: steps[-1] in fewer, tries=8) == steps[-1:]

    def test_keeps_an_earlier_step_that_is_needed(self) -> None:
        steps = make_steps(3, 64)
        found = shrink(steps, lambda fewer: steps[-10] in fewer, tries=8)
        assert steps[-10] in found
        assert len(found) <= 16

    def test_tries_no_more_often_than_it_may(self) -> None:
        tried: list[int] = []

        def fails(fewer: Sequence[Step]) -> bool:
            tried.append(len(fewer))
            return False

        steps = [*make_steps(3, 500), clean_step(501)]
        assert shrink(steps, fails, tries=3) == steps
        assert len(tried) == 3
