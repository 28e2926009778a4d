"""The doctor's row of the broker."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doctor_patient import Patient

from daemon.config.settings import Settings
from daemon.doctor.case import Case, admit
from daemon.doctor.finding import Finding, Verdict
from daemon.doctor.network import to_broker
from daemon.doctor.secrets import secrets_of


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    patient = Patient(tmp_path)
    patient.offline = False
    return patient


def case_of(patient: Patient) -> Case:
    return admit(patient.machine(), patient.wishes())[0]


def row(patient: Patient) -> Finding:
    [finding] = to_broker.probe(case_of(patient))
    return finding


def test_no_broker_is_nothing_wrong(patient: Patient) -> None:
    assert row(patient).mark is Verdict.SKIPPED
    patient.set("mqtt", host="127.0.0.1")
    patient.offline = True
    assert row(patient).found == "left out (--offline)"
    [finding] = to_broker.probe(replace(case_of(patient), settings=None))
    assert "has mistakes" in finding.found


def test_a_missing_library_is_named_with_its_remedy(patient: Patient) -> None:
    patient.set("mqtt", host="127.0.0.1")
    patient.versions["aiomqtt"] = None
    assert row(patient).remedy == "`sudo scripts/install --with mqtt`"


def test_a_password_that_cannot_be_used_is_told(patient: Patient) -> None:
    patient.set("mqtt", host="127.0.0.1", user="me", password_file="/nonexistent/password")
    assert "mqtt.password_file" in row(patient).found


def test_a_password_that_only_the_service_may_read_is_not_judged(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("daemon.config.broker_password.read_text", refuse)
    patient.set("mqtt", host="127.0.0.1", port=1, user="me", password_file="/etc/password")
    assert "Permission denied" in row(patient).found
    patient.is_root = False
    assert "port 1" in row(patient).found


def test_a_broker_that_is_not_there_is_told_with_its_address(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    patient.set("mqtt", host="127.0.0.1", port=port)
    assert row(patient).mark is Verdict.WRONG
    assert f"127.0.0.1 port {port}: Connection refused" in row(patient).found
    patient.set("mqtt", host="no-such-name.invalid")
    assert row(patient).found.startswith("no-such-name.invalid: ")


@pytest.mark.parametrize(
    ("house", "mark", "words"),
    [
        (None, Verdict.WRONG, "no bridge says"),
        ({"connected": False, "trouble": "Not authorized"}, Verdict.WRONG, "Not authorized"),
        ({"connected": False}, Verdict.WRONG, "it is trying"),
        ({"connected": True, "peers": 0}, Verdict.FINE, "connected"),
        ({"connected": True, "peers": 1}, Verdict.FINE, "1 other speaker"),
        ({"connected": True, "peers": 2}, Verdict.FINE, "2 other speakers"),
    ],
)
def test_what_the_bridge_told_the_speaker_is_told(
    patient: Patient, house: dict[str, Any] | None, mark: Verdict, words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        patient.set("mqtt", host="127.0.0.1", port=listener.getsockname()[1])
        case = replace(case_of(patient), status={"house": house})
        [finding] = to_broker.probe(case)
    assert finding.mark is mark
    assert words in finding.found


def test_the_password_is_hidden_in_a_report(patient: Patient, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("open sesame\n")
    patient.set("mqtt", user="me", password_file=str(file))
    case = case_of(patient)
    assert case.settings is not None
    hidden = secrets_of(patient.machine(), case.settings, case.unit).hide("they said open sesame")
    assert "sesame" not in hidden
    wrong = replace(Settings(), mqtt=replace(case.settings.mqtt, password_file="/nonexistent/x"))
    secrets_of(patient.machine(), wrong, case.unit)
