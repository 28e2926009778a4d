"""Odd state files, made from fixed seeds: each is used, and everything works with it, or it is put aside."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reminder_world import SATURDAY_S

from daemon.conductor.accounts import Accounts, Day
from daemon.config.settings import LiveSettings
from daemon.reminders import record
from daemon.reminders.advance import advance, next_due_s
from daemon.reminders.book import Alarm, Book, Countdown, EntryKind, Rules, add_alarm, add_timer
from daemon.reminders.local_time import Moment
from daemon.reminders.phrases import listing
from daemon.reminders.requests import parse_time
from daemon.reminders.service import Reminders
from daemon.run.kept_files import USAGE_FILE, load_days
from daemon.runtime.local_clock import LocalOffset
from daemon.runtime.store import Store
from daemon.session.kept_handle import SESSION_FILE, load_handle
from daemon.speaking.volume import VOLUME_FILE, load_percent
from daemon.tools import memory

NOW = Moment(SATURDAY_S, 1000.0, "a")
ROUNDS = 150


def book() -> Book:
    """Something of everything."""
    made, _ = add_timer(Book(), 90, "tea", NOW)
    made, _ = add_alarm(made, parse_time("07:00"), NOW, LocalOffset(), weekdays=(0, 4))
    made, _ = add_alarm(
        made, parse_time("09:30"), NOW, LocalOffset(), kind=EntryKind.REMINDER, name="dentist"
    )
    late = replace(NOW, wall_s=NOW.wall_s + 90_000, steady_s=91_000.0)
    return advance(made, late, LocalOffset(), Rules())


def live_on(store: Store) -> None:
    """All that a speaker does with its reminders: load, show, let a day pass, save, load again."""
    reminders = Reminders(store=store, clocks=lambda: NOW)
    reminders.report()
    reminders.lines()
    kept, offset = reminders.book, LocalOffset()
    for days in (0, 1, 8):
        later = Moment(NOW.wall_s + 86_400 * days, NOW.steady_s + 86_400 * days, "a")
        kept = advance(kept, later, offset, Rules())
        next_due_s(kept, later, offset, Rules())
        list(listing(kept, later, offset))
        content = json.loads(json.dumps(record.content_of(kept, later)))
        assert record.book_from(content, later).next_id >= kept.next_id


def count_on(store: Store) -> None:
    accounts = Accounts(today=lambda: "2026-11-21", days=load_days(store))
    accounts.add(Day(sent_bytes=5, received_bytes=5, prompt_tokens=5, response_tokens=5))
    json.dumps([accounts.report(), accounts.as_dict()], allow_nan=False)


def connect(store: Store) -> None:
    load_handle(store, LiveSettings(), life_s=7200.0, clock=lambda: 50.0, wall_clock=lambda: SATURDAY_S)


FILES: dict[str, tuple[Any, Callable[[Store], Any]]] = {
    record.FILE: (record.content_of(book(), NOW), live_on),
    USAGE_FILE: ({"days": {"2026-11-20": {"sent_bytes": 7}, "unset": {"refused": 1}}}, count_on),
    VOLUME_FILE: ({"percent": 30, "configured": 50}, lambda store: load_percent(store, 50) + 1),
    SESSION_FILE: (
        {"model": LiveSettings().model, "handle": "x", "given_at_s": int(SATURDAY_S) - 60}, connect,
    ),
    memory.FILE: (["one fact", "another"], lambda store: memory.Memory(store, enabled=True).listing()),
}  # fmt: skip

ABSURD = (
    "1e15", "-1e15", "1e308", "1e999", "NaN", "-Infinity", "1" + "0" * 400, "9" * 5000, "0", "-1", "1.5",
    "true", "null", '""', '"9999-12-31"', '"0001-01-01"', '"23:59:59.999999"', '"07:00+02:00"', "[]", "{}",
    "[" * 2000 + "]" * 2000,
    '"\\ud800"', '"\\u001b[2J"', '"' + "x" * 3000 + '"', "[0, 0, 0, 0, 0, 0, 0, 0]",
    "253402300799", "7258118400", "9007199254740993",
)  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in the data that holds a value: container and key."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    return [place for key in keys for place in [(value, key), *places(value[key])]]


def odd_file(content: Any, dice: random.Random) -> bytes:
    """The content with one absurd value, or with damaged bytes."""
    data = json.loads(json.dumps(content))
    marks = {}
    for number in range(dice.choice([1, 1, 1, 2])):
        container, key = dice.choice(places(data))
        container[key] = f"@{number}@"
        marks[f'"@{number}@"'] = dice.choice(ABSURD)
    text = json.dumps(data)
    for mark, absurd in marks.items():
        text = text.replace(mark, absurd)
    damaged = bytearray(text.encode())
    if dice.random() < 0.2:
        damaged[dice.randrange(len(damaged))] = dice.randrange(256)
    return bytes(damaged)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", range(3))
def test_an_odd_state_file_is_used_or_put_aside(
    name: str, seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "daemon.runtime.store")
    content, use = FILES[name]
    dice = random.Random(f"{name}/{seed}")
    path = tmp_path / name
    for _ in range(ROUNDS):
        path.write_bytes(odd_file(content, dice))
        use(Store(tmp_path))
        assert path.exists() or path.with_name(f"{name}.bad").exists() or name == SESSION_FILE


def test_what_is_not_odd_is_used(tmp_path: Path) -> None:
    (tmp_path / record.FILE).write_text(json.dumps(FILES[record.FILE][0]))
    kept = Reminders(store=Store(tmp_path), clocks=lambda: NOW).book
    assert {type(entry) for entry in kept.entries} <= {Alarm, Countdown}
    assert kept.entries
    assert not list(tmp_path.glob("*.bad"))
