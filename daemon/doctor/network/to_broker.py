"""The way to the MQTT broker of the house, and what the speaker's bridge says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from daemon.config.broker_password import load_password
from daemon.config.home import MqttSettings
from daemon.doctor.case import Case
from daemon.doctor.finding import Check, Finding, Verdict, fine, skipped, wrong
from daemon.doctor.machine import Machine
from daemon.doctor.network.to_service import look_up, reach
from daemon.errors import ConfigError

CHECK = Check.BROKER
PORTS = {False: 1883, True: 8883}
"""Without TLS, and with it (IANA's registry: mqtt, secure-mqtt)."""


def probe(case: Case) -> Iterator[Finding]:
    """One row; that there is no broker is nothing wrong."""
    if case.settings is None:
        yield skipped(CHECK, "the configuration, which may name it, has mistakes")
    elif not case.settings.mqtt.host:
        yield skipped(CHECK, "none is configured")
    elif case.wishes.offline:
        yield skipped(CHECK, "left out (--offline)")
    else:
        yield _judge(case.machine, case.settings.mqtt, (case.status or {}).get("house"))


def _judge(machine: Machine, mqtt: MqttSettings, house: Mapping[str, Any] | None) -> Finding:
    if machine.version_of("aiomqtt") is None:
        return wrong(CHECK, "there is no aiomqtt", "`sudo scripts/install --with mqtt`")
    if fault := _password_fault(machine, mqtt):
        return wrong(CHECK, fault, "write the password alone into it, readable by the service")
    reached = replace(_reached(mqtt), check=CHECK)
    if reached.mark is not Verdict.FINE:
        return reached
    return judge_bridge(reached.found, house)


def _password_fault(machine: Machine, mqtt: MqttSettings) -> str:
    """Of a file that may be read by the service alone, another user cannot say anything."""
    try:
        load_password(mqtt, machine.env)
    except ConfigError as error:
        fault = error.problems[0]
        return fault if machine.is_root or "Permission denied" not in fault else ""
    return ""


def _reached(mqtt: MqttSettings) -> Finding:
    port = mqtt.port or PORTS[mqtt.tls]
    name, addresses = look_up(mqtt.host, port)
    if not addresses:
        return name
    reached, connection = reach(addresses, port)
    if connection is not None:
        connection.close()
    return reached


def judge_bridge(reached: str, house: Mapping[str, Any] | None) -> Finding:
    """What the running speaker was told by its bridge; None: by none, or there is no speaker."""
    if house is None:
        return wrong(
            CHECK,
            f"{reached}, but no bridge says that it uses it",
            "`sudo systemctl restart conure-mqtt` (with the gateway: conure-web), or run `conure mqtt`",
        )
    if not house.get("connected"):
        return wrong(
            CHECK,
            f"{reached}, but the bridge is not connected: {house.get('trouble') or 'it is trying'}",
            "are mqtt.user, the password and mqtt.tls as the broker wants them?",
        )
    peers = house.get("peers", 0)
    others = f"; {peers} other {'speaker' if peers == 1 else 'speakers'}" if peers else ""
    return fine(CHECK, f"{reached}, connected{others}")
