"""`conure listen`, `tone` and `lights`, on the simulated board: each part alone."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from doctor_patient import QuietLeds, Room, RoomMic

from daemon.cli.main import main
from daemon.config.board import choose_board
from daemon.config.settings import VadSettings
from daemon.control.server import ControlServer
from daemon.doctor import light_show, meter
from daemon.doctor.light_show import SCENES_BY_NAME, plain_name
from daemon.doctor.tones import TONES, tone_pcm
from daemon.errors import EX_CONFIG
from daemon.lights.ladder import LADDER, render
from daemon.lights.scenes import FOLLOW_UP, LISTENING
from daemon.words import Earcon
from hw.base import SPEAKER_FORMAT, Colour, MicError
from hw.simulated.board import SimulatedBoard

SPEED = 20.0


@pytest.fixture(autouse=True)
def _nobody_elses_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("daemon.config.load.SYSTEM_FILE", tmp_path / "etc.toml")
    monkeypatch.setenv("CONURE_SOCKET", str(tmp_path / "control.sock"))


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> SimulatedBoard:
    """What the configuration's board is: the simulated one, hurried."""
    hurried = SimulatedBoard(speed=SPEED)
    monkeypatch.setattr("daemon.config.board.choose_board", lambda settings: hurried)
    return hurried


# --- listen


def test_piped_it_prints_two_lines_a_second_with_what_is_speech(
    board: SimulatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["listen", "--board", "simulated", "--seconds", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert lines[-1].startswith("    4.0 s  ")
    assert any(line.endswith("speech") for line in lines), "the simulated board speaks its sentence"
    assert not board.mic.is_open


def test_on_a_terminal_it_is_one_line_that_moves(
    board: SimulatedBoard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["listen", "--board", "simulated", "--seconds", "3"]) == 0
    said = capsys.readouterr().out
    assert said.count("\r") == 30
    assert said.count("\n") == 1
    assert "SPEECH" in said


def test_a_reading_is_the_loudest_of_its_chunks_and_the_rest_makes_a_shorter_one() -> None:
    mic = RoomMic(Room())
    heard = list(meter.hear(mic, VadSettings(), 0.22))
    read = list(meter.readings(heard, 5))
    assert [reading.at_s for reading in read] == [0.1, 0.2, 0.22]
    assert read[0].level_dbfs == max(one.level_dbfs for one in heard[:5])


def test_the_bar_fills_with_the_level_and_marks_the_floor() -> None:
    silent, loud = (
        meter.bar_line(meter.Reading(1.0, dbfs, -60.0, speech=dbfs > -50)) for dbfs in (-90.0, 0.0)
    )
    assert silent.startswith("[          |" + " " * 29 + "]   -90 dBFS, floor  -60")
    assert loud.count("#") == meter.BAR_CELLS - 1
    assert loud.endswith("SPEECH")
    assert all(len(line) < 80 for line in (silent, loud))


# --- tone


def test_every_earcon_can_be_played_and_one_for_the_loudness() -> None:
    assert set(TONES) == {*(earcon.value for earcon in Earcon), "test"}
    assert all(len(tone_pcm(name)) > SPEAKER_FORMAT.bytes(0.05) for name in TONES)


def test_a_tone_is_played_at_the_configured_volume(
    board: SimulatedBoard, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[sound]\nvolume = 100\n")
    assert main(["tone", "done", "--config", str(file)]) == 0
    assert capsys.readouterr().out.startswith("done  nobody spoke")
    assert board.heard().startswith(tone_pcm("done"))
    assert not board.speaker.is_open


def test_all_tones_are_named_as_they_are_played(
    board: SimulatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tone"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(TONES)
    assert SPEAKER_FORMAT.seconds(len(board.heard())) > 3.0


@pytest.mark.parametrize(("command", "kind"), [("tone", "tone"), ("lights", "light")])
def test_a_name_that_does_not_exist_is_told_with_those_that_do(
    board: SimulatedBoard, capsys: pytest.CaptureFixture[str], command: str, kind: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "bell"])
    assert ended.value.code == 2
    assert f"there is no {kind} 'bell'; there are: " in capsys.readouterr().err


# --- lights


def test_the_whole_grammar_is_shown_with_its_names(
    board: SimulatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lights", "--seconds", "0.1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [f"{rung.scene.name}: {rung.scene.looks}. {rung.scene.meaning}" for rung in LADDER]
    assert board.leds.pixels == (Colour(),) * 3, "dark at the end"


def test_one_light_can_be_named_as_it_is_written_or_typed(board: SimulatedBoard) -> None:
    assert main(["lights", "no microphone", "--seconds", "0.1"]) == 0
    assert main(["lights", "speaking-microphone-open", "--seconds", "0.1"]) == 0
    assert {plain_name(name) for name in SCENES_BY_NAME} == set(SCENES_BY_NAME)


def test_a_scene_moves_for_as_long_as_was_asked_and_its_bar_shrinks() -> None:
    leds, now = QuietLeds(), [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds

    light_show.show(leds, LISTENING, 0.5, wait, lambda: now[0])
    assert now[0] == pytest.approx(0.5)
    assert leds.shown[0] == render(LISTENING, 0.0, 3)
    leds.shown.clear()
    light_show.show(leds, FOLLOW_UP, 1.0, wait, lambda: now[0])
    lit = [sum(pixel.brightest > 0 for pixel in pixels) for pixels in leds.shown]
    assert lit[0] == 3
    assert lit[-1] == 1


def test_a_board_without_lights_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.config.board.choose_board", choose_board)
    assert main(["lights", "--board", "generic"]) == EX_CONFIG
    assert "[lights] kind says what is wired" in capsys.readouterr().err


# --- who has the device


async def test_a_device_that_the_running_daemon_has_is_told_with_the_remedy(
    board: SimulatedBoard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    async def handle(command: str, args: dict[str, object]) -> None:
        raise AssertionError((command, args))

    board.mic.fail()
    assert await asyncio.to_thread(main, ["listen", "--seconds", "1"]) == 1
    assert "stop conure" not in capsys.readouterr().err
    async with ControlServer(tmp_path / "control.sock", handle, lambda _args: iter(())):  # type: ignore[arg-type,return-value]  # nobody watches
        assert await asyncio.to_thread(main, ["listen", "--seconds", "1"]) == 1
    assert "`sudo systemctl stop conure`" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "x", "nan", "4000"])
def test_a_time_that_is_none_is_wrong_usage(seconds: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["listen", "--seconds", seconds])
    assert ended.value.code == 2


def test_nothing_that_is_heard_is_written_to_disk(board: SimulatedBoard, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    main(["listen", "--seconds", "1"])
    assert set(tmp_path.rglob("*")) == before


def test_a_device_that_is_not_there_is_told_with_what_helps(
    board: SimulatedBoard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing() -> NoReturn:
        raise MicError("jabra", "there is no such capture device", absent=True)

    monkeypatch.setattr(board, "open_mic", nothing)
    assert main(["listen"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("conure: jabra: there is no such capture device; `conure doctor`")
    assert "`--board simulated`" in said
