"""Before and after a run: the file of the reply, the name of a failure, what a tap does."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
from rig import running_rig

from daemon.config.settings import BoardSettings, Settings
from daemon.errors import ConfigError, ConureError
from daemon.run.demo import press
from daemon.run.dial import STAND_IN_KEY, load_client
from daemon.run.modes import named_by_key
from daemon.run.options import RunOptions
from daemon.run.signals import may_begin_again
from daemon.run.wav import keep_reply, with_wav_checked
from hw.base import MicError, SpeakerError

ONCE = RunOptions(once=True)


# --- where the reply goes


def test_unasked_the_reply_goes_to_a_private_folder(tmp_path: Path) -> None:
    options = with_wav_checked(ONCE, {"XDG_STATE_HOME": str(tmp_path / "state")})
    assert options.wav_out == tmp_path / "state/conure/reply.wav"
    assert options.wav_out.parent.stat().st_mode & 0o777 == 0o700


def test_asked_it_goes_where_it_was_asked_for_and_nothing_is_made(tmp_path: Path) -> None:
    asked = RunOptions(once=True, wav_out=tmp_path / "mine.wav")
    assert with_wav_checked(asked, {"HOME": str(tmp_path)}) == asked
    assert list(tmp_path.iterdir()) == []


def test_a_service_keeps_nothing_unasked(tmp_path: Path) -> None:
    assert with_wav_checked(RunOptions(), {"HOME": str(tmp_path)}).wav_out is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("once", [True, False])
def test_a_file_that_cannot_be_written_is_refused_before_the_conversation(tmp_path: Path, once: bool) -> None:
    asked = RunOptions(once=once, wav_out=tmp_path / "none/mine.wav")
    with pytest.raises(ConfigError, match=r"none/mine\.wav: cannot be written: there is no directory"):
        with_wav_checked(asked, {})


def test_without_a_place_of_its_own_it_asks_for_one(tmp_path: Path) -> None:
    (tmp_path / "conure").write_text("in the way")
    for env in ({}, {"XDG_STATE_HOME": str(tmp_path)}):
        with pytest.raises(ConfigError, match="--wav-out"):
            with_wav_checked(ONCE, env)


def test_a_reply_that_cannot_be_written_after_all_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConureError, match=r"^\S+reply\.wav: the reply cannot be written: No such file"):
        keep_reply(tmp_path / "gone/reply.wav", bytes(2))


# --- what a failure is called


def test_a_device_that_is_not_there_is_named_by_its_key_and_what_needs_none_is_told() -> None:
    absent = SpeakerError("default", "there is no such playback device", permanent=True, absent=True)
    named = named_by_key(absent, BoardSettings())
    assert type(named) is SpeakerError
    assert (named.permanent, named.absent) == (True, True)
    assert str(named) == (
        'board.speaker = ["default"]: there is no such playback device; '
        "`--board simulated` needs no sound device"
    )


def test_a_device_that_is_there_but_fails_is_named_by_its_key_alone() -> None:
    named = named_by_key(MicError("USB", "is busy"), BoardSettings(mic=("USB",)))
    assert str(named) == 'board.mic = ["USB"]: is busy'


def test_what_no_key_of_a_device_names_stays_as_it_is() -> None:
    error = MicError("x.wav", "is no WAV file", permanent=True)
    assert named_by_key(error, BoardSettings()) is error


# --- a new configuration


def test_a_new_configuration_is_judged_with_the_board_that_the_command_line_names(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[board]\nname = "no-such-board"\n')
    named = RunOptions(standin=True, config=file, board="simulated")
    assert may_begin_again(named, {})
    assert not may_begin_again(replace(named, board=None), {})


def test_a_new_configuration_with_a_mistake_is_refused_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[sound]\nvolume = 300\n")
    assert not may_begin_again(RunOptions(standin=True, config=file, board="simulated"), {})
    assert "the old one stays in force" in caplog.text
    assert "sound.volume" in caplog.text


def test_a_new_configuration_without_a_key_is_refused_unless_none_is_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    options = RunOptions(config=file, board="simulated")
    assert not may_begin_again(options, {})
    assert "no API key" in caplog.text
    assert may_begin_again(replace(options, demo=True), {})
    assert may_begin_again(options, {"GEMINI_API_KEY": "AIzaSomething"})


# --- a tap in the live view


async def test_a_tap_that_begins_a_turn_on_the_simulated_board_speaks_and_is_answered() -> None:
    async with running_rig() as rig:
        press(rig.conure)
        await rig.until_turns_over()
        assert rig.turns_over()[0]["outcome"] == "answered"


async def test_a_tap_in_the_middle_of_a_turn_says_nothing_more() -> None:
    async with running_rig() as rig:
        await rig.command("talk")
        await rig.until_state("listening")
        press(rig.conure)
        await rig.until_state("idle")
        assert rig.board.mic.said_s == 0


async def test_a_tap_while_muted_says_nothing() -> None:
    async with running_rig() as rig:
        await rig.command("mute")
        await rig.until(lambda: rig.conure.controller.state.mic.muted)
        press(rig.conure)
        heard = rig.conure.parts.capture.mic.progress
        await rig.until(lambda: rig.conure.parts.capture.mic.progress > heard + 2)
        assert rig.board.mic.said_s == 0


# --- a library that cannot be loaded


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ModuleNotFoundError("No module named 'httpx2'", name="httpx2"), "module httpx2"),
        (ImportError("Using SOCKS proxy socks5://me:secret@host, but 'socksio' is not installed"), "SOCKS"),
    ],
)
async def test_what_is_missing_is_told_and_never_a_proxys_password(
    monkeypatch: pytest.MonkeyPatch, error: ImportError, word: str
) -> None:
    def fail(_name: str) -> None:
        raise error

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ConfigError, match=word) as raised:
        await load_client(Settings(), STAND_IN_KEY, "", None)
    assert "secret" not in str(raised.value)
