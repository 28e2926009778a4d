"""A key from the page takes the place of the one before, in its form, and is in nothing that is told."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.config.secret import Secret
from daemon.errors import ConureError
from daemon.web.wishes import key_store
from daemon.web.wishes.desk import WishDesk
from daemon.web.wishes.helper import Helper
from daemon.web.wishes.key_store import KeyStore
from daemon.web.wishes.wish import OUTCOME_FILE, WISH_FILE, KeyWish, OutcomeKind, WishOutcome, wish_of

NUMBER = "0123456789abcdef"
OLD = "AIzaOldMadeUpKeyOldMadeUpKeyOldMadeUpK"
NEW = "AIzaNewMadeUpKeyNewMadeUpKeyNewMadeUpK"


class TellingService:
    """A speaker that becomes ready as often as it was told to, and remembers the key that it found."""

    def __init__(self, key: Path, *starts: bool, runs: bool = True) -> None:
        self._key = key
        self._starts = list(starts)
        self._runs = runs
        self.found: list[str] = []
        self.before: list[str] = []
        self.gateways = 0

    def runs(self) -> bool:
        return self._runs

    def restart(self) -> bool:
        self.found.append(text_of(self._key))
        self.before.append(text_of(self._key.with_name(f"{self._key.name}.before")))
        return self._starts.pop(0)

    def refresh_gateway(self) -> None:
        self.gateways += 1


def text_of(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


class KeyMachine:
    """The folders of both sides; encryption turns the key round."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.mkdir()
        self.plain = folder / "credstore" / "gemini-api-key"
        self.encrypted = folder / "credstore.encrypted" / "gemini-api-key"
        self.keys = KeyStore(self.plain, self.encrypted, self._encrypt)

    @staticmethod
    def _encrypt(key: Secret, path: Path) -> None:
        path.write_text(key.reveal()[::-1])

    def put(self, path: Path, text: str) -> None:
        path.parent.mkdir(mode=0o700)
        path.write_text(text)
        path.chmod(0o600)

    def apply(self, key: str, *starts: bool, runs: bool = True) -> WishOutcome:
        (self.state / WISH_FILE).write_text(json.dumps({"number": NUMBER, "key": key}))
        place = self.encrypted if self.encrypted.exists() else self.plain
        self.service = TellingService(place, *starts, runs=runs)
        outcome = Helper(self.state, self.state / "config.toml", self.service, self.keys).run()
        assert outcome is not None
        assert not (self.state / WISH_FILE).exists()
        return outcome

    def files(self) -> list[str]:
        folders = (self.plain.parent, self.encrypted.parent)
        return [file.name for folder in folders if folder.exists() for file in folder.iterdir()]


@pytest.fixture
def machine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[KeyMachine]:
    """Whatever a test does, no key is in the log or in what the gateway is told."""
    caplog.set_level(logging.DEBUG)
    found = KeyMachine(tmp_path)
    yield found
    told = caplog.text + text_of(found.state / OUTCOME_FILE)
    assert "MadeUp" not in told


def test_the_first_key_starts_a_speaker_that_ended_for_want_of_it(machine: KeyMachine) -> None:
    outcome = machine.apply(NEW, True, runs=False)
    assert outcome.kind is OutcomeKind.APPLIED
    assert machine.service.found == [NEW]
    assert (machine.plain.read_text(), machine.plain.stat().st_mode & 0o777) == (f"{NEW}\n", 0o600)
    assert machine.files() == ["gemini-api-key"]
    assert machine.service.gateways == 1


def test_the_old_key_is_kept_until_the_speaker_is_ready(machine: KeyMachine) -> None:
    machine.put(machine.plain, OLD)
    assert machine.apply(NEW, True).kind is OutcomeKind.APPLIED
    assert (machine.service.found, machine.service.before) == ([NEW], [OLD])
    assert machine.files() == ["gemini-api-key"]


def test_a_speaker_that_does_not_become_ready_gets_the_key_of_before(machine: KeyMachine) -> None:
    machine.put(machine.plain, OLD)
    outcome = machine.apply(NEW, False, True)
    assert outcome.kind is OutcomeKind.WENT_BACK
    assert "the one before is in force again" in outcome.told
    assert machine.service.found == [NEW, OLD]
    assert (text_of(machine.plain), machine.files()) == (OLD, ["gemini-api-key"])
    assert machine.service.gateways == 0


@pytest.mark.parametrize(("again", "words"), [(True, "runs without it"), (False, "none is kept, as before")])
def test_where_there_was_no_key_before_there_is_none_again(
    machine: KeyMachine, again: bool, words: str
) -> None:
    outcome = machine.apply(NEW, False, again)
    assert (outcome.kind, machine.files()) == (OutcomeKind.WENT_BACK, [])
    assert words in outcome.told


def test_a_speaker_that_its_owner_has_stopped_stays_so(machine: KeyMachine) -> None:
    machine.put(machine.plain, OLD)
    assert machine.apply(NEW, runs=False).kind is OutcomeKind.KEPT
    assert (text_of(machine.plain), machine.service.found) == (NEW, [])
    assert machine.service.gateways == 1


def test_an_encrypted_key_is_replaced_by_an_encrypted_one(machine: KeyMachine) -> None:
    machine.put(machine.encrypted, OLD[::-1])
    assert machine.apply(NEW, True).kind is OutcomeKind.APPLIED
    assert (text_of(machine.encrypted), machine.plain.exists()) == (NEW[::-1], False)
    assert machine.encrypted.stat().st_mode & 0o777 == 0o600
    assert machine.apply(OLD, False, True).kind is OutcomeKind.WENT_BACK
    assert (text_of(machine.encrypted), machine.files()) == (NEW[::-1], ["gemini-api-key"])


@pytest.mark.parametrize("key", ["", "two words", f'"{NEW}"', f"KEY={NEW}\nX", "MadeUp" * 1000])
def test_the_helper_refuses_what_has_not_a_keys_form(machine: KeyMachine, key: str) -> None:
    machine.put(machine.plain, OLD)
    outcome = machine.apply(key)
    assert outcome.kind is OutcomeKind.REFUSED
    assert outcome.told.startswith("the key ")
    assert (text_of(machine.plain), machine.files()) == (OLD, ["gemini-api-key"])


@pytest.mark.parametrize(
    "wish", ['{"number": "x", "key": "AIzaMadeUp"}', '{"number": 1, "key": "AIzaMadeUp"}', '["AIzaMadeUp']
)
def test_what_is_no_wish_is_removed_and_its_words_are_not_told(machine: KeyMachine, wish: str) -> None:
    (machine.state / WISH_FILE).write_text(wish)
    service = TellingService(machine.plain)
    assert Helper(machine.state, machine.state / "config.toml", service, machine.keys).run() is None
    assert list(machine.state.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(machine: KeyMachine) -> None:
    machine.plain.parent.write_text("no folder")
    outcome = machine.apply(NEW)
    assert outcome.kind is OutcomeKind.FAILED
    assert "the key was not kept" in outcome.told
    machine.plain.parent.unlink()


def test_a_wish_shows_no_key() -> None:
    wish = wish_of({"number": NUMBER, "key": NEW})
    assert isinstance(wish, KeyWish)
    assert "MadeUp" not in repr(wish)


# --- systemd-creds


def creds(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "systemd-creds"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_systemd_creds_gets_the_key_by_a_pipe_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    creds(tmp_path, monkeypatch, f'echo "$*" >{tmp_path}/words; cat >"$4"')
    key_store.encrypt(Secret(NEW), tmp_path / "new")
    assert text_of(tmp_path / "words") == f"encrypt --name=gemini-api-key - {tmp_path}/new"
    assert (tmp_path / "new").read_text() == f"{NEW}\n"


def test_what_systemd_creds_complains_of_is_told_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    creds(tmp_path, monkeypatch, f'echo "no secret: {NEW}" >&2; exit 1')
    with pytest.raises(ConureError, match="no secret") as caught:
        key_store.encrypt(Secret(NEW), tmp_path / "new")
    assert "MadeUp" not in str(caught.value)


# --- the gateway's side


async def test_the_wish_is_the_owners_alone_and_gone_when_its_answer_is_there(machine: KeyMachine) -> None:
    asked = asyncio.create_task(WishDesk(machine.state).ask_for_key(Secret(NEW)))
    while not (machine.state / WISH_FILE).exists():
        await asyncio.sleep(0.01)
    assert (machine.state / WISH_FILE).stat().st_mode & 0o777 == 0o600
    service = TellingService(machine.plain, True)
    helper = Helper(machine.state, machine.state / "config.toml", service, machine.keys)
    await asyncio.to_thread(helper.run)
    assert (await asked).kind is OutcomeKind.APPLIED
    assert list(machine.state.iterdir()) == []


async def test_a_key_that_nobody_takes_does_not_lie_about(machine: KeyMachine) -> None:
    with pytest.raises(ConureError, match="nobody carried it out"):
        await WishDesk(machine.state, wait_s=0.1).ask_for_key(Secret(NEW))
    assert list(machine.state.iterdir()) == []
    asked = asyncio.create_task(WishDesk(machine.state).ask_for_key(Secret(NEW)))
    while not (machine.state / WISH_FILE).exists():
        await asyncio.sleep(0.01)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert list(machine.state.iterdir()) == []
