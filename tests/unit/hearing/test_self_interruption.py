"""That the device knows when it took its own echo for a voice."""

from __future__ import annotations

from daemon.hearing.self_interruption import JUDGED_CHUNKS, SKIPPED_CHUNKS, VOICE_CHUNKS, SelfInterruption


def told(voice: list[bool]) -> list[bool]:
    """What is told of a start and of the chunks after it."""
    judge = SelfInterruption()
    return [judge.hear(started=True, voice=True), *(judge.hear(started=False, voice=each) for each in voice)]


def test_a_start_after_which_nobody_speaks_was_the_device_itself_and_is_told_once() -> None:
    assert sum(told([False] * 3 * JUDGED_CHUNKS)) == 1


def test_the_end_of_its_own_word_does_not_excuse_it() -> None:
    assert any(told([True] * (SKIPPED_CHUNKS - 1) + [False] * JUDGED_CHUNKS))


def test_somebody_who_speaks_on_is_no_echo() -> None:
    assert not any(told([True] * 2 * JUDGED_CHUNKS))


def test_the_rest_of_a_short_word_is_enough() -> None:
    assert not any(told([True] * (SKIPPED_CHUNKS + VOICE_CHUNKS) + [False] * JUDGED_CHUNKS))


def test_without_a_start_there_is_nothing_to_judge() -> None:
    judge = SelfInterruption()
    assert not any(judge.hear(started=False, voice=False) for _ in range(3 * JUDGED_CHUNKS))
