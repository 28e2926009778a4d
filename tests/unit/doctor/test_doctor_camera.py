"""The doctor's row of the camera."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from doctor_patient import Patient
from pictures import jpeg

from daemon.doctor import camera
from daemon.doctor.case import Case, admit
from daemon.doctor.finding import Finding, Verdict
from hw.camera.simulated import picture_of


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def case_of(patient: Patient) -> Case:
    return admit(patient.machine(), patient.wishes())[0]


def row(case: Case) -> Finding:
    (finding,) = camera.probe(case)
    return finding


def writing(patient: Patient, data: bytes, then: str = "time.sleep(60)") -> None:
    """The camera is a program that writes this."""
    code = f"import sys, time; sys.stdout.buffer.write({data!r}); sys.stdout.flush(); {then}"
    patient.set("camera", use="tool", command=[sys.executable, "-c", code])


def test_a_camera_that_gives_pictures_is_fine(patient: Patient) -> None:
    writing(patient, picture_of("1"))
    found = row(case_of(patient))
    assert (found.mark, "pictures of 0 KB" in found.found) == (Verdict.FINE, True)


@pytest.mark.parametrize(
    ("data", "then", "words", "remedy"),
    [
        (b"", "sys.exit('no cameras available')", "no cameras available", "--list-cameras"),
        (jpeg(width=4000), "time.sleep(60)", "4000 × 480 pixels", "must write JPEGs"),
    ],
)
def test_one_that_does_not_is_wrong_with_a_remedy(
    patient: Patient, data: bytes, then: str, words: str, remedy: str
) -> None:
    writing(patient, data, then)
    found = row(case_of(patient))
    assert found.mark is Verdict.WRONG
    assert words in found.found
    assert remedy in found.remedy


def test_one_that_never_gives_a_picture_is_not_waited_for_for_long(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera, "FIRST_PICTURE_S", 0.1)
    writing(patient, b"")
    assert "no picture within 0.1 s" in row(case_of(patient)).found


def test_a_program_that_is_missing_is_named(patient: Patient) -> None:
    patient.set("camera", use="turns", command=["no-such-camera"])
    found = row(case_of(patient))
    assert (found.mark, found.found[:14]) == (Verdict.WRONG, "no-such-camera")


def test_what_is_not_configured_is_not_looked_at(patient: Patient) -> None:
    case = case_of(patient)
    assert row(case).found == "off"
    assert row(replace(case, settings=None)).mark is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("told", "mark", "words"),
    [
        ({"open": True, "problem": None}, Verdict.SKIPPED, "has it (open)"),
        ({"open": False, "problem": None}, Verdict.SKIPPED, "closed while nobody talks"),
        ({"open": False, "problem": "rpicam-vid: ended"}, Verdict.WRONG, "rpicam-vid: ended"),
    ],
)
def test_a_running_daemon_is_asked(
    patient: Patient, told: dict[str, object], mark: Verdict, words: str
) -> None:
    patient.set("camera", use="tool")
    case = replace(case_of(patient), status={"devices": {"camera": told}})
    found = row(case)
    assert found.mark is mark
    assert words in found.found


def test_the_simulated_boards_camera_needs_no_look(patient: Patient) -> None:
    patient.set("camera", use="tool")
    patient.set("board", name="simulated")
    case = case_of(patient)
    assert not case.simulated or row(case).found == "simulated, with its board"
