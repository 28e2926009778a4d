"""Rooms and echo paths that are harder than those of `echo_room`: reverberant, moving, jumping.

The same words as there: `Hard` is a scene for `echo_device.Device`. All times are from the reply's first
sample.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from echo_room import (
    BOX_SPEAKER_M,
    MIC_HZ,
    MIC_M,
    ROOM_M,
    SOUND_SPEED_M_S,
    SPEAKER_HZ,
    USER_M,
    active_rms,
    convolved,
    reply_speech,
    resampled,
    stretched,
)
from loudspeakers import LOUDSPEAKERS
from synthetic_sound import Sound, at_dbfs

EARLY_S = 0.05
"""So long the images are counted; what comes later is noise that decays (H. Kuttruff, Room Acoustics, ch.
4)."""

ORDER = 9
"""Images to each side and axis: enough for EARLY_S in ROOM_M."""

Point = tuple[float, float, float]


@cache
def response(source_m: Point, mic_m: Point, t60_s: float, seed: int = 1) -> Sound:
    """Impulse response at 16 kHz of ROOM_M with walls that make a reverberation time of `t60_s`.

    The direct sound has gain 1. `seed` makes another late part of the same room.
    """
    size = round(1.1 * t60_s * MIC_HZ)
    whole = _early(source_m, mic_m, _reflection(t60_s), size)
    late = np.random.default_rng(seed).standard_normal(size) * 10 ** (-3 * np.arange(size) / MIC_HZ / t60_s)
    begin = round(EARLY_S * MIC_HZ)
    before = whole[begin // 2 : begin]
    gain = np.sqrt(np.mean(before**2) / np.mean(late[begin // 2 : begin] ** 2))
    ramp = np.clip((np.arange(size) - begin / 2) / (begin / 2), 0, 1)
    kept = np.clip((1.2 * begin - np.arange(size)) / (0.2 * begin), 0, 1)
    made: Sound = whole * np.sqrt(1 - ramp**2) * kept + gain * late * ramp
    return made


def measured_t60_s(impulse: Sound) -> float:
    """By backward integration, from -5 to -25 dB (M. Schroeder, JASA 37, 1965)."""
    energy = np.cumsum(impulse[::-1] ** 2)[::-1]
    decay_db = 10 * np.log10(energy / energy[0] + 1e-12)
    first, last = np.argmax(decay_db < -5), np.argmax(decay_db < -25)
    return float(3 * (last - first) / MIC_HZ)


def _reflection(t60_s: float) -> float:
    """Of the walls' pressure, by Eyring's formula."""
    x, y, z = ROOM_M
    return float(np.exp(-0.5 * 0.161 * x * y * z / (2 * (x * y + y * z + x * z)) / t60_s))


def _early(source_m: Point, mic_m: Point, reflection: float, size: int) -> Sound:
    order = np.arange(-ORDER, ORDER + 1)
    axes = [
        (np.concatenate([2 * order * side + s - m, 2 * order * side - s - m]),
         np.concatenate([np.abs(2 * order), np.abs(2 * order - 1)]))
        for s, m, side in zip(source_m, mic_m, ROOM_M, strict=True)
    ]  # fmt: skip
    (x, nx), (y, ny), (z, nz) = axes
    far_m = np.sqrt(x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2).ravel()
    count = (nx[:, None, None] + ny[None, :, None] + nz[None, None, :]).ravel()
    place = far_m / SOUND_SPEED_M_S * MIC_HZ
    gain = float(np.linalg.norm(np.subtract(source_m, mic_m))) / far_m * reflection**count
    near = place < size - 2
    whole, at = np.zeros(size), place[near].astype(int)
    np.add.at(whole, at, gain[near] * (1 - place[near] % 1))
    np.add.at(whole, at + 1, gain[near] * (place[near] % 1))
    return whole


@dataclass(frozen=True, slots=True)
class Hard:
    """A loudspeaker, a room, and what happens to the path in mid-reply."""

    loudspeaker: str = "mild"
    t60_s: float = 0.45
    echo_dbfs: float = -20.0
    delay_ms: float = 20.0
    """Hidden: from when a sample is said to be heard to its arrival, beside the air."""
    drift_ppm: float = 0.0
    walking: bool = False
    hand: bool = False
    card_steps_db: float = 0.0
    """The card's own volume goes up by so much at the middle of each reply."""
    sample_steps_db: float = 0.0
    """What is written to the speaker becomes louder by so much at the middle of each reply."""
    jump_ms: float = 0.0
    """By so much the path's delay grows at one and two thirds of each reply, there and back."""
    lost_ms: float = 0.0
    """So much the microphone loses at the middle of each reply."""
    coupled: bool = True
    near_dbfs: float = -20.0
    noise_dbfs: float = -62.0
    seed: int = 1

    def but(self, **changes: object) -> Hard:
        """The same scene with something changed."""
        return replace(self, **changes)  # type: ignore[arg-type]  # names of fields, checked by replace

    def written(self, far: Sound) -> Sound:
        """What the speaker is given of `far` (24 kHz)."""
        return _stepped(far, len(far) // 2, self.sample_steps_db)

    def echo(self, far: Sound) -> Sound:
        """What of the written `far` (24 kHz) reaches the microphone, at 16 kHz."""
        if not self.coupled:
            return np.zeros(len(far) * MIC_HZ // SPEAKER_HZ)
        played = _stepped(far, len(far) // 2, self.card_steps_db)
        driven = resampled(LOUDSPEAKERS[self.loudspeaker](played), MIC_HZ / SPEAKER_HZ)
        arriving = self._delayed(stretched(driven, self.drift_ppm))
        return self._through_room(arriving) * self._gain()

    def near(self, speech: Sound) -> Sound:
        """What of the user's speech (16 kHz) reaches the microphone."""
        heard = convolved(speech, response(USER_M, MIC_M, self.t60_s, self.seed))
        return heard * 10 ** (self.near_dbfs / 20) / active_rms(heard)

    def noise(self, size: int) -> Sound:
        """The room and the microphone's own noise."""
        return at_dbfs(np.random.default_rng(self.seed).standard_normal(size), self.noise_dbfs)

    def _gain(self) -> float:
        """So that the louder half of a usual reply has `echo_dbfs`."""
        steps_db = max(0.0, self.card_steps_db) + max(0.0, self.sample_steps_db)
        return 10 ** ((self.echo_dbfs - steps_db) / 20) / _usual_level(self.loudspeaker, self.t60_s)

    def _delayed(self, sound: Sound) -> Sound:
        late = np.concatenate([np.zeros(round(self.delay_ms / 1000 * MIC_HZ)), sound])
        if not self.jump_ms:
            return late
        third, shift = len(late) // 3, round(self.jump_ms / 1000 * MIC_HZ)
        jumped = np.roll(late, shift)
        return np.concatenate([late[:third], jumped[third : 2 * third], late[2 * third :]])

    def _through_room(self, sound: Sound) -> Sound:
        still = convolved(sound, response(BOX_SPEAKER_M, MIC_M, self.t60_s, self.seed))
        if self.walking:
            return _walked(sound, still, self.t60_s, self.seed)
        return _covered(sound, still, self.seed) if self.hand else still


def _stepped(sound: Sound, at: int, step_db: float) -> Sound:
    if not step_db:
        return sound
    stepped = sound.copy()
    stepped[at:] *= 10 ** (step_db / 20)
    return stepped


@cache
def _usual_level(loudspeaker: str, t60_s: float) -> float:
    driven = resampled(LOUDSPEAKERS[loudspeaker](reply_speech(10.0, seed=0)), MIC_HZ / SPEAKER_HZ)
    return active_rms(convolved(driven, response(BOX_SPEAKER_M, MIC_M, t60_s)))


def _walked(sound: Sound, still: Sound, t60_s: float, seed: int) -> Sound:
    """Somebody walks about at some 1 m/s: one moving reflection, and a late part that is ever another."""
    time_s = np.arange(len(sound)) / MIC_HZ
    away_s = 0.009 + 0.006 * np.sin(2 * np.pi * time_s / 7.0 + seed)  # 3 m there and back, in 7 s
    reflection = 0.25 * _late_by(sound, away_s)
    late = response(BOX_SPEAKER_M, MIC_M, t60_s, seed).copy()
    late[: round(0.02 * MIC_HZ)] = 0
    other = response(BOX_SPEAKER_M, MIC_M, t60_s, seed + 100).copy()
    other[: round(0.02 * MIC_HZ)] = 0
    share = 0.5 - 0.5 * np.cos(2 * np.pi * time_s / 3.0)
    return still + reflection + 0.5 * share * (convolved(sound, other) - convolved(sound, late))


def _covered(sound: Sound, still: Sound, seed: int) -> Sound:
    """A hand over the box, for 1.5 s of each 6 s: it comes and goes in 0.15 s, and is near and dull."""
    time_s = np.arange(len(sound)) / MIC_HZ + 0.7 * seed
    share = np.clip(np.minimum(time_s % 6.0 - 3.0, 4.5 - time_s % 6.0) / 0.15, 0, 1)
    echo_of_hand = np.zeros(64)
    echo_of_hand[[6, 11, 19, 40]] = 1.3, -0.7, 0.5, -0.3
    return still + share * (0.9 * convolved(sound, echo_of_hand) - 0.4 * still)


def _late_by(sound: Sound, seconds: Sound) -> Sound:
    fine = resampled(sound, 4.0)
    at = (np.arange(len(sound)) - seconds * MIC_HZ) * 4
    return np.interp(at, np.arange(len(fine)), fine)


@dataclass(frozen=True, slots=True)
class Way:
    """From the samples to the microphone: what the doctor measures of one."""

    loudspeaker: str = "mild"
    t60_s: float = 0.45
    """0: no room at all."""
    place_m: Point = BOX_SPEAKER_M
    gain: float = 0.2
    delay_s: float = 0.05
    drift_ppm: float = 0.0
    noise_dbfs: float = -62.0
    played_gain: float = 1.0
    """The volume."""
    lost_s: float = 0.0
    """So much the microphone loses in the middle of the sound."""
    seed: int = 1

    def heard(self, sound: Sound, before_s: float) -> Sound:
        """All that the microphone (16 kHz) hears of a sound (24 kHz), from `before_s` before it on."""
        parts = (np.zeros(round(before_s * SPEAKER_HZ)), self.played_gain * sound)
        played = LOUDSPEAKERS[self.loudspeaker](np.concatenate([*parts, np.zeros(SPEAKER_HZ)]))
        arriving = stretched(resampled(played, MIC_HZ / SPEAKER_HZ), self.drift_ppm)
        arriving = np.concatenate([np.zeros(round(self.delay_s * MIC_HZ)), arriving])
        if self.t60_s:
            arriving = convolved(arriving, response(self.place_m, MIC_M, self.t60_s, self.seed))
        noise = np.random.default_rng(self.seed).standard_normal(len(arriving))
        heard = self.gain * arriving + at_dbfs(noise, self.noise_dbfs)
        at = round((before_s + len(sound) / SPEAKER_HZ / 2) * MIC_HZ)
        return np.concatenate([heard[:at], heard[at + round(self.lost_s * MIC_HZ) :]])
