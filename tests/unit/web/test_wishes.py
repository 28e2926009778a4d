"""The page changes what it may, keeps what its owner wrote, and leaves the speaker a way back."""

from __future__ import annotations

import asyncio
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.load import load, validate
from daemon.config.schema import KEYS
from daemon.errors import ConureError
from daemon.web.wishes.check import in_force, problems_of, read_config, table_of
from daemon.web.wishes.desk import WishDesk
from daemon.web.wishes.helper import Helper, SystemdService
from daemon.web.wishes.key_store import KeyStore
from daemon.web.wishes.toml_edit import edited
from daemon.web.wishes.wish import (
    OUTCOME_FILE,
    WISH_FILE,
    OutcomeKind,
    WishOutcome,
    outcome_of,
    plain_outcome,
    wish_of,
)
from hw.files import OddFile

FILE = """# Pia's speaker
[board]
name = "simulated"  # no hardware

# how loud
[sound]
volume = 50  # by day
"""

NUMBER = "0123456789abcdef"
NO_KEYS = KeyStore(Path("/nowhere/key"), Path("/nowhere/encrypted"))
"""No wish here is for a key (test_key_wishes.py)."""
NOBODY = 65534

DANGEROUS = {
    # would run programs, or read and write files
    "camera.command", "tools.directory", "tools.deny", "board.sample_wav", "board.record_wav", "lights.spi",
    # would send the key, and what is said, elsewhere
    "live.base_url", "live.api_key_file",
    # would open the gate
    "web.name", "web.listen", "web.plain_listen", "web.seeds_port", "web.origins", "web.hosts",
    "web.certificate", "web.private_key", "web.behind_proxy",
    "web.talk_tools", "web.message_mib", "web.metrics", "web.tokens",
    "web.token_minutes", "web.token_facts",
    # would let others at the broker command the speaker, and hear what was said
    "device.name", "device.room", "device.id", "mqtt.host", "mqtt.port", "mqtt.tls", "mqtt.ca_file",
    "mqtt.user", "mqtt.password_file", "mqtt.discovery", "mqtt.talk", "mqtt.transcripts",
}  # fmt: skip


class ToldService:
    """A service that becomes ready as often as it was told to."""

    def __init__(self, *starts: bool, runs: bool = True) -> None:
        self.starts = list(starts)
        self._runs = runs
        self.files: list[str] = []
        self.config: Path | None = None
        self.gateways = 0

    def refresh_gateway(self) -> None:
        self.gateways += 1

    def runs(self) -> bool:
        return self._runs

    def restart(self) -> bool:
        assert self.config is not None
        self.files.append(self.config.read_text() if self.config.exists() else "")
        return self.starts.pop(0)


class Machine:
    """The folders of both sides."""

    def __init__(self, folder: Path, text: str | None = FILE) -> None:
        self.state = folder / "state"
        self.state.mkdir()
        self.config = folder / "etc" / "config.toml"
        self.config.parent.mkdir()
        if text is not None:
            self.config.write_text(text)
        self.version = read_config(self.config).version

    def wish(self, changes: Any, **other: Any) -> None:
        wish = {"number": NUMBER, "version": self.version, "changes": changes} | other
        (self.state / WISH_FILE).write_text(json.dumps(wish))

    def apply(self, *starts: bool, runs: bool = True) -> WishOutcome | None:
        self.service = ToldService(*starts, runs=runs)
        self.service.config = self.config
        return Helper(self.state, self.config, self.service, NO_KEYS).run()

    def told(self) -> WishOutcome:
        return outcome_of(json.loads((self.state / OUTCOME_FILE).read_text()))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# --- which keys


def test_the_page_cannot_set_what_is_dangerous() -> None:
    assert {key.full_name for key in KEYS if not key.web} == DANGEROUS


def test_every_key_that_names_a_file_or_an_address_is_the_files_alone() -> None:
    assert not [key.full_name for key in KEYS if key.path and key.web]


# --- carrying it out


def test_a_wish_is_carried_out_and_what_its_owner_wrote_stays(machine: Machine) -> None:
    machine.wish({"sound.volume": 60, "sound.earcons": False, "live.voice": "Kore"})
    outcome = machine.apply(True)
    assert outcome == machine.told()
    assert outcome is not None
    assert (outcome.kind, outcome.number) == (OutcomeKind.APPLIED, NUMBER)
    text = machine.config.read_text()
    assert "# Pia's speaker" in text
    assert "volume = 60  # by day" in text
    settings = load(machine.config, {}).settings
    assert (settings.sound.volume, settings.sound.earcons, settings.live.voice) == (60, False, "Kore")
    assert machine.config.with_name("config.toml.before").read_text() == FILE
    assert not (machine.state / WISH_FILE).exists()
    assert sorted(path.name for path in machine.config.parent.iterdir()) == [
        "config.toml",
        "config.toml.before",
    ]


def test_a_key_goes_back_to_its_default(machine: Machine) -> None:
    machine.wish({"sound.volume": None})
    machine.apply(True)
    assert load(machine.config, {}).settings.sound.volume == 70


def test_a_first_file_is_made(tmp_path: Path) -> None:
    machine = Machine(tmp_path, text=None)
    machine.wish({"board.name": "simulated"})
    machine.apply(True)
    assert machine.config.read_text() == '[board]\nname = "simulated"\n'
    assert machine.config.stat().st_mode & 0o777 == 0o644


def test_modes_stay_as_they_are(machine: Machine) -> None:
    machine.config.chmod(0o640)
    machine.wish({"sound.volume": 60})
    machine.apply(True)
    assert machine.config.stat().st_mode & 0o777 == 0o640


def test_a_link_to_the_file_stays_a_link(machine: Machine) -> None:
    real = machine.config.with_name("real.toml")
    machine.config.rename(real)
    machine.config.symlink_to(real)
    machine.wish({"sound.volume": 60})
    machine.apply(True)
    assert machine.config.is_symlink()
    assert "volume = 60" in real.read_text()


@pytest.mark.parametrize(
    ("changes", "starts", "gateways"),
    [
        ({"web.max_talks": 3}, [True], 1),
        ({"live.voice": "Kore", "sound.volume": 60}, [True], 1),
        ({"sound.volume": 60}, [True], 0),
        ({"live.voice": "Kore"}, [False, True], 0),
    ],
)
def test_the_gateway_starts_anew_for_what_it_reads_itself(
    machine: Machine, changes: dict[str, Any], starts: list[bool], gateways: int
) -> None:
    """And only then: a talk on a phone goes on while the speaker gets louder."""
    machine.wish(changes)
    machine.apply(*starts)
    assert machine.service.gateways == gateways


# --- ways back


def test_a_speaker_that_does_not_become_ready_gets_the_settings_of_before(machine: Machine) -> None:
    machine.wish({"sound.volume": 60})
    outcome = machine.apply(False, True)
    assert outcome is not None
    assert outcome.kind is OutcomeKind.WENT_BACK
    assert "the ones before are in force again" in outcome.told
    assert machine.config.read_text() == FILE
    assert ["volume = 60" in text for text in machine.service.files] == [True, False]


def test_where_there_was_no_file_before_there_is_none_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path, text=None)
    machine.wish({"board.name": "simulated"})
    machine.apply(False, False)
    assert not machine.config.exists()
    assert "nor with the ones before" in machine.told().told


def test_a_speaker_that_its_owner_has_stopped_stays_so(machine: Machine) -> None:
    machine.wish({"sound.volume": 60})
    outcome = machine.apply(runs=False)
    assert outcome is not None
    assert outcome.kind is OutcomeKind.KEPT
    assert "volume = 60" in machine.config.read_text()


def test_a_new_start_is_carried_out_and_changes_no_file(machine: Machine) -> None:
    (machine.state / WISH_FILE).write_text(json.dumps({"number": NUMBER, "restart": True}))
    assert machine.apply(True) == machine.told()
    assert machine.told().kind is OutcomeKind.APPLIED
    assert machine.service.files == [FILE]
    assert machine.service.gateways == 0


def test_a_new_start_that_fails_is_told(machine: Machine) -> None:
    (machine.state / WISH_FILE).write_text(json.dumps({"number": NUMBER, "restart": True}))
    machine.apply(False)
    assert (machine.told().kind, "journalctl" in machine.told().told) == (OutcomeKind.FAILED, True)


def test_a_new_start_that_cannot_be_asked_for_is_told_in_its_own_words(machine: Machine) -> None:
    class NoSystemd(ToldService):
        def restart(self) -> bool:
            raise FileNotFoundError("systemctl")

    (machine.state / WISH_FILE).write_text(json.dumps({"number": NUMBER, "restart": True}))
    Helper(machine.state, machine.config, NoSystemd(), NO_KEYS).run()
    assert machine.told().told == "the speaker was not started anew: systemctl"


def test_a_file_that_was_changed_meanwhile_is_left(machine: Machine) -> None:
    machine.wish({"sound.volume": 60})
    machine.config.write_text(FILE + "max_volume = 80\n")
    outcome = machine.apply()
    assert outcome is not None
    assert outcome.kind is OutcomeKind.STALE
    assert "max_volume" in machine.config.read_text()


@pytest.mark.parametrize(
    ("state", "status", "runs", "ready"),
    [
        ("active", 0, True, True),
        ("failed", 1, True, False),
        ("inactive", 0, False, True),
        ("", 1, False, False),
    ],
)
def test_the_service_manager_is_asked_for_what_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, status: int, runs: bool, ready: bool
) -> None:
    program, calls = tmp_path / "systemctl", tmp_path / "calls"
    program.write_text(f'#!/bin/sh\necho "$*" >>{calls}\necho "{state}"\nexit {status}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    service = SystemdService()
    assert (service.runs(), service.restart()) == (runs, ready)
    service.refresh_gateway()
    assert calls.read_text().splitlines() == [
        "show --property=ActiveState --value conure.service",
        "restart conure.service",
        "try-restart --no-block conure-web.service",
    ]


# --- suspicion


@pytest.mark.parametrize("name", sorted(DANGEROUS))
def test_the_helper_refuses_what_the_gateway_should_have(machine: Machine, name: str) -> None:
    machine.wish({name: "/tmp/x", "sound.volume": 60})
    outcome = machine.apply()
    assert outcome is not None
    assert outcome.kind is OutcomeKind.REFUSED
    assert outcome.problems[0].keys == (name,)
    assert machine.config.read_text() == FILE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sound.volume": 101}, "must be a whole number from 0 to 100"),
        ({"sound.volume": "loud"}, "without quotes"),
        ({"board.name": "/tmp/evil.toml"}, "a file is named in the configuration's file only"),
        ({"wake.words": ["/tmp/evil.json"]}, "a file is named"),
        ({"sound.loudness": 5}, "there is no such key"),
        ({"nonsense": 5}, "there is no such key"),
        ({"button.long": "mute"}, 'needs button.hold = "none"'),
        ({"board.name": "no-such-board"}, "no-such-board"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(
    machine: Machine, changes: dict[str, Any], words: str
) -> None:
    machine.wish(changes)
    outcome = machine.apply()
    assert outcome is not None
    assert outcome.kind is OutcomeKind.REFUSED
    assert words in " ".join(problem.text for problem in outcome.problems)
    assert machine.config.read_text() == FILE
    assert not machine.config.with_name("config.toml.before").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not JSON",
        b"[]",
        b'{"number": "0123456789abcdef"}',
        b'{"number": "../../etc/passwd", "version": "", "changes": {}}',
        b'{"number": "0123456789abcdef", "version": "x", "changes": {}}',
        b'{"number": "0123456789abcdef", "version": "", "changes": {"sound.volume": {"a": 1}}}',
        b'{"number": "0123456789abcdef", "version": "", "changes": {"sound.volume": [[1]]}}',
        b"[" * 5000,
        b"a" * 70_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_wish_is_removed_and_changes_nothing(machine: Machine, content: bytes) -> None:
    """Else the helper would be started for it again and again."""
    (machine.state / WISH_FILE).write_bytes(content)
    assert machine.apply() is None
    assert machine.config.read_text() == FILE
    assert list(machine.state.iterdir()) == []


def test_a_pipe_in_the_place_of_a_wish_is_not_waited_for(machine: Machine) -> None:
    os.mkfifo(machine.state / WISH_FILE)
    assert machine.apply() is None
    assert list(machine.state.iterdir()) == []


@pytest.mark.parametrize("what", ["a folder in its place", "no folder at all"])
def test_a_wish_that_cannot_be_removed_is_told_as_that(machine: Machine, what: str) -> None:
    """It would be met, and the speaker restarted, again and again."""
    if what == "no folder at all":
        machine.state.rmdir()
    else:
        (machine.state / WISH_FILE).mkdir()
    with pytest.raises(ConureError, match=r"wish\.json cannot be removed, so it is not carried out: "):
        machine.apply(True)
    assert machine.config.read_text() == FILE


def test_without_a_wish_nothing_is_done(machine: Machine) -> None:
    assert machine.apply() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts as another user")
def test_root_reads_the_wish_as_the_gateways_user(machine: Machine, tmp_path: Path) -> None:
    """A link to what only root may read leads nowhere, and the outcome is the gateway's to read."""
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:  # pytest keeps others out of the uppermost of its own
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    secret = tmp_path / "secret"
    secret.write_text(
        json.dumps({"number": NUMBER, "version": machine.version, "changes": {"sound.volume": 60}})
    )
    secret.chmod(0o600)
    (machine.state / WISH_FILE).symlink_to(secret)
    os.chown(machine.state, NOBODY, NOBODY)
    assert machine.apply() is None
    assert (machine.config.read_text(), secret.exists()) == (FILE, True)
    machine.wish({"sound.volume": 60})
    os.chown(machine.state / WISH_FILE, NOBODY, NOBODY)
    assert machine.apply(True) is not None
    assert (machine.state / OUTCOME_FILE).stat().st_uid == NOBODY
    assert os.geteuid() == 0


# --- the text


@pytest.mark.parametrize(
    ("text", "changes", "result"),
    [
        ("", {"sound.volume": 60}, "[sound]\nvolume = 60\n"),
        ("[sound]", {"sound.volume": 60}, "[sound]\nvolume = 60\n"),
        ("[ sound ]  # x\n\n[live]\n", {"sound.volume": 60}, "[ sound ]  # x\nvolume = 60\n\n[live]\n"),
        ("sound.volume = 5\n", {"sound.earcons": True}, "sound.volume = 5\nsound.earcons = true\n"),
        ("[sound]\nvolume = 5 # x\n", {"sound.volume": 6}, "[sound]\nvolume = 6 # x\n"),
        ("[a]\n# end", {"live.voice": 'a"b\\'}, '[a]\n# end\n\n[live]\nvoice = "a\\"b\\\\"\n'),
        ("[lights]\npins = [\n 1, # red\n 2]\n", {"lights.pins": [3]}, "[lights]\npins = [3]\n"),
    ],
)
def test_a_text_is_changed_where_it_must_be(text: str, changes: dict[str, Any], result: str) -> None:
    assert edited(text, changes) == result


def test_a_table_s_name_within_a_text_is_no_table() -> None:
    text = '[live]\ninstruction = """\n[sound]\n"""\n'
    with pytest.raises(OddFile, match="change it by hand"):
        edited(text, {"sound.volume": 5})


NAMES = st.sampled_from([key.full_name for key in KEYS if key.web])
VALUES = st.one_of(
    st.booleans(), st.integers(-5, 5), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3)
)


@given(
    st.dictionaries(NAMES, st.one_of(st.none(), VALUES), max_size=4),
    st.dictionaries(NAMES, VALUES, max_size=4),
)
def test_whatever_is_wished_the_text_says_it_and_nothing_else(
    wished: dict[str, Any], before: dict[str, Any]
) -> None:
    text = edited("# mine\n[board]\nname = 'x' # here\n", before)
    after = tomllib.loads(edited(text, wished))
    expected = {"board.name": "x"} | before | wished
    found = {f"{table}.{key}": value for table, keys in after.items() for key, value in keys.items()}
    assert found == {name: value for name, value in expected.items() if value is not None}


# --- what the page sees


def test_every_key_is_shown_with_where_its_value_comes_from() -> None:
    rows = {f"{row['table']}.{row['key']}": row for row in table_of(in_force(FILE))}
    assert rows.keys() == {key.full_name for key in KEYS}
    assert (rows["sound.volume"]["value"], rows["sound.volume"]["source"]) == (50, "file")
    assert rows["sound.max_volume"]["source"] == "default"
    assert rows["live.base_url"]["web"] is False
    of_board = {
        f"{row['table']}.{row['key']}": row for row in table_of(in_force('[board]\nname = "whisplay"\n'))
    }
    assert of_board["lights.kind"]["source"] == "board"


def test_what_may_be_the_key_is_not_shown() -> None:
    text = '[live]\napi_key_file = "AIzaSyMadeUpMadeUpMadeUp"\n'
    rows = {row["key"]: row for row in table_of(in_force(text))}
    assert "MadeUp" not in json.dumps(rows)


def test_the_gateway_and_the_helper_find_the_same_mistakes(machine: Machine) -> None:
    changes = {"sound.volume": 101, "live.temperature": 9}
    machine.wish(changes)
    outcome = machine.apply()
    assert outcome is not None
    assert list(outcome.problems) == problems_of(read_config(machine.config), changes)


def test_an_outcome_reads_back_as_it_was(machine: Machine) -> None:
    machine.wish({"sound.volume": 101})
    outcome = machine.apply()
    assert outcome is not None
    assert outcome_of(json.loads(json.dumps(plain_outcome(outcome)))) == outcome


# --- waiting for it


async def test_the_desk_waits_for_the_outcome_of_its_own_wish(machine: Machine) -> None:
    desk = WishDesk(machine.state)
    asked = asyncio.create_task(desk.ask({"sound.volume": 60}, machine.version))
    path = machine.state / WISH_FILE
    while not path.exists():
        await asyncio.sleep(0.01)
    wish = wish_of(json.loads(path.read_text()))
    other = WishOutcome(number=NUMBER, kind=OutcomeKind.FAILED, told="another's")
    (machine.state / OUTCOME_FILE).write_text(json.dumps(plain_outcome(other)))
    with pytest.raises(ConureError, match="another change is being applied"):
        await desk.ask({}, "")
    await asyncio.to_thread(machine.apply, True)
    outcome = await asked
    assert (outcome.kind, outcome.number) == (OutcomeKind.APPLIED, wish.number)
    assert list(machine.state.iterdir()) == []


async def test_where_nobody_carries_it_out_that_is_told_and_the_wish_taken_back(machine: Machine) -> None:
    with pytest.raises(ConureError, match=r"is conure-apply\.path active"):
        await WishDesk(machine.state, wait_s=0.1).ask({"sound.volume": 60}, machine.version)
    assert not (machine.state / WISH_FILE).exists()


def test_the_settings_in_the_tests_are_valid() -> None:
    assert not validate(tomllib.loads(FILE)).problems
