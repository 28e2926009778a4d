"""Where log lines go, and which fields they have in the journal."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.runtime import logs


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    logs.add_fields(dict)


class FakeHandler(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> FakeHandler:
    handler = FakeHandler()
    monkeypatch.setattr(logs, "journal_handler", lambda: handler)
    monkeypatch.setattr(logs, "is_journal", lambda environ, descriptor: True)
    return handler


@pytest.fixture
def lines(journal: FakeHandler) -> Iterator[Callable[[], list[str]]]:
    """What has been logged so far, in words."""
    logs.configure("info")
    with warnings.catch_warnings():  # the filter of the tests makes each an error
        logs.take_warnings()

        def words() -> list[str]:
            logs.flush()
            return [record.getMessage() for record in journal.records]

        yield words


def test_the_journal_is_known_by_device_and_inode(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        found = os.fstat(stream.fileno())
        name = f"{found.st_dev}:{found.st_ino}"
        assert logs.is_journal({"JOURNAL_STREAM": name}, stream.fileno())
        assert not logs.is_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"}, stream.fileno())
        assert not logs.is_journal({}, stream.fileno())
    assert not logs.is_journal({"JOURNAL_STREAM": name}, 10_000)


def test_elsewhere_lines_are_plain_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "is_journal", lambda environ, descriptor: False)
    logs.configure("info")
    logs.add_fields(lambda: {"CONURE_STATE": "idle"})
    logging.getLogger("daemon.test").info("ready")
    logs.flush()
    assert capsys.readouterr().err == "INFO ready\n"


def test_a_line_carries_the_fields_of_its_moment(journal: FakeHandler) -> None:
    logs.configure("info")
    turn = 1
    logs.add_fields(lambda: {"CONURE_STATE": "idle", "CONURE_TURN": turn})
    log = logging.getLogger("daemon.test")
    log.info("one")
    turn = 2
    log.info("two", extra={"CONURE_STATE": "listening"})
    logs.flush()
    found = [(vars(record)["CONURE_STATE"], vars(record)["CONURE_TURN"]) for record in journal.records]
    assert found == [("idle", 1), ("listening", 2)]


def test_the_real_handler_is_systemds(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("systemd.journal")
    sent: list[dict[str, object]] = []
    handler = logs.journal_handler()
    monkeypatch.setattr(
        handler, "send", lambda *message, **fields: sent.append({**fields, "MESSAGE": message[0]})
    )
    record = logging.makeLogRecord({"msg": "ready", "levelno": logging.WARNING, "levelname": "WARNING"})
    handler.handle(record)
    assert (sent[0]["MESSAGE"], sent[0]["PRIORITY"], sent[0]["SYSLOG_IDENTIFIER"]) == ("ready", "4", "conure")


def test_foreign_libraries_say_nothing_below_warning(journal: FakeHandler) -> None:
    logs.configure("debug")
    logging.getLogger("websockets.client").debug("> x-goog-api-key: secret")
    logging.getLogger("daemon.test").debug("ours")
    logs.flush()
    assert [record.getMessage() for record in journal.records] == ["ours"]


class Stuck(FakeHandler):
    """Takes no line before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.taking = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.asked.set()
        self.taking.wait()
        super().emit(record)


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    handler = Stuck()
    monkeypatch.setattr(logs, "journal_handler", lambda: handler)
    monkeypatch.setattr(logs, "is_journal", lambda environ, descriptor: True)
    yield handler
    handler.taking.set()


def test_who_logs_never_waits_for_the_journal_and_what_is_lost_is_told(stuck: Stuck) -> None:
    logs.configure("info")
    log = logging.getLogger("daemon.test")
    log.info("first")
    assert stuck.asked.wait(5)
    for number in range(logs.MAX_WAITING + 3):  # returns, though nothing is taken
        log.info("%d", number)
    assert logs.dropped() == 3
    stuck.taking.set()
    logs.flush()
    told = [record.getMessage() for record in stuck.records]
    assert told[:3] == ["first", "3 log lines were lost, for nobody took them", "0"]
    assert told[-1] == str(logs.MAX_WAITING - 1)


def test_a_line_says_what_was_so_when_it_was_logged(stuck: Stuck) -> None:
    logs.configure("info")
    state = ["idle"]
    logging.getLogger("daemon.test").info("now %s", state)
    state[0] = "listening"
    stuck.taking.set()
    logs.flush()
    assert stuck.records[0].getMessage() == "now ['idle']"


def test_a_line_that_cannot_be_made_raises_nothing_and_is_told(lines: Callable[[], list[str]]) -> None:
    logs.configure("info")  # pytest's own handler, which was added since, raises
    logging.getLogger("daemon.test").info("%d", "no number")
    [line] = lines()
    assert "test_logs.py" in line
    assert line.endswith("cannot be put into words: TypeError")


def test_the_end_does_not_wait_for_a_journal_that_hangs(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "FLUSH_S", 0.01)
    logs.configure("info")
    logging.getLogger("daemon.test").info("stuck")
    aside = logging.getLogger().handlers[0]
    assert stuck.asked.wait(5)
    logging.shutdown([weakref.ref(stuck), weakref.ref(aside)])
    assert stuck.records == []


def test_a_line_commands_no_terminal_and_is_cut(lines: Callable[[], list[str]]) -> None:
    logging.getLogger("daemon.x").info("one\x1b[2J\ntwo\x9b31m\u202e%s", "x" * 2_000_000)
    [line] = lines()
    assert line.startswith("one [2J two 31mxx")
    assert len(line) == logs.MAX_CHARS


def test_a_key_in_a_line_or_in_a_trace_is_masked(
    lines: Callable[[], list[str]], journal: FakeHandler
) -> None:
    key = "AIza" + "x" * 35
    try:
        raise ValueError(f"bad {key}\x1b[2J")
    except ValueError:
        logging.getLogger("daemon.x").exception("failed with %s", key)
    assert lines() == ["failed with ********"]
    [record] = journal.records
    assert record.exc_text is not None
    assert record.exc_text.splitlines()[-1] == "ValueError: bad ******** [2J"


def test_what_a_library_warns_of_is_a_line(lines: Callable[[], list[str]]) -> None:
    for number in range(3):
        warnings.warn(f"odd \x1b[2J{number}", UserWarning, stacklevel=1)
    assert lines() == [f"UserWarning: odd  [2J{number}" for number in range(3)]
    assert not any("odd" in str(key) for key in globals().get("__warningregistry__", {}))


def test_what_is_printed_is_a_line_for_each_line(lines: Callable[[], list[str]]) -> None:
    with logs.taking_prints(standard_output=True):
        print("out\x1b[2J")
        print("one\ntwo", end="", file=sys.stderr)
        print(" more", file=sys.stderr)
    assert lines() == ["out [2J", "one", "two more"]


def test_a_line_that_does_not_end_is_cut(lines: Callable[[], list[str]]) -> None:
    with logs.taking_prints(standard_output=True):
        for _ in range(100):
            sys.stdout.write("x" * 10_000)
        print()
    [line] = lines()
    assert len(line) <= logs.MAX_CHARS


def test_of_what_is_not_our_own_only_so_much_is_written(lines: Callable[[], list[str]]) -> None:
    for _ in range(logs.FOREIGN_BURST + 50):
        logging.getLogger("mcp").warning("again")
    logging.getLogger("daemon.x").warning("ours")
    told = lines()
    assert logs.FOREIGN_BURST + 1 <= len(told) < logs.FOREIGN_BURST + 20
    assert told[-1] == "ours"
    assert logs.dropped() >= 30


def test_printed_lines_stand_as_they_are_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "is_journal", lambda environ, descriptor: False)
    logs.configure("info")
    with logs.taking_prints(standard_output=False):
        print("conure: something", file=sys.stderr)
        logging.getLogger("daemon.x").info("logged")
    assert capsys.readouterr().err == "conure: something\nINFO logged\n"


def test_who_prints_never_waits_for_a_reader(stuck: Stuck) -> None:
    logs.configure("info")
    with logs.taking_prints(standard_output=True):
        for _ in range(3 * logs.FOREIGN_BURST):  # returns, though nothing is taken
            print("x" * 4000, file=sys.stderr)
    stuck.taking.set()


def test_a_handler_that_cannot_write_is_counted_and_tells_nobody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "is_journal", lambda environ, descriptor: False)
    closed = io.StringIO()
    monkeypatch.setattr(sys, "stderr", closed)
    logs.configure("info")
    closed.close()
    logging.getLogger("daemon.x").info("one")
    logs.flush()
    assert logs.dropped() == 1
    assert capsys.readouterr().err == ""
