"""What rings, in the whole daemon on the simulated board: over a reply, offline, muted, after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rig import Rig, running_rig, with_keys

from daemon.config.settings import Settings
from daemon.reminders.bell import MELODIES
from daemon.reminders.book import EntryKind, add_timer
from daemon.speaking.playback import DUCK_GAIN
from daemon.standin.plan import Plan
from daemon.standin.voices import Tone
from daemon.standin.world import Pace
from hw.base import SPEAKER_FORMAT

NOBODY = "https://127.0.0.1:9"
"""The discard port: nothing listens there."""

PACE = Pace(thinking_s=0.05, speed=20.0, playout=0.0)

TONE_HZ = 440.0
WINDOW_S = 0.05
"""Long enough to tell the reply's tone from the bell's notes."""

BELL_HZ = tuple({note.pitch_hz for note in MELODIES[EntryKind.TIMER] if note.pitch_hz})


@pytest.fixture
def settings() -> Settings:
    """No follow-up: what is heard afterwards opens nothing."""
    return with_keys(Settings(), trigger={"follow_up_s": 0.0}, vad={"silence_ms": 300})


async def start_timer(rig: Rig, duration: str = "1s", name: str = "tea") -> None:
    await rig.conure.commands.handle("timers", {"action": "add", "duration": duration, "name": name})


async def listed(rig: Rig) -> list[str]:
    return str(await rig.command("timers", action="list")).splitlines()


async def until_ringing(rig: Rig) -> None:
    await rig.until(lambda: rig.scenes[-1] == "ringing")


async def until_bell_heard(rig: Rig) -> None:
    """Some tones have notes of the bell: only what comes after the light is one."""
    await until_ringing(rig)
    before = len(rig.heard())
    await rig.until(lambda: bell_level(rig, before) > 0.01)


async def until_silenced(rig: Rig) -> None:
    await rig.until(lambda: rig.scenes[-1] != "ringing")


def level(samples: NDArray[np.int16], hz: float) -> NDArray[np.float64]:
    """The amplitude of one pitch, 0 to 1, window by window."""
    size = SPEAKER_FORMAT.frames(WINDOW_S)
    windows = samples[: len(samples) // size * size].reshape(-1, size) / 32768
    wave = np.exp(-2j * np.pi * hz * np.arange(size) / SPEAKER_FORMAT.rate_hz)
    found: NDArray[np.float64] = 2 * np.abs(windows @ wave) / size
    return found


def bell_level(rig: Rig, since: int) -> float:
    """The loudest that a timer's bell has been, from the sample `since` on."""
    heard = rig.heard()[since:]
    return max(float(level(heard, hz).max(initial=0.0)) for hz in BELL_HZ)


def turns_at_the_service(rig: Rig) -> int:
    return sum(len(connection.turns) for connection in rig.standin.record.connections)


# --- over what else goes on -------------------------------------------------------------------------


async def test_while_a_reply_plays_the_reply_is_ducked_and_goes_on_to_its_end(settings: Settings) -> None:
    async with running_rig(settings, voice=Tone(4.0, TONE_HZ), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_state("speaking")
        await start_timer(rig)
        await until_bell_heard(rig)
        await asyncio.sleep(0.5)
        rig.tap()
        await until_silenced(rig)
        assert rig.states[-1] == "speaking"
        await rig.until_turns_over()
        tone = level(rig.heard(), TONE_HZ)
    loud = float(np.median(np.sort(tone)[-20:]))
    softer = (tone > loud * DUCK_GAIN * 0.7) & (tone < loud * DUCK_GAIN * 1.3)
    assert rig.turns_over()[0]["outcome"] == "answered"
    assert np.count_nonzero(softer) * WINDOW_S > 0.4
    assert np.count_nonzero(tone > loud * 0.9) * WINDOW_S > 1.5
    assert np.count_nonzero(tone > loud * DUCK_GAIN * 0.7) * WINDOW_S == pytest.approx(4.0, abs=0.3)
    assert turns_at_the_service(rig) == 1


async def test_the_end_of_a_reply_beneath_a_bell_ends_the_turn(settings: Settings) -> None:
    async with running_rig(settings, voice=Tone(1.5), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_state("speaking")
        await start_timer(rig)
        await until_bell_heard(rig)
        await rig.until_turns_over()
        assert rig.turns_over()[0]["outcome"] == "answered"
        assert rig.scenes[-1] == "ringing"


async def test_offline_it_rings_all_the_same(settings: Settings) -> None:
    async with running_rig(settings, base_url=NOBODY) as rig:
        await rig.until(lambda: "offline" in rig.scenes)
        await start_timer(rig)
        await until_bell_heard(rig)
        assert rig.scenes[-1] == "ringing"
        rig.tap()
        await until_silenced(rig)
        assert rig.scenes[-1] == "offline"


async def test_muted_it_rings_and_the_microphone_stays_closed(settings: Settings) -> None:
    async with running_rig(settings, pace=PACE) as rig:
        await rig.until_online()
        await rig.command("mute")
        await rig.until(lambda: not rig.board.mic.is_open)
        await start_timer(rig)
        await until_bell_heard(rig)
        assert not rig.board.mic.is_open
        rig.tap()
        await until_silenced(rig)
        await asyncio.sleep(0.3)  # a microphone that was opened would be seen by now
        assert not rig.board.mic.is_open
        assert rig.scenes[-1] == "muted"
        assert turns_at_the_service(rig) == 0


# --- silencing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["tap", "hold", "talk", "stop"])
async def test_what_silences_a_bell_does_no_more_than_that(settings: Settings, how: str) -> None:
    async with running_rig(settings, pace=PACE) as rig:
        await rig.until_online()
        await start_timer(rig)
        await until_bell_heard(rig)
        rig.say()
        match how:
            case "tap":
                rig.tap()
            case "hold":
                rig.press()
                await asyncio.sleep(settings.button.long_ms / 1000 + 0.2)
                rig.release()
            case _:
                await rig.command(how)
        await until_silenced(rig)
        await asyncio.sleep(0.3)  # a turn that began would be seen by now
        assert rig.states == []
        assert turns_at_the_service(rig) == 0
        assert (await listed(rig))[0].startswith("timer “tea”: rang today at ")
        before = len(rig.heard())
        await asyncio.sleep(0.3)
        assert not np.any(rig.heard()[before:])


async def test_the_next_tap_talks_again(settings: Settings) -> None:
    async with running_rig(settings, voice=Tone(0.3), pace=PACE) as rig:
        await rig.until_online()
        await start_timer(rig)
        await until_ringing(rig)
        rig.tap()
        await until_silenced(rig)
        rig.say()
        rig.tap()
        await rig.until_turns_over()
        assert rig.turns_over()[0]["outcome"] == "answered"


async def test_while_somebody_speaks_the_bell_waits(settings: Settings) -> None:
    async with running_rig(settings, voice=Tone(0.3), pace=PACE) as rig:
        await rig.until_online()
        rig.press()
        await rig.until_state("listening")
        await start_timer(rig)
        await rig.until(lambda: rig.conure.parts.reminders.ringing)
        before = len(rig.heard())
        await asyncio.sleep(0.5)
        assert bell_level(rig, before) < 0.01
        assert rig.scenes[-1] == "listening"
        rig.release()
        await until_bell_heard(rig)


async def test_a_reminder_that_a_press_silences_is_told_by_the_model(settings: Settings) -> None:
    async with running_rig(settings, voice=Tone(0.5), pace=PACE) as rig:
        await rig.until_online()
        await remind_now(rig, "call Ann")
        await until_ringing(rig)
        rig.tap()
        await rig.until_turns_over()
        (turn,) = rig.standin.record.connections[0].turns
        assert turn.text == "A reminder is due now. Tell it to the user in one short sentence: call Ann"
        assert "listening" not in rig.states


@pytest.mark.parametrize(("speak", "base_url"), [(False, ""), (True, NOBODY)])
async def test_a_reminder_that_is_silenced_offline_or_where_that_is_off_is_only_in_the_list(
    settings: Settings, base_url: str, *, speak: bool
) -> None:
    settings = with_keys(settings, reminders={"speak": speak})
    async with running_rig(settings, base_url=base_url) as rig:
        await rig.until(lambda: rig.conure.parts.connection.report()["state"] in ("online", "backing_off"))
        await remind_now(rig, "call Ann")
        await until_ringing(rig)
        rig.tap()
        await until_silenced(rig)
        await asyncio.sleep(0.2)  # a turn that began would be seen by now
        assert rig.states == []
        assert (await listed(rig))[0].startswith("reminder “call Ann”: rang ")


async def remind_now(rig: Rig, text: str) -> None:
    """As if a reminder came due: no command sets one for this second."""
    await rig.conure.parts.reminders.change(
        lambda book, now: add_timer(book, 1, text, now, EntryKind.REMINDER)[0]
    )


# --- the model --------------------------------------------------------------------------------------


def calling(*tools: str, nth: str = "1") -> Plan:
    asked = ", ".join(f'{{ action = "call_tool", name = {tool} }}' for tool in tools)
    return Plan.from_toml(f'[[rule]]\nwhen = "reply_start"\nnth = {nth}\ndo = [{asked}]\n')


def answers(rig: Rig) -> list[dict[str, Any]]:
    responses = [event for event in rig.standin.record.events if event.kind == "tool_response"]
    return [one["response"] for event in responses for one in event.payload["functionResponses"]]


async def test_a_timer_that_the_model_sets_rings(settings: Settings) -> None:
    plan = calling('"set_timer", args = { duration_s = 2, name = "tea" }')
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_turns_over()
        (answer,) = answers(rig)
        assert answer["status"] == "ok"
        assert answer["message"].startswith("Set, number 1: timer “tea”: 2 seconds left, rings today at ")
        await until_bell_heard(rig)
        assert (await listed(rig)) == ["1: timer “tea”: rings now"]


async def test_a_voice_silences_what_rings_where_a_conversation_is_open(settings: Settings) -> None:
    settings = with_keys(settings, trigger={"follow_up_s": 20.0})
    plan = calling('"stop_ringing"', nth="2")
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_state("follow_up")
        await start_timer(rig)
        await until_ringing(rig)
        rig.say()
        await rig.until(lambda: len(answers(rig)) == 1)
        assert answers(rig)[0]["message"] == "Silenced: timer “tea”."
        await until_silenced(rig)


async def test_the_model_is_told_what_it_was_asked_to_remember(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    settings = with_keys(settings, memory={"enabled": True})
    plan = calling('"remember", args = { fact = "The user\'s sister is called Ann." }')
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_turns_over()
        assert await rig.command("memory", action="list") == "1: The user's sister is called Ann."
    async with running_rig(settings) as rig:
        await rig.until_online()
        setup = rig.standin.record.connections[0].setup
        assert setup is not None
        instruction = setup["systemInstruction"]["parts"][0]["text"]
        assert instruction.endswith("The user asked you to remember:\n- The user's sister is called Ann.")


# --- a restart --------------------------------------------------------------------------------------


async def test_a_timer_outlives_the_program_and_what_rang_at_its_end_rings_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    async with running_rig(settings) as rig:
        await start_timer(rig, "1s", "tea")
        await start_timer(rig, "1h", "roast")
        await until_ringing(rig)
    async with running_rig(settings) as rig:
        await until_bell_heard(rig)
        rang, waits = await listed(rig)
        assert rang == "1: timer “tea”: rings now"
        assert waits.startswith("2: timer “roast”: 59 minutes ")
        status = await rig.command("status")
        assert status["timers"]["rings"] == ["timer “tea”"]
        assert status["light"] == "ringing"
