"""What every test gets: no key, no service and no supervisor of the machine that it runs on."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import busy_machine
import pytest
from hypothesis import settings
from pulse import pulse as pulse  # one fixture for all modules, so that there is one server

SOUND = Path(__file__).parent / "sound"
"""One at a time: what is played and heard here must not wait for a processor."""

WHOLE = Path(__file__).parent / "whole"
"""The whole daemon, in real time."""

OF_THE_MACHINE = (
    "GEMINI_",
    "GOOGLE_",
    "CONURE_",
    "NOTIFY_SOCKET",
    "WATCHDOG_",
    "CREDENTIALS_DIRECTORY",
    "STATE_DIRECTORY",
    "XDG_STATE_HOME",
)
"""Beginnings of the environment variables that would let a test reach what is really there."""

# No deadline: the same example may take ten times longer on a board or beside another program.
settings.register_profile("conure", deadline=None)
settings.load_profile("conure")


def pytest_configure() -> None:
    """What `nohup` or the background of a script ignores, the programs of the tests would ignore, too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real sound in real time does not share a small machine; what takes long begins first."""
    for item in items:
        if item.path.is_relative_to(SOUND):
            item.add_marker(pytest.mark.alone)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Who lives in real time is asked again where the machine was busy with something else."""
    if item.get_closest_marker("alone") is None and not item.path.is_relative_to(WHOLE):
        return None
    busy_machine.run_until_it_counts(item, nextitem)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was asked again."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    told = {
        test
        for report in reports
        for name, test in getattr(report, "user_properties", ())
        if name == busy_machine.ASKED_AGAIN
    }
    for test in sorted(told):
        terminalreporter.write_line(f"asked again, for the machine was busy: {test}")


@pytest.fixture(autouse=True)
def _nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(OF_THE_MACHINE):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _sound_server_as_it_was(request: pytest.FixtureRequest) -> None:
    """No test has to do without it because of the one before."""
    if "pulse" in request.fixturenames:
        request.getfixturevalue("pulse").revive()


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A program that a test ran has sent its log elsewhere, or silenced part of it."""
    root = logging.getLogger()
    before, levels = set(root.handlers), _levels()
    disabled = root.manager.disable
    yield
    logging.disable(disabled)
    for name, level in _levels().items():
        if level != levels.get(name, logging.NOTSET):
            logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    for handler in set(root.handlers) - before:
        if not handler.__class__.__module__.startswith("_pytest."):
            root.removeHandler(handler)


def _levels() -> dict[str, int]:
    """The severity from which on each logger shows its lines."""
    loggers = logging.root.manager.loggerDict.values()
    return {one.name: one.level for one in (logging.root, *loggers) if isinstance(one, logging.Logger)}
