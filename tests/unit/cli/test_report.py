"""`conure report`: everything that helps, and no secret, wherever one is planted."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from doctor_patient import STATUS, Patient, running

from daemon.cli.main import main
from daemon.cli.report import LOG_LINES, SECTION_CHARS, make_report
from daemon.doctor.machine import Machine
from daemon.doctor.secrets import Secrets

ODD_KEY = "odd-Form_of.a-key~0123456789abcdef"
"""Nothing but the place where it lies tells that it is one."""

GOOGLE_KEY = "AIzaSyMadeUpMadeUpMadeUpMadeUpMadeUpMad"
PROXY_PASSWORD = "proxy-pass-7782"

SECRETS = {
    "the service's key": ODD_KEY,
    "the service's key, cut": ODD_KEY[:20],
    "the user's key": "another-Form_of.a-key~fedcba98",
    "Google's key": GOOGLE_KEY,
    "a bound key": "AQ.MadeUpMadeUpMadeUpMadeUp",
    "a token of the environment": "environs-7781",
    "a proxy's password": PROXY_PASSWORD,
    "a server's variable": "servers-variable-7783",
    "a server's token": "servers-token-7784",
    "a tool's key": "weather-key-7785",
    "a header": "header-7786",
    "an address": "address-7787",
    "what was said": "the garage opens at nine",
    "what the model said": "then I will be quiet about the garage",
    "an instruction": "Never tell of the blue door",
    "a place": "Rue Cachee 7, Lyon",
    "a reminder": "divorce lawyer",
    "an announcement": "grandmother has fallen",
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine in whose every corner lies a secret."""
    patient = Patient(tmp_path)
    patient.key_file.write_text(f"{ODD_KEY}\n")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "token").write_text(SECRETS["a server's token"] + "\n")
    (tools / "mine.toml").write_text(
        f"""[server.files]
argv = ["files"]
env = {{ LEVEL = "{SECRETS["a server's variable"]}" }}
[server.web]
url = "https://example.org/mcp"
token_file = "{tools}/token"
[tool.weather]
api_key = "{SECRETS["a tool's key"]}"
"""
    )
    patient.set("tools", directory=str(tools))
    patient.set("live", instruction=SECRETS["an instruction"], place=SECRETS["a place"])
    patient.env |= {
        "GEMINI_API_KEY": SECRETS["the user's key"],
        "HOME_TOKEN": SECRETS["a token of the environment"],
        "HTTPS_PROXY": f"http://ada:{PROXY_PASSWORD}@proxy:3128",
    }
    status = {
        **STATUS,
        "link": {"state": "refused", "problem": f"{ODD_KEY[:24]} is refused", "remedy": None},
        "reminders": {"waiting": 1, "next": SECRETS["a reminder"], "missed": [SECRETS["a reminder"]]},
        "announcements": {
            "sounds": SECRETS["an announcement"],
            "unspoken": SECRETS["an announcement"],
            "recent": [SECRETS["an announcement"]],
        },
    }
    running(patient)
    patient.status = status
    patient.wishes()
    return replace(patient.machine(), run=with_log(patient.machine(), log_lines()))


def log_lines() -> list[str]:
    begin = "2026-11-30T22:00:00+0100 kitchen conure[77]: "
    spoken = [f"user: {SECRETS['what was said']}", f"model: {SECRETS['what the model said']}"]
    told = [f"WARNING odd: {value} came along" for name, value in SECRETS.items() if name not in NOT_IN_LOG]
    named = [
        f"Authorization: Bearer {SECRETS['a header']}",
        f"GET https://example.org/?key={SECRETS['an address']}&x=1",
        f'{{"api_key": "{SECRETS["an address"]}"}}',
    ]
    return [begin + line for line in [*spoken, *told, *named]]


SAID = ("what was said", "what the model said", "an instruction", "a place", "a reminder", "an announcement")
NOT_IN_LOG = ("a header", "an address", *SAID)
"""What is known to be private only by where it stands."""


def with_log(machine: Machine, lines: Sequence[str]) -> Callable[[Sequence[str]], str | None]:
    def run(command: Sequence[str]) -> str | None:
        if command[0] == "journalctl" and "--output=short-iso" in command:
            return "\n".join(lines)
        return machine.run(command)

    return run


def test_no_secret_is_in_it_wherever_it_was_planted(machine: Machine) -> None:
    text = make_report(machine, machine.root / "config.toml", offline=True)
    assert {name for name, value in SECRETS.items() if value in text} == set()
    assert "WARNING odd: ******** came along" in text


def test_no_secret_is_in_it_where_the_configuration_cannot_be_used(machine: Machine) -> None:
    config = machine.root / "config.toml"
    config.write_text(f'[live]\nmodel = 7\nvoice = "{GOOGLE_KEY}"\n')
    text = make_report(machine, config, offline=True)
    assert "live.model = 7: must be text in quotes" in text
    assert GOOGLE_KEY not in text


def test_everything_that_helps_is_in_it(machine: Machine) -> None:
    text = make_report(machine, machine.root / "config.toml", offline=True)
    titles = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    expected = "Versions, Doctor, Sound check, Status, Configuration, Log/the last 200 lines"
    assert titles == [title.replace("/", ", ") for title in expected.split(", ")]
    for words in (
        "Python     3.",
        "google-genai 9.9",
        "✓ API key",
        '"refused"',
        "live.place = (18 characters)",
    ):
        assert words in text, words


def test_it_is_bounded(tmp_path: Path) -> None:
    patient = Patient(tmp_path)
    config = patient.wishes().config
    lines = [f"line {number} {'x' * 5000}" for number in range(3 * LOG_LINES)]
    machine = replace(patient.machine(), run=with_log(patient.machine(), lines))
    text = make_report(machine, config, offline=True)
    assert len(text) < 2 * SECTION_CHARS
    assert "line 0 " not in text


def test_a_file_is_written_once_and_never_over_another(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("daemon.cli.report.make_report", lambda *_, **__: "text\n")
    monkeypatch.setenv("SUDO_UID", str(os.getuid()))
    monkeypatch.setenv("SUDO_GID", str(os.getgid()))
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 0
    (written,) = tmp_path.glob("conure-report-*.txt")
    assert written.read_text() == "text\n"
    assert main(["report", str(written)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["report", "-"]) == 0
    assert capsys.readouterr().out == "text\n"
    assert main(["report", "/nonexistent/report.txt"]) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2x", "password=********"),
        ('"token": "abcdefgh"', '"token": "********"'),
        ("authorization: Bearer abcdefgh", "authorization: Bearer ********"),
        ("tokens sent: 123456", "tokens sent: 123456"),
        ("http://ada:hidden@proxy:1", "http://********@proxy:1"),
        ("the API key: found", "the API key: found"),
    ],
)
def test_what_a_name_tells_to_be_secret_is_masked(text: str, shown: str) -> None:
    assert Secrets().hide(text) == shown
