"""The bridge to an MQTT broker comes with --with mqtt: in the gateway, or as a service of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from installer import Installer
from test_unit import EXPOSURE_LIMIT, SYSTEMD, exposure_of, settings_of

from daemon.config.broker_password import PASSWORD_CREDENTIAL
from daemon.config.load import SYSTEM_FILE
from daemon.control.client import SYSTEM_SOCKET
from daemon.control.server import GATEWAY_GROUP
from daemon.errors import EX_CONFIG

SERVICE = SYSTEMD / "conure-mqtt.service"


@pytest.fixture
def machine(tmp_path: Path) -> Installer:
    return Installer(tmp_path)


@pytest.fixture
def running(machine: Installer) -> Installer:
    """systemd is at work, and knows the unit."""
    machine.at("run/systemd/system").mkdir(parents=True)
    machine.program("systemctl")
    machine.put(f"etc/systemd/system/{SERVICE.name}", SERVICE.read_text("utf-8"))
    return machine


def test_the_unit_has_the_group_and_the_files_that_the_program_looks_for() -> None:
    unit = settings_of(SERVICE)
    assert f"CONURE_SOCKET={SYSTEM_SOCKET}" in unit["Environment"][0].split()
    assert f"CONURE_CONFIG={SYSTEM_FILE}" in unit["Environment"][0].split()
    assert unit["LoadCredential"] == [PASSWORD_CREDENTIAL]
    assert unit["Group"] == [GATEWAY_GROUP]
    assert unit["RestartPreventExitStatus"] == [str(EX_CONFIG)]
    made = (SYSTEMD / "conure-mqtt.sysusers.conf").read_text("utf-8")
    assert f"u {unit['User'][0]} " in made
    assert f"g {GATEWAY_GROUP} " in made


def test_it_has_no_device_and_no_key() -> None:
    unit = settings_of(SERVICE)
    assert "DeviceAllow" not in unit
    assert (unit["DevicePolicy"], unit["PrivateDevices"]) == (["closed"], ["yes"])
    assert "gemini" not in SERVICE.read_text("utf-8")


def test_the_exposure_level_is_low() -> None:
    assert exposure_of(SERVICE) <= EXPOSURE_LIMIT


@pytest.mark.parametrize(
    ("chosen", "there"), [("mqtt", True), ("web,mqtt", False), ("web", False), ("none", False)]
)
def test_it_is_a_service_of_its_own_only_without_the_gateway(
    machine: Installer, chosen: str, there: bool
) -> None:
    folder = machine.at("files")
    assert machine.run(f"read_extras {chosen}; stage_system_files {folder}").status == 0
    assert (folder / f"etc/systemd/system/{SERVICE.name}").exists() is there
    assert (folder / "usr/lib/sysusers.d/conure-mqtt.conf").exists() is there


def test_its_library_is_installed(machine: Installer) -> None:
    done = machine.run("read_extras mqtt; locked_versions")
    assert any(line.startswith("aiomqtt==") for line in done.out.splitlines())


def test_it_is_started(running: Installer) -> None:
    done = running.run("read_extras mqtt; START=yes; step_mqtt")
    assert done.status == 0, done.err
    assert running.calls() == [
        f"systemctl --quiet enable {SERVICE.name}",
        "systemctl daemon-reload",
        f"systemctl restart {SERVICE.name}",
    ]


def test_a_start_that_fails_says_what_is_missing_and_undoes_nothing(running: Installer) -> None:
    running.program("systemctl", "case $1 in restart) exit 1 ;; esac")
    done = running.run("read_extras mqtt; START=yes; step_mqtt")
    assert done.status == 0
    assert "is [mqtt] host set in" in done.err


def test_it_is_not_started_where_it_was_not_asked_for(running: Installer) -> None:
    assert "at the next boot" in running.run("read_extras mqtt; START=no; step_mqtt").err
    assert "the gateway shows the speaker" in running.run("read_extras web,mqtt; step_mqtt").err
    assert "--with mqtt" in running.run("read_extras none; step_mqtt").err


def test_it_is_left_where_it_was(running: Installer) -> None:
    assert running.run("leave_mqtt").status == 0
    assert f"systemctl stop {SERVICE.name}" in running.calls()
    assert f"systemctl --quiet disable {SERVICE.name}" in running.calls()


def test_nothing_is_left_where_it_never_was(machine: Installer) -> None:
    assert machine.run("leave_mqtt").status == 0
    assert machine.calls() == []
