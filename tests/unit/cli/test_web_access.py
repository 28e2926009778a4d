"""`conure web pair`, `devices`, `revoke` and `token`, on the files of a gateway that need not run."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest

from daemon.cli import web_access
from daemon.control.remote.client import NoSpeaker
from daemon.errors import ConureError
from daemon.web.gate.codes import CodeFile
from daemon.web.gate.desk import PairingDesk
from daemon.web.gate.devices import Devices
from daemon.web.gate.places import Whereabouts, write_whereabouts
from daemon.web.gate.tokens import GatewayTokens


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONURE_WEB_STATE", str(tmp_path))
    return tmp_path


def web(*argv: str) -> int:
    """`conure web ACTION …`."""
    parser = argparse.ArgumentParser()
    web_access.add_actions(parser.add_subparsers())
    arguments = parser.parse_args(argv)
    code: int = arguments.command(arguments)
    return code


async def test_a_code_of_the_terminal_pairs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_whereabouts(folder, Whereabouts(port=8443, fingerprint="AB:CD"))
    assert web("pair", "--address", "192.168.1.20:8443") == 0
    out, err = capsys.readouterr()
    found = re.search(r"https://192\.168\.1\.20:8443/#pair=(\w{8})\n", out)
    assert found and f"{found[1][:4]}-{found[1][4:]}" in out
    assert "AB:CD" in out and "10 minutes" in out and err == ""
    desk = PairingDesk(NoSpeaker(), Devices(folder), CodeFile(folder))
    device, _ = await desk.enter(found[1], "192.168.1.9", "Firefox")
    assert not device.guest_until_s


async def test_a_guest_s_code_pairs_a_guest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    web("pair", "--guest")
    code = re.search(r"#pair=(\w{8})", capsys.readouterr().out)
    assert code
    desk = PairingDesk(NoSpeaker(), Devices(folder), CodeFile(folder))
    device, _ = await desk.enter(code[1], "192.168.1.9", "Firefox")
    assert device.guest_until_s


def test_a_gateway_that_has_not_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    web("pair")
    assert "start it with `conure web`" in capsys.readouterr().err


def test_on_a_terminal_the_address_is_a_picture_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_access, "shows_pictures", lambda stream: True)
    web("pair")
    assert len([line for line in capsys.readouterr().out.splitlines() if set(line) & set("█▀▄")]) > 10


@pytest.mark.parametrize(("port", "end"), [(443, r"/#"), (8444, r":8444/#"), (0, r":8443/#")])
def test_the_address_is_found(folder: Path, capsys: pytest.CaptureFixture[str], port: int, end: str) -> None:
    write_whereabouts(folder, Whereabouts(port=port))
    web("pair")
    assert re.search(rf"https://[\w.-]+{end}", capsys.readouterr().out)


def test_who_is_let_in_is_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert web("devices") == 0
    assert "no device is paired" in capsys.readouterr().out
    device, _ = Devices(folder).pair("Firefox on Android")
    guest, _ = Devices(folder).pair("Safari", guest=True)
    web("token", "grafana", "--for", "metrics")
    capsys.readouterr()
    web("devices")
    out = capsys.readouterr().out
    assert device.id in out and "Firefox on Android" in out and "token grafana: metrics" in out
    assert re.search(rf"{guest.id} .*talk, until 20", out)
    web("devices", "--json")
    found = json.loads(capsys.readouterr().out)
    assert [one["rights"] for one in found["devices"]] == [["metrics", "page", "talk", "tokens"], ["talk"]]
    assert found["tokens"] == [{"name": "grafana", "rights": ["metrics"]}]


def test_one_or_all_are_revoked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    devices, tokens = Devices(folder), GatewayTokens(folder)
    one, _ = devices.pair("Firefox")
    devices.pair("Safari")
    web("token", "grafana", "--for", "metrics")
    assert web("revoke", one.id) == 0
    assert [device.name for device in devices.all()] == ["Safari"]
    assert web("revoke", "grafana") == 0
    assert tokens.all() == ()
    assert web("revoke", "all") == 0
    assert devices.all() == ()
    assert web("revoke", "all") == 0
    assert "nothing to revoke" in capsys.readouterr().out
    with pytest.raises(ConureError, match="`conure web devices` lists them"):
        web("revoke", "nobody")


def test_a_token_is_shown_once_and_alone_on_its_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert web("token", "grafana", "--for", "metrics,talk") == 0
    secret = capsys.readouterr().out.strip()
    found = GatewayTokens(folder).by_token(secret)
    assert found is not None and found.name == "grafana"


@pytest.mark.parametrize(
    "argv", [("token", "Grafana", "--for", "talk"), ("token", "grafana", "--for", "all")]
)
def test_what_is_wrong_with_a_token_is_told(argv: tuple[str, ...]) -> None:
    with pytest.raises(ConureError):
        web(*argv)
