"""What is wrong with the way from the speaker to the microphone, and what is to be said of it. Pure."""

from __future__ import annotations

from daemon.doctor.microphone import CLIPPED_SHARE, SoundFault
from daemon.doctor.sound.echo_path import EchoPath

CLEAR_DB = 10.0
"""The sound must stand so far above the room."""
SLOW_S = 0.4
"""Later than this, talking with it is tiresome."""
WIRELESS_S = 0.1
"""What a device hides so long is on its way through the air: cards hide some milliseconds, sound servers
some 60, Bluetooth 100 to 250."""
UNREACHED_S = 0.3
"""So late an echo may be for the canceller (`hearing.frontend.webrtc`)."""
DISTORTION = 0.10
"""Small speakers have 1 to 5 % at ordinary loudness; from here on words suffer, and the echo is hardly
cancelled."""
DRIFT_PPM = 250.0
"""Two bad crystals differ by 200 millionths; the front end follows 250
(`hearing.frontend.pace.MAX_SLOPE`)."""
LOST_PPM = 1500.0
"""No clock differs so much: this is 4 ms that came too much or too little between both sweeps."""
LONG_TAIL_S = 0.6
"""A bare room: half a second and more of what is said runs into the next word."""

SOFTER = 20
"""Percent of the volume by which a loudspeaker that distorts is turned down at a time: some 6 dB."""
LEAST_VOLUME = 10


def faults(heard: EchoPath | None, volume_percent: int) -> list[SoundFault]:
    """What is wrong; empty if nothing is. It was played at `volume_percent` (0 to 100)."""
    if heard is None:
        return [
            SoundFault(
                "the microphone does not hear the speaker",
                "is the speaker plugged in and loud enough (`alsamixer`, [sound] volume)? "
                "are [board] speaker and mic the right ones? `conure tone` plays, `conure listen` shows",
            )
        ]
    return [*_of_level(heard, volume_percent), *_of_time(heard)]


def _of_level(heard: EchoPath, volume_percent: int) -> list[SoundFault]:
    if heard.clipped_share > CLIPPED_SHARE:
        remedy = "lower [sound] volume, or the capture level (`alsamixer`, F4)"
        found = f"the speaker drives the microphone to full scale ({heard.level_dbfs:.0f} dBFS)"
        return [SoundFault(found, remedy)]
    if heard.above_room_db < CLEAR_DB:
        words = f"the speaker is only {heard.above_room_db:.0f} dB above the room"
        remedy = "try again when it is quiet, or raise [sound] volume or the speaker's level (`alsamixer`)"
        return [SoundFault(words, remedy)]
    if heard.known_distortion > DISTORTION:
        return [
            SoundFault(
                f"the loudspeaker distorts: {heard.distortion:.0%} of overtones", _softer(volume_percent)
            )
        ]
    return []


def _softer(volume_percent: int) -> str:
    softer = max(LEAST_VOLUME, volume_percent - SOFTER)
    if softer >= volume_percent:
        return "lower the speaker's level (`alsamixer`); does its case rattle?"
    return f"turn the volume down to {softer} ([sound] volume), and try again; does its case rattle?"


def _of_time(heard: EchoPath) -> list[SoundFault]:
    wired = "prefer a wired speaker to Bluetooth, and the card itself ([board] speaker) to a sound server"
    if abs(heard.drift_ppm) > LOST_PPM:
        lost_ms = abs(heard.drift_ppm) * 1e-6 * 2800
        remedy = "end what keeps the processor busy (`top`), and try again; see `power` below"
        return [SoundFault(f"samples were lost or repeated ({lost_ms:.0f} ms between both sweeps)", remedy)]
    if heard.delay_s > SLOW_S:
        return [SoundFault(f"heard only after {heard.delay_s * 1000:.0f} ms", wired)]
    if heard.hidden_s is not None and heard.hidden_s > UNREACHED_S:
        found = f"heard {heard.hidden_s * 1000:.0f} ms later than the devices tell: no echo is cancelled"
        return [SoundFault(found, wired)]
    if abs(heard.drift_ppm) > DRIFT_PPM:
        remedy = (
            "use one card for both, microphone and speaker: two crystals that differ so much let echo through"
        )
        return [SoundFault(f"the devices' clocks differ by {abs(heard.drift_ppm):.0f} millionths", remedy)]
    return []


def told(heard: EchoPath) -> str:
    """What was measured, in words."""
    parts = [
        f"heard after {heard.delay_s * 1000:.0f} ms{_of_hidden(heard)}",
        f"{heard.level_dbfs:.0f} dBFS",
        f"coupling {heard.coupling_db:.0f} dB",
        f"{heard.above_room_db:.0f} dB above the room",
        _of_distortion(heard),
        f"clocks {round(heard.drift_ppm) or 0:+d} millionths",
        _of_room(heard),
    ]
    return ", ".join(part for part in parts if part)


def _of_hidden(heard: EchoPath) -> str:
    if heard.hidden_s is None:
        return ""
    wireless = ": Bluetooth?" if heard.hidden_s > WIRELESS_S else ""
    return f" ({max(0.0, heard.hidden_s) * 1000:.0f} ms of it hidden by the devices{wireless})"


def _of_distortion(heard: EchoPath) -> str:
    if heard.known_distortion:
        return f"distortion {heard.distortion:.1%}"
    return f"distortion below {max(0.001, heard.distortion_floor):.1%}"


def _of_room(heard: EchoPath) -> str:
    if heard.t60_s is None:
        return ""
    bare = ", a bare room" if heard.t60_s > LONG_TAIL_S else ""
    tail = "" if heard.tail_s is None else f", tail {heard.tail_s * 1000:.0f} ms"
    return f"reverberation {heard.t60_s:.2f} s{bare}{tail}"
