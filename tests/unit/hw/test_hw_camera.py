"""Cameras: pictures found in a stream, programs that write them, and the simulated one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fakes import wait_until
from hypothesis import given
from hypothesis import strategies as some
from pictures import jpeg, segment

from daemon.seeing.pictures import cleaned
from hw.camera.base import CameraError
from hw.camera.frames import FRAME_BYTES, FrameFinder
from hw.camera.program import ProgramCamera
from hw.camera.programs import CameraSpec, command_for
from hw.camera.simulated import FRAME_S, SimulatedCamera, picture_of

THUMBNAIL = jpeg(segment(0xE1, b"Exif" + jpeg(width=8)), width=3)
"""With a whole picture inside a header segment."""


@given(some.lists(some.sampled_from([jpeg(width=1), jpeg(width=2), THUMBNAIL, b"noise"])), some.data())
def test_however_a_stream_is_cut_the_newest_whole_picture_is_found(
    pieces: list[bytes], data: some.DataObject
) -> None:
    stream, finder, found = b"".join(pieces), FrameFinder(), None
    while stream:
        size = data.draw(some.integers(1, len(stream)))
        found = finder.feed(stream[:size]) or found
        stream = stream[size:]
    assert found == next((piece for piece in reversed(pieces) if piece != b"noise"), None)
    assert finder.dropped == 0


def test_a_stream_that_never_ends_a_picture_is_bounded() -> None:
    finder = FrameFinder()
    assert finder.feed(jpeg()[:-2] + bytes(FRAME_BYTES)) is None
    assert finder.dropped == 1
    assert finder.feed(jpeg()) == jpeg()


def test_noise_is_not_kept() -> None:
    finder = FrameFinder()
    for _ in range(100):
        assert finder.feed(bytes(100_000)) is None
    assert finder.dropped == 0
    assert finder.feed(b"\xff" + jpeg()) == jpeg()


# --- which program


def test_the_pis_camera_and_a_usb_camera_have_programs_and_ones_own_goes_first() -> None:
    assert command_for(CameraSpec())[0] == "rpicam-vid"
    usb = command_for(CameraSpec("/dev/video2"))
    assert (usb[0], usb[1]) == ("v4l2-ctl", "--device=/dev/video2")
    assert command_for(CameraSpec("/dev/video2", ("mine", "-x"))) == ("mine", "-x")


# --- a program

BEGIN = """
import signal, sys, time
def write():
    sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))
    sys.stdout.flush()
"""


def program(what: str, data: bytes = b"") -> ProgramCamera:
    """A camera that does `what`, in which `write()` writes the data."""
    return ProgramCamera((sys.executable, "-c", BEGIN + what, data.hex()), dict(os.environ), lambda: 7.0)


def test_what_a_program_writes_is_seen_and_it_ends_with_the_camera() -> None:
    camera = program("write(); time.sleep(60)", jpeg(width=1) + jpeg(width=2))
    wait_until(lambda: camera.newest is not None)
    assert camera.newest is not None
    assert (camera.newest.jpeg, camera.newest.at_s, camera.dropped) == (jpeg(width=2), 7.0, 0)
    camera.close()
    assert camera.error is None


def test_a_program_that_ends_says_why() -> None:
    camera = program("print('no cameras available', file=sys.stderr); sys.exit(3)")
    wait_until(lambda: camera.error is not None)
    assert str(camera.error).endswith("ended with status 3: no cameras available")
    camera.close()


def test_a_program_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw.camera.program.END_S", 0.1)
    camera = program("signal.signal(signal.SIGTERM, signal.SIG_IGN); write(); time.sleep(60)", jpeg())
    wait_until(lambda: camera.newest is not None)
    camera.close()
    assert camera.ended


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("rpicam-vid-that-is-not-there",), "install it, or correct camera.command"),
        (("/dev/null",), "cannot be started: Permission denied"),
    ],
)
def test_a_program_that_cannot_be_started_is_an_error_with_a_remedy(
    command: tuple[str, ...], words: str
) -> None:
    with pytest.raises(CameraError, match=words):
        ProgramCamera(command, {"PATH": "/usr/bin"})


def test_the_package_of_a_known_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="sudo apt install rpicam-apps"):
        ProgramCamera(command_for(CameraSpec()), {"PATH": str(tmp_path)})


# --- the simulated camera


def test_the_simulated_camera_shows_the_time_in_a_picture_that_decodes() -> None:
    av = pytest.importorskip("av", reason="the extra conure[media] is not installed")
    now_s = 100.0
    camera = SimulatedCamera(lambda: now_s)
    now_s += 3 * FRAME_S + 0.2
    frame = camera.newest
    assert (frame.jpeg, frame.at_s) == (picture_of("1.5"), 101.5)
    decoder = av.CodecContext.create("mjpeg", "r")
    (picture,) = decoder.decode(av.Packet(cleaned(frame.jpeg)))
    lit = picture.to_ndarray(format="gray")[4::8, 4::8] > 128
    rows = ["".join("#" if block else "." for block in row) for row in lit[1:6]]
    assert [row[20:] for row in rows] == [
        "..#......###.",
        ".##......#...",
        "..#......###.",
        "..#........#.",
        ".###..#..###.",
    ]
    camera.fail()
    assert camera.error is not None
    camera.close()
