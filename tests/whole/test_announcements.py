"""Announcements in the whole daemon on the simulated board: word for word, between people, no microphone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from rig import Rig, running_rig, with_keys

from daemon.announcements.chime import chime
from daemon.config.settings import Settings
from daemon.speaking.gain import apply_gain, gain_for
from daemon.standin.voices import Tone, read_aloud
from daemon.standin.world import Pace

NOBODY = "https://127.0.0.1:9"
"""The discard port: nothing listens there."""

PACE = Pace(thinking_s=0.05, speed=50.0, playout=0.0)
TEXT = "The tea is done."


@pytest.fixture
def settings() -> Settings:
    """No follow-up: what is heard afterwards opens nothing. At this loudness samples stay as they are."""
    return with_keys(
        Settings(),
        trigger={"follow_up_s": 0.0},
        vad={"silence_ms": 300},
        sound={"volume": 100},
        live={"voice": "Kore", "language": "en-GB"},
    )


def fates(rig: Rig) -> list[object]:
    return [
        note["what"] for note in rig.notes if note["event"] == "announcement" and note["what"] != "queued"
    ]


async def until_fate(rig: Rig, fate: str, count: int = 1) -> None:
    await rig.until(lambda: fates(rig).count(fate) >= count)


def holds(heard: NDArray[np.int16], sound: bytes) -> bool:
    """Whether these samples were heard, one after the other and nothing mixed with them."""
    return sound in heard.tobytes()


async def test_a_text_is_spoken_word_for_word_and_no_microphone_is_opened(settings: Settings) -> None:
    async with running_rig(settings, pace=PACE) as rig:
        await rig.command("announce", text=TEXT, chime=True)
        await until_fate(rig, "heard")
        heard, status = rig.heard(), await rig.command("status")
        (asked,) = rig.standin.record.contents
    assert asked.text == TEXT and asked.model == "gemini-3.8-flash-lite-tts"
    speech = asked.body["generationConfig"]["speechConfig"]
    assert speech["languageCode"] == "en-GB"
    assert speech["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"] == "Kore"
    sound = read_aloud(TEXT, "Kore")
    assert holds(heard, sound) and holds(heard, chime())
    assert heard.tobytes().index(chime()) < heard.tobytes().index(sound)
    assert "announcing" in rig.scenes and rig.blue_spans() == []
    assert rig.turns_over() == [] and all(not one.audio for one in rig.standin.record.connections)
    assert status["announcements"]["recent"] == [f"heard: {TEXT}"]
    assert status["usage"]["today"]["received_s"] == pytest.approx(len(sound) / 48_000, abs=0.1)


async def test_it_waits_for_the_reply_and_the_important_one_comes_first(settings: Settings) -> None:
    async with running_rig(settings, pace=PACE, voice=Tone(seconds=1.0)) as rig:
        await rig.until_online()
        await rig.command("say", text="hello")
        await rig.until_state("speaking")
        await rig.command("announce", text="Later.", priority="low")
        await rig.command("announce", text="First.", priority="high", volume=100)
        await until_fate(rig, "heard", 2)
        heard = rig.heard().tobytes()
        told = [(note["event"], note.get("what")) for note in rig.notes]
    assert told.index(("turn", None)) < told.index(("announcement", "begins"))
    assert 0 < heard.find(read_aloud("First.", "Kore")) < heard.find(read_aloud("Later.", "Kore"))


async def test_a_press_ends_it_and_opens_nothing(settings: Settings) -> None:
    async with running_rig(settings, pace=PACE) as rig:
        await rig.command("announce", text=" ".join(["word"] * 40))
        await until_fate(rig, "begins")
        rig.tap()
        await until_fate(rig, "stopped")
        await rig.until(lambda: rig.scenes[-1] != "announcing")
        before = len(np.trim_zeros(rig.heard()))
        await rig.command("announce", text="Next.")
        await until_fate(rig, "heard")
        assert holds(rig.heard(), read_aloud("Next.", "Kore"))
    assert before < len(read_aloud(" ".join(["word"] * 40))) // 2
    assert "listening" not in rig.states


async def test_without_a_network_a_chime_tells_of_it_and_the_status_has_the_text(settings: Settings) -> None:
    async with running_rig(settings, base_url=NOBODY) as rig:
        await rig.command("announce", text=TEXT, volume=50)
        await until_fate(rig, "unspoken")
        heard, status = rig.heard(), await rig.command("status")
    assert holds(heard, apply_gain(chime(), gain_for(50)))
    assert status["announcements"]["unspoken"] == TEXT
    assert "cannot be reached" in status["announcements"]["problem"]
    assert status["counters"]["announcements_unspoken"] == 1


async def test_who_talks_into_it_is_heard_and_it_comes_again_after_the_answer(settings: Settings) -> None:
    text = " ".join(["word"] * 12)
    async with running_rig(settings, pace=PACE) as rig:
        await rig.until_online()
        await rig.command("announce", text=text)
        await until_fate(rig, "begins")
        rig.say()
        await rig.command("talk")
        await rig.until_turns_over()
        await until_fate(rig, "heard")
        heard = rig.heard()
    assert fates(rig) == ["begins", "interrupted", "begins", "heard"]
    assert rig.turns_over()[0]["outcome"] == "answered"
    assert holds(heard, read_aloud(text, "Kore"))
