"""Where log lines go, and which fields they have in the journal."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import logs


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
    assert capsys.readouterr().err == "INFO ready\n"


def test_a_line_carries_the_fields_of_its_moment(journal: FakeHandler) -> None:
    logs.configure("info")
    turn = 1
    logs.add_fields(lambda: {"CONURE_STATE": "idle", "CONURE_TURN": turn})
    log = logging.getLogger("daemon.test")
    log.info("one")
    turn = 2
    log.info("two", extra={"CONURE_STATE": "listening"})
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
    assert [record.getMessage() for record in journal.records] == ["ours"]
