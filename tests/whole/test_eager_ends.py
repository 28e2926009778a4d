"""Eager ends in whole conversations: what is ready early is heard and done only when the end is sure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rig import HELLO, Rig, running_rig, with_keys

from daemon.config.settings import Settings
from daemon.standin.plan import Plan
from daemon.standin.voices import tone
from daemon.standin.world import Pace
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

SETTINGS = with_keys(
    Settings(),
    vad={"silence_ms": 700, "silence_max_ms": 0, "eager_ms": 300},
    trigger={"follow_up_s": 0.0},
    sound={"volume": 100},
)
AT_ONCE = Pace(thinking_s=0.02, speed=20.0, playout=0.0)
PAUSE = bytes(MIC_FORMAT.bytes(0.5))
FIRST_HZ, SECOND_HZ, LENGTH_S = 1500.0, 2700.0, 0.6
"""Far from each other, and from every earcon."""

GREET = '''
import os

from daemon.tools import tool

HERE = os.path.dirname(__file__)


@tool()
def greet() -> str:
    """Greet somebody."""
    with open(os.path.join(HERE, "done.txt"), "a") as file:
        file.write("greet\\n")
    return "hello"
'''


@dataclass
class TellTale:
    """Answers each question with another tone."""

    tones_hz: list[float] = field(default_factory=lambda: [FIRST_HZ, SECOND_HZ])

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """The next tone; the last one stays."""
        hz = self.tones_hz.pop(0) if len(self.tones_hz) > 1 else self.tones_hz[0]
        return tone(LENGTH_S, hz)


def heard_s(rig: Rig, hz: float) -> float:
    """For how long this tone was heard, by its energy among all that was."""
    heard = rig.heard().astype(np.float64) / 32768
    if not len(heard):
        return 0.0
    at_s = np.arange(len(heard)) / SPEAKER_FORMAT.rate_hz
    blocks = [slice(start, start + 480) for start in range(0, len(heard) - 479, 480)]
    amplitudes = [2 * abs(np.mean(heard[each] * np.exp(-2j * np.pi * hz * at_s[each]))) for each in blocks]
    return 0.02 * sum(float(amplitude) > 0.1 for amplitude in amplitudes)


def is_open(rig: Rig) -> bool:
    """Whether the daemon still listens."""
    states = rig.states
    return bool(states) and states[-1] == "listening"


async def test_who_goes_on_after_a_pause_hears_one_answer_to_all_of_it() -> None:
    async with running_rig(SETTINGS, voice=TellTale(), pace=AT_ONCE) as rig:
        await rig.until_online()
        rig.tap()
        rig.say(HELLO + PAUSE + HELLO)
        await rig.until_turns_over()
        first, second = rig.standin.record.turns
        assert first.reply.audio_bytes > 0  # it was there, and nothing of it was heard
        assert first.ended_s is not None
        assert HELLO + PAUSE + HELLO in second.pcm
        assert heard_s(rig, FIRST_HZ) == 0.0
        assert heard_s(rig, SECOND_HZ) == pytest.approx(LENGTH_S, abs=0.05)
        assert rig.states == ["listening", "thinking", "speaking", "idle"]
        (line,) = rig.turns_over()
        assert (line["outcome"], line["eager_ends"], line["eager_wasted"]) == ("answered", 2, 1)


async def test_a_finished_sentence_is_answered_at_the_end_of_its_silence() -> None:
    async with running_rig(SETTINGS, voice=TellTale(), pace=AT_ONCE) as rig:
        await rig.until_online()
        rig.tap()
        rig.say(HELLO)
        await rig.until(lambda: rig.standin.record.turns and rig.standin.record.turns[0].reply.audio_bytes)
        assert is_open(rig)
        assert heard_s(rig, FIRST_HZ) == 0.0
        await rig.until_turns_over()
        assert len(rig.standin.record.turns) == 1
        assert heard_s(rig, FIRST_HZ) == pytest.approx(LENGTH_S, abs=0.05)
        (line,) = rig.turns_over()
        assert line["outcome"] == "answered"
        assert (line["eager_ends"], line["eager_wasted"]) == (1, 0)
        assert 0 < line["gained_ms"] <= 400  # type: ignore[operator]


async def test_without_eager_ends_nothing_is_sent_before_the_silence_is_over() -> None:
    settings = with_keys(SETTINGS, vad={"eager_ms": 0})
    async with running_rig(settings, voice=TellTale(), pace=AT_ONCE) as rig:
        await rig.until_online()
        rig.tap()
        rig.say(HELLO + PAUSE + HELLO)
        await rig.until_turns_over()
        (turn,) = rig.standin.record.turns
        assert HELLO + PAUSE + HELLO in turn.pcm
        assert rig.turns_over()[0]["gained_ms"] == 0


async def test_a_tool_is_called_once_and_only_for_the_whole_of_what_was_said(tmp_path: Path) -> None:
    (tmp_path / "trial.py").write_text(GREET)
    settings = with_keys(SETTINGS, tools={"directory": str(tmp_path)})
    plan = Plan.from_toml(
        '[[rule]]\nwhen = "reply_start"\nnth = "every"\ndo = { action = "call_tool", name = "greet" }'
    )
    async with running_rig(settings, plan=plan, voice=TellTale(), pace=AT_ONCE) as rig:
        await rig.until_online()
        rig.tap()
        rig.say(HELLO + PAUSE + HELLO)
        await rig.until_turns_over()
        answers: list[dict[str, Any]] = [
            one["response"]
            for event in rig.standin.record.events
            if event.kind == "tool_response"
            for one in event.payload["functionResponses"]
        ]
        assert [answer["status"] for answer in answers] == ["error", "ok"]
        assert "gone on" in answers[0]["message"]
        assert (tmp_path / "done.txt").read_text() == "greet\n"
        assert heard_s(rig, FIRST_HZ) == 0.0
        assert all(each.close_code not in (1007, 1008) for each in rig.standin.record.connections)


async def test_after_three_pauses_only_the_full_silence_is_waited_for() -> None:
    async with running_rig(SETTINGS, voice=TellTale([FIRST_HZ]), pace=AT_ONCE) as rig:
        await rig.until_online()
        rig.tap()
        rig.say((HELLO + PAUSE) * 4 + HELLO)
        await rig.until_turns_over()
        assert len(rig.standin.record.turns) == 4
        assert (HELLO + PAUSE) * 4 + HELLO in rig.standin.record.turns[-1].pcm
        (line,) = rig.turns_over()
        assert (line["eager_ends"], line["eager_wasted"]) == (3, 3)
        used = (await rig.command("status"))["usage"]["today"]
        assert (used["eager_ends"], used["eager_wasted"]) == (3, 3)
        assert used["eager_wasted_s"] > 3 * 0.72


async def test_a_stop_in_the_pause_is_followed_by_no_answer() -> None:
    async with running_rig(SETTINGS, voice=TellTale(), pace=AT_ONCE) as rig:
        await rig.until_online()
        rig.tap()
        rig.say(HELLO)
        await rig.until(lambda: rig.standin.record.turns and rig.standin.record.turns[0].reply.audio_bytes)
        await rig.command("stop")
        await rig.until_turns_over()
        assert rig.turns_over()[0]["outcome"] == "cancelled"
        rig.say(HELLO)
        rig.tap()
        await rig.until_turns_over(2)
        assert heard_s(rig, FIRST_HZ) == 0.0
        assert heard_s(rig, SECOND_HZ) == pytest.approx(LENGTH_S, abs=0.05)


async def test_a_connection_lost_in_the_pause_costs_no_words() -> None:
    plan = Plan.from_toml('[[rule]]\nwhen = "reply_ms=200"\ndo = "reset"')
    async with running_rig(SETTINGS, voice=TellTale(), plan=plan, pace=AT_ONCE) as rig:
        await rig.until_online()
        rig.tap()
        rig.say(HELLO)
        await rig.until_turns_over()
        assert HELLO in rig.standin.record.turns[-1].pcm
        assert heard_s(rig, FIRST_HZ) == 0.0
        assert heard_s(rig, SECOND_HZ) == pytest.approx(LENGTH_S, abs=0.05)
        assert rig.turns_over()[0]["outcome"] == "answered"
