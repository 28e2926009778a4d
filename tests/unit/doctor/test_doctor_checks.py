"""The doctor's checks one by one: where the key is looked for, beside a running daemon, of the service."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doctor_patient import KEY, STATUS, Patient, finding_of, running, wrong_of

from daemon.config.settings import LightSettings, Settings
from daemon.control.server import ControlServer
from daemon.doctor import access
from daemon.doctor.case import Case, admit
from daemon.doctor.finding import Check, Verdict, fine
from daemon.doctor.host import judge_clock, judge_power
from daemon.doctor.machine import ask_daemon
from daemon.doctor.service import in_words, judge_journal, judge_unit
from daemon.doctor.unit import Unit, parse_unit
from daemon.errors import ControlError


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def case_of(patient: Patient) -> Case:
    return admit(patient.machine(), patient.wishes())[0]


# --- the key


def test_the_key_of_a_running_service_is_found_where_systemd_keeps_it(patient: Patient) -> None:
    patient.unit_text += "# encrypted-key.conf\n[Service]\nLoadCredentialEncrypted=gemini-api-key\n"
    patient.key_file.unlink()
    patient.write("etc/credstore.encrypted/gemini-api-key", "Whxqht+dQJax1aZeCGLxm")
    key, finding = access.find_key(case_of(patient))
    assert key is None
    assert finding.mark is Verdict.FINE
    assert "encrypted in /etc/credstore.encrypted/gemini-api-key" in finding.found
    patient.write("run/credentials/conure.service/gemini-api-key", KEY)
    key, finding = access.find_key(case_of(patient))
    assert key is not None
    assert key.reveal() == KEY
    assert finding.mark is Verdict.FINE


def test_without_a_service_the_key_is_the_users_own(patient: Patient) -> None:
    patient.unit = {"LoadState": "not-found"}
    patient.env["GEMINI_API_KEY"] = KEY
    _, finding = access.find_key(case_of(patient))
    assert finding == fine(Check.API_KEY, "in the environment")


def close_to_this_user(monkeypatch: pytest.MonkeyPatch, closed: Path) -> None:
    """As for somebody who is not root."""
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed and may(path, mode))


def test_a_key_that_only_root_may_read_is_not_missing(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_to_this_user(monkeypatch, patient.key_file)
    key, finding = access.find_key(case_of(patient))
    assert key is None
    assert finding.mark is Verdict.SKIPPED
    assert finding.remedy == "`sudo conure doctor`"


def test_a_file_that_the_configuration_names_is_looked_at_too(patient: Patient) -> None:
    patient.unit = {"LoadState": "not-found"}
    file = patient.root / "my-key"
    file.write_text(KEY)
    file.chmod(0o604)
    patient.set("live", api_key_file=str(file))
    key, finding = access.find_key(case_of(patient))
    assert key is not None
    assert finding.mark is Verdict.WRONG
    assert finding.remedy == f"`sudo chmod 600 {file}`"


def test_no_finding_holds_the_key(patient: Patient) -> None:
    for spoilt in (KEY, f"key={KEY}", f"{KEY}\nand more"):
        patient.key_file.write_text(spoilt)
        assert KEY not in repr(patient.examine())


# --- groups


@pytest.mark.parametrize(
    ("lights", "has_button", "needed"),
    [
        ("none", False, ["audio"]),
        ("none", True, ["audio", "gpio"]),
        ("rgb", False, ["audio", "gpio"]),
        ("apa102", True, ["audio", "gpio", "spi"]),
        ("neopixel", False, ["audio", "spi"]),
        ("sysfs", False, ["audio", "gpio"]),
    ],
)
def test_the_groups_are_those_of_the_devices_in_use(lights: str, has_button: bool, needed: list[str]) -> None:
    settings = replace(Settings(), lights=LightSettings(kind=lights))
    assert access.groups_needed(settings, has_button=has_button) == needed


def test_by_hand_the_user_needs_a_group_only_for_a_device_that_is_closed(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient.unit = {"LoadState": "not-found"}
    machine = replace(patient.machine(), groups=frozenset({"audio"}), is_root=False)
    case = replace(case_of(patient), machine=machine)
    assert [finding.mark for finding in access.probe(case)] == [Verdict.FINE]
    close_to_this_user(monkeypatch, patient.root / "dev/gpiochip0")
    assert "may not use gpio" in next(iter(access.probe(case))).found


@pytest.mark.parametrize("installed", [True, False])
def test_no_group_is_missing_for_devices_that_are_not_there(patient: Patient, installed: bool) -> None:
    if not installed:
        patient.unit = {"LoadState": "not-found"}
    patient.write("etc/group", "audio:x:29:conure\n")
    (patient.root / "dev/gpiochip0").unlink()
    machine = replace(patient.machine(), groups=frozenset({"audio"}), is_root=False)
    case = replace(case_of(patient), machine=machine)
    (finding,) = access.probe(case)
    assert finding.mark is Verdict.FINE
    assert "there is no device here of gpio (the button" in finding.found
    (patient.root / "dev/snd/pcmC0D0c").unlink()
    (finding,) = access.probe(case)
    assert finding.mark is Verdict.SKIPPED
    assert finding.found.startswith("there is no device here of audio (the sound card), gpio (")


def test_a_group_of_the_unit_that_does_not_exist_keeps_it_from_starting(patient: Patient) -> None:
    patient.unit["SupplementaryGroups"] = "audio gpio spi"
    patient.write("etc/group", "audio:x:29:\n")
    finding = wrong_of(patient.examine())[Check.GROUPS]
    assert "sudo groupadd --system gpio && sudo usermod -aG gpio conure" in finding.remedy


# --- beside a running daemon


def test_beside_a_running_daemon_no_device_is_opened(patient: Patient) -> None:
    running(patient)
    findings = patient.examine()
    assert wrong_of(findings) == {}
    assert finding_of(findings, Check.LIGHTS).found == "none"
    assert "level -51 dBFS, noise floor -58 dBFS" in finding_of(findings, Check.MIC_SOUND).found
    assert "sudo systemctl stop conure" in finding_of(findings, Check.LOOPBACK).remedy


def test_what_a_running_daemon_complains_of_is_told(patient: Patient) -> None:
    problem = "default: stopped working: Input/output error"
    patient.set("lights", kind="led", pins=[25])
    running(
        patient,
        mic={"open": False, "problem": problem, "level_dbfs": -96.3, "floor_dbfs": -50.0},
        lights={"problem": "failed"},
    )
    wrong = wrong_of(patient.examine())
    assert set(wrong) == {Check.MIC, Check.LIGHTS}
    assert problem in wrong[Check.MIC].found


def test_a_running_daemon_that_hears_zeros_has_a_dead_microphone(patient: Patient) -> None:
    running(patient, mic={"open": True, "problem": None, "level_dbfs": -96.3, "floor_dbfs": -70.0})
    assert set(wrong_of(patient.examine())) == {Check.MIC_SOUND}


def test_muted_is_no_fault(patient: Patient) -> None:
    running(patient, mic={"open": False, "problem": None, "level_dbfs": -96.3, "floor_dbfs": -70.0})
    findings = patient.examine()
    assert wrong_of(findings) == {}
    assert finding_of(findings, Check.MIC).remedy == "`conure unmute`"


@pytest.mark.parametrize(
    ("link", "mark", "words"),
    [
        ({"state": "online"}, Verdict.FINE, "is connected"),
        ({"state": "offline"}, Verdict.SKIPPED, "is offline"),
        ({"state": "refused", "problem": "no.", "remedy": "do this"}, Verdict.WRONG, "no."),
    ],
)
def test_who_may_not_read_the_key_hears_of_the_link_from_the_daemon(
    patient: Patient, link: dict[str, Any], mark: Verdict, words: str
) -> None:
    from daemon.doctor.network.to_service import _session

    patient.key_file.unlink()
    patient.status = STATUS | {"link": link}
    case = case_of(patient)
    assert case.settings is not None
    finding = _session(case, case.settings, "https://localhost:1")
    assert finding.mark is mark
    assert words in finding.found


def test_a_daemon_that_may_not_be_asked_keeps_its_devices(patient: Patient) -> None:
    running(patient)
    patient.status = {}
    findings = patient.examine()
    assert wrong_of(findings) == {}
    assert finding_of(findings, Check.MIC).remedy == "`sudo conure doctor` may ask it"


async def test_a_running_daemon_is_asked_over_its_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()

    async def handle(command: str, _: dict[str, Any]) -> Any:
        if not answer.is_set():
            await asyncio.sleep(3600)
        return {"state": command}

    async def watch(_: object) -> AsyncIterator[dict[str, Any]]:
        yield {}

    env = {"CONURE_SOCKET": str(tmp_path / "control.sock")}
    monkeypatch.setattr("daemon.doctor.machine.STATUS_TIMEOUT_S", 0.2)
    assert ask_daemon(env) is None
    async with ControlServer(tmp_path / "control.sock", handle, watch):
        with pytest.raises(ControlError, match="does not answer"):
            await asyncio.to_thread(ask_daemon, env)
        answer.set()
        assert await asyncio.to_thread(ask_daemon, env) == {"state": "status"}


# --- the service


def test_a_unit_is_read_from_what_systemctl_shows() -> None:
    told = (
        "LoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainStatus=78\nNRestarts=3\nUser=conure\n"
        "SupplementaryGroups=audio gpio\nLoadCredential=[unprintable]\n"
        "UnitFileState=enabled-runtime\nStatusText=idle\n"
    )
    text = "[Service]\nLoadCredential=gemini-api-key:/etc/k\nLoadCredential=other:/x\n"
    assert parse_unit(told, text) == Unit(
        systemd=True, installed=True, active="failed", result="exit-code", exit_status=78, restarts=3,
        says="idle", enabled=True, user="conure", groups=("audio", "gpio"), credential=Path("/etc/k"),
    )  # fmt: skip
    assert parse_unit("LoadState=not-found\n", "") == Unit(systemd=True)
    assert parse_unit("", "") == Unit(systemd=True)


@pytest.mark.parametrize(
    ("unit", "mark", "words"),
    [
        (Unit(), Verdict.SKIPPED, "not run by systemd"),
        (Unit(systemd=True), Verdict.SKIPPED, "not installed"),
        (Unit(systemd=True, installed=True, active="active", says="idle"), Verdict.FINE, "runs (idle)"),
        (Unit(systemd=True, installed=True, active="activating"), Verdict.FINE, "is starting"),
        (
            Unit(systemd=True, installed=True, active="activating", restarts=4, result="signal"),
            Verdict.WRONG,
            "for the 4. time: a signal ended it",
        ),
        (Unit(systemd=True, installed=True, active="inactive"), Verdict.SKIPPED, "inactive"),
    ],
)
def test_the_state_of_the_service_is_told_in_words(unit: Unit, mark: Verdict, words: str) -> None:
    finding = judge_unit(unit)
    assert finding.mark is mark
    assert words in finding.found


@pytest.mark.parametrize(
    ("result", "status", "words"),
    [
        ("exit-code", 78, "the configuration"),
        ("exit-code", 216, "a group of the unit does not exist"),
        ("exit-code", 1, "it ended with status 1"),
        ("start-limit-hit", 1, "it failed too often"),
        ("exec-condition", 0, "systemd says 'exec-condition'"),
    ],
)
def test_every_end_has_words_and_a_remedy(result: str, status: int, words: str) -> None:
    found, remedy = in_words(result, status)
    assert words in found
    assert remedy


def test_a_journal_that_is_no_json_has_no_failures_in_it() -> None:
    assert judge_journal("-- No entries --\n{broken\n", 0).mark is Verdict.FINE
    assert judge_journal('{"MESSAGE": [1, 2]}\n[]\n3\n', 0).mark is Verdict.FINE


def test_restarts_without_a_journal_are_told() -> None:
    assert judge_journal("", 2).mark is Verdict.WRONG


def test_the_journal_is_not_called_empty_by_who_may_not_read_it(patient: Patient) -> None:
    patient.is_root = False
    finding = finding_of(patient.examine(), Check.FAILURES)
    assert (finding.mark, finding.remedy) == (Verdict.SKIPPED, "`sudo conure doctor`")


def test_the_exit_status_is_that_of_its_own_failure() -> None:
    lines = [
        "conure.service: Main process exited, code=exited, status=1/FAILURE",
        "conure.service: Failed with result 'exit-code'.",
        "conure.service: Failed with result 'watchdog'.",
    ]
    journal = "\n".join(json.dumps({"MESSAGE": line}) for line in lines)
    assert judge_journal(journal, 0).found.count("1 × ") == 2


# --- clock and power


@pytest.mark.parametrize(
    ("told", "mark", "remedy"),
    [
        ("NTPSynchronized=yes\nNTP=yes\n", Verdict.FINE, ""),
        ("NTPSynchronized=no\nNTP=yes\n", Verdict.SKIPPED, ""),
        ("NTPSynchronized=no\nNTP=no\n", Verdict.SKIPPED, "`sudo timedatectl set-ntp true`"),
        ("", Verdict.FINE, ""),
    ],
)
def test_a_clock_that_is_set_is_no_fault_whoever_keeps_it(told: str, mark: Verdict, remedy: str) -> None:
    finding = judge_clock(1_790_000_000.0, told)
    assert (finding.mark, finding.remedy) == (mark, remedy)


@pytest.mark.parametrize(
    ("told", "mark"),
    [
        ("throttled=0x0", Verdict.FINE),
        ("0", Verdict.FINE),
        ("50005", Verdict.WRONG),
        ("", Verdict.SKIPPED),
        ('error=1 error_msg="Can\'t open device"', Verdict.SKIPPED),
        ("throttled=0x20000", Verdict.FINE),  # the frequency was capped, which is no lack of power
    ],
)
def test_power_is_read_from_either_source(told: str, mark: Verdict) -> None:
    assert judge_power(told).mark is mark


def test_a_machine_that_is_no_pi_is_not_asked_for_its_power(patient: Patient) -> None:
    patient.write("proc/device-tree/model", "")
    patient.programs["vcgencmd"] = "throttled=0x50005\n"
    assert finding_of(patient.examine(), Check.POWER).mark is Verdict.SKIPPED
