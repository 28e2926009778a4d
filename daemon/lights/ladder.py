"""What the status lights show: one priority ladder over all conditions, drawn from scratch each time.

The colour promise: *blue is lit exactly while microphone audio can leave the device.* Then every pixel has
blue in it in every frame; else no pixel ever has. Pure: the caller brings conditions, time and pixel count,
draws `render`, and draws again after `next_frame_s` (never, for a scene that stands still).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

from daemon.lights import scenes
from daemon.lights.scenes import Curve, Keyframe, Layout, Scene
from daemon.words import Phase
from hw.base import Colour

FRAME_S = 0.05
"""Time between frames of a moving scene: 20 a second look smooth for changes as slow as these."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Everything that the lights depend on, at one instant."""

    starting: bool = False
    stopping: bool = False
    mic_fault: bool = False
    speaker_fault: bool = False
    refused: bool = False
    """The service does not take the key, the model or the configuration."""
    quota: bool = False
    offline: bool = False
    """A connection is wanted and cannot be had, or is being waited for after failures."""
    slow: bool = False
    """Answers come the slow way, for the network breaks WebSockets."""
    muted: bool = False
    mic_streaming: bool = False
    """Microphone audio can leave the device now."""
    connecting: bool = False
    phase: Phase = Phase.IDLE
    follow_up_left: float = 0.0
    """Share of the follow-up window that is left, 0 to 1."""
    ringing: bool = False
    """A timer, an alarm or a reminder rings."""
    missed: bool = False
    """One was missed, and its user does not know it yet."""
    announcing: bool = False
    """An announcement is heard."""
    pairing: bool = False
    """A press of the button lets a browser in."""
    volume_shown: float | None = None
    """The volume, 0 to 1, for a moment after it was changed."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A scene and when it is shown, unless a rung above it is."""

    applies: Callable[[Conditions], bool]
    scene: Scene


LADDER: tuple[Rung, ...] = (
    # The promise comes first, whatever else is wrong.
    Rung(lambda now: now.mic_streaming and now.phase is Phase.SPEAKING, scenes.SPEAKING_OPEN),
    Rung(lambda now: now.mic_streaming and now.phase is Phase.SENDING, scenes.SENDING),
    Rung(lambda now: now.mic_streaming, scenes.LISTENING),
    Rung(lambda now: now.stopping, scenes.STOPPING),
    Rung(lambda now: now.starting, scenes.STARTING),
    # The answer to what the user does at this moment, and soon gone.
    Rung(lambda now: now.volume_shown is not None, scenes.VOLUME),
    Rung(lambda now: now.ringing, scenes.RINGING),
    Rung(lambda now: now.announcing, scenes.ANNOUNCING),
    Rung(lambda now: now.pairing, scenes.PAIRING),
    # What only the user can mend.
    Rung(lambda now: now.refused, scenes.REFUSED),
    Rung(lambda now: now.mic_fault, scenes.MIC_FAULT),
    Rung(lambda now: now.speaker_fault, scenes.SPEAKER_FAULT),
    Rung(lambda now: now.muted, scenes.MUTED),
    # A reply that has arrived plays on without a connection.
    Rung(lambda now: now.phase is Phase.SPEAKING, scenes.SPEAKING),
    Rung(lambda now: now.quota, scenes.QUOTA),
    Rung(lambda now: now.offline, scenes.OFFLINE),
    Rung(lambda now: now.phase is Phase.THINKING, scenes.THINKING),
    Rung(lambda now: now.connecting or now.phase in (Phase.LISTENING, Phase.SENDING), scenes.CONNECTING),
    Rung(lambda now: now.phase is Phase.FOLLOW_UP, scenes.FOLLOW_UP),
    Rung(lambda now: now.missed, scenes.MISSED),
    Rung(lambda now: now.slow, scenes.SLOW),
    Rung(lambda now: True, scenes.IDLE),
)


def choose_scene(now: Conditions) -> Scene:
    """Return what the lights say under these conditions: the highest rung that applies."""
    return next(rung.scene for rung in LADDER if rung.applies(now))


def bar_fill(scene: Scene, now: Conditions) -> float:
    """Return how full the scene's bar is, 0 to 1 (1 for a scene without a bar)."""
    if scene is scenes.VOLUME:
        return now.volume_shown or 0.0
    return now.follow_up_left if scene is scenes.FOLLOW_UP else 1.0


def render(scene: Scene, t_s: float, count: int, fill: float = 1.0) -> tuple[Colour, ...]:
    """Return the `count` pixels of a scene, `t_s` seconds after it began, with its bar at `fill`."""
    brightness = _brightness(scene.curve, t_s)
    shares = _SHARES[scene.layout](t_s, count, fill)
    return tuple(_lit(scene, brightness * share) for share in shares)


def next_frame_s(scene: Scene, t_s: float) -> float | None:
    """Return in how many seconds a scene looks different, `t_s` after it began; None: never.

    A blinking light needs a frame only where it changes, so an error that lasts for days costs next to
    nothing. A bar that moves is drawn as often as its breathing.
    """
    if not is_animated(scene):
        return None
    if scene.layout is not Layout.ALL:
        return FRAME_S
    key, into_s = _key_at(scene.curve, t_s)
    return FRAME_S if key.begin != key.end else max(key.duration_s - into_s, _LEAST_WAIT_S)


def is_animated(scene: Scene) -> bool:
    """Return whether the scene changes with time."""
    return any(key.duration_s > 0 for key in scene.curve)


def light_table() -> str:
    """Return the lights' meanings as a Markdown table, highest priority first."""
    rows = [f"| {s.looks} | **{s.name}**: {s.meaning} | {s.remedy} |" for s in (r.scene for r in LADDER)]
    return "\n".join(["| Light | Meaning | What to do |", "|---|---|---|", *rows])


_LEAST_WAIT_S = 0.01
"""A frame that comes a rounding error early must not be drawn again and again until it is due."""


def _key_at(curve: Curve, t_s: float) -> tuple[Keyframe, float]:
    """The key that is playing, and for how many seconds it has been."""
    total_s = sum(key.duration_s for key in curve)
    left_s = t_s % total_s if total_s else 0.0
    for key in curve:
        if left_s < key.duration_s:
            return key, left_s
        left_s -= key.duration_s
    return curve[-1], curve[-1].duration_s


def _brightness(curve: Curve, t_s: float) -> float:
    key, into_s = _key_at(curve, t_s)
    if not key.duration_s:
        return key.end
    eased = 0.5 - 0.5 * cos(pi * into_s / key.duration_s)
    return key.begin + (key.end - key.begin) * eased


def _all_shares(_t_s: float, count: int, _fill: float) -> list[float]:
    return [1.0] * count


_TURN_S = 1.5


def _spin_shares(t_s: float, count: int, _fill: float) -> list[float]:
    spot = t_s / _TURN_S % 1.0
    away = [abs(spot - pixel / count) for pixel in range(count)]
    return [1.0 - 2.0 * min(distance, 1.0 - distance) for distance in away]


def _bar_shares(_t_s: float, count: int, fill: float) -> list[float]:
    return [min(1.0, max(0.0, fill * count - pixel)) for pixel in range(count)]


_SHARES: dict[Layout, Callable[[float, int, float], list[float]]] = {
    Layout.ALL: _all_shares,
    Layout.SPIN: _spin_shares,
    Layout.BAR: _bar_shares,
}


def _lit(scene: Scene, brightness: float) -> Colour:
    colour, under = scene.colour, scene.under
    return Colour(
        max(under.red, round(colour.red * brightness)),
        max(under.green, round(colour.green * brightness)),
        max(under.blue, round(colour.blue * brightness)),
    )
