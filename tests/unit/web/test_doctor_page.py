"""The doctor as a program of its own: what it prints, and what becomes of one that does not answer."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from daemon.errors import ConureError
from daemon.web.api import doctor


def program(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(doctor, "COMMAND", (sys.executable, "-c", code))


async def test_its_findings_are_taken_whatever_its_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, 'print(\'[{"check": "microphone"}]\'); raise SystemExit(1)')
    found: Any = await doctor.examine()
    assert found == [{"check": "microphone"}]


@pytest.mark.parametrize("code", ["", "print('oops')", "print('[' * 300_000)", "import os; os.abort()"])
async def test_one_that_does_not_answer_is_told_so(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    program(monkeypatch, code)
    with pytest.raises(ConureError, match="without an answer"):
        await doctor.examine()


async def test_one_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LIMIT_S", 0.2)
    program(monkeypatch, "import time; time.sleep(600)")
    with pytest.raises(ConureError, match="longer than"):
        await doctor.examine()


def test_it_is_asked_for_json_and_no_sound() -> None:
    assert doctor.COMMAND[1:] == ("-m", "daemon", "doctor", "--json", "--no-sound")
