"""The lights: the colour promise in every case, the ladder's order, safe rhythms, and no needless frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import combinations, product
from typing import Any

import pytest

from daemon.lights import scenes
from daemon.lights.ladder import (
    FRAME_S,
    LADDER,
    Conditions,
    bar_fill,
    choose_scene,
    is_animated,
    light_table,
    next_frame_s,
    render,
)
from daemon.lights.scenes import Scene
from daemon.words import Phase
from hw.base import Colour

SCENES = [rung.scene for rung in LADDER]
STREAMING = [scenes.LISTENING, scenes.SENDING, scenes.SPEAKING_OPEN]
FLAGS = [field.name for field in fields(Conditions) if isinstance(field.default, bool)]
FILLS = (0.0, 0.01, 0.5, 1.0)
INSTANTS_S = [step * 0.13 for step in range(80)]


def name_of(scene: Scene) -> str:
    return scene.name


def every_condition() -> Iterator[Conditions]:
    for flags in product((False, True), repeat=len(FLAGS)):
        switched: dict[str, Any] = dict(zip(FLAGS, flags, strict=True))
        for phase, volume in product(Phase, (None, 0.5)):
            yield Conditions(phase=phase, volume_shown=volume, **switched)


def frames(scene: Scene, step_s: float, until_s: float, count: int = 1) -> list[tuple[Colour, ...]]:
    return [render(scene, step * step_s, count) for step in range(round(until_s / step_s))]


def as_single_led(pixel: Colour) -> float:
    """How bright a light of one colour shows a pixel, 0 to 1: as its brightest channel."""
    return max(pixel.red, pixel.green, pixel.blue) / 255


def test_under_every_condition_a_blue_scene_is_chosen_exactly_while_audio_can_leave() -> None:
    for now in every_condition():
        assert (choose_scene(now) in STREAMING) is now.mic_streaming, now


@pytest.mark.parametrize("count", [1, 3, 12])
@pytest.mark.parametrize("scene", SCENES, ids=name_of)
def test_in_every_frame_all_pixels_are_blue_or_none_is(scene: Scene, count: int) -> None:
    for t_s, fill in product(INSTANTS_S, FILLS):
        pixels = render(scene, t_s, count, fill)
        assert len(pixels) == count
        if scene in STREAMING:
            assert min(pixel.blue for pixel in pixels) >= round(0.4 * 255)
        else:
            assert max(pixel.blue for pixel in pixels) == 0


@pytest.mark.parametrize("scene", SCENES, ids=name_of)
def test_every_channel_is_a_byte(scene: Scene) -> None:
    for t_s, fill in product(INSTANTS_S, FILLS):
        for pixel in render(scene, t_s, 12, fill):
            assert all(0 <= value <= 255 for value in (pixel.red, pixel.green, pixel.blue))


IN_ORDER: list[tuple[dict[str, Any], Scene]] = [
    ({"mic_streaming": True}, scenes.LISTENING),
    ({"stopping": True}, scenes.STOPPING),
    ({"starting": True}, scenes.STARTING),
    ({"volume_shown": 0.0}, scenes.VOLUME),
    ({"ringing": True}, scenes.RINGING),
    ({"pairing": True}, scenes.PAIRING),
    ({"refused": True}, scenes.REFUSED),
    ({"mic_fault": True}, scenes.MIC_FAULT),
    ({"speaker_fault": True}, scenes.SPEAKER_FAULT),
    ({"muted": True}, scenes.MUTED),
    ({"phase": Phase.SPEAKING}, scenes.SPEAKING),
    ({"quota": True}, scenes.QUOTA),
    ({"offline": True}, scenes.OFFLINE),
    ({"phase": Phase.THINKING}, scenes.THINKING),
    ({"connecting": True}, scenes.CONNECTING),
    ({"phase": Phase.FOLLOW_UP}, scenes.FOLLOW_UP),
    ({"missed": True}, scenes.MISSED),
    ({}, scenes.IDLE),
]


@pytest.mark.parametrize(("condition", "scene"), IN_ORDER)
def test_a_condition_alone_chooses_its_scene(condition: dict[str, Any], scene: Scene) -> None:
    assert choose_scene(replace(Conditions(), **condition)) is scene


TOGETHER = [(one, other) for one, other in combinations(IN_ORDER, 2) if not one[0].keys() & other[0].keys()]
"""Pairs of conditions, the higher first, that can be at once (two phases cannot)."""


@pytest.mark.parametrize(("higher", "lower"), TOGETHER)
def test_of_two_conditions_the_higher_one_is_shown(
    higher: tuple[dict[str, Any], Scene], lower: tuple[dict[str, Any], Scene]
) -> None:
    shown = choose_scene(replace(Conditions(), **lower[0], **higher[0]))
    if lower[1] is scenes.SPEAKING and higher[1] is scenes.LISTENING:
        assert shown is scenes.SPEAKING_OPEN
    else:
        assert shown is higher[1]


@pytest.mark.parametrize(
    ("phase", "scene"),
    [
        (Phase.IDLE, scenes.LISTENING),
        (Phase.LISTENING, scenes.LISTENING),
        (Phase.SENDING, scenes.SENDING),
        (Phase.THINKING, scenes.LISTENING),
        (Phase.SPEAKING, scenes.SPEAKING_OPEN),
        (Phase.FOLLOW_UP, scenes.LISTENING),
    ],
)
def test_an_open_microphone_is_shown_in_every_phase(phase: Phase, scene: Scene) -> None:
    assert choose_scene(Conditions(mic_streaming=True, phase=phase)) is scene


@pytest.mark.parametrize("phase", [Phase.LISTENING, Phase.SENDING])
def test_an_utterance_that_cannot_leave_yet_is_shown_as_connecting(phase: Phase) -> None:
    assert choose_scene(Conditions(phase=phase)) is scenes.CONNECTING


def test_every_rung_can_be_reached_and_is_said_in_words() -> None:
    reached = {choose_scene(now).name for now in every_condition()}
    assert reached == {scene.name for scene in SCENES}
    assert all(scene.looks and scene.meaning and scene.remedy for scene in SCENES)


def luminance(pixel: Colour) -> float:
    """WCAG 2 relative luminance, 0 to 1."""
    red, green, blue = ((value / 255.0) ** 2.2 for value in (pixel.red, pixel.green, pixel.blue))
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def falls(values: list[float], step_s: float) -> list[float]:
    """When a light has fallen by a tenth of full brightness from its last peak: one flash each."""
    found, high, low = [], values[0], values[0]
    falling = False
    for at, value in enumerate(values):
        if falling and value >= low + 0.1:
            falling, high = False, value
        if not falling and value <= high - 0.1:
            falling, low = True, value
            found.append(at * step_s)
        high, low = max(high, value), min(low, value)
    return found


def test_flashes_are_counted_right() -> None:
    four_hz = [1.0 if step % 25 < 12 else 0.0 for step in range(200)]
    assert len(falls(four_hz, 0.01)) == 8


@pytest.mark.parametrize("scene", SCENES, ids=name_of)
def test_no_scene_flashes_more_than_three_times_a_second(scene: Scene) -> None:
    """WCAG 2.3.1 (three flashes or below), for each pixel, and for a light that shows only brightness."""
    step_s = 0.01
    drawn = frames(scene, step_s, 12.0, count=3)
    traces = [[luminance(pixels[index]) for pixels in drawn] for index in range(3)]
    traces += [[as_single_led(pixels[0]) for pixels in drawn]]
    for trace in traces:
        times_s = falls(trace, step_s)
        assert all(later - first > 1.0 for first, later in zip(times_s, times_s[3:], strict=False))


def single_led(scene: Scene) -> list[float]:
    return [as_single_led(pixel) for (pixel,) in frames(scene, 0.02, 12.0)]


@pytest.mark.parametrize("scene", SCENES, ids=name_of)
def test_with_a_single_led_only_listening_is_steadily_bright(scene: Scene) -> None:
    trace = single_led(scene)
    if scene is scenes.LISTENING:
        assert set(trace) == {1.0}
    elif max(trace) > 0.15:
        assert max(trace) - min(trace) >= 0.2


def test_with_a_single_led_faults_are_told_apart_by_their_blinks() -> None:
    faults = [scenes.OFFLINE, scenes.QUOTA, scenes.MIC_FAULT, scenes.SPEAKER_FAULT, scenes.REFUSED]
    counts = []
    for fault in faults:
        period_s = sum(key.duration_s for key in fault.curve)
        counts.append(len(falls([*(as_single_led(p) for (p,) in frames(fault, 0.02, period_s)), 0.0], 0.02)))
    assert counts == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("scene", [scenes.LISTENING, scenes.MUTED, scenes.IDLE], ids=name_of)
def test_a_scene_that_stands_still_needs_no_further_frame(scene: Scene) -> None:
    assert not is_animated(scene)
    assert next_frame_s(scene, 1.0) is None
    assert len(set(frames(scene, 0.1, 10.0, count=12))) == 1


@pytest.mark.parametrize("scene", [s for s in SCENES if is_animated(s)], ids=name_of)
def test_between_two_frames_a_scene_changes_little(scene: Scene) -> None:
    """Drawn only when asked to, a scene is at every instant close to what it ought to be."""
    t_s, drawn = 0.0, render(scene, 0.0, 12)
    due_s = next_frame_s(scene, 0.0)
    for step in range(1, 1000):
        now_s = step * 0.01
        assert due_s is not None
        if now_s >= t_s + due_s:
            t_s, drawn, due_s = now_s, render(scene, now_s, 12), next_frame_s(scene, now_s)
        for shown, wanted in zip(drawn, render(scene, now_s, 12), strict=True):
            assert abs(as_single_led(shown) - as_single_led(wanted)) < 0.2


def test_a_blinking_fault_needs_few_frames() -> None:
    t_s, drawn = 0.0, 0
    while t_s < 60.0:
        wait_s = next_frame_s(scenes.OFFLINE, t_s)
        assert wait_s is not None
        t_s, drawn = t_s + wait_s, drawn + 1
    assert drawn < 60 / FRAME_S / 10


def test_a_frame_that_comes_too_early_is_not_asked_for_at_once() -> None:
    assert next_frame_s(scenes.OFFLINE, 0.2 - 1e-12) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("fill", "lit"), [(0.0, 0), (0.25, 3), (0.5, 6), (1.0, 12)], ids=["empty", "quarter", "half", "full"]
)
def test_a_bar_lights_its_share_of_the_pixels(fill: float, lit: int) -> None:
    pixels = render(scenes.FOLLOW_UP, 0.0, 12, fill)
    assert [pixel.green > 0 for pixel in pixels] == [True] * lit + [False] * (12 - lit)


def test_a_bar_on_one_pixel_is_its_brightness() -> None:
    brightness = [render(scenes.VOLUME, 0.0, 1, fill)[0].red for fill in (0.0, 0.3, 0.6, 1.0)]
    assert brightness == sorted(set(brightness))


def test_bars_are_filled_from_the_conditions() -> None:
    now = Conditions(volume_shown=0.3, follow_up_left=0.8)
    assert [bar_fill(scene, now) for scene in (scenes.VOLUME, scenes.FOLLOW_UP, scenes.IDLE)] == [
        0.3,
        0.8,
        1.0,
    ]


def test_the_light_table_has_a_row_for_every_scene() -> None:
    header, rule, *rows = light_table().splitlines()
    assert header.count("|") == rule.count("|") == 4
    assert len(rows) == len(SCENES)
    assert all(scene.meaning in row and row.count("|") == 4 for scene, row in zip(SCENES, rows, strict=True))
