"""The loudness of a sound card, by its own mixer: ALSA's simple controls, through alsa-lib itself.

The library is there wherever PortAudio plays (libasound2); what is needed of it is a dozen calls. pyalsaaudio
has no wheels and would have to be compiled on the board, and a process (`amixer`) for each step of the volume
takes a small board a tenth of a second.

A control counts with its decibels. The loudest that is used is 0 dB, or what the control has at most: above
is an amplifier, whose level the installer sets. What the control cannot do (its range ends, its steps are
wide) is left to the samples. A control without decibels is used only when it is named: its scale is then
taken for the cube of `daemon.speaking.gain`, which is PulseAudio's.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Callable, Iterable
from ctypes import byref, c_char_p, c_int, c_long, c_void_p
from dataclasses import dataclass
from typing import Any

from hw.sound.alsa_names import LIBRARY
from hw.sound.worker import Worker

AUTO = "auto"
NONE = "none"

USUAL = ("PCM", "Digital", "Playback", "Master", "Speaker", "Headphone")
"""The controls that `auto` looks for, best first: those of samples before those of amplifiers. PCM: USB
speakers and the Pi's own output; Digital: HiFiBerry; Playback: WM8960 (names as in `amixer scontrols`)."""

LEFT = 0
"""SND_MIXER_SCHN_FRONT_LEFT, which is SND_MIXER_SCHN_MONO too (alsa/mixer.h)."""

NEAREST = 0
"""Rounding of a level in `snd_mixer_selem_set_playback_dB_all`."""

CLOSE_TIMEOUT_S = 0.5
"""Closing a mixer takes a millisecond; one that hangs is left to its thread."""


class MixerError(Exception):
    """The card has no such mixer, or it does not answer."""


@dataclass(frozen=True, slots=True)
class ControlInfo:
    """A simple control that can make playback softer."""

    name: str
    has_decibels: bool


def pick_control(controls: Iterable[ControlInfo], wanted: str) -> str | None:
    """The control to use: the one named, or with `auto` the best of the usual ones; None if there is none."""
    if wanted != AUTO:
        return next((one.name for one in controls if one.name.casefold() == wanted.casefold()), None)
    known = {one.name for one in controls if one.has_decibels}
    return next((name for name in USUAL if name in known), None)


def share_left(wanted: float, done: float) -> float:
    """The factor by which samples are to be multiplied when `wanted` was asked and the mixer does `done`."""
    if wanted <= 0:
        return 0.0
    return min(1.0, wanted / done) if done > 0 else 1.0


class CardMixer:
    """One control of one card. Not for two threads at a time."""

    def __init__(self, card: str, wanted: str, alsa: Any = None) -> None:
        """`card` as ALSA names its control device ("hw:1", "default"); `alsa` stands for alsa-lib in tests.

        Raises MixerError.
        """
        self._alsa = alsa or _library()
        self._handle = c_void_p()
        self._check(self._alsa.snd_mixer_open(byref(self._handle), 0), f"{card}: no mixer")
        try:
            self._load(card)
            controls = dict(self._controls())
            name = pick_control(controls, wanted)
            if name is None:
                raise MixerError(f"{card}: has no control {wanted!r} that makes playback softer")
            self.name = name
            self._info, self._control = next(pair for pair in controls.items() if pair[0].name == name)
            self._top_cdb = self._loudest_cdb()
        except MixerError:
            self.close()
            raise

    def set_gain(self, gain: float) -> float:
        """Make it as loud as this factor (0 to 1), and return the factor that it is. Raises MixerError."""
        if self._alsa.snd_mixer_selem_has_playback_switch(self._control):
            code = self._alsa.snd_mixer_selem_set_playback_switch_all(self._control, int(gain > 0))
            self._check(code, "cannot be switched")
        return self._set_decibels(gain) if self._info.has_decibels else self._set_steps(gain)

    def close(self) -> None:
        """Let go of it; the loudness stays as it is."""
        self._alsa.snd_mixer_close(self._handle)

    def _load(self, card: str) -> None:
        self._check(self._alsa.snd_mixer_attach(self._handle, card.encode()), f"{card}: no mixer")
        self._check(self._alsa.snd_mixer_selem_register(self._handle, None, None), f"{card}: no mixer")
        self._check(self._alsa.snd_mixer_load(self._handle), f"{card}: the mixer cannot be read")

    def _controls(self) -> list[tuple[ControlInfo, c_void_p]]:
        found = []
        at = self._alsa.snd_mixer_first_elem(self._handle)
        while at:
            control = c_void_p(at)
            if self._alsa.snd_mixer_selem_has_playback_volume(control):
                name = self._alsa.snd_mixer_selem_get_name(control).decode("utf-8", "replace")
                found.append((ControlInfo(name, self._decibels(control) is not None), control))
            at = self._alsa.snd_mixer_elem_next(control)
        return found

    def _decibels(self, control: c_void_p) -> tuple[int, int] | None:
        """The control's range in hundredths of a decibel."""
        low, high = c_long(), c_long()
        code = self._alsa.snd_mixer_selem_get_playback_dB_range(control, byref(low), byref(high))
        return (low.value, high.value) if code == 0 and low.value < high.value else None

    def _loudest_cdb(self) -> int:
        found = self._decibels(self._control)
        return min(0, found[1]) if found else 0

    def _set_decibels(self, gain: float) -> float:
        wanted_cdb = round(2000 * math.log10(max(gain, 1e-6))) + self._top_cdb
        code = self._alsa.snd_mixer_selem_set_playback_dB_all(self._control, wanted_cdb, NEAREST)
        self._check(code, "cannot be set")
        is_cdb = c_long()
        code = self._alsa.snd_mixer_selem_get_playback_dB(self._control, LEFT, byref(is_cdb))
        self._check(code, "cannot be read")
        return float(10 ** ((is_cdb.value - self._top_cdb) / 2000))

    def _set_steps(self, gain: float) -> float:
        low, high = c_long(), c_long()
        code = self._alsa.snd_mixer_selem_get_playback_volume_range(self._control, byref(low), byref(high))
        self._check(code, "has no range")
        step = low.value + round((high.value - low.value) * gain ** (1 / 3))
        self._check(self._alsa.snd_mixer_selem_set_playback_volume_all(self._control, step), "cannot be set")
        return float(((step - low.value) / max(1, high.value - low.value)) ** 3)

    def _check(self, code: int, words: str) -> None:
        if code < 0:
            raise MixerError(f"{words} ({self._alsa.snd_strerror(code).decode('utf-8', 'replace')})")


def _library() -> ctypes.CDLL:
    """alsa-lib with the types of what is not an int. Raises MixerError."""
    try:
        alsa = ctypes.CDLL(LIBRARY)
        alsa.snd_strerror.restype = alsa.snd_mixer_selem_get_name.restype = c_char_p
        alsa.snd_mixer_first_elem.restype = alsa.snd_mixer_elem_next.restype = c_void_p
        alsa.snd_mixer_selem_set_playback_dB_all.argtypes = (c_void_p, c_long, c_int)
        alsa.snd_mixer_selem_set_playback_volume_all.argtypes = (c_void_p, c_long)
    except (OSError, AttributeError) as error:
        raise MixerError(f"alsa-lib cannot be loaded: {error}") from error
    return alsa


class MixerVolume:
    """A `HardwareVolume`: the loudness of whatever card the speaker plays on now. Any thread.

    Nothing here waits for the card: a thread of its own sets the mixer, always to the newest loudness.
    """

    def __init__(self, control: str = AUTO, open_mixer: Callable[[str, str], CardMixer] = CardMixer) -> None:
        """`control`: a simple control's name, `auto`, or `none`."""
        self._control = control
        self._open_mixer = open_mixer
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._mixer: CardMixer | None = None
        self._pending = False
        self._gain = 1.0
        self._by_samples = False
        self.on_rest: Callable[[float], None] = lambda gain: None
        self.about = ""
        self.problem: str | None = None

    def set_gain(self, gain: float, *, by_samples: bool = False) -> None:
        """Play at this factor, 0 to 1; `by_samples`: the samples do all of it, and the mixer is opened."""
        with self._lock:
            self._gain, self._by_samples = gain, by_samples
            worker = self._worker if self.about else None
            again, self._pending = self._pending, worker is not None
        if worker is None:
            self.on_rest(gain)
        elif not again:  # one request is enough: it takes the newest gain
            worker.aside(self._apply)

    def attach(self, card: int | None) -> None:
        """The speaker plays on this card from now on; None: on what is no card."""
        self.about, self.problem = "", None
        self.on_rest(self._gain)
        if self._control == NONE or (card is None and self._control == AUTO):
            return
        if self._worker is None:
            self._worker = Worker("mixer")
        name = "default" if card is None else f"hw:{card}"
        self._worker.aside(lambda: self._open(name))

    def close(self) -> None:
        """Let go of the mixer."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.finish(self._close, CLOSE_TIMEOUT_S)

    # --- the mixer's thread

    def _open(self, card: str) -> None:
        self._close()
        try:
            self._mixer = self._open_mixer(card, self._control)
        except MixerError as error:
            self.problem = None if self._control == AUTO else str(error)
            return
        self.about = f"{card} {self._mixer.name}"
        self._apply()

    def _apply(self) -> None:
        with self._lock:
            self._pending = False
            gain, by_samples = self._gain, self._by_samples
        if self._mixer is None:
            self.on_rest(gain)
            return
        try:
            done = self._mixer.set_gain(1.0 if by_samples else gain)
        except MixerError as error:
            self.about, self.problem = "", str(error)
            self._close()
            self.on_rest(gain)
            return
        self.on_rest(share_left(gain, done))

    def _close(self) -> None:
        mixer, self._mixer = self._mixer, None
        if mixer is not None:
            mixer.close()
