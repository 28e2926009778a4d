"""In processes of their own: ALSA keeps one configuration for each process."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

pytestmark = pytest.mark.skipif(ctypes.util.find_library("asound") is None, reason="there is no ALSA here")


def printed_by(code: str, home: Path) -> str:
    """What a Python program prints whose user has `home`."""
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


FORGET = "from hw.sound.alsa_names import forget_names as forget; "


def test_a_name_is_forgotten_once(tmp_path: Path) -> None:
    (tmp_path / ".asoundrc").write_text("pcm.costly { type null }\n", encoding="utf-8")
    assert printed_by(FORGET + "print(forget(['costly']), forget(['costly']))", tmp_path) == "['costly'] []\n"


def test_a_name_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    assert printed_by(FORGET + "print(forget(['never_heard_of']))", tmp_path) == "[]\n"


def test_portaudio_does_not_see_what_was_forgotten_and_sees_the_rest(tmp_path: Path) -> None:
    (tmp_path / ".asoundrc").write_text(
        "".join(f'pcm.{name} {{ type null hint.description "x" }}\n' for name in ("costly", "wanted")),
        encoding="utf-8",
    )
    code = "print([device.name for device in __import__('hw.sound.library').sound.library.list_devices()])"
    assert "costly" in printed_by(code, tmp_path)
    seen = printed_by(FORGET + "forget(['costly']); " + code, tmp_path)
    assert "costly" not in seen
    assert "wanted" in seen


def test_where_alsa_cannot_be_loaded_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    from hw.sound import alsa_names

    monkeypatch.setattr(alsa_names, "LIBRARY", "libnowhere.so.0")
    assert alsa_names.forget_names() == []


SERVED = """
pcm.direct { type pulse }
pcm.through { type plug slave.pcm "direct" }
pcm.within { type plug slave { pcm { type pipewire } } }
pcm.one_way { type asym capture.pcm "null" playback.pcm "through" }
pcm.card { type plug slave.pcm { type hw card 0 } }
pcm.circle { type plug slave.pcm "circle" }
pcm.nothing { type plug slave.pcm "never_heard_of" }
"""


def test_a_server_is_found_behind_whatever_stands_before_it(tmp_path: Path) -> None:
    (tmp_path / ".asoundrc").write_text(SERVED, encoding="utf-8")
    names = ["direct", "through", "within", "one_way", "card", "circle", "nothing", "never_heard_of"]
    code = f"from hw.sound.alsa_names import is_served; print([name for name in {names} if is_served(name)])"
    assert printed_by(code, tmp_path) == "['direct', 'through', 'within', 'one_way']\n"
