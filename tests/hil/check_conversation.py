"""A person presses the button and talks: real GPIO lines, a real sound card, the installed service."""

from __future__ import annotations

import time
from pathlib import Path

import machine
import pytest
from machine import (
    Button,
    Lamp,
    answered,
    ask,
    blinks,
    fresh_start,
    likeness,
    recording,
    seen,
    speak,
    state,
    turns,
    wait_for,
)

WHOLE = 0.95
"""Share of the sentence that must come back; as a rule all of it does (--icount: nothing stalls)."""

THROWN_AWAY_FRAMES = 1500
"""More than is played within the limit that follows: 24 a millisecond."""

DOUBLE_S = 0.4
"""A press that comes sooner after another is its second: button.double_ms, and a little."""

SILENCE_MS = 60
"""From a press to what answers it: the budget of 40 ms and button.debounce_ms, which is 20."""


@pytest.fixture(autouse=True)
def idle() -> None:
    if state() != "idle" or ask("status")["muted"]:
        fresh_start()


def test_start_returns_after_ready() -> None:
    machine.systemctl("stop", machine.UNIT)
    began_s = time.monotonic()
    assert machine.systemctl("start", machine.UNIT) == 0
    took_s = time.monotonic() - began_s
    print(f"READY after {took_s:.1f} s")
    assert (machine.shown("ActiveState"), machine.shown("SubState")) == ("active", "running")
    assert machine.shown("StatusText") == "idle"
    assert state() == "idle"


def test_a_tap_starts_a_turn_and_the_reply_comes_out_of_the_card() -> None:
    lamp, before = Lamp(), len(turns())
    assert seen(lamp.watch(0.5)) == set()
    with recording() as wav, lamp.watching() as samples:
        Button().tap()
        wait_for(lambda: state() == "listening", "listening")
        listening_from = len(samples)
        speak()
        wait_for(lambda: state() in ("sending", "thinking", "speaking"), "the end of speech is found")
        listening_to = len(samples)
        wait_for(lambda: state() == "speaking", "speaking")
        speaking_from = len(samples)
        wait_for(lambda: state() in ("follow_up", "idle"), "the reply is over")
        speaking_to = len(samples)
        answered(before)
    assert likeness(wav)["found"] >= WHOLE
    wait_for(lambda: state() == "idle", "idle")
    assert seen(samples[listening_from : listening_to - 40]) == {"blue"}
    assert all(sample.blue for sample in samples[listening_from + 20 : listening_to - 40])
    assert seen(samples[speaking_from + 20 : speaking_to - 40]) == {"green"}
    assert seen(lamp.watch(0.5)) == set()


def test_the_light_is_blue_as_long_as_the_button_is_held() -> None:
    button, lamp = Button(), Lamp()
    with recording() as wav:
        button.press()
        wait_for(lambda: state() == "listening", "listening")
        speak()
        time.sleep(1.5)  # more silence than ends an utterance
        assert state() == "listening"
        assert seen(lamp.watch(0.3)) == {"blue"}
        button.release()
        wait_for(lambda: state() == "speaking", "speaking")
        wait_for(lambda: state() in ("follow_up", "idle"), "the reply is over")
    assert likeness(wav)["found"] >= WHOLE


def test_a_double_press_mutes_and_closes_the_capture_stream() -> None:
    button, lamp = Button(), Lamp()
    for _ in range(2):
        button.tap(0.06)
        time.sleep(0.08)
    wait_for(lambda: ask("status")["muted"], "muted")
    wait_for(lambda: not captures(), "the kernel says that nobody captures")
    assert seen(lamp.watch(0.5)) == {"red"}
    for _ in range(2):
        button.tap(0.06)
        time.sleep(0.08)
    wait_for(lambda: not ask("status")["muted"], "unmuted")
    wait_for(captures, "the kernel says that somebody captures")


def captures() -> bool:
    """Whether a capture stream of the card is open, as the kernel knows it."""
    folder = Path("/proc/asound/Loopback")
    return any(status.read_text() != "closed\n" for status in folder.glob("pcm*c/sub0/status"))


def test_a_tap_during_a_reply_silences_it_at_once() -> None:
    button = Button()
    button.tap()
    wait_for(lambda: state() == "listening", "listening")
    speak()
    wait_for(lambda: state() == "speaking" and queued_frames() > 3000, "sound is on its way")
    held_frames, pressed_s = queued_frames(), time.monotonic()
    button.press()
    # Of what the card holds, 190 ms, most is thrown away; the tone that says "listening" takes its place.
    while queued_frames() > held_frames - THROWN_AWAY_FRAMES and time.monotonic() < pressed_s + 1:
        pass
    took_ms = (time.monotonic() - pressed_s) * 1000
    button.release()
    print(f"silence {took_ms:.0f} ms after the press")
    assert took_ms <= SILENCE_MS
    wait_for(lambda: state() == "listening", "listening after the barge-in")
    ask("stop")
    wait_for(lambda: state() == "idle", "idle")


def queued_frames() -> int:
    """What the card still has to play, as the kernel knows it; 0 when it has been stopped."""
    text = Path("/proc/asound/Loopback/pcm0p/sub0/status").read_text()
    words = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())
    }
    return int(words["delay"]) if words.get("state") == "RUNNING" else 0


def test_a_press_is_shown_at_once() -> None:
    button, blue = Button(), machine.Line.number(machine.BLUE)
    time.sleep(DOUBLE_S)
    pressed_s = time.monotonic()
    button.press()
    while not blue.level and time.monotonic() < pressed_s + 1:
        pass
    took_ms = (time.monotonic() - pressed_s) * 1000
    button.release()
    print(f"blue {took_ms:.0f} ms after the press")
    assert took_ms <= SILENCE_MS
    ask("stop")
    wait_for(lambda: state() == "idle", "idle")


def test_without_the_network_the_light_blinks_amber_and_it_recovers() -> None:
    lamp = Lamp()
    machine.run("hardware", "network-out")
    try:
        assert machine.systemctl("restart", machine.UNIT) == 0, "READY does not wait for the network"
        wait_for(lambda: ask("status")["light"] == "offline", "the light tells that there is no network")
        samples = lamp.watch(10.0)
        assert seen(samples) == {"red", "green"}
        assert set(blinks(samples)) == {1}
        assert "cannot be reached" in machine.shown("StatusText")
        Button().tap()
        wait_for(lambda: state() == "listening", "listening")
        speak()
        wait_for(lambda: state() == "sending", "what was said waits")
    finally:
        machine.run("hardware", "network-in")
    answered(0)
