"""The sound check: it plays only what it has told, keeps what it measured, and draws it."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from doctor_patient import Patient, as_pcm, finding_of, running, wrong_of
from hard_rooms import Way

from daemon.cli.main import main
from daemon.cli.report import make_report
from daemon.config.board import sound_devices
from daemon.config.load import load
from daemon.doctor.case import admit
from daemon.doctor.examination import examine
from daemon.doctor.finding import Check, Finding, Verdict
from daemon.doctor.sound.check import ANNOUNCED, Kept, content_of, folder_of, kept_from, load_kept
from daemon.doctor.sound.echo_path import EchoPath, analyse
from daemon.doctor.sound.picture import draw
from daemon.doctor.sound.sweep import probe_sound
from daemon.doctor.trial import SoundTrial
from daemon.hearing.frontend.known_path import FILE, known_path_from
from hw.base import SPEAKER_FORMAT

SERVICE = Path("var/lib/conure")


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def loopback_of(patient: Patient) -> Finding:
    return finding_of(patient.examine(), Check.LOOPBACK)


def kept_in(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / FILE).read_text())
    assert isinstance(content, dict)
    return content


def test_what_it_measures_is_what_the_room_is(patient: Patient) -> None:
    patient.board.room.delay_s = 0.09
    finding = loopback_of(patient)
    assert finding.mark is Verdict.FINE
    assert "heard after 90 ms (9" in finding.found
    assert "coupling -11 dB" in finding.found
    start = known_path_from(kept_in(patient.root / SERVICE), sound_devices(*configured(patient)))
    assert start is not None
    assert start.heard
    assert start.hidden_s == pytest.approx(0.09, abs=0.012)
    assert start.distortion == 0.0


def configured(patient: Patient) -> tuple[Any, Path]:
    """The settings, and the root of its files."""
    return load(patient.wishes().config, patient.env, None).settings, patient.root


def test_it_tells_before_it_plays_and_plays_only_if_it_was_asked(patient: Patient) -> None:
    told: list[tuple[str, float]] = []
    room = patient.board.room

    def note(text: str) -> None:
        told.append((text, room.played_from_s))

    examine(patient.machine(), replace(patient.wishes(), sound=False, tell=note))
    assert (told, room.played_from_s, (patient.root / SERVICE).exists()) == ([], 0.0, False)
    examine(patient.machine(), replace(patient.wishes(), tell=note))
    assert told == [(f"you will hear {ANNOUNCED}", 0.0)]
    assert room.played_from_s > 100.0


def test_it_refuses_while_the_service_has_the_devices(patient: Patient) -> None:
    running(patient)
    finding = loopback_of(patient)
    assert finding.mark is Verdict.SKIPPED
    assert "the running conure has the devices" in finding.found
    assert "systemctl stop conure" in finding.remedy


def test_with_volume_0_there_is_nothing_to_hear(patient: Patient) -> None:
    patient.set("sound", volume=0)
    assert "volume is 0" in loopback_of(patient).found


def test_a_speaker_that_is_not_heard_is_kept_as_such(patient: Patient) -> None:
    patient.board.room.gain = 0.0
    assert "does not hear the speaker" in wrong_of(patient.examine())[Check.LOOPBACK].found
    content = kept_in(patient.root / SERVICE)
    assert content["start"] == {"hidden_s": 0.0, "heard": False, "distortion": 0.0}
    kept = kept_from(content)
    assert (kept.told(), kept.picture()) == ("not heard", "")


def test_where_the_speaker_ran_dry_nothing_is_measured(patient: Patient) -> None:
    patient.board.room.underruns = 2
    finding = wrong_of(patient.examine())[Check.LOOPBACK]
    assert finding.found == "samples were lost 2 times, so nothing was measured"
    assert not (patient.root / SERVICE).exists()


def test_a_distorting_loudspeaker_is_kept_with_its_distortion(patient: Patient) -> None:
    patient.board.room.drive = 20.0
    assert loopback_of(patient).mark is Verdict.WRONG
    assert kept_in(patient.root / SERVICE)["start"]["distortion"] > 0.1


# --- what is kept, and where


def test_it_is_kept_whole_and_private_with_its_date_and_devices(patient: Patient) -> None:
    assert "kept for the next start" in loopback_of(patient).found
    file = patient.root / SERVICE / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [FILE]
    content = kept_in(file.parent)
    assert content["measured_on"].startswith("2026-09-")
    assert content["opened"] == {"mic": "fake microphone", "speaker": "fake speaker"}
    assert content["devices"] == {"mic": ["default"], "speaker": ["default"], "cards": ["Device"]}


def test_another_card_or_port_makes_it_void(patient: Patient) -> None:
    loopback_of(patient)
    content = kept_in(patient.root / SERVICE)
    settings, root = configured(patient)
    assert known_path_from(content, sound_devices(settings, root)) is not None
    port = patient.root / "sys/devices/usb1/1-1.2/1-1.2:1.0"
    port.mkdir(parents=True)
    (patient.root / "sys/class/sound/card0").mkdir(parents=True)
    (patient.root / "sys/class/sound/card0/device").symlink_to(port)
    patient.write("proc/asound/card0/usbid", "0d8c:0014\n")
    moved = sound_devices(settings, root)
    assert moved["cards"] == ["Device 0d8c:0014 1-1.2"]
    assert known_path_from(content, moved) is None
    named = replace(settings, board=replace(settings.board, mic=("usb:1234:5678",)))
    assert known_path_from(content, sound_devices(named, root)) is None


def test_who_may_not_write_for_the_service_keeps_it_for_himself_and_is_told(patient: Patient) -> None:
    patient.is_root = False
    assert "`sudo conure doctor --sound` keeps it for the service" in loopback_of(patient).found
    assert (patient.root / "home/.local/state/conure" / FILE).exists()


def test_without_a_service_it_is_kept_for_the_user_and_without_a_home_not_at_all(patient: Patient) -> None:
    patient.unit["LoadState"] = "not-found"
    assert "kept for the next start" in loopback_of(patient).found
    assert (patient.root / "home/.local/state/conure" / FILE).exists()
    del patient.env["HOME"]
    case, _ = admit(patient.machine(), patient.wishes())
    assert folder_of(case.machine, case.unit) is None
    assert load_kept(case.machine, case.unit) is None
    assert "it could not be kept" in loopback_of(patient).found


def test_what_is_kept_is_what_was_measured(patient: Patient) -> None:
    path = measured()
    kept = kept_from(json.loads(json.dumps(content(patient, path))))
    assert kept == Kept(
        measured_on=kept.measured_on, volume=kept.volume, mic="a microphone", speaker="a speaker", path=path
    )


def measured() -> EchoPath:
    path = analyse(as_pcm(Way().heard(probe_sound(SPEAKER_FORMAT.rate_hz), 0.6)), 0.6)
    assert path is not None
    return path


def content(patient: Patient, path: EchoPath) -> dict[str, Any]:
    heard = SoundTrial(pcm=b"", played_s=0.0, reference=b"", lost=0, mic="a\nmicrophone", speaker="a speaker")
    return content_of(patient.machine(), configured(patient)[0], heard, path)


def test_a_delay_that_jumped_is_not_started_from(patient: Patient) -> None:
    path = replace(measured(), hidden_s=0.2)
    assert content(patient, path)["start"]["hidden_s"] == 0.2
    assert content(patient, replace(path, drift_ppm=4000.0))["start"]["hidden_s"] == 0.0


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"opened": None},
        {"path": {}},
        {"path": "x"},
        {"volume": 400},
        {"path": {"curves": {}}},
    ],
)
def test_what_does_not_hold_a_measurement_is_kept_aside(patient: Patient, change: dict[str, Any]) -> None:
    folder = patient.root / SERVICE
    folder.mkdir(parents=True)
    (folder / FILE).write_text(json.dumps(content(patient, measured()) | change))
    case, _ = admit(patient.machine(), patient.wishes())
    assert load_kept(case.machine, case.unit) is None
    assert [path.name for path in folder.iterdir()] == [f"{FILE}.bad"]


@pytest.mark.parametrize("data", [None, [], "x", 3, {}])
def test_what_is_no_table_holds_no_measurement(data: object) -> None:
    with pytest.raises(ValueError, match=r"measurement|version"):
        kept_from(data)


# --- the picture


def test_the_picture_is_svg_with_every_curve_within_it() -> None:
    path = measured()
    root = ElementTree.fromstring(draw(path, 'a "speaker" <1> & more'))  # noqa: S314 - made here
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert (names.count("polyline"), names.count("title")) == (4, 1)
    texts = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]
    assert 'a "speaker" <1> & more' in texts
    assert "its overtones" in texts
    assert any(text.startswith("tail ") for text in texts)
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        for place in line.attrib["points"].split():
            x, y = map(float, place.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_a_tail_that_is_not_known_or_beyond_the_picture_is_not_drawn() -> None:
    path = measured()
    for tail_s in (None, 0.9):
        assert ">tail" not in draw(replace(path, tail_s=tail_s), "a box")


def test_few_words_fit_into_one_line() -> None:
    path = replace(measured(), t60_s=None)
    assert draw(path, "a box").count("heard after") == 1


@pytest.fixture
def at_the_shell(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """The command line has this machine."""
    monkeypatch.setattr("daemon.doctor.machine.Machine", lambda env: patient.machine())
    return patient


def test_the_command_draws_what_it_measured(
    at_the_shell: Patient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "box.svg"
    command = ["doctor", "--offline", "--sound", "--picture", str(picture)]
    assert main([*command, "--config", str(at_the_shell.wishes().config)]) == 0
    told = capsys.readouterr().err
    assert f"you will hear {ANNOUNCED}" in told
    assert "box.svg is written: measured on 2026-09-" in told
    assert "fake speaker to fake microphone" in picture.read_text()


@pytest.mark.parametrize(("name", "made"), [("box.svg", False), ("no/such/box.svg", True)])
def test_a_picture_that_cannot_be_drawn_is_told(
    at_the_shell: Patient, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, made: bool
) -> None:
    if made:
        loopback_of(at_the_shell)
    command = ["doctor", "--offline", "--no-sound", "--picture", str(tmp_path / name)]
    assert main([*command, "--config", str(at_the_shell.wishes().config)]) == 1
    told = capsys.readouterr().err
    assert ("cannot be written" if made else "nothing to draw yet") in told


def test_the_report_takes_the_measurement_and_its_picture_in(patient: Patient) -> None:
    config = patient.wishes().config
    assert "\nnone was made" in make_report(patient.machine(), config, offline=True)
    loopback_of(patient)
    section = make_report(patient.machine(), config, offline=True).partition("## Sound check")[2]
    assert "volume 70: fake speaker to fake microphone" in section
    assert "heard after 120 ms" in section
    begin, end = section.index("<svg"), section.index("</svg>")
    ElementTree.fromstring(f"{section[begin:end]}</svg>")  # noqa: S314 - made here
    patient.board.room.gain = 0.0
    loopback_of(patient)
    section = make_report(patient.machine(), config, offline=True).partition("## Sound check")[2]
    assert "\nnot heard\n" in section
    assert "<svg" not in section
