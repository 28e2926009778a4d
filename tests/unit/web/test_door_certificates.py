"""The speaker's own authority is trusted for the speaker alone, and its certificate is there in time."""

from __future__ import annotations

import asyncio
import logging
import plistlib
import ssl
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from web_door import GET_ONCE, all_of, connected, listening, says_hello

from daemon.certificates import Life, Scope, new_authority, new_leaf, read_certified
from daemon.errors import EX_CONFIG, ConfigError
from daemon.runtime.clock import CLOCK_SET_S
from daemon.web.door.certificates import (
    AUTHORITY_FILE,
    KNOWN_FILE,
    LEAF_FILE,
    RENEWED,
    OwnCertificates,
    YourCertificate,
    server_context,
)
from daemon.web.door.certify import certify_aside, main
from daemon.web.door.limits import DoorLimits
from daemon.web.door.names import NETWORKS, Address, addresses, domains_of, host_name, is_at_home
from daemon.web.door.plain import as_profile

HOME = (ip_address("127.0.0.1"), ip_address("192.168.1.20"))
DAY_S = 86_400.0


class Clock:
    """The wall clock, as a test sets it."""

    def __init__(self) -> None:
        self.now_s = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now_s


def trusting(pem: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=pem)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # Python 3.13's default
    return context


async def test_a_client_that_trusts_the_authority_reaches_it_by_name_and_by_address(tmp_path: Path) -> None:
    own, context = OwnCertificates(tmp_path, "kitchen"), server_context()
    client = trusting(own.into(context, HOME).pem)
    async with listening(says_hello, tls=context) as door:
        for name in ("kitchen.local", "kitchen", "localhost", "127.0.0.1", "192.168.1.20"):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", door.port, ssl=client, server_hostname=name
            )
            writer.write(GET_ONCE)
            assert b"hello" in await all_of(reader)
            writer.close()
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            await asyncio.open_connection("127.0.0.1", door.port, ssl=client, server_hostname="other.local")


@pytest.mark.parametrize(
    ("domains", "address"),
    [
        (("www.example.org",), "192.168.1.20"),
        (("kitchen.local",), "203.0.113.7"),
        (("localhost.example",), "10.0.0.1"),
    ],
)
async def test_the_authority_is_trusted_for_nothing_else(
    tmp_path: Path, domains: tuple[str, ...], address: str
) -> None:
    """Also if somebody gets hold of its key."""
    authority = OwnCertificates(tmp_path, "kitchen").authority()
    now = datetime.now(UTC)
    life = Life(start=now - timedelta(days=1), end=now + timedelta(days=1))
    forged = new_leaf(authority, domains, (ip_address(address),), life)
    file = tmp_path / "forged.pem"
    file.write_text(forged.pem_with_key)
    context = server_context()
    context.load_cert_chain(file)
    async with listening(says_hello, tls=context) as door:
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
            await asyncio.open_connection(
                "127.0.0.1", door.port, ssl=trusting(authority.pem), server_hostname=domains[0]
            )


def test_it_is_kept_readable_to_its_user_alone_and_taken_up_again(tmp_path: Path) -> None:
    own = OwnCertificates(tmp_path / "state", "kitchen")
    leaf = own.leaf(HOME)
    again = OwnCertificates(tmp_path / "state", "kitchen")
    assert again.leaf(HOME).fingerprint == leaf.fingerprint
    assert again.authority().fingerprint == own.authority().fingerprint
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("name", "home", "later_s", "is_new"),
    [
        ("kitchen", HOME, 0.0, False),
        ("kitchen", HOME, 300 * DAY_S, False),
        ("kitchen", HOME, (397 - 30) * DAY_S, True),
        ("kitchen", HOME, 500 * DAY_S, True),
        ("kitchen", HOME, -30 * DAY_S, True),
        ("kitchen", (*HOME, ip_address("10.0.0.9")), 0.0, True),
        ("kitchen", HOME[:1], 0.0, True),
    ],
    ids=[
        "same",
        "young",
        "30 days left",
        "over",
        "from a clock that ran ahead",
        "new address",
        "an address gone",
    ],
)
def test_the_leaf_is_renewed_when_it_must_be(
    tmp_path: Path, name: str, home: tuple[object, ...], later_s: float, is_new: bool
) -> None:
    clock = Clock()
    own = OwnCertificates(tmp_path, name, clock)
    before = own.leaf(HOME)
    clock.now_s += later_s
    after = own.leaf(home)  # type: ignore[arg-type] # addresses
    assert (after.fingerprint != before.fingerprint) is is_new
    assert after.life.start.timestamp() <= clock.now_s <= (after.life.end - RENEWED).timestamp()


def test_a_name_that_changed_gets_a_new_authority_s_leaf(tmp_path: Path) -> None:
    """The authority of before may not name it."""
    old = OwnCertificates(tmp_path, "kitchen")
    old.leaf(HOME)
    new = OwnCertificates(tmp_path, "bath")
    assert "bath.local" in new.leaf(HOME).names
    assert new.authority().fingerprint != old.authority().fingerprint


def test_while_the_clock_is_not_set_the_leaf_stays(tmp_path: Path) -> None:
    clock = Clock()
    before = OwnCertificates(tmp_path, "kitchen", clock).leaf(HOME)
    clock.now_s = 0.0
    assert OwnCertificates(tmp_path, "kitchen", clock).leaf(HOME).fingerprint == before.fingerprint


def test_one_that_is_made_while_the_clock_is_not_set_is_good_from_when_this_program_was_written(
    tmp_path: Path,
) -> None:
    clock = Clock()
    clock.now_s = 0.0
    own = OwnCertificates(tmp_path, "kitchen", clock)
    assert own.leaf(HOME).life.start.timestamp() == CLOCK_SET_S - DAY_S
    assert own.authority().life.end.year >= 2035


def test_a_damaged_file_is_kept_aside_and_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = OwnCertificates(tmp_path, "kitchen")
    before = own.leaf(HOME)
    (tmp_path / LEAF_FILE).write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    with caplog.at_level(logging.WARNING):
        after = OwnCertificates(tmp_path, "kitchen").leaf(HOME)
    assert after.fingerprint != before.fingerprint
    assert "starting afresh" in caplog.text
    assert (tmp_path / f"{LEAF_FILE}.bad").exists()


@pytest.mark.parametrize("name", [AUTHORITY_FILE, LEAF_FILE, KNOWN_FILE])
@pytest.mark.parametrize("damage", ["damaged", "lost"])
def test_whichever_file_is_lost_or_damaged_the_gateway_comes_up(
    tmp_path: Path, name: str, damage: str
) -> None:
    OwnCertificates(tmp_path, "kitchen").into(server_context(), HOME)
    if damage == "lost":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text("{")
    context = server_context()
    authority = OwnCertificates(tmp_path, "kitchen").into(context, HOME)
    own = OwnCertificates(tmp_path, "kitchen")
    assert authority.fingerprint == own.authority().fingerprint
    assert own.leaf(HOME).is_signed_by(own.authority())


def test_a_certificate_that_fits_is_shown_without_the_library_that_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    OwnCertificates(tmp_path, "kitchen", clock).into(server_context(), HOME)
    monkeypatch.setitem(sys.modules, "daemon.certificates", None)
    OwnCertificates(tmp_path, "kitchen", clock).into(server_context(), HOME)
    for name, home, later_s in (
        ("kitchen", HOME[:1], 0.0),
        ("bath", HOME, 0.0),
        ("kitchen", HOME, 370 * DAY_S),
    ):
        clock.now_s += later_s
        with pytest.raises(ImportError):
            OwnCertificates(tmp_path, name, clock).into(server_context(), home)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(ConfigError, match=f"{AUTHORITY_FILE} cannot be written"):
        OwnCertificates(tmp_path / "state", "kitchen").leaf(HOME)


def test_a_key_of_another_certificate_is_refused() -> None:
    now = datetime.now(UTC)
    life = Life(start=now, end=now + timedelta(days=1))
    first, second = new_authority("a", life), new_authority("b", life)
    with pytest.raises(ValueError, match="not the certificate's"):
        read_certified(first.pem + second.pem_with_key.removeprefix(second.pem))


def test_the_key_does_not_show(tmp_path: Path) -> None:
    assert "key" not in repr(OwnCertificates(tmp_path, "kitchen").authority())


# --- your own


def write_yours(folder: Path, name: str) -> tuple[Path, Path]:
    now = datetime.now(UTC)
    life = Life(start=now - timedelta(days=1), end=now + timedelta(days=9))
    domains = (f"{name}.example.org",)
    authority = new_authority("yours", life, Scope(domains=domains, networks=NETWORKS))
    leaf = new_leaf(authority, domains, (), life)
    (folder / "chain.pem").write_text(leaf.pem + authority.pem)
    (folder / "key.pem").write_text(leaf.pem_with_key.removeprefix(leaf.pem))
    (folder / "root.pem").write_text(authority.pem)
    return folder / "chain.pem", folder / "key.pem"


async def test_your_certificate_is_shown_and_read_again_when_it_was_renewed(tmp_path: Path) -> None:
    yours, context = YourCertificate(*write_yours(tmp_path, "first")), server_context()
    assert yours.into(context)
    assert not yours.into(context)
    async with listening(says_hello, tls=context) as door:
        for name in ("first", "second"):
            client = trusting((tmp_path / "root.pem").read_text())
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", door.port, ssl=client, server_hostname=f"{name}.example.org"
            )
            writer.write(GET_ONCE)
            assert b"hello" in await all_of(reader)
            writer.close()
            write_yours(tmp_path, "second")
            yours.into(context)


@pytest.mark.parametrize("damage", ["gone", "no certificate", "another key"])
def test_a_certificate_of_yours_that_cannot_be_used_is_told_with_its_keys(
    tmp_path: Path, damage: str
) -> None:
    chain, key = write_yours(tmp_path, "a")
    if damage == "gone":
        key.unlink()
    elif damage == "no certificate":
        chain.write_text("hello")
    else:
        (tmp_path / "other").mkdir()
        key.write_text(write_yours(tmp_path / "other", "a")[1].read_text())
    with pytest.raises(ConfigError, match=r"web\.certificate, web\.private_key: .*cannot be used: ."):
        YourCertificate(chain, key).into(server_context())


# --- hands that are never shaken


async def test_a_client_that_never_shakes_hands_loses_its_place(tmp_path: Path) -> None:
    context = server_context()
    OwnCertificates(tmp_path, "kitchen").into(context, HOME)
    async with listening(says_hello, DoorLimits(head_s=0.2, connections=1), tls=context) as door:
        async with connected(door.port, b"\x16") as (reader, _):
            assert await all_of(reader) == b""
        assert (door.counts.connections_accepted, door.counts.connections_opened) == (1, 0)
        assert door.places.taken == 0


async def test_plain_http_at_the_tls_port_ends_without_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = server_context()
    OwnCertificates(tmp_path, "kitchen").into(context, HOME)
    async with listening(says_hello, tls=context) as door, connected(door.port, GET_ONCE) as (reader, _):
        assert b"hello" not in await all_of(reader)
    assert "Traceback" not in caplog.text


# --- names


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("kitchen", "kitchen"),
        ("Kitchen.example.org", "kitchen"),
        ("my_pi!", "my-pi"),
        ("...", "conure"),
        ("ü", "conure"),
    ],
)
def test_a_host_s_name_is_made_fit_for_browsers(wanted: str, name: str) -> None:
    assert host_name(wanted) == name


TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     +-- 192.168.1.0/24 2 0 2
        |-- 192.168.1.0
           /24 link UNICAST
        |-- 192.168.1.20
           /32 host LOCAL
        |-- 192.168.1.255
           /32 link BROADCAST
     |-- 203.0.113.9
        /32 host LOCAL
Local:
     |-- 127.0.0.1
        /32 host LOCAL
"""
SIXES = """00000000000000000000000000000001 01 80 10 80       lo
fe80000000000000dea632fffe000001 02 40 20 80    wlan0
20010db8000000000000000000000001 02 40 00 80    wlan0
"""


def test_addresses_at_home_are_found_and_others_left_out(tmp_path: Path) -> None:
    (tmp_path / "fib_trie").write_text(TRIE)
    (tmp_path / "if_inet6").write_text(SIXES)
    found = [str(address) for address in addresses(tmp_path)]
    assert found == ["127.0.0.1", "192.168.1.20", "::1", "fe80::dea6:32ff:fe00:1"]


def test_a_kernel_that_tells_no_addresses_has_none(tmp_path: Path) -> None:
    assert addresses(tmp_path) == ()


def test_this_machine_s_own_address_is_found() -> None:
    assert ip_address("127.0.0.1") in addresses()


def test_the_scope_holds_every_name_of_ours() -> None:
    assert domains_of("kitchen") == ("kitchen.local", "kitchen", "localhost")
    assert not is_at_home(ip_address("8.8.8.8"))


def test_the_profile_holds_the_authority_and_is_the_same_each_time(tmp_path: Path) -> None:
    authority = OwnCertificates(tmp_path, "kitchen").into(server_context(), HOME)
    assert authority.fingerprint == OwnCertificates(tmp_path, "kitchen").authority().fingerprint
    first, again = as_profile(authority, "kitchen").body, as_profile(authority, "kitchen").body
    assert first == again
    (payload,) = plistlib.loads(bytes(first))["PayloadContent"]
    assert payload["PayloadType"] == "com.apple.security.root"
    assert payload["PayloadContent"] == authority.der


# --- made in a process of its own


def test_a_gateway_that_has_certificates_made_needs_no_library_for_it(tmp_path: Path) -> None:
    """The other process makes what this one shows, and a second look has nothing made."""
    made: list[object] = []

    def make(addresses: tuple[Address, ...]) -> None:
        made.append(addresses)
        certify_aside(tmp_path, "kitchen", addresses)

    for _ in range(2):
        own = OwnCertificates(tmp_path, "kitchen", make=make)
        pem = own.into(server_context(), HOME).pem
    assert made == [HOME]
    assert pem == OwnCertificates(tmp_path, "kitchen").into(server_context(), HOME).pem


def test_the_other_process_tells_what_keeps_it_from_its_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("a file in its place")
    assert main([str(tmp_path / "other"), "kitchen", "127.0.0.1"]) == 0
    assert main([str(tmp_path / "state"), "kitchen", "127.0.0.1"]) == EX_CONFIG
    assert "there would be no TLS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("program", "told"),
    [("echo 'the card is full'; exit 78", "the card is full"), ("exit 1", "see above"), (None, "no TLS")],
)
def test_what_the_other_process_tells_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None, told: str
) -> None:
    python = tmp_path / "python"
    if program is not None:
        python.write_text(f"#!/bin/sh\n{program}\n")
        python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(ConfigError, match=told):
        certify_aside(tmp_path, "kitchen", HOME)
