"""PortAudio in this process: its one owner, who lists devices, opens streams, and looks for new devices.

PortAudio lists the devices when it is initialised, and never again. To find a device that somebody plugged in
later, it must be initialised anew, and then no stream may be open. If only one of the two devices was lost,
the stream of the other is *lent*: its own thread closes it, waits, and opens it again. That is asked only of
a stream that can be spared at the moment (a speaker that is silent), and only when it may help.

Cards are opened as they are (`hw:`), since ALSA's own conversion of rates (`plughw:`) draws straight lines
between samples; PA_ALSA_PLUGHW=1 in the environment asks for it all the same. Measured: opening takes 1 ms,
listing the devices 30 to 50 ms.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from hw.base import DeviceError, MicError, SpeakerError
from hw.sound.alsa_names import forget_names, is_served
from hw.sound.cards import (
    CAPTURE,
    PLAYBACK,
    DeviceInfo,
    UsbPlace,
    alternatives,
    card_number,
    cards_text,
    choose,
    no_such_device,
    read_cards,
    read_usb_places,
)
from hw.sound.depth import deep_streams
from hw.sound.negotiate import (
    MIC_OPTIONS,
    SPEAKER_OPTIONS,
    Form,
    StreamOptions,
    capture_forms,
    playback_forms,
)
from hw.sound.quiet import quiet_stderr
from hw.sound.worker import Stalled, Worker

if TYPE_CHECKING:
    import pyaudio

Found = TypeVar("Found")

UNAVAILABLE = -9985
FORM_REFUSED = (-9994, -9997, -9998)
"""paDeviceUnavailable; paSampleFormatNotSupported, paInvalidSampleRate, paInvalidChannelCount (portaudio.h,
PaErrorCode)."""

STUCK = "a stream hangs, so that new devices cannot be looked for: only a restart helps"

LOOK_AGAIN_S = 30.0
"""A sound server that came up late changes no list of cards, so it is looked for at this pace too. A
microphone that is lent for it misses less than a second."""

LIST_TIMEOUT_S = 5.0
"""Listing takes half a second on a small board; with a sound server that hangs it takes for ever."""

LIST_HANGS = (
    f"do not answer for {LIST_TIMEOUT_S:.0f} s: a sound server hangs, or what leads to it is broken; "
    "restart it (`systemctl --user restart pipewire-pulse` or `pulseaudio --kill`), and look for a broken "
    "link in ~/.config/pulse"
)
"""libpulse looks for its folder for ever where the link MACHINE-runtime in ~/.config/pulse leads nowhere."""

ERRORS: dict[str, type[DeviceError]] = {CAPTURE: MicError, PLAYBACK: SpeakerError}
FORMS = {CAPTURE: capture_forms, PLAYBACK: playback_forms}


@dataclass(frozen=True, slots=True)
class Opened:
    """A running stream."""

    stream: Any
    """PyAudio's."""
    form: Form
    name: str
    """PortAudio's name of the device."""
    served: bool
    """Whether it is a sound server's, and no card of its own."""


class Lender(Protocol):
    """Who has a stream open, and may be asked to do without it for a moment."""

    @property
    def hangs(self) -> bool:
        """Whether the stream is stuck in a call that does not return."""
        ...

    def lend(self, go_on: threading.Event) -> bool:
        """Close the stream, and open it again when `go_on` is set; returns whether it is closed now.

        Bounded; False where the stream is needed, or hangs. Any thread but the stream's own.
        """
        ...


class Library:
    """The one owner of PortAudio in this process. Any thread; calls wait for one another."""

    def __init__(
        self, signature: Callable[[], str] = cards_text, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`signature` changes when cards come or go."""
        self._signature = signature
        self._clock = clock
        self._lock = threading.RLock()
        self._audio: pyaudio.PyAudio | None = None
        self._lenders: set[Lender] = set()
        self._seen = ""
        self._looked_s = 0.0

    def list_devices(self) -> list[DeviceInfo]:
        """The devices that PortAudio can open now. Raises DeviceError without PyAudio."""
        with self._lock, quiet_stderr():
            return list(_devices(self._ready(DeviceError)).values())

    def survey(self, kind: str, options: StreamOptions) -> list[tuple[DeviceInfo, str]]:
        """Each device of a kind with the form that it takes, in words. Raises DeviceError without PyAudio."""
        with self._lock, quiet_stderr():
            audio = self._ready(DeviceError)
            found = [(key, one) for key, one in _devices(audio).items() if one.kind == kind]
            return [(one, _form_taken(audio, key >> 1, kind, options)) for key, one in found]

    def open_stream(self, lender: Lender, kind: str, wanted: str, options: StreamOptions) -> Opened:
        """A running stream; `lender` answers for it until `close_stream`. Raises the kind's error."""
        with self._lock:
            with quiet_stderr():
                audio = self._ready(ERRORS[kind])
            if self._is_stale() or choose(_devices(audio), alternatives(wanted)[0], kind) is None:
                audio = self._look_again(kind) or audio
            try:
                opened = self._open(audio, kind, wanted, options)
            except DeviceError as error:
                renewed = None if error.permanent else self._look_again(kind)
                if renewed is None:
                    raise
                opened = self._open(renewed, kind, wanted, options)
            self._check_identity(opened, kind, wanted)
            self._lenders.add(lender)
            return opened

    def close_stream(self, lender: Lender, opened: Opened) -> None:
        """Close a stream that was opened here; nobody may be inside its read or write."""
        try:
            opened.stream.close()
        finally:
            self._lenders.discard(lender)  # without the lock: who looks again holds it, and waits for this

    def _is_stale(self) -> bool:
        """Whether cards have come or gone since PortAudio listed its devices."""
        return self._signature() != self._seen

    def _check_identity(self, opened: Opened, kind: str, wanted: str) -> None:
        """Raise the kind's error where the card's number may be another card's by now: it is tried again."""
        if card_number(opened.name) is None or not self._is_stale():
            return
        with contextlib.suppress(OSError):
            opened.stream.close()
        raise ERRORS[kind](wanted, "the sound cards have changed, and their list could not be renewed yet")

    def _open(self, audio: pyaudio.PyAudio, kind: str, wanted: str, options: StreamOptions) -> Opened:
        devices = _devices(audio)
        key = choose(devices, wanted, kind)
        if key is None:
            words = no_such_device(devices, kind)
            # While a stream hangs no look at new devices is possible: such a device counts as failed, not as
            # absent, so that the process ends in time, and its successor looks anew.
            stuck = any(lender.hangs for lender in self._lenders)
            raise ERRORS[kind](wanted, f"{words}; {STUCK}" if stuck else words, absent=not stuck)
        return _open_device(audio, key >> 1, kind, wanted, options)

    def _ready(self, error_type: type[DeviceError]) -> pyaudio.PyAudio:
        """PortAudio, with a new list of devices whenever no stream is open."""
        if self._audio is not None and not self._lenders:
            self._audio.terminate()
            self._audio = None
        if self._audio is None:
            self._seen, self._looked_s = self._signature(), self._clock()
            self._audio = _initialise(error_type)
        return self._audio

    def _look_again(self, kind: str) -> pyaudio.PyAudio | None:
        """List the devices anew although streams are open, if that may help and they can be spared."""
        news = self._is_stale() or self._clock() - self._looked_s >= LOOK_AGAIN_S
        if not self._lenders or not news:
            return None
        go_on = threading.Event()
        try:
            if not all(lender.lend(go_on) for lender in list(self._lenders)):
                return None
            with quiet_stderr():
                return self._ready(ERRORS[kind])
        finally:
            go_on.set()


LIBRARY = Library()


def list_devices() -> list[DeviceInfo]:
    """Every capture and playback device that can be named in the configuration. Raises DeviceError."""
    return _within_bounds(LIBRARY.list_devices)


def survey_devices(
    mic: StreamOptions = MIC_OPTIONS, speaker: StreamOptions = SPEAKER_OPTIONS
) -> list[tuple[DeviceInfo, str]]:
    """The same devices, each with the form in which it would be opened, in words. Raises DeviceError."""
    return _within_bounds(lambda: [*LIBRARY.survey(CAPTURE, mic), *LIBRARY.survey(PLAYBACK, speaker)])


def _within_bounds(ask: Callable[[], Found]) -> Found:
    """What `ask` returns. Raises DeviceError, also where PortAudio never answers: its thread is given up."""
    worker = Worker("portaudio list")
    try:
        return worker.call(ask, LIST_TIMEOUT_S)
    except Stalled:
        raise DeviceError("the sound devices", LIST_HANGS) from None
    finally:
        worker.finish(lambda: None, LIST_TIMEOUT_S)


def _initialise(error_type: type[DeviceError]) -> pyaudio.PyAudio:
    try:
        import pyaudio
    except ImportError as error:
        raise error_type("PyAudio", f"cannot be loaded: {error}", permanent=True) from error
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # only looking for devices must not start one
    forget_names()
    chatter: list[str] = []
    try:
        with quiet_stderr() as chatter:
            return pyaudio.PyAudio()
    except OSError as error:
        raise error_type(*_start_refusal(error, chatter)) from error


def _start_refusal(error: OSError, chatter: Iterable[str]) -> tuple[str, str]:
    """What keeps PortAudio from starting, and why, in words that help; `chatter` is what ALSA printed."""
    for line in chatter:
        if named := re.search(r"(\S+) may be old or corrupted", line):  # conf.c, snd_config_hook_load
            return named[1], "is no valid configuration of ALSA, so nothing can be heard or played: mend it"
    return "PortAudio", f"does not start: {error_text(error)}; `conure doctor` may tell more"


def _devices(audio: pyaudio.PyAudio) -> dict[int, DeviceInfo]:
    """What can be opened; the key is twice PortAudio's index, plus one for playback."""
    cards = read_cards()
    places = read_usb_places(cards)
    found: dict[int, DeviceInfo] = {}
    for index in range(audio.get_device_count()):
        about = audio.get_device_info_by_index(index)
        host = audio.get_host_api_info_by_index(about["hostApi"])
        name = str(about["name"])
        number = card_number(name)
        place = places.get(number, UsbPlace()) if number is not None else UsbPlace()
        for playback, kind in enumerate((CAPTURE, PLAYBACK)):
            direction = ("Input", "Output")[playback]
            if about[f"max{direction}Channels"] > 0:
                default = host[f"default{direction}Device"] == index
                card = cards.get(number, "") if number is not None else ""
                found[2 * index + playback] = DeviceInfo(
                    name=name, kind=kind, card=card, default=default, usb=place.usb, port=place.port
                )
    return found


def _open_device(
    audio: pyaudio.PyAudio, index: int, kind: str, wanted: str, options: StreamOptions
) -> Opened:
    """Ask for each form until the device takes one. Raises the kind's error."""
    about = audio.get_device_info_by_index(index)
    name, forms = str(about["name"]), _forms_for(about, kind, options)
    refused: Exception = OSError(FORM_REFUSED[-1], "Invalid number of channels")
    chatter: list[str] = []
    for form in forms:
        try:
            with quiet_stderr() as chatter:
                return Opened(_open_form(audio, about, kind, form, options), form, name, is_served(name))
        except (OSError, ValueError) as error:
            refused = error
            if _code_of(error) not in FORM_REFUSED:
                break
    raise open_refusal(kind, wanted, refused, chatter, forms) from refused


def _forms_for(about: Mapping[str, Any], kind: str, options: StreamOptions) -> tuple[Form, ...]:
    most = about["maxInputChannels" if kind == CAPTURE else "maxOutputChannels"]
    return FORMS[kind](options, most)


def _open_form(
    audio: pyaudio.PyAudio, about: Mapping[str, Any], kind: str, form: Form, options: StreamOptions
) -> Any:
    import pyaudio

    capture = kind == CAPTURE
    extension = pyaudio._portaudio.__file__  # noqa: SLF001 - PyAudio says nowhere else which library it uses
    with deep_streams(extension, about, options.depth_s, options.periods):
        return audio.open(
            format=pyaudio.paInt16,
            rate=form.rate_hz,
            channels=form.channels,
            frames_per_buffer=options.period_frames(form.rate_hz),
            input=capture,
            output=not capture,
            **{"input_device_index" if capture else "output_device_index": about["index"]},
        )


def _form_taken(audio: pyaudio.PyAudio, index: int, kind: str, options: StreamOptions) -> str:
    """The form in which the device would be opened, or why it would not, in words."""
    about = audio.get_device_info_by_index(index)
    for form in _forms_for(about, kind, options):
        code = _form_fault(audio, index, kind, form)
        if code is None:
            return str(form)
        if code not in FORM_REFUSED:
            return "busy" if code == UNAVAILABLE else "cannot be opened"
    return "nothing that Conure can use"


def _form_fault(audio: pyaudio.PyAudio, index: int, kind: str, form: Form) -> int | None:
    """Why the device does not take the form: PortAudio's error code, or None if it does."""
    import pyaudio

    side = "input" if kind == CAPTURE else "output"
    asked = {f"{side}_device": index, f"{side}_channels": form.channels, f"{side}_format": pyaudio.paInt16}
    try:
        audio.is_format_supported(form.rate_hz, **asked)
    except ValueError as error:
        return _code_of(error)
    return None


def _code_of(error: Exception) -> int | None:
    """PortAudio's: `is_format_supported` raises ValueError(text, code), `open` OSError(code, text)."""
    return next((part for part in error.args if isinstance(part, int)), None)


def open_refusal(
    kind: str, wanted: str, error: Exception, chatter: list[str], forms: Iterable[Form] = ()
) -> DeviceError:
    """Why a device could not be opened, in words that help; `chatter` is what ALSA printed meanwhile."""
    code = _code_of(error)
    if code in FORM_REFUSED:
        tried = "; ".join(str(form) for form in forms) or "that channel"
        remedy = "take another device of `conure devices`, or `default`, for which ALSA converts"
        return ERRORS[kind](wanted, f"takes nothing of what was tried ({tried}); {remedy}", permanent=True)
    if code == UNAVAILABLE:
        return ERRORS[kind](wanted, "is busy or gone: another program may have it (fuser -v /dev/snd/*)")
    cause = f" ({chatter[-1]})" if chatter else ""
    return ERRORS[kind](wanted, f"cannot be opened: {error_text(error)}{cause}")


def error_text(error: Exception) -> str:
    """PortAudio's words for what went wrong."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
