"""The doctor with real PortAudio: a sound server's devices, and a way back between them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from doctor_patient import Patient, finding_of, wrong_of
from pulse import MIC_DEVICE, MIC_SINK, SPEAKER_DEVICE, SPEAKER_SINK, PrivatePulse

from daemon.doctor.case import Wishes
from daemon.doctor.examination import examine
from daemon.doctor.finding import Check, Finding, Verdict
from daemon.doctor.machine import Machine
from daemon.doctor.sound.check import kept_from
from daemon.hearing.frontend.known_path import FILE, known_path_from

LATENCY_MS = 60
"""What the way back adds to the server's own."""


def examined(tmp_path: Path, text: str) -> list[Finding]:
    patient = Patient(tmp_path)
    patient.config_text = text
    wishes = patient.wishes()
    machine = Machine(
        root=tmp_path,
        env=patient.env,
        ask_daemon=lambda _: None,
        run=patient.machine().run,
    )
    return examine(machine, Wishes(wishes.config, None, offline=True, sound=True))[1]


BOARD = f'[board]\nname = "generic"\nmic = "{MIC_DEVICE}"\nspeaker = "{SPEAKER_DEVICE}"\n[button]\npin = -1\n'


def test_a_sink_that_nobody_plays_into_is_digital_silence_and_not_heard(
    pulse: PrivatePulse, tmp_path: Path
) -> None:
    wrong = wrong_of(examined(tmp_path, BOARD))
    assert {Check.MIC_SOUND, Check.LOOPBACK} <= set(wrong)
    assert "digital silence" in wrong[Check.MIC_SOUND].found
    assert Check.MIC not in wrong
    assert Check.SPEAKER not in wrong


@contextmanager
def way_back(pulse: PrivatePulse, volume: str) -> Iterator[None]:
    """What the speaker plays is heard by the microphone, so loud (of PulseAudio's cubic scale)."""
    ends = (f"source={SPEAKER_SINK}.monitor", f"sink={MIC_SINK}")
    pace = (f"latency_msec={LATENCY_MS}", "adjust_time=0")
    loaded = pactl(pulse, "load-module", "module-loopback", *ends, *pace).strip()
    try:
        inputs = pactl(pulse, "list", "short", "sink-inputs").split()
        pactl(pulse, "set-sink-input-volume", inputs[0], volume)
        yield
    finally:
        pactl(pulse, "unload-module", loaded)


def pactl(pulse: PrivatePulse, *words: str) -> str:
    done = subprocess.run(
        ["pactl", *words], env=pulse.process_environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_way_through_the_server_is_measured_and_kept(pulse: PrivatePulse, tmp_path: Path) -> None:
    """Nothing there distorts, rings, or has a clock of its own; 60 % is a factor of 0.216."""
    with way_back(pulse, "60%"):
        finding = finding_of(examined(tmp_path, BOARD + "[sound]\nvolume = 100\n"), Check.LOOPBACK)
    assert finding.mark is Verdict.FINE, finding
    content = json.loads((tmp_path / "var/lib/conure" / FILE).read_text())
    kept = kept_from(content)
    assert kept.path is not None, finding
    assert MIC_DEVICE in kept.mic
    assert SPEAKER_DEVICE in kept.speaker
    assert LATENCY_MS / 2000 < kept.path.delay_s < 0.4
    assert kept.path.hidden_s is not None
    assert 0.0 < kept.path.hidden_s <= kept.path.delay_s
    assert kept.path.coupling_db == pytest.approx(-13.3, abs=1.0)
    assert kept.path.distortion < 0.01
    assert abs(kept.path.drift_ppm) < 100
    assert kept.path.t60_s is None
    start = known_path_from(content, content["devices"])
    assert start is not None
    assert start.heard


@pytest.mark.parametrize("key", ["mic", "speaker"])
def test_a_name_that_no_device_has_is_found(pulse: PrivatePulse, tmp_path: Path, key: str) -> None:
    findings = examined(tmp_path, f'[board]\nname = "generic"\n{key} = "no such thing"\n[button]\npin = -1\n')
    finding = wrong_of(findings)[Check.MIC if key == "mic" else Check.SPEAKER]
    assert "no such thing: there is no such" in finding.found
    assert finding.remedy.startswith("`conure devices` lists what there is")
