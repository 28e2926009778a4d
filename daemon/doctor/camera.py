"""The camera: whether its program is there and gives pictures, tried for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator

from daemon.config.settings import Settings
from daemon.doctor.case import Case
from daemon.doctor.finding import Check, Finding, fine, skipped, wrong
from daemon.seeing.pictures import BadPicture, cleaned
from daemon.tools.sources.programs import environment
from hw.camera.base import Camera, CameraError
from hw.camera.program import ProgramCamera
from hw.camera.programs import command_for

FIRST_PICTURE_S = 6.0
"""A Pi's camera takes a second or two until its first picture; a slow board longer."""

LOOK_S = 0.05

IN_USE = "does another program use it? `rpicam-hello --list-cameras` or `v4l2-ctl --list-devices` lists them"
SERVICE = "the service needs systemd/conure-camera.conf besides (docs/use/camera.md)"


def probe(case: Case) -> Iterator[Finding]:
    """The configured camera."""
    check, settings = Check.CAMERA, case.settings
    if settings is None:
        yield skipped(check, "the configuration, which names it, has mistakes")
    elif settings.camera.use == "off":
        yield skipped(check, "off", "[camera] use turns it on")
    elif case.simulated and not settings.camera.command:
        yield skipped(check, "simulated, with its board")
    elif case.devices_taken:
        yield _of_running(case)
    else:
        yield _tried(case, settings)


def _of_running(case: Case) -> Finding:
    told = (case.status or {}).get("devices", {}).get("camera", {})
    problem = told.get("problem")
    if problem:
        return wrong(Check.CAMERA, str(problem), SERVICE)
    words = "open" if told.get("open") else "closed while nobody talks"
    return skipped(Check.CAMERA, f"the running daemon has it ({words})")


def _tried(case: Case, settings: Settings) -> Finding:
    command = command_for(settings.camera.wanted())
    try:
        camera = ProgramCamera(command, environment(case.machine.env))
    except CameraError as error:
        return wrong(Check.CAMERA, str(error), SERVICE)
    try:
        return _judge(camera, command[0])
    finally:
        camera.close()


def _judge(camera: Camera, program: str) -> Finding:
    give_up_s = time.monotonic() + FIRST_PICTURE_S
    while camera.newest is None and camera.error is None and time.monotonic() < give_up_s:
        time.sleep(LOOK_S)
    if (frame := camera.newest) is None:
        words = str(camera.error or f"{program}: no picture within {FIRST_PICTURE_S:g} s")
        return wrong(Check.CAMERA, words, IN_USE)
    try:
        picture = cleaned(frame.jpeg)
    except BadPicture as error:
        remedy = "it must write JPEGs of at most 256 KB, one after the other, to its standard output"
        return wrong(Check.CAMERA, f"{program}: {error}", remedy)
    return fine(Check.CAMERA, f"{program}: pictures of {len(picture) / 1000:.0f} KB")
