"""`conure doctor` finds what was planted, names the remedy, and leaves alone what is well."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doctor_patient import KEY, Patient, finding_of, noise, sine, wrong_of
from fault_cases import NO_MODEL, close
from standin_support import plan

from daemon.doctor.finding import Check, Verdict
from daemon.doctor.report import exit_status
from daemon.errors import EX_CONFIG
from daemon.standin.door.credentials import ApiKeys
from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from hw.base import MIC_FORMAT, ButtonError, MicError, SpeakerError
from hw.gpio.gpio import closed_chip
from hw.lights.apa102 import Apa102Leds
from hw.sound.cards import CAPTURE, PLAYBACK, no_such_device


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


# --- health


async def test_nothing_is_wrong_with_a_healthy_machine(patient: Patient) -> None:
    patient.offline = False
    async with StandIn() as standin:
        patient.trust = standin.client_ssl_context()
        patient.set("live", base_url=standin.base_url)
        findings = await asyncio.to_thread(patient.examine)
    assert wrong_of(findings) == {}
    assert [finding.check for finding in findings] == list(Check)
    unjudged = {finding.check for finding in findings if finding.mark is Verdict.SKIPPED}
    # no camera; not Google's address; no broker; the service is stopped
    assert unjudged == {Check.CAMERA, Check.PORTAL, Check.BROKER, Check.SERVICE}
    assert exit_status(findings) == 0


async def test_the_handshake_is_a_set_up_and_nothing_more(patient: Patient) -> None:
    patient.offline = False
    async with StandIn() as standin:
        patient.trust = standin.client_ssl_context()
        patient.set("live", base_url=standin.base_url)
        await asyncio.to_thread(patient.examine)
        setups = [connection.setup for connection in standin.record.connections if connection.setup]
        assert len(setups) == 1
        assert standin.record.turns == []


# --- the planted faults


@dataclass(frozen=True)
class Fault:
    """Something that is done to a healthy machine, and what the doctor must say of it."""

    name: str
    plant: Callable[[Patient], object]
    check: Check
    found: str
    """Part of what it finds."""
    remedy: str
    """Part of what it advises."""
    status: int = 1
    also: tuple[Check, ...] = ()
    """What is rightly marked besides."""


def config_key(patient: Patient) -> None:
    patient.config_text = '[sound]\nvolum = 50\n[board]\nname = "generic"\n'


def no_key(patient: Patient) -> None:
    patient.key_file.unlink()


def wrong_group(patient: Patient) -> None:
    patient.write("etc/group", "audio:x:29:conure\ngpio:x:997:pi\n")


def no_sound_card(patient: Patient) -> None:
    patient.write("proc/asound/cards", "--- no soundcards ---\n")
    patient.board.broken["mic"] = MicError("default", no_such_device({}, CAPTURE), absent=True)
    patient.board.broken["speaker"] = SpeakerError("default", no_such_device({}, PLAYBACK), absent=True)


def wrong_name(patient: Patient) -> None:
    words = "there is no such capture device; there are: 'USB PnP: Audio (hw:0,0)' (card Device)"
    patient.board.broken["mic"] = MicError("Devise", words, absent=True)


def busy(patient: Patient) -> None:
    words = "is busy or gone: another program may have it (fuser -v /dev/snd/*)"  # as hw.sound.portaudio says
    patient.board.broken["mic"] = MicError("default", words)


def digital_silence(patient: Patient) -> None:
    patient.board.room.ambient = np.zeros(MIC_FORMAT.frames(8.0))
    patient.sound = False


def clipping(patient: Patient) -> None:
    patient.board.room.ambient = sine(440.0, 6.0)
    patient.sound = False


def offset(patient: Patient) -> None:
    patient.board.room.ambient = noise(-62.0) + 0.08


def hum(patient: Patient) -> None:
    patient.board.room.ambient = noise(-62.0) + sine(50.0, -42.0) + sine(150.0, -48.0)
    patient.sound = False


def wrong_pace(patient: Patient) -> None:
    patient.board.room.chunk_s *= 48.0 / 44.1
    patient.sound = False


def dead_loopback(patient: Patient) -> None:
    patient.board.room.gain = 0.0


def rattle(patient: Patient) -> None:
    patient.board.room.drive = 40.0


def slow_speaker(patient: Patient) -> None:
    patient.board.room.delay_s = 0.55


def no_spi(patient: Patient) -> None:
    patient.set("lights", kind="apa102")
    (patient.root / "dev/spidev0.0").unlink()
    patient.board.open_other_leds = lambda: Apa102Leds(str(patient.root / "dev/spidev0.0"), 3, 0.3)


def no_gpio(patient: Patient) -> None:
    (patient.root / "dev/gpiochip0").unlink()
    words, permanent = closed_chip(patient.root / "dev")
    patient.board.broken["button"] = ButtonError("GPIO 17", words, permanent=permanent)


def in_unit(**properties: str) -> Callable[[Patient], None]:
    return lambda patient: patient.unit.update(properties)


def watchdog_restarts(patient: Patient) -> None:
    patient.unit |= {"ActiveState": "active", "NRestarts": "2"}
    systemd = {"PRIORITY": "5", "_SYSTEMD_UNIT": "init.scope"}
    words = {"PRIORITY": "3", "_SYSTEMD_UNIT": "conure.service", "MESSAGE": "no progress of capture"}
    ended = systemd | {"MESSAGE": "conure.service: Main process exited, code=killed, status=6/ABRT"}
    failed = systemd | {"MESSAGE": "conure.service: Failed with result 'watchdog'."}
    patient.journal = [words, ended, failed, words, ended, failed]


def program(name: str, told: str) -> Callable[[Patient], None]:
    return lambda patient: patient.programs.update({name: told})


def field_of(name: str, value: Any) -> Callable[[Patient], None]:
    return lambda patient: setattr(patient, name, value)


FAULTS = (
    Fault("a key that does not exist", config_key, Check.CONFIGURATION,
          "sound.volum: there is no such key; did you mean sound.volume?", "conure config check", EX_CONFIG),
    Fault("no API key", no_key, Check.API_KEY, "there is none", "https://aistudio.google.com/api", EX_CONFIG),
    Fault("an API key with its name", lambda patient: patient.key_file.write_text(f"GEMINI_API_KEY={KEY}"),
          Check.API_KEY, "must hold the API key alone", "write the key alone into it", EX_CONFIG),
    Fault("a key file for all to read", lambda patient: patient.key_file.chmod(0o644), Check.API_KEY,
          "may be read by everybody on this machine (mode 0644)", "`sudo chmod 600 "),
    Fault("a group is missing", wrong_group, Check.GROUPS,
          "conure, who runs the service, is not in gpio", "`sudo usermod -aG gpio conure"),
    Fault("no sound card", no_sound_card, Check.SOUND_CARDS, "the kernel knows no sound card", "dtoverlay=",
          also=(Check.MIC, Check.SPEAKER)),
    Fault("a device that is not there", wrong_name, Check.MIC, "Devise: there is no such capture device",
          "`conure devices` lists what there is: set [board] mic"),
    Fault("a device that another has", busy, Check.MIC, "is busy or gone", "`sudo fuser -v /dev/snd/*`"),
    Fault("a microphone that is switched off", digital_silence, Check.MIC_SOUND, "digital silence",
          "unmute it and raise its level (`alsamixer`"),
    Fault("clipping", clipping, Check.MIC_SOUND, "it clips: ", "lower the capture level"),
    Fault("an offset", offset, Check.MIC_SOUND, "an offset of +8% of full scale", "high-pass filter"),
    Fault("mains hum", hum, Check.MIC_SOUND, "mains hum at 50 Hz", "another power supply"),
    Fault("a sound clock that is wrong", wrong_pace, Check.MIC, "measured 14700 Hz", "is its overlay"),
    Fault("a speaker that is not heard", dead_loopback, Check.LOOPBACK, "does not hear the speaker",
          "is the speaker plugged in"),
    Fault("a speaker that distorts", rattle, Check.LOOPBACK, "the loudspeaker distorts: ",
          "turn the volume down to "),
    Fault("a speaker that is late", slow_speaker, Check.LOOPBACK, "heard only after 550 ms", "to Bluetooth"),
    Fault("SPI is off", no_spi, Check.LIGHTS, "spidev0.0: is not there", "sudo raspi-config nonint do_spi 0"),
    Fault("no GPIO", no_gpio, Check.BUTTON, "there is no GPIO here", "[button] pin = -1"),
    Fault("the clock is not set", field_of("wall_clock_s", 3600.0), Check.CLOCK, "not set",
          "`sudo timedatectl set-ntp true`"),
    Fault("the service does not take the configuration",
          in_unit(ActiveState="failed", Result="exit-code", ExecMainStatus="78"), Check.SERVICE,
          "it ended with status 78: the configuration", "`sudo conure config check`"),
    Fault("the service is out of memory", in_unit(ActiveState="failed", Result="oom-kill"), Check.SERVICE,
          "the memory was used up", "`free -m` tells"),
    Fault("the service does not answer", field_of("stuck", "the daemon does not answer (/run/x)"),
          Check.SERVICE, "the daemon does not answer", "`sudo systemctl restart conure`"),
    Fault("the service is not enabled", in_unit(ActiveState="active", UnitFileState="disabled"),
          Check.SERVICE, "does not start at boot", "`sudo systemctl enable conure`"),
    Fault("the watchdog has bitten", watchdog_restarts, Check.FAILURES,
          "2 × it stopped moving, and the watchdog ended it; its last words: no progress of capture",
          "`journalctl -u conure -p warning`"),
    Fault("under-voltage", program("vcgencmd", "throttled=0x50005\n"), Check.POWER, "under-voltage now",
          "a supply that holds 5.1 V"),
    Fault("heat", program("vcgencmd", "throttled=0x80008\n"), Check.POWER, "hot now", "a heat sink"),
    Fault("the card is full", field_of("free_bytes", 20 * 2**20), Check.SPACE, "only 20 MB",
          "journalctl --vacuum-size"),
    Fault("the memory is full", lambda patient: patient.write(
          "proc/meminfo", "MemTotal: 440000 kB\nMemAvailable: 20000 kB\n"),
          Check.MEMORY, "only 19 of 429 MB", "ps aux --sort=-rss"),
    Fault("lgpio is a stub", field_of("versions", {"lgpio": "0.0.0.2"}), Check.VERSIONS, "an empty stub",
          "scripts/install"),
    Fault("a library is missing", field_of("versions", {"PyAudio": None}), Check.VERSIONS,
          "PyAudio is missing", "scripts/install"),
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found_with_its_remedy(patient: Patient, fault: Fault) -> None:
    fault.plant(patient)
    findings = patient.examine()
    wrong = wrong_of(findings)
    assert set(wrong) == {fault.check, *fault.also}
    assert fault.found in wrong[fault.check].found
    assert fault.remedy in wrong[fault.check].remedy
    assert exit_status(findings) == fault.status


def test_where_no_device_is_at_all_nobody_is_sent_to_choose_one(patient: Patient) -> None:
    no_sound_card(patient)
    wrong = wrong_of(patient.examine())
    for check in (Check.MIC, Check.SPEAKER):
        assert wrong[check].remedy == "plug one in; for the rest see the row sound cards"


# --- the planted faults of the network


@dataclass(frozen=True)
class NetworkFault:
    """Something that goes wrong on the way to the stand-in, or in it."""

    name: str
    check: Check
    found: str
    remedy: str
    plan: Plan = field(default_factory=Plan)
    bad_keys: tuple[str, ...] = ()
    base_url: str = ""
    trusted: bool = True


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


NOBODY = closed_port()


def every(when: str, do: str) -> Plan:
    return plan(f'when = "{when}"\nnth = "every"\ndo = {do}')


NETWORK_FAULTS = (
    NetworkFault("no such name", Check.NAME, "no-such-host.invalid", "the Wi-Fi joined",
                 base_url="https://no-such-host.invalid"),
    NetworkFault("nobody listens", Check.REACH, "Connection refused", "firewall", base_url=f"https://127.0.0.1:{NOBODY}"),
    NetworkFault("a strange certificate", Check.TLS, "the certificate is refused",
                 "sign in to the Wi-Fi with a browser", trusted=False),
    NetworkFault("a certificate that has run out", Check.TLS, "certificate has expired",
                 "is the clock right", plan=every("connect", '{ action = "tls_failure", kind = "expired" }')),
    NetworkFault("a captive portal", Check.SESSION, "answers in its place", "Sign in to the Wi-Fi",
                 plan=every("upgrade", '{ action = "http_status", status = 302, body = "" }')),
    NetworkFault("the key is refused", Check.SESSION, "refuses the API key",
                 "make a new key at https://aistudio.google.com/apikey", bad_keys=(KEY,)),
    NetworkFault("the model is unknown", Check.SESSION, "does not know this model",
                 '[live] model = "gemini-3.8-live"', plan=every("setup", close(1008, NO_MODEL))),
    NetworkFault("the quota is used up", Check.SESSION, "The quota or the credit is used up",
                 "plan and billing", plan=every("setup", '"quota"')),
)  # fmt: skip


@pytest.mark.parametrize("fault", NETWORK_FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_of_the_network_is_found_with_its_remedy(patient: Patient, fault: NetworkFault) -> None:
    patient.offline = False
    async with StandIn(plan=fault.plan, keys=ApiKeys(bad=frozenset(fault.bad_keys))) as standin:
        patient.trust = standin.client_ssl_context() if fault.trusted else None
        closed = f"https://127.0.0.1:{closed_port()}"
        patient.set(
            "live", base_url={"": standin.base_url, "closed port": closed}.get(fault.base_url, fault.base_url)
        )
        findings = await asyncio.to_thread(patient.examine)
    wrong = wrong_of(findings)
    assert set(wrong) == {fault.check}
    assert fault.found in wrong[fault.check].found
    assert fault.remedy in wrong[fault.check].remedy
    assert KEY not in repr(findings)
    assert exit_status(findings) == 1


async def test_a_greeting_that_is_cut_off_is_no_certificates_fault(patient: Patient) -> None:
    """As a firewall does it that lets TCP through, and ends it when it has seen the name in TLS."""

    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    patient.offline = False
    async with await asyncio.start_server(cut_off, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        patient.set("live", base_url=f"https://127.0.0.1:{port}")
        wrong = wrong_of(await asyncio.to_thread(patient.examine))
    assert set(wrong) == {Check.TLS}
    assert "broken off" in wrong[Check.TLS].found
    assert "try another network" in wrong[Check.TLS].remedy


def test_at_least_twenty_faults_are_planted() -> None:
    assert len({fault.name for fault in (*FAULTS, *NETWORK_FAULTS)}) >= 20


def test_what_is_planted_in_the_sound_is_not_found_elsewhere(patient: Patient) -> None:
    """The room of the healthy machine stays well without the test sound too."""
    patient.sound = False
    findings = patient.examine()
    assert wrong_of(findings) == {}
    assert finding_of(findings, Check.LOOPBACK).mark is Verdict.SKIPPED
