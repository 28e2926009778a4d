"""The doctor's examination as a whole: in time, by hand, behind a portal; and how it is told."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dead_port import dead_port
from doctor_patient import Patient, finding_of, running

from daemon.cli.main import main
from daemon.doctor import by_hand, devices
from daemon.doctor.case import Case, admit
from daemon.doctor.examination import FAMILIES, Family, examine
from daemon.doctor.finding import Check, Finding, Verdict, fine, in_order, skipped, wrong
from daemon.doctor.machine import run_program
from daemon.doctor.network.to_service import look_for_portal, reach
from daemon.doctor.report import as_data, as_table, exit_status
from daemon.errors import EX_CONFIG


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def case_of(patient: Patient) -> Case:
    return admit(patient.machine(), patient.wishes())[0]


# --- a captive portal


@contextmanager
def web_page(status: int, location: str = "") -> Iterator[str]:
    """A server on loopback that answers everything so; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/generate_204"
        server.shutdown()


def test_a_page_that_is_empty_as_it_should_be_is_no_portal() -> None:
    with web_page(204) as url:
        assert look_for_portal(url).mark is Verdict.FINE


@pytest.mark.parametrize(("status", "location"), [(302, "http://login.cafe.example/x"), (200, "")])
def test_whoever_answers_in_its_place_is_a_portal(status: int, location: str) -> None:
    with web_page(status, location) as url:
        finding = look_for_portal(url)
    assert finding.mark is Verdict.WRONG
    assert f"HTTP {status}" in finding.found
    assert ("http://login.cafe.example in a browser" in finding.remedy) == bool(location)


@pytest.mark.parametrize("location", ["http://cafe\x1b[2J\x9b31m.example/", "http://[::1", "\x1b[2J", "//"])
def test_where_it_leads_is_told_in_signs_that_command_no_terminal(location: str) -> None:
    with web_page(302, location) as url:
        finding = look_for_portal(url)
    assert finding.mark is Verdict.WRONG
    assert (finding.found + finding.remedy).isprintable()


def test_a_page_that_cannot_be_had_says_nothing_of_a_portal() -> None:
    with web_page(204) as url:
        pass
    assert look_for_portal(url).mark is Verdict.SKIPPED


# --- by hand


def tried(patient: Patient, *, seen: bool = True) -> dict[Check, Finding]:
    findings = by_hand.try_by_hand(case_of(patient), lambda _: seen, lambda _: None, lambda _: None)
    return {finding.check: finding for finding in findings}


def test_lights_that_are_seen_and_a_button_that_is_felt_are_well(patient: Patient) -> None:
    patient.board.edges = (True, False)
    found = tried(patient)
    assert [finding.mark for finding in found.values()] == [Verdict.FINE, Verdict.FINE]
    shown = [tuple(pixels) for pixels in patient.board.leds.shown]
    assert shown == [(colour,) * 3 for _, colour in by_hand.COLOURS]


def test_lights_that_are_not_seen_are_a_fault(patient: Patient) -> None:
    patient.board.edges = (True, False)
    assert "[lights] pins" in tried(patient, seen=False)[Check.LIGHTS].remedy


def test_a_button_that_works_the_wrong_way_round_is_told(patient: Patient) -> None:
    patient.board.edges = (False, True)
    assert "[button] active" in tried(patient)[Check.BUTTON].remedy


def test_a_button_that_nobody_feels_is_told(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand, "PRESS_WITHIN_S", 0.01)
    assert "[button] pin" in tried(patient)[Check.BUTTON].remedy


def test_beside_a_running_daemon_nothing_is_tried_by_hand(patient: Patient) -> None:
    running(patient)
    assert [finding.mark for finding in tried(patient).values()] == [Verdict.SKIPPED]


# --- the examination


def test_a_check_that_hangs_is_told_and_the_others_are_not_lost(patient: Patient) -> None:
    held = threading.Event()

    def hang(_: Case) -> Iterable[Finding]:
        yield fine(Check.CLOCK, "set")
        held.wait()

    stuck = Family((Check.CLOCK, Check.POWER, Check.SPACE), hang, "restart it")
    well = Family((Check.MEMORY,), lambda _: [fine(Check.MEMORY, "enough")], "")
    try:
        _, findings = examine(patient.machine(), patient.wishes(), (stuck, well), limit_s=0.2)
    finally:
        held.set()
    assert [(finding.check, finding.mark) for finding in findings[1:]] == [
        (Check.CLOCK, Verdict.FINE),
        (Check.POWER, Verdict.WRONG),
        (Check.SPACE, Verdict.SKIPPED),
        (Check.MEMORY, Verdict.FINE),
    ]
    assert findings[2].remedy == "restart it"


def test_a_check_that_fails_itself_is_a_fault_of_the_programs(patient: Patient) -> None:
    def fail(_: Case) -> Iterable[Finding]:
        yield fine(Check.CLOCK, "set")
        raise KeyError("x")

    _, findings = examine(
        patient.machine(), patient.wishes(), (Family((Check.CLOCK, Check.POWER), fail, ""),)
    )
    assert findings[-1].check is Check.POWER
    assert "please report this" in findings[-1].remedy


def test_every_check_belongs_to_exactly_one_family() -> None:
    answered = [Check.CONFIGURATION, *(check for family in FAMILIES for check in family.checks)]
    assert sorted(answered) == sorted(Check)


def test_a_configuration_with_mistakes_tells_all_of_them_and_what_needs_none(patient: Patient) -> None:
    patient.config_text = "[sound]\nvolum = 1\n[vad]\nsilence_ms = 1\n"
    findings = patient.examine()
    assert sum(finding.check is Check.CONFIGURATION for finding in findings) == 2
    assert finding_of(findings, Check.MIC).mark is Verdict.SKIPPED
    assert finding_of(findings, Check.MEMORY).mark is Verdict.FINE
    assert exit_status(findings) == EX_CONFIG


def test_a_program_that_is_not_there_or_fails_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.doctor.machine.PROGRAM_TIMEOUT_S", 0.1)
    assert run_program(["no-such-program"]) is None
    assert run_program(["false"]) is None
    assert run_program(["sleep", "5"]) is None
    assert run_program(["echo", "x"]) == "x\n"


# --- the report


def test_the_table_has_a_remedy_below_each_fault_and_the_sum_at_the_end() -> None:
    findings = in_order(
        [wrong(Check.MIC, "dead", "breathe"), fine(Check.CONFIGURATION, "good"), skipped(Check.TLS, "later")]
    )
    lines = as_table(findings).splitlines()
    assert lines[0].startswith("✓ configuration ")
    assert lines[1].startswith("✗ microphone ")
    assert lines[2].endswith("→ breathe")
    assert lines[3].startswith("– TLS ")
    assert lines[-1] == "1 fault found; what may help stands behind each arrow."


def test_on_a_terminal_lines_are_broken_between_words_and_not_within_a_command() -> None:
    remedy = "wrong: `sudo usermod -aG audio,gpio,spi conure && sudo systemctl restart conure`, then wait"
    findings = [
        wrong(Check.MIC, "some words that take more than one line of a terminal of 80 columns", remedy)
    ]
    lines = as_table(findings, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()) == " ".join(as_table(findings).split())
    assert as_table(findings, 100).count("\n") == 6
    assert f"{'':20}`sudo usermod -aG audio,gpio,spi conure && sudo systemctl restart conure`," in as_table(
        findings, 100
    )


def test_as_json_it_says_the_same() -> None:
    data = as_data([wrong(Check.API_KEY, "none", "get one", refuses_start=True)])
    assert data == {
        "exit_status": EX_CONFIG,
        "findings": [{"check": "API key", "mark": "wrong", "found": "none", "remedy": "get one"}],
    }


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_looks_at_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    monkeypatch.setenv("CONURE_SOCKET", str(tmp_path / "none.sock"))
    monkeypatch.setattr("daemon.config.load.SYSTEM_FILE", tmp_path / "etc.toml")
    monkeypatch.setattr(devices, "LISTEN_S", 0.6)
    (tmp_path / "c.toml").write_text("")
    argv = ["doctor", "--offline", "--board", "simulated", "--config", str(tmp_path / "c.toml")]
    status = main([*argv, "--json"] if as_json else argv)
    said = capsys.readouterr().out
    if not as_json:
        assert "✓ microphone sound  level " in said
        return
    told = json.loads(said)
    marks = {finding["check"]: finding["mark"] for finding in told["findings"]}
    assert status == told["exit_status"]
    assert {marks[check.value] for check in (Check.MIC, Check.MIC_SOUND, Check.SPEAKER, Check.LIGHTS)} == {
        "fine"
    }
    assert list(marks) == [check.value for check in Check]


# --- an address family that is dead


def _addresses(*hosts: str, port: int) -> list[tuple[object, ...]]:
    return [
        (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port))
        for host in hosts
    ]


def test_a_family_that_is_dead_beside_one_that_lives_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.doctor.network.to_service.TCP_TIMEOUT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as living, dead_port("::1", living.getsockname()[1]) as port:
        finding, connection = reach(_addresses("::1", "127.0.0.1", port=port), port)
    assert connection is not None
    connection.close()
    assert finding.mark is Verdict.FINE
    assert finding.found == (
        f"127.0.0.1 port {port}; IPv6 is dead on this network (::1: no answer in time), and is gone round"
    )


def test_a_family_that_the_network_has_not_got_is_none_that_is_dead() -> None:
    with socket.create_server(("127.0.0.1", 0)) as living:
        port = living.getsockname()[1]
        # To many at once there is no way for TCP.
        finding, connection = reach(_addresses("ff0e::1", "127.0.0.1", port=port), port)
    assert connection is not None
    connection.close()
    assert finding.found == f"127.0.0.1 port {port}"


def test_of_two_families_that_live_each_is_tried_and_one_is_told() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as newer:
        port = newer.getsockname()[1]
        with socket.create_server(("127.0.0.1", port)):
            finding, connection = reach(_addresses("127.0.0.1", "::1", port=port), port)
    assert connection is not None
    connection.close()
    assert finding.found == f"::1 port {port}"
