"""Self-interruptions, barge-ins and transparency in rooms that are harder than `frontend_echo`'s."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, log10

import numpy as np
import recorded_speech
from echo_device import Device, said_at
from echo_room import (
    MIC_HZ,
    REQUESTS,
    SPEAKER_HZ,
    USER_VOICES,
    Speaking,
    from_pcm,
    reply_speech,
    spoken,
)
from hard_rooms import Hard
from synthetic_sound import Sound

from bench.frontend_candidates import conure

REPLY_S = 40.0

CONDITIONS = {
    "linear, T60 0.2 s": Hard("linear", 0.2),
    "mild, 0.2": Hard("mild", 0.2),
    "mild, 0.45": Hard("mild", 0.45),
    "mild, 0.6": Hard("mild", 0.6),
    "mild, 0.9": Hard("mild", 0.9),
    "bad, 0.45": Hard("bad", 0.45),
    "bad, 0.9": Hard("bad", 0.9),
    "walking": Hard(walking=True),
    "hand": Hard(hand=True),
    "drift +120 ppm": Hard(drift_ppm=120),
    "drift -180 ppm": Hard(drift_ppm=-180),
    "10 dB in the card": Hard(card_steps_db=10),
    "10 dB in samples": Hard(sample_steps_db=10),
    "jump +12 ms": Hard(jump_ms=12),
    "jump -12 ms": Hard(delay_ms=40, jump_ms=-12),
    "jump +60 ms": Hard(jump_ms=60),
    "10 ms lost": Hard(lost_ms=10),
    "delay 130 ms": Hard(delay_ms=130),
}
"""Rows of the table."""


@dataclass(frozen=True, slots=True)
class Material:
    """Who speaks: one set to build with, another to judge with."""

    device: tuple[str, ...]
    """Languages of recorded replies; `espeak` for its voices."""
    users: tuple[str, ...]
    seed: int
    """The first of replies and rooms."""


BUILT_WITH = Material(("espeak", "en"), ("espeak", "fr"), 0)
HELD_OUT = Material(("ru", "es", "espeak-de"), ("it", "espeak-de", "es"), 50)


def reply(material: Material, seconds: float, number: int) -> Sound:
    """What the device says, at 24 kHz and -20 dBFS."""
    who, seed = material.device[number % len(material.device)], material.seed + number
    if who == "espeak" or not (who.startswith("espeak") or _prompts(who, 2.0, 12.0)):
        return reply_speech(seconds, seed)
    random = np.random.default_rng(seed)
    parts: list[Sound] = []
    while sum(map(len, parts)) < seconds * SPEAKER_HZ:
        parts += [
            _phrase(who, random, 2.0, 12.0, SPEAKER_HZ),
            np.zeros(round(random.uniform(0.15, 0.5) * SPEAKER_HZ)),
        ]
    return np.concatenate(parts)[: round(seconds * SPEAKER_HZ)]


def request(material: Material, number: int) -> Sound:
    """What the user says, at 16 kHz and -20 dBFS."""
    who = material.users[number % len(material.users)]
    if who == "espeak" or not (who.startswith("espeak") or _prompts(who, 1.0, 4.0)):
        return spoken(REQUESTS[number % len(REQUESTS)], USER_VOICES[number % len(USER_VOICES)], MIC_HZ)
    return _phrase(who, np.random.default_rng(material.seed + number), 1.0, 4.0, MIC_HZ)


GERMAN = ("Das Wetter ist heute schön, am Nachmittag kommen Wolken.", "Nein, ich meinte das andere Licht.",
          "Der Zug fährt um zwanzig nach acht von Gleis zwei ab.", "Warte, was ist?",
          "Zuerst kochst du das Wasser, dann gibst du die Nudeln und ein wenig Salz dazu.")  # fmt: skip
GERMAN_VOICES = (Speaking("de+f5", 60, 170), Speaking("de+m4", 35, 160), Speaking("de", 50, 185))


def _phrase(who: str, random: np.random.Generator, least_s: float, most_s: float, rate_hz: int) -> Sound:
    if who == "espeak-de":
        how = GERMAN_VOICES[random.integers(len(GERMAN_VOICES))]
        return spoken(GERMAN[random.integers(len(GERMAN))], how, rate_hz)
    found = _prompts(who, least_s, most_s)
    return recorded_speech.recorded(found[random.integers(len(found))], rate_hz)


def _prompts(language: str, least_s: float, most_s: float) -> tuple[object, ...]:
    return recorded_speech.sentences(language, least_s, most_s)


# --- the device alone ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alone:
    """Replies while nobody speaks."""

    self_interruptions: int
    replies_hit: int
    replies: int
    erle_first_s: float
    erle_after: float
    seconds: float


def measure_alone(scene: Hard, material: Material, replies: int, seconds: float = REPLY_S) -> Alone:
    """One device through so many replies; each detected start counts and the reply goes on."""
    scene = scene.but(seed=scene.seed + material.seed)
    device, starts, first, after = Device(scene, conure()), [], [], []
    for number in range(replies):
        far = scene.written(reply(material, seconds, number))
        heard = device.hear(far, lost_at_s=seconds / 2 if scene.lost_ms else inf, lost_s=scene.lost_ms / 1000)
        starts.append(len(heard.starts))
        mic, left = from_pcm(heard.mic), from_pcm(heard.cleaned)
        first.append(_erle_db(mic[:MIC_HZ], left[:MIC_HZ]))
        end = round(seconds * MIC_HZ)
        after.append(_erle_db(mic[MIC_HZ:end], left[MIC_HZ:end]))
    hit = sum(count > 0 for count in starts)
    return Alone(sum(starts), hit, replies, _mean(first), _mean(after), replies * seconds)


def _erle_db(mic: Sound, left: Sound) -> float:
    return 10 * log10((np.mean(mic**2) + 1e-12) / (np.mean(left**2) + 1e-12))


def _mean(values: Iterable[float]) -> float:
    return round(float(np.mean(list(values))), 1)


# --- somebody speaks over it -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Over:
    """Requests over replies."""

    caught: int
    cut_before: int
    """Replies which the device had cut by itself before; not in `count`."""
    count: int
    p50_ms: float
    p90_ms: float
    kept: int
    """How many utterances begin, with their pre-roll, before the request does."""
    loss_db: float
    """Of the request while the reply goes on, by projection against what arrived."""


def measure_over(
    scene: Hard, material: Material, count: int, below_db: float, preroll_s: float = 0.5
) -> Over:
    """One device through so many replies, a request over each, so much softer than the echo.

    Another device goes on with some of the replies: it tells how much of the requests is lost.
    """
    scene = scene.but(seed=scene.seed + material.seed, near_dbfs=scene.echo_dbfs - below_db)
    device, patient = Device(scene, conure()), Device(scene, conure())
    random = np.random.default_rng(material.seed + 1)
    for each in (device, patient):
        each.hear(scene.written(reply(material, 10.0, 97)))
    delays_s, kept, before, losses = [], 0, 0, []
    for number in range(count):
        at_s = random.uniform(2.0, 6.0)
        near = scene.near(request(material, number))
        said_s = len(near) / MIC_HZ
        far = scene.written(reply(material, at_s + said_s + 1.0, number))
        if number % 3 == 0:
            losses.append(-_gain_db(from_pcm(patient.hear(far, said_at(at_s, near)).cleaned), near, at_s))
        heard = device.hear(far, said_at(at_s, near), cut_on_speech=True)
        first = heard.starts[0] if heard.starts else None
        if first is not None and first.noticed_s <= at_s:
            before += 1
        elif first is not None and first.noticed_s <= at_s + said_s + 0.2:
            delays_s.append(first.noticed_s - at_s)
            kept += first.onset_s - preroll_s <= at_s
    p50_s, p90_s = (float(np.percentile(delays_s, share)) if delays_s else inf for share in (50, 90))
    loss = round(float(np.median(losses)), 1)
    return Over(
        len(delays_s), before, count - before, round(p50_s * 1000, 0), round(p90_s * 1000, 0), kept, loss
    )


def _gain_db(out: Sound, near: Sound, at_s: float) -> float:
    begin = round(at_s * MIC_HZ)
    gains = [float(np.dot(out[at : at + len(near)], near)) for at in range(begin, begin + 321, 4)]
    return 20 * log10(max(max(gains) / float(np.dot(near, near)), 1e-3))


# --- nothing to take away --------------------------------------------------------------------------


def altered_ms(material: Material, count: int, after_s: float = 0.5) -> list[float]:
    """Of requests that begin so long after a reply that the microphone cannot hear: what did not pass bit
    by bit.

    The first reply is the first that the device ever plays.
    """
    scene = Hard(coupled=False, noise_dbfs=-75.0).but(seed=material.seed + 1)
    device, altered = Device(scene, conure()), []
    for number in range(count):
        near = scene.near(request(material, number))
        far = reply(material, 5.0, number)
        begin = round((5.0 + after_s) * MIC_HZ)
        heard = device.hear(far, said_at(5.0 + after_s, near))
        same = (
            np.frombuffer(heard.cleaned, np.int16)
            == np.frombuffer(heard.mic, np.int16)[: len(heard.cleaned) // 2]
        )
        altered.append(float(np.sum(~same[begin : begin + len(near)])) * 1000 / MIC_HZ)
    return altered
