"""Which program gives a camera's pictures, and with which options. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PI = "pi"
"""A camera on the Pi's own connector."""

LONGEST_SIDE = 768
"""Pixels; the service shrinks larger pictures (Gemini API, image understanding: tiles of 768 x 768)."""

FRAMES_A_SECOND = 2
"""Twice what the service takes at most, so that the newest picture is never old."""

QUALITY = 80
"""Of the JPEG, in percent: some 60 KB at 768 x 576."""


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """What a camera is: a program of one's own, or a device."""

    device: str = PI
    """`pi`, or the file of a USB camera such as /dev/video0."""
    command: tuple[str, ...] = ()
    """A program that writes JPEGs, one after the other, to its standard output; it goes before `device`."""


def command_for(spec: CameraSpec) -> Sequence[str]:
    """The program and its arguments.

    `rpicam-vid` comes with Raspberry Pi OS (rpicam-apps), `v4l2-ctl` with Debian's package v4l-utils. A USB
    camera's motion JPEG is JPEGs, which need no work here.
    """
    if spec.command:
        return spec.command
    if spec.device == PI:
        return (
            "rpicam-vid", "--nopreview", "--timeout", "0", "--codec", "mjpeg", "--quality", str(QUALITY),
            "--width", str(LONGEST_SIDE), "--height", str(LONGEST_SIDE * 3 // 4),
            "--framerate", str(FRAMES_A_SECOND), "--flush", "--output", "-",
        )  # fmt: skip
    return (
        "v4l2-ctl", f"--device={spec.device}", "--set-fmt-video=width=640,height=480,pixelformat=MJPG",
        "--stream-mmap", "--stream-to=-",
    )  # fmt: skip


PACKAGES = {"rpicam-vid": "rpicam-apps", "v4l2-ctl": "v4l-utils"}
"""Debian's package of each program."""


def remedy_for(program: str) -> str:
    """What helps where a program is missing."""
    package = PACKAGES.get(program)
    return f"`sudo apt install {package}`" if package else "install it, or correct camera.command"
