"""The files of devices, tokens and codes: who is let in, until when, and what two processes do to them."""

from __future__ import annotations

import fcntl
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.errors import ConureError
from daemon.web.entry import Right
from daemon.web.gate import shared_file
from daemon.web.gate.codes import CodeFile
from daemon.web.gate.devices import GUEST_S, MAX_DEVICES, SEEN_AGAIN_S, UNUSED_S, Devices
from daemon.web.gate.pairing import ALPHABET, CODE_S, CODE_SIGNS, MAX_CODES
from daemon.web.gate.places import (
    Whereabouts,
    become_owner,
    read_whereabouts,
    web_folder,
    write_whereabouts,
)
from daemon.web.gate.refusals import WebRefused
from daemon.web.gate.tokens import MAX_TOKENS, GatewayTokens, rights_of

NOW_S = 1_796_000_000.0
"""A day of November 2026."""


class Wall:
    """A wall clock that a test sets."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def devices(tmp_path: Path, wall: Wall) -> Devices:
    return Devices(tmp_path, wall)


# --- devices


def test_a_paired_device_is_known_by_its_secret_and_may_all(devices: Devices) -> None:
    device, secret = devices.pair("Firefox on Android")
    found = devices.by_cookie(secret)
    assert found == device
    assert found is not None and found.as_visitor().rights == frozenset(Right)
    assert devices.by_cookie(secret + "x") is None
    assert devices.by_cookie("") is None


def test_the_file_holds_no_secret_and_is_its_owner_s_alone(tmp_path: Path, devices: Devices) -> None:
    _, secret = devices.pair("Firefox")
    file = tmp_path / "devices.json"
    assert secret not in file.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o600


def test_another_process_sees_a_device_and_its_revocation_at_once(tmp_path: Path, devices: Devices) -> None:
    other = Devices(tmp_path, Wall())
    assert other.all() == ()
    device, secret = devices.pair("Firefox")
    assert other.by_cookie(secret) == device
    devices.revoke(device.id)
    assert other.by_cookie(secret) is None
    assert not other.has(device.id)


def test_revoking_nobody_changes_nothing(devices: Devices) -> None:
    device, secret = devices.pair("Firefox")
    assert devices.revoke("00000000") is None
    assert devices.by_cookie(secret) == device


def test_a_guest_may_talk_for_a_day(devices: Devices, wall: Wall) -> None:
    device, secret = devices.pair("Safari", guest=True)
    assert device.rights == {Right.TALK}
    wall.now_s = NOW_S + GUEST_S - 1
    assert devices.by_cookie(secret)
    wall.now_s = NOW_S + GUEST_S
    assert devices.by_cookie(secret) is None
    assert devices.all() == ()


def test_a_device_that_is_not_used_for_half_a_year_is_forgotten(devices: Devices, wall: Wall) -> None:
    _, secret = devices.pair("Firefox")
    wall.now_s = NOW_S + UNUSED_S + 1
    assert devices.by_cookie(secret) is None


def test_a_device_that_is_used_stays(tmp_path: Path, devices: Devices, wall: Wall) -> None:
    _, secret = devices.pair("Firefox")
    for _ in range(4):
        wall.now_s += UNUSED_S - SEEN_AGAIN_S
        assert devices.by_cookie(secret)
        assert devices.has_unsaved
        devices.save_seen()
    assert not devices.has_unsaved
    assert json.loads((tmp_path / "devices.json").read_text())["devices"][0]["seen_at_s"] == wall.now_s


def test_a_card_is_not_written_for_each_request(devices: Devices, wall: Wall) -> None:
    _, secret = devices.pair("Firefox")
    wall.now_s += SEEN_AGAIN_S - 1
    devices.by_cookie(secret)
    assert not devices.has_unsaved


def test_a_clock_that_is_not_set_forgets_no_device_and_lets_in_no_guest(devices: Devices, wall: Wall) -> None:
    _, secret = devices.pair("Firefox")
    _, guest = devices.pair("Safari", guest=True)
    wall.now_s = 0.0
    assert devices.by_cookie(secret)
    assert devices.by_cookie(guest) is None


def test_while_nobody_knows_the_time_no_guest_is_paired(devices: Devices, wall: Wall) -> None:
    wall.now_s = 100.0
    with pytest.raises(WebRefused, match="does not know the time"):
        devices.pair("Safari", guest=True)
    assert devices.all() == ()


def test_a_device_that_was_paired_without_a_clock_is_not_over_when_the_clock_is_set(
    devices: Devices, wall: Wall
) -> None:
    wall.now_s = 100.0
    _, secret = devices.pair("Firefox")
    wall.now_s = NOW_S
    assert devices.by_cookie(secret)


def test_there_is_room_for_so_many_and_those_that_are_over_make_room(devices: Devices, wall: Wall) -> None:
    for _ in range(MAX_DEVICES):
        devices.pair("Safari", guest=True)
    with pytest.raises(WebRefused, match="As many devices"):
        devices.pair("Firefox")
    wall.now_s += GUEST_S
    devices.pair("Firefox")
    assert len(devices.all()) == 1


def test_a_name_that_commands_a_terminal_is_made_harmless(devices: Devices) -> None:
    device, _ = devices.pair("\x1b[31mred\nline\u202e" + "x" * 1000)
    assert "\x1b" not in device.name and "\n" not in device.name and len(device.name) <= 60


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"devices": 3}',
        '{"devices": [{}]}',
        "\xff",
        '{"devices": [{"id": 1, "seen_at_s": NaN}]}',
    ],
)
def test_a_file_that_cannot_be_used_lets_nobody_in_and_is_kept_aside(
    tmp_path: Path, devices: Devices, content: str
) -> None:
    (tmp_path / "devices.json").write_text(content, "latin-1")
    assert devices.all() == ()
    device, secret = devices.pair("Firefox")
    assert devices.by_cookie(secret) == device
    assert (tmp_path / "devices.json.bad").exists()


def test_two_that_pair_at_the_same_time_are_both_in(tmp_path: Path, devices: Devices) -> None:
    with ThreadPoolExecutor(4) as pool:
        secrets = [
            secret for _, secret in pool.map(lambda n: Devices(tmp_path, Wall()).pair(f"{n}"), range(8))
        ]
    assert all(devices.by_cookie(secret) for secret in secrets)


def test_a_lock_that_is_never_let_go_is_an_error_in_words(
    tmp_path: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_file, "LOCK_S", 0.05)
    with (tmp_path / "devices.json.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ConureError, match="held by another program"):
            devices.pair("Firefox")
    devices.pair("Firefox")


# --- tokens


def test_a_token_is_known_by_its_secret_and_may_what_it_was_made_for(tmp_path: Path) -> None:
    tokens = GatewayTokens(tmp_path)
    secret = tokens.make("grafana", rights_of("metrics, talk"))
    found = tokens.by_token(secret)
    assert found is not None and found.as_visitor().key == "token:grafana"
    assert found.rights == {Right.METRICS, Right.TALK}
    assert tokens.by_token("conure_") is None
    assert secret not in (tmp_path / "tokens.json").read_text()


def test_a_token_of_the_same_name_takes_the_place_of_the_first(tmp_path: Path) -> None:
    tokens = GatewayTokens(tmp_path)
    first, second = (tokens.make("grafana", rights_of("metrics")) for _ in range(2))
    assert tokens.by_token(first) is None
    assert tokens.by_token(second)


def test_a_revoked_token_is_out(tmp_path: Path) -> None:
    tokens = GatewayTokens(tmp_path)
    secret = tokens.make("grafana", rights_of("metrics"))
    assert tokens.revoke("grafana") and not tokens.revoke("grafana")
    assert tokens.by_token(secret) is None and not tokens.has("grafana")


def test_tokens_are_bounded(tmp_path: Path) -> None:
    tokens = GatewayTokens(tmp_path)
    for number in range(MAX_TOKENS):
        tokens.make(f"t{number}", rights_of("talk"))
    with pytest.raises(ConureError, match="32 tokens already"):
        tokens.make("more", rights_of("talk"))


@pytest.mark.parametrize("name", ["", "Grafana", "a b", "-a", "a" * 33, "ä", "../x"])
def test_a_name_of_another_form_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConureError, match="is no name of a token"):
        GatewayTokens(tmp_path).make(name, rights_of("talk"))


@pytest.mark.parametrize("words", ["", "all", "talk,root", "talk;metrics"])
def test_rights_are_named(words: str) -> None:
    with pytest.raises(ConureError, match="there are page, talk, tokens, metrics"):
        rights_of(words)


# --- codes


def test_a_code_is_of_the_alphabet_and_kept_as_its_hash(tmp_path: Path) -> None:
    file = CodeFile(tmp_path, boot="one")
    code = file.make(by_terminal=True)
    assert len(code) == CODE_SIGNS and set(code) <= set(ALPHABET)
    assert len(set(ALPHABET)) == 32
    assert code not in (tmp_path / "pairing.json").read_text()
    assert file.read().opened == 1


def test_a_code_of_a_page_does_not_open_what_is_off(tmp_path: Path) -> None:
    file = CodeFile(tmp_path, boot="one")
    file.make()
    assert file.read().opened == 0


def test_a_code_is_used_up_once_whoever_asks(tmp_path: Path) -> None:
    one, other = CodeFile(tmp_path, boot="one"), CodeFile(tmp_path, boot="one")
    one.make()
    (code,) = other.read().codes
    assert other.use_up(code)
    assert not one.use_up(code)
    assert one.read().codes == ()


def test_codes_of_an_earlier_start_of_the_machine_are_good_no_more(tmp_path: Path) -> None:
    CodeFile(tmp_path, boot="before").make(by_terminal=True)
    after = CodeFile(tmp_path, boot="after")
    assert after.read().codes == ()
    after.make(by_terminal=True)
    assert (len(after.read().codes), after.read().opened) == (1, 2)


def test_codes_that_are_over_make_room_and_the_rest_is_bounded(tmp_path: Path) -> None:
    now = [0.0]
    file = CodeFile(tmp_path, clock=lambda: now[0], boot="one")
    file.make()
    now[0] = CODE_S
    for _ in range(MAX_CODES + 1):
        file.make()
    assert len(file.read().codes) == MAX_CODES
    assert all(code.ends_s == 2 * CODE_S for code in file.read().codes)


# --- places


def test_the_folder_is_the_unit_s_then_the_named_one_then_the_service_s_then_the_user_s(
    tmp_path: Path,
) -> None:
    env = {
        "STATE_DIRECTORY": "/a:/b", "CONURE_WEB_STATE": "/c", "XDG_STATE_HOME": "/d", "HOME": "/e",
    }  # fmt: skip
    nowhere = tmp_path / "none"
    found = [web_folder(env, nowhere)]
    for name in list(env):
        del env[name]
        found.append(
            web_folder(env, tmp_path if name == "CONURE_WEB_STATE" else nowhere) if env else Path("/")
        )
    assert found == [Path("/a"), Path("/c"), tmp_path, Path("/e/.local/state/conure-web"), Path("/")]
    with pytest.raises(ConureError, match="CONURE_WEB_STATE"):
        web_folder({}, nowhere)


def test_a_folder_that_is_not_there_yet_belongs_to_whoever_makes_it(tmp_path: Path) -> None:
    become_owner(tmp_path / "none")
    become_owner(tmp_path)


def test_where_the_gateway_listens_is_told_to_the_terminal(tmp_path: Path) -> None:
    assert read_whereabouts(tmp_path) == Whereabouts()
    told = Whereabouts(port=8443, fingerprint="AB:CD")
    write_whereabouts(tmp_path, told)
    assert read_whereabouts(tmp_path) == told
