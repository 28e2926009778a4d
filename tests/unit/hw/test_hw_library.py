"""A look at the sound devices ends, whatever the library does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from places import ROOT

from hw.base import DeviceError, MicError
from hw.sound import library
from hw.sound.cards import CAPTURE, DeviceInfo
from hw.sound.library import LIBRARY
from hw.sound.negotiate import MIC_OPTIONS, Form

INTERRUPTED = """
import sys
from threading import Event
from daemon.cli.main import main
from hw.sound import library

def survey(kind, options):
    print("asked", flush=True)
    Event().wait()

library.LIBRARY.survey = survey
sys.exit(main(["devices"]))
"""


@pytest.mark.parametrize("look", [library.list_devices, library.survey_devices])
def test_a_library_that_never_answers_is_given_up_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[], object]
) -> None:
    answer = Event()
    monkeypatch.setattr(library, "LIST_TIMEOUT_S", 0.05)
    monkeypatch.setattr(LIBRARY, "list_devices", answer.wait)
    monkeypatch.setattr(LIBRARY, "survey", lambda _kind, _options: answer.wait())
    with pytest.raises(DeviceError, match=r"do not answer .* restart it"):
        look()
    answer.set()


def test_what_the_library_raises_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise DeviceError("PyAudio", "cannot be loaded")

    monkeypatch.setattr(LIBRARY, "list_devices", fail)
    with pytest.raises(DeviceError, match="cannot be loaded"):
        library.list_devices()


def test_ctrl_c_ends_a_look_that_hangs() -> None:
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


@pytest.mark.parametrize("command", ["devices", "tone"])
def test_a_configuration_of_alsa_that_is_none_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / ".asoundrc").write_text("snd_soc_driver { {\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "daemon", command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"{tmp_path}/.asoundrc: is no valid configuration of ALSA" in done.stderr
    assert len(done.stderr.splitlines()) == 1


class Stream:
    """A stream of a card."""

    closed = False

    def close(self) -> None:
        self.closed = True


class Playing:
    """A speaker that cannot be spared."""

    hangs = False

    def lend(self, go_on: Event) -> bool:
        return False


@pytest.mark.parametrize(("name", "opens"), [("USB: - (hw:1,0)", False), ("default", True)])
def test_a_card_whose_number_may_be_another_s_by_now_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, opens: bool
) -> None:
    cards, stream = ["desk"], Stream()
    opened = library.Opened(stream, Form(16_000, 1), name, served=False)
    monkeypatch.setattr(library, "_initialise", lambda _error: object())
    monkeypatch.setattr(library, "_devices", lambda _audio: {0: DeviceInfo(name, CAPTURE, "", default=True)})
    monkeypatch.setattr(library, "_open_device", lambda *_: opened)
    owner = library.Library(signature=lambda: cards[0])
    assert owner.open_stream(Playing(), CAPTURE, "default", MIC_OPTIONS) is opened
    cards[0] = "webcam, desk"
    if opens:
        assert owner.open_stream(Playing(), CAPTURE, "default", MIC_OPTIONS) is opened
        return
    with pytest.raises(MicError, match="have changed") as caught:
        owner.open_stream(Playing(), CAPTURE, "default", MIC_OPTIONS)
    assert stream.closed and not caught.value.permanent
