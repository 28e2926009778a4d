"""The devices: what there is, what can be opened, and how it sounds. Each is opened, tried and closed.

Where a running daemon has them, it is asked instead: a device that is opened twice is heard by neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from daemon.config.board import wanted_device
from daemon.config.settings import Settings
from daemon.doctor import microphone
from daemon.doctor.case import Case
from daemon.doctor.finding import Check, Finding, Verdict, fine, skipped, skipped_all, wrong
from daemon.doctor.sound.check import ANNOUNCED, check_sound
from daemon.doctor.trial import take
from hw.base import (
    MIC_FORMAT,
    SPEAKER_FORMAT,
    Board,
    ButtonError,
    DeviceError,
    LedError,
    MicError,
    SpeakerError,
)
from hw.build import NoLeds
from hw.sound.cards import CARDS, parse_cards

CHECKS = (
    Check.SOUND_CARDS, Check.MIC, Check.MIC_SOUND, Check.SPEAKER, Check.LOOPBACK, Check.BUTTON, Check.LIGHTS,
)  # fmt: skip

LISTEN_S = 2.0
"""Long enough for a pause between two words, and for hum to be told from a voice."""

RATE_TOLERANCE = 0.05
"""Of the microphone's pace. A busy machine shifts two seconds by some 50 ms; 44.1 kHz taken for 48 kHz is 8 %
off."""

NO_LIGHTS = skipped(Check.LIGHTS, "none", "[lights] kind says what is wired")

STOP = "`sudo systemctl stop conure`, then `conure doctor{}` again"


def probe(case: Case) -> Iterator[Finding]:
    """All devices."""
    board, settings = case.board, case.settings
    if board is None or settings is None:
        yield from skipped_all(CHECKS, "the configuration, which names it, has mistakes")
        return
    yield _cards(case)
    if case.devices_taken:
        devices = (case.status or {}).get("devices", {})
        yield from of_running(devices, has_lights=settings.lights.kind != "none")
        return
    try:
        yield from _microphone(case, board, settings)
        yield _speaker(board, settings)
        yield _loopback(case, board, settings)
        yield _button(case, board)
        yield _lights(case, board)
    finally:
        board.close()


def _cards(case: Case) -> Finding:
    check = Check.SOUND_CARDS
    if case.simulated:
        return skipped(check, "the simulated board needs none")
    cards = parse_cards(case.machine.read(CARDS) or "")
    if cards:
        return fine(check, ", ".join(f"{number}: {name}" for number, name in sorted(cards.items())))
    if case.machine.env.get("PULSE_SERVER"):
        return skipped(check, "none here, but a sound server is named (PULSE_SERVER)")
    return wrong(
        check,
        "the kernel knows no sound card",
        "plug one in; a HAT needs its line dtoverlay=… in /boot/firmware/config.txt and a restart "
        "(`dmesg | grep -i snd` tells more); without any: `--board simulated`",
    )


# --- alone -----------------------------------------------------------------------------------------


def _microphone(case: Case, board: Board, settings: Settings) -> Iterator[Finding]:
    try:
        with closing(board.open_mic()) as mic:
            heard = take(mic, LISTEN_S, case.machine.clock)
    except MicError as error:
        yield wrong(Check.MIC, str(error), sound_remedy(error, "mic"))
        yield skipped(Check.MIC_SOUND, "it cannot be heard")
        return
    yield judge_pace(wanted_device(settings.board.mic), heard.rate_hz, heard.overruns)
    yield from judge_sound(heard.pcm)


def judge_pace(name: str, rate_hz: float, overruns: int) -> Finding:
    """Whether the samples came as fast as they should."""
    pace = f"{name}: {MIC_FORMAT.rate_hz} Hz mono, measured {rate_hz:.0f} Hz"
    if abs(rate_hz / MIC_FORMAT.rate_hz - 1) > RATE_TOLERANCE:
        remedy = "try another device of `conure devices`; a HAT: is its overlay the right one?"
        return wrong(Check.MIC, pace, remedy)
    if overruns:
        remedy = "end what keeps the processor busy (`top`); see `power` below"
        return wrong(Check.MIC, f"{pace}; samples were lost {overruns} times", remedy)
    return fine(Check.MIC, pace)


def judge_sound(pcm: bytes) -> Iterator[Finding]:
    """What is to be said of two seconds of the room."""
    sound = microphone.measure(pcm)
    levels = f"level {sound.level_dbfs:.0f} dBFS, noise floor {sound.floor_dbfs:.0f} dBFS"
    found = [
        wrong(Check.MIC_SOUND, f"{fault.found} ({levels})", fault.remedy)
        for fault in microphone.faults(sound)
    ]
    yield from found or [fine(Check.MIC_SOUND, levels)]


def _speaker(board: Board, settings: Settings) -> Finding:
    try:
        board.open_speaker().close()
    except SpeakerError as error:
        return wrong(Check.SPEAKER, str(error), sound_remedy(error, "speaker"))
    return fine(
        Check.SPEAKER, f"{wanted_device(settings.board.speaker)}: takes {SPEAKER_FORMAT.rate_hz} Hz mono"
    )


def sound_remedy(error: DeviceError, key: str) -> str:
    """What to do about a microphone or a speaker that cannot be used."""
    if "device at all" in str(error):
        return "plug one in; for the rest see the row sound cards"
    if error.absent:
        return f"`conure devices` lists what there is: set [board] {key} to one of those names or card ids"
    if "busy" in str(error):
        return "`sudo fuser -v /dev/snd/*` tells which program has it: stop that"
    if error.permanent:
        return f'set [board] {key} = "default"; if a library is missing, `sudo scripts/install`'
    return "unplug it and plug it in again, or restart its sound server; `conure devices` lists what there is"


def _loopback(case: Case, board: Board, settings: Settings) -> Finding:
    check = Check.LOOPBACK
    if board.echo_free:
        return skipped(check, "the microphone of this board does not hear the speaker, as it should be")
    if not case.wishes.sound:
        return skipped(check, "not asked for", f"`conure doctor --sound` plays {ANNOUNCED}")
    return check_sound(case, board, settings)


def _button(case: Case, board: Board) -> Finding:
    check = Check.BUTTON
    try:
        button = board.open_button(lambda _pressed, _at_s: None)
    except ButtonError as error:
        return wrong(check, str(error), pin_remedy(error, case, "button", "[button] pin = -1"))
    if button is None:
        return skipped(check, "none ([button] pin = -1): it begins when somebody speaks")
    button.close()
    return fine(check, "its line can be had; `conure doctor --interactive` asks you to press it")


def _lights(case: Case, board: Board) -> Finding:
    check = Check.LIGHTS
    try:
        leds = board.open_leds()
    except LedError as error:
        return wrong(check, str(error), pin_remedy(error, case, "lights", '[lights] kind = "none"'))
    leds.close()
    if isinstance(leds, NoLeds):
        return NO_LIGHTS
    plural = "s" if leds.count > 1 else ""
    return fine(check, f"{leds.count} pixel{plural}; `conure doctor --interactive` shows them")


def pin_remedy(error: DeviceError, case: Case, table: str, without: str) -> str:
    """What to do about lines or a bus that cannot be had."""
    user = case.unit.user or case.machine.user
    words = str(error)
    for group in ("gpio", "spi"):
        if f"group {group}" in words:
            return f"`sudo usermod -aG {group} {user}`, then start it anew"
    if "spi" in error.device.casefold():
        return f"`sudo raspi-config nonint do_spi 0` and a restart; without any: {without}"
    return (
        f"check the numbers in [{table}] and the wiring (`gpioinfo` shows who has a line); without: {without}"
    )


# --- beside a running daemon -----------------------------------------------------------------------


def of_running(devices: dict[str, Any], *, has_lights: bool) -> Iterator[Finding]:
    """What the running daemon tells of its devices (`devices` of `conure status --json`).

    Nothing, where it may not be asked.
    """
    if not devices:
        found = "in use by the running conure, which may not be asked"
        yield from skipped_all(CHECKS[1:], found, "`sudo conure doctor` may ask it")
        return
    mic, speaker, lights = (devices.get(name) or {} for name in ("mic", "speaker", "lights"))
    yield _as_told(Check.MIC, mic, "unplug it and plug it in again; `conure devices` lists what there is")
    yield _sound_as_told(mic)
    yield _as_told(Check.SPEAKER, speaker, "unplug it and plug it in again; `conure devices` lists them")
    yield skipped(Check.LOOPBACK, "the running conure has the devices", STOP.format(" --sound"))
    yield skipped(Check.BUTTON, "the running conure has it", "press it, and look at `conure status --watch`")
    if has_lights:
        yield _as_told(Check.LIGHTS, lights, "`journalctl -u conure -p warning` tells why")
    else:
        yield NO_LIGHTS


def _as_told(check: Check, device: dict[str, Any], remedy: str) -> Finding:
    if problem := device.get("problem"):
        return wrong(check, f"the running conure says: {problem}", remedy)
    if device.get("open") is False:
        return skipped(check, "closed by the running conure (muted?)", "`conure unmute`")
    return fine(check, "in use by the running conure")


def _sound_as_told(mic: dict[str, Any]) -> Finding:
    check = Check.MIC_SOUND
    level, floor = mic.get("level_dbfs"), mic.get("floor_dbfs")
    if not mic.get("open") or not isinstance(level, float | int):
        return skipped(check, "the running conure does not hear now")
    words = f"level {level:.0f} dBFS, noise floor {floor:.0f} dBFS, as the running conure hears it"
    if level < microphone.DIGITAL_SILENCE_DBFS:
        remedy = "unmute it and raise its level (`alsamixer`, F4 shows capture); look for a switch on it"
        return wrong(check, f"digital silence ({words})", remedy)
    return Finding(check, Verdict.FINE, words)
