"""The doctor with real PortAudio: a sound server's devices, and a way back between them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from doctor_patient import Patient, finding_of, wrong_of
from pulse import MIC_DEVICE, MIC_SINK, SPEAKER_DEVICE, SPEAKER_SINK, PrivatePulse

from daemon.doctor.case import Wishes
from daemon.doctor.examination import examine
from daemon.doctor.finding import Check, Finding, Verdict
from daemon.doctor.machine import Machine

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


def test_what_the_speaker_plays_is_heard_through_the_server(pulse: PrivatePulse, tmp_path: Path) -> None:
    way = f"module-loopback source={SPEAKER_SINK}.monitor sink={MIC_SINK} latency_msec={LATENCY_MS}"
    loaded = subprocess.run(
        ["pactl", "load-module", *way.split()],
        env=pulse.process_environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    try:
        findings = examined(tmp_path, BOARD + "[sound]\nvolume = 100\n")
    finally:
        subprocess.run(
            ["pactl", "unload-module", loaded.stdout.strip()], env=pulse.process_environment, check=True
        )
    finding = finding_of(findings, Check.LOOPBACK)
    assert finding.mark is Verdict.FINE, finding
    delay_ms = float(finding.found.split("heard after ")[1].split(" ms")[0])
    assert LATENCY_MS / 2 < delay_ms < 400


@pytest.mark.parametrize("key", ["mic", "speaker"])
def test_a_name_that_no_device_has_is_found(pulse: PrivatePulse, tmp_path: Path, key: str) -> None:
    findings = examined(tmp_path, f'[board]\nname = "generic"\n{key} = "no such thing"\n[button]\npin = -1\n')
    finding = wrong_of(findings)[Check.MIC if key == "mic" else Check.SPEAKER]
    assert "no such thing: there is no such" in finding.found
    assert finding.remedy.startswith("`conure devices` lists what there is")
