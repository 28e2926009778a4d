"""The fault matrix over the whole daemon: no word lost, no answer twice, and the device usable afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from fault_cases import CASES
from fault_story import (
    QUICK,
    SETTINGS,
    SHIPPED,
    SHORT,
    WORD,
    Case,
    Patience,
    Story,
    another_turn,
    noticed,
    patient_rig,
    play,
    warnings_into,
)
from rig import HELLO, with_keys

from daemon.conductor.ledger import Mark
from daemon.lights import scenes
from daemon.session.failures import TREATMENTS, FailureKind
from daemon.standin.plan import Plan
from daemon.standin.voices import LongSpeech, Tone
from daemon.standin.world import Pace
from daemon.words import Outcome
from hw.base import MIC_FORMAT

HEALTHY = {
    scene.name
    for scene in (
        scenes.STARTING, scenes.CONNECTING, scenes.STOPPING,
        scenes.IDLE, scenes.LISTENING, scenes.SENDING, scenes.THINKING, scenes.SPEAKING,
    )
}  # fmt: skip
"""What the lights say at the start, in the course of a turn, and at the end."""

BACK_WITHIN_S = 5.0
"""From the end of a fault. Far above what is measured (docs/use/faults.md): a bound for busy machines."""

Facts = dict[str, object]


FIRST = HELLO[MIC_FORMAT.bytes(0.4) :]
"""Another word than SHORT, which is the beginning of HELLO."""

AT_ONCE = 3
"""Cases that are played side by side, for each takes some seconds in which little is computed."""

BATCHES = [CASES[start : start + AT_ONCE] for start in range(0, len(CASES), AT_ONCE)]


@pytest.mark.parametrize("cases", BATCHES, ids=lambda cases: ", ".join(case.title for case in cases))
async def test_a_fault_costs_no_word_and_no_second_answer(cases: list[Case]) -> None:
    async with asyncio.TaskGroup() as tasks:
        plays = [tasks.create_task(play(case)) for case in cases]
    stories = {case.title: (case, task.result()) for case, task in zip(cases, plays, strict=True)}
    found = {title: facts(case, story) for title, (case, story) in stories.items()}
    assert found == {case.title: expected(case) for case in cases}
    for title, (_, story) in stories.items():
        late_s = max(story.back_s or 0.0, story.reply_delay_s or 0.0)
        assert late_s < BACK_WITHIN_S, title


def expected(case: Case) -> Facts:
    """What the row asks for."""
    failed = case.outcome is Outcome.FAILED
    return {
        "outcome": case.outcome.value,
        "earcons": ["listening", *(tone.value for tone in case.tones)],
        "sent whole, in one answered turn": failed or [True],
        "reply heard once": case.outcome is Outcome.ANSWERED,
        "scenes of faults": {case.shows.name} if case.shows else set(),
        "warnings": [] if case.warns is None else [warning_words(case.warns)],
        "the turn after it": ("answered", ["listening"], [True], WORD.seconds),
    }


def facts(case: Case, story: Story) -> Facts:
    """The same of what happened."""
    first, second = story.turns
    return {
        "outcome": first.outcome,
        "earcons": first.earcons,
        "sent whole, in one answered turn": case.outcome is Outcome.FAILED or first.sent,
        "reply heard once": isinstance(case.voice, Tone) and first.reply_s == case.voice.seconds,
        "scenes of faults": set(story.scenes) - HEALTHY,
        "warnings": [_shortened(line, case.warns) for line in story.warnings],
        "the turn after it": (second.outcome, second.earcons, second.sent, second.reply_s),
    }


def warning_words(warns: FailureKind | str) -> str:
    """What the warning must say."""
    return TREATMENTS[warns].says if isinstance(warns, FailureKind) else warns


def _shortened(line: str, warns: FailureKind | str | None) -> str:
    """The words that are looked for, if they are there; else all of it."""
    words = warning_words(warns) if warns else line
    return words if words in line else line


# --- what does not fit a row -----------------------------------------------------------------------


async def test_an_outage_that_outlasts_the_wait_is_told_and_forgotten() -> None:
    """It begins with a drop that nobody notices."""
    patience = replace(QUICK, dialogue={**QUICK.dialogue, "hold_utterance_s": 1.0})
    lines: list[str] = []
    with warnings_into(lines):
        async with patient_rig(patience, voice=WORD) as rig:
            await rig.until_online()
            rig.standin.offline = True
            rig.standin.abort()
            await rig.until(lambda: noticed(rig))
            told = await another_turn(rig)
            assert (told.outcome, told.earcons) == ("failed", ["listening", "offline", "offline"])
            rig.standin.offline = False
            told = await another_turn(rig)
            assert (told.outcome, told.sent, told.reply_s) == ("answered", [True], WORD.seconds)
    assert [line.split(" (")[0] for line in lines] == [TREATMENTS[FailureKind.NETWORK].says]


@pytest.mark.slow
async def test_a_turn_that_waits_is_answered_soon_after_a_long_outage() -> None:
    lines: list[str] = []
    with warnings_into(lines):
        async with patient_rig(Patience(SETTINGS, jitter=1.0), voice=WORD) as rig:
            await rig.until_online()
            rig.standin.offline = True
            rig.standin.abort()
            rig.tap()
            rig.say()
            await asyncio.sleep(9.0)  # the outage: long enough for pauses that grow
            rig.standin.offline = False
            await rig.until_turns_over(timeout_s=BACK_WITHIN_S)
            assert HELLO in rig.standin.record.turns[-1].pcm
    assert [line.split(" (")[0] for line in lines] == [
        TREATMENTS[FailureKind.TRANSIENT].says,
        TREATMENTS[FailureKind.NETWORK].says,
    ]


HALF_OPEN = Plan.from_toml('[[rule]]\nwhen = "activity_end"\ndo = "half_open"\n')


async def test_on_a_dead_path_that_still_acknowledges_the_answer_comes_within_5_s() -> None:
    """With the limits as shipped, in the first turn, of which nothing is known yet."""
    async with patient_rig(SHIPPED, voice=WORD, plan=HALF_OPEN) as rig:
        told = await another_turn(rig)
        assert (told.outcome, told.earcons, told.sent) == ("answered", ["listening"], [True])
        assert told.reply_s == WORD.seconds
        (turn,) = rig.conure.parts.ledger.turns
        assert turn.marks[Mark.FIRST_REPLY] - turn.marks[Mark.SPEECH_ENDED] < 5.0


async def test_who_hears_nothing_and_goes_on_is_answered_once_to_all_of_it() -> None:
    """In the time in which a second connection is not tried yet, and the first is dead."""
    settings = with_keys(SETTINGS, button={"double": "none"})
    async with patient_rig(replace(QUICK, settings=settings), voice=WORD, plan=HALF_OPEN) as rig:
        await rig.until_online()
        rig.press()
        rig.say(FIRST)
        await rig.until(lambda: MIC_FORMAT.bytes(rig.board.mic.said_s) >= len(FIRST))
        rig.release()
        await rig.until_state("thinking")
        rig.press()
        rig.say(SHORT)
        await rig.until(lambda: MIC_FORMAT.bytes(rig.board.mic.said_s) >= len(FIRST + SHORT))
        rig.release()
        await rig.until_turns_over(2)
        assert [(turn["outcome"], turn["reply_s"]) for turn in rig.turns_over()] == [
            ("cut", 0.0),
            ("answered", WORD.seconds),
        ]
        (answered,) = [turn for turn in rig.standin.record.turns if turn.reply.audio_bytes]
        assert 0 <= answered.pcm.find(FIRST) < answered.pcm.find(SHORT)


async def test_a_model_that_thinks_for_long_is_heard_and_not_given_up() -> None:
    """The second connection thinks for as long, began later, and is never heard."""
    patience = replace(QUICK, dialogue={**QUICK.dialogue, "answer_timeout_s": 15.0})
    async with patient_rig(patience, voice=WORD, pace=Pace(thinking_s=1.5)) as rig:
        told = await another_turn(rig)
        assert (told.outcome, told.sent, told.reply_s) == ("answered", [True], WORD.seconds)
        first, second = rig.standin.record.connections
        assert (first.open, second.open) == (True, False)
        assert [turn.reply.audio_bytes > 0 for turn in rig.standin.record.turns] == [True, False]


async def test_while_the_server_works_as_announced_no_second_connection_is_tried() -> None:
    plan = Plan.from_toml('[[rule]]\nwhen = "reply_start"\ndo = { action = "work", seconds = 1.5 }\n')
    async with patient_rig(QUICK, voice=WORD, plan=plan) as rig:
        told = await another_turn(rig)
        assert told.outcome == "answered"
        assert len(rig.standin.record.connections) == 1


async def test_a_streak_of_rejected_replies_leads_to_a_fresh_session() -> None:
    plan = Plan.from_toml('[[rule]]\nwhen = "reply_start"\nnth = [1, 2, 3]\ndo = "reject"\n')
    lines: list[str] = []
    with warnings_into(lines):
        async with patient_rig(QUICK, voice=WORD, plan=plan) as rig:
            await rig.until_online()
            told = [await another_turn(rig) for _ in range(4)]
            assert [turn.outcome for turn in told] == ["failed", "failed", "failed", "answered"]
            assert [turn.earcons[-1] for turn in told] == ["error", "error", "error", "listening"]
            assert [connection.resumed for connection in rig.standin.record.connections] == [False, False]
    assert len(lines) == 1


async def test_a_burst_of_120_s_is_kept_when_the_connection_ends_in_it() -> None:
    plan = Plan.from_toml('[[rule]]\nwhen = "reply_ms=110000"\ndo = "reset"\n')
    async with patient_rig(QUICK, voice=LongSpeech(), plan=plan, pace=Pace(speed=100.0)) as rig:
        await rig.until_online()
        rig.tap()
        rig.say()
        await rig.until(lambda: not rig.standin.record.connections[0].open)
        status = await rig.command("status")
        assert status["rings"]["reply"]["lost_bytes"] == 0
        assert rig.states[-1] == "speaking"
        rig.voice.now = WORD
        rig.tap()
        rig.say()
        await rig.until_turns_over(2)
        assert [turn["outcome"] for turn in rig.turns_over()] == ["cut", "answered"]
        assert HELLO in rig.standin.record.turns[-1].pcm


async def test_with_server_turn_taking_a_missing_end_does_not_silence_the_next_reply() -> None:
    settings = with_keys(SETTINGS, live={"turn_taking": "server"}, trigger={"follow_up_s": 5.0})
    plan = Plan.from_toml('[[rule]]\nwhen = "turn_complete"\ndo = "turn_complete_missing"\n')
    async with patient_rig(replace(QUICK, settings=settings), voice=WORD, plan=plan) as rig:
        await rig.until_online()
        rig.tap()
        rig.say()
        await rig.until_state("listening", 2)
        rig.say()
        await rig.until_state("listening", 3)
        assert rig.states == ["listening", "speaking", "listening", "speaking", "listening"]


SERVER_TURNS = with_keys(SETTINGS, live={"turn_taking": "server"}, trigger={"follow_up_s": 5.0})

GOING_AWAY = '{ action = "go_away", time_left_s = 0.1, then = "close", after_s = 0.05 }'


def server_turns(do: str) -> Patience:
    """A half-open connection is noticed by its silence, which must not be the shorter answer time's doing."""
    return replace(SHIPPED if "half_open" in do else QUICK, settings=SERVER_TURNS)


@pytest.mark.parametrize("do", ['"reset"', '"half_open"', GOING_AWAY, '"poisoned_handle"'])
async def test_with_server_turn_taking_a_fault_in_mid_sentence_costs_no_word(do: str) -> None:
    rules = f"[[rule]]\nwhen = 'audio_ms=700'\nnth = [1]\ndo = {do}\n"
    if "poisoned" in do:
        rules = rules.replace(do, '"reset"') + f"[[rule]]\nwhen = 'resume'\nnth = [1]\ndo = {do}\n"
    async with patient_rig(server_turns(do), voice=WORD, plan=Plan.from_toml(rules)) as rig:
        await rig.until_online()
        rig.tap()
        rig.say()
        await rig.until_state("speaking")
        (answered,) = [turn for turn in rig.standin.record.turns if turn.reply.audio_bytes]
        sent = [b"".join(message.pcm for message in one.audio) for one in rig.standin.record.connections]
        assert HELLO in sent[-1], "the new connection must hear the whole sentence"
        assert answered.audio_s > 1.0
        await rig.until_state("listening", 2)
        rig.say()
        await rig.until_state("speaking", 2)


@pytest.mark.parametrize("do", ['"reset"', '"half_open"', GOING_AWAY])
async def test_with_server_turn_taking_a_fault_in_a_reply_leaves_the_conversation_usable(do: str) -> None:
    plan = Plan.from_toml(f"[[rule]]\nwhen = 'reply_ms=100'\nnth = [1]\ndo = {do}\n")
    async with patient_rig(server_turns(do), voice=WORD, plan=plan) as rig:
        await rig.until_online()
        rig.tap()
        rig.say()
        await rig.until_state("speaking")
        await rig.until_state("listening", 2)
        rig.say()
        await rig.until(lambda: any(turn.reply.turn_complete_s for turn in rig.standin.record.turns))
        sent = [b"".join(message.pcm for message in one.audio) for one in rig.standin.record.connections]
        assert HELLO in sent[-1]
