"""The gateway comes with --with web, at ports that are free, and goes without a trace."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from installer import Installer
from places import ROOT
from test_install import shell_value
from test_unit import EXPOSURE_LIMIT, SYSTEMD, exposure_of, seconds, settings_of

from daemon.config.broker_password import PASSWORD_CREDENTIAL
from daemon.config.load import CREDENTIAL, SYSTEM_FILE
from daemon.control.client import SYSTEM_SOCKET
from daemon.control.server import GATEWAY_GROUP
from daemon.errors import EX_CONFIG
from daemon.web.api.settings import APPLY_VARIABLE
from daemon.web.door.limits import DoorLimits
from daemon.web.gate.places import SYSTEM_FOLDER
from daemon.web.wishes.desk import WAIT_S
from daemon.web.wishes.helper import START_S
from daemon.web.wishes.key_store import ENCRYPTED, PLAIN
from daemon.web.wishes.wish import WISH_FILE

SERVICE = SYSTEMD / "conure-web.service"
SOCKETS = {"https": SYSTEMD / "conure-web.socket", "plain": SYSTEMD / "conure-web-plain.socket"}


@pytest.fixture
def machine(tmp_path: Path) -> Installer:
    return Installer(tmp_path)


# --- the units


def test_the_gateway_has_the_user_folder_and_files_that_the_program_looks_for() -> None:
    unit = settings_of(SERVICE)
    assert Path("/var/lib", unit["StateDirectory"][0]) == SYSTEM_FOLDER
    assert f"CONURE_SOCKET={SYSTEM_SOCKET}" in unit["Environment"][0].split()
    assert f"CONURE_CONFIG={SYSTEM_FILE}" in unit["Environment"][0].split()
    assert unit["LoadCredential"] == [CREDENTIAL, PASSWORD_CREDENTIAL]
    assert unit["RestartPreventExitStatus"] == [str(EX_CONFIG)]
    assert unit["User"] == [GATEWAY_GROUP]
    assert f"u {GATEWAY_GROUP} " in (SYSTEMD / "conure-web.sysusers.conf").read_text("utf-8")


def test_it_has_none_of_the_speakers_devices_and_no_group_of_its() -> None:
    unit = settings_of(SERVICE)
    assert "SupplementaryGroups" not in unit
    assert "DeviceAllow" not in unit
    assert (unit["DevicePolicy"], unit["PrivateDevices"]) == (["closed"], ["yes"])


def test_the_speaker_comes_first() -> None:
    gateway, speaker = settings_of(SERVICE), settings_of(SYSTEMD / "conure.service")
    assert int(gateway["CPUWeight"][0]) * 10 <= int(speaker["CPUWeight"][0])
    assert not {"Requires", "Wants", "BindsTo", "PartOf"} & settings_of(SERVICE).keys()


def test_an_end_may_take_as_long_as_answers_are_finished() -> None:
    assert seconds(settings_of(SERVICE), "TimeoutStopSec") > DoorLimits().end_s + 5


@pytest.mark.parametrize("name", SOCKETS)
def test_each_socket_is_handed_over_by_the_name_that_the_program_looks_for(name: str) -> None:
    unit = settings_of(SOCKETS[name])
    assert unit["FileDescriptorName"] == [name]
    assert unit["Service"] == [SERVICE.name]
    assert SOCKETS[name].name in settings_of(SERVICE)["Sockets"][0].split()
    assert [line.rpartition(":")[0] for line in unit["ListenStream"]] == ["0.0.0.0", "[::]"]


def test_the_installer_knows_the_sockets_and_their_ports(machine: Installer) -> None:
    done = machine.run('for n in 0 1; do echo "${WEB_SOCKETS[n]} ${WEB_PORTS[n]}"; done; echo "$WEB_STATE"')
    *sockets, state = done.out.splitlines()
    found = [
        f"{file.name} {settings_of(file)['ListenStream'][0].rpartition(':')[2]}" for file in SOCKETS.values()
    ]
    assert sockets == found
    assert state == f"{machine.folder}{SYSTEM_FOLDER}"


def test_the_exposure_level_is_low() -> None:
    assert exposure_of(SERVICE) <= EXPOSURE_LIMIT


def test_the_speakers_folder_becomes_the_gateways_groups_outside_of_the_sandbox() -> None:
    (command,) = settings_of(SYSTEMD / "conure.service")["ExecStartPre"]
    assert command.startswith("-+")
    assert f"chgrp {GATEWAY_GROUP} {SYSTEM_SOCKET.parent} && chmod g+s {SYSTEM_SOCKET.parent}" in command


def test_the_helper_is_started_by_what_the_gateway_leaves_and_reaches_no_network() -> None:
    path, service = settings_of(SYSTEMD / "conure-apply.path"), settings_of(SYSTEMD / "conure-apply.service")
    assert path["PathExists"] == [str(SYSTEM_FOLDER / WISH_FILE)]
    assert path["Unit"] == ["conure-apply.service"]
    assert service["PrivateNetwork"] == ["yes"]
    written = [f"{SYSTEM_FILE.parent} {SYSTEM_FOLDER}", f"-{ENCRYPTED.parent}"]
    assert service["ReadWritePaths"] == written
    assert [Path("/etc", name) for name in service["ConfigurationDirectory"]] == [PLAIN.parent]
    assert service["ConfigurationDirectoryMode"] == ["0700"]
    assert f"{APPLY_VARIABLE}=yes" in settings_of(SERVICE)["Environment"]


def test_the_helper_puts_a_key_where_the_installer_does() -> None:
    installers = [shell_value(name, "places") for name in ("KEY", "ENCRYPTED_KEY")]
    assert [name.replace("$KEY_NAME", CREDENTIAL) for name in installers] == [str(PLAIN), str(ENCRYPTED)]


def test_the_helper_has_time_for_two_starts_and_the_page_waits_as_long() -> None:
    speaker, helper = settings_of(SYSTEMD / "conure.service"), settings_of(SYSTEMD / "conure-apply.service")
    start_s = seconds(speaker, "TimeoutStartSec") + seconds(speaker, "TimeoutStopSec")
    assert start_s < START_S
    assert seconds(helper, "TimeoutStartSec") > 2 * start_s
    assert 2 * start_s < WAIT_S


# --- what is put where


@pytest.mark.parametrize(("chosen", "there"), [("web", True), ("mcp", False), ("none", False)])
def test_its_files_are_in_the_version_only_if_it_was_asked_for(
    machine: Installer, chosen: str, there: bool
) -> None:
    folder = machine.at("files")
    assert machine.run(f"read_extras {chosen}; stage_system_files {folder}").status == 0
    assert (folder / "etc/systemd/system/conure-web.service").exists() is there
    assert (folder / "etc/systemd/system/conure-web.socket").exists() is there
    assert (folder / "etc/systemd/system/conure-apply.path").exists() is there
    assert (folder / "etc/systemd/system/conure-apply.service").exists() is there
    assert (folder / "usr/lib/sysusers.d/conure-web.conf").exists() is there
    assert (folder / "etc/systemd/system/conure.service").exists()


def test_it_is_installed_with_its_libraries(machine: Installer) -> None:
    done = machine.run("read_extras web,media; locked_versions")
    assert any(line.startswith("uvicorn==") for line in done.out.splitlines())
    assert any(line.startswith("av==") for line in done.out.splitlines())


# --- ports


def test_ports_that_are_free_are_the_usual_ones_and_looked_at_once(machine: Installer) -> None:
    done = machine.run(
        "port_is_free() { true; }; choose_web_ports; port_is_free() { false; }; choose_web_ports"
    )
    assert done.status == 0, done.err
    assert not list(machine.folder.rglob("port.conf"))
    assert "conure-web.socket 443" in machine.run("made web-port").out


def test_where_a_port_is_another_programs_the_gateway_takes_another(machine: Installer) -> None:
    done = machine.run("port_is_free() { [[ $1 != 443 ]]; }; choose_web_ports")
    assert "port 443 is in use; the gateway takes 8443" in done.err
    text = machine.at("etc/systemd/system/conure-web.socket.d/port.conf").read_text("utf-8")
    assert text == "[Socket]\nListenStream=\nListenStream=0.0.0.0:8443\nListenStream=[::]:8443\n"
    assert not machine.at("etc/systemd/system/conure-web-plain.socket.d").exists()


def test_a_port_that_somebody_listens_at_is_not_free(machine: Installer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert machine.run(f"port_is_free {port}").status == 1
    assert machine.run(f"port_is_free {port}").status == 0


# --- starting and leaving


@pytest.fixture
def running(machine: Installer) -> Installer:
    """systemd is at work, and knows every unit."""
    machine.at("run/systemd/system").mkdir(parents=True)
    machine.program("systemctl")
    machine.put("usr/local/bin/conure", f'#!/bin/sh\necho "conure $*" >>{machine.folder}/calls.txt\n').chmod(
        0o755
    )
    for file in (SERVICE, *SOCKETS.values()):
        machine.put(f"etc/systemd/system/{file.name}", file.read_text("utf-8"))
    return machine


def test_it_is_started_and_a_browser_can_be_let_in(running: Installer) -> None:
    done = running.run("START=yes; port_is_free() { true; }; start_web")
    assert done.status == 0, done.err
    assert running.calls() == [
        "systemctl --quiet enable conure-web.service "
        "conure-web.socket conure-web-plain.socket conure-apply.path",
        "systemctl daemon-reload",
        "systemctl start conure-web.socket conure-web-plain.socket conure-apply.path",
        "systemctl restart conure-web.service",
        "conure web pair",
    ]


def test_one_that_does_not_start_leaves_the_speaker_alone(running: Installer) -> None:
    running.program("systemctl", '[[ "$*" != "restart conure-web.service" ]]')
    done = running.run("START=yes; port_is_free() { true; }; start_web")
    assert done.status == 0
    assert "journalctl -u conure-web" in done.err


def test_without_it_its_units_are_stopped_and_their_settings_removed(running: Installer) -> None:
    running.run("port_is_free() { false; }; choose_web_ports")
    running.put("etc/systemd/system/conure-web.service.d/mine.conf", "mine")
    assert running.run("CHOSEN=(); leave_web").status == 0
    calls = running.calls()
    for file in (SERVICE, *SOCKETS.values()):
        assert f"systemctl stop {file.name}" in calls
        assert f"systemctl --quiet disable {file.name}" in calls
    assert not list(running.folder.rglob("port.conf"))
    assert not running.at("etc/systemd/system/conure-web.socket.d").exists()
    assert running.at("etc/systemd/system/conure-web.service.d/mine.conf").exists()
    assert running.run("made web-port").out == ""


def test_where_it_never_was_nothing_is_asked_of_systemd_and_no_file_changes(machine: Installer) -> None:
    machine.program("systemctl")
    made = Path(machine.run('note_made folder /etc/conure; echo "$MADE"').out.strip())
    before = made.stat()
    assert machine.run("CHOSEN=(); leave_web").status == 0
    assert machine.calls() == []
    after = made.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_an_encrypted_key_is_given_to_the_gateway_too(machine: Installer) -> None:
    machine.program("systemd-creds", 'cat >"${@: -1}"')
    assert machine.run("API_KEY=abc; store_key encrypt").status == 0
    for service in ("conure", "conure-web"):
        drop_in = machine.at(f"etc/systemd/system/{service}.service.d/encrypted-key.conf")
        assert "LoadCredentialEncrypted=gemini-api-key" in drop_in.read_text("utf-8")
    machine.run("API_KEY=abc; store_key")
    assert not list(machine.folder.rglob("encrypted-key.conf"))


def test_the_help_names_what_web_brings() -> None:
    assert "web (the page, conure web)" in (ROOT / "scripts/install").read_text("utf-8")
