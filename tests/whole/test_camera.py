"""The camera in whole conversations: pictures leave only under the blue light; the model may ask for one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from rig import HELLO, Rig, running_rig, with_keys

from daemon.config.settings import Settings
from daemon.standin.plan import Plan
from daemon.standin.record import VideoFrame
from daemon.standin.voices import Tone
from daemon.standin.world import Pace
from hw.base import MIC_FORMAT
from hw.camera.simulated import picture_of

PACE = Pace(thinking_s=0.05, speed=20.0, playout=0.0)
ALONE = with_keys(Settings(), trigger={"follow_up_s": 0.0}, vad={"silence_ms": 300})


def frames(rig: Rig) -> list[VideoFrame]:
    return [frame for connection in rig.standin.record.connections for frame in connection.video]


def assert_all_under_blue(rig: Rig) -> None:
    """The record's times and the lights' are of one clock; a picture takes a moment to arrive."""
    spans = rig.blue_spans()
    for frame in frames(rig):
        assert any(begin <= frame.at_s <= end + 0.05 for begin, end in spans), (frame.at_s, spans)


async def test_pictures_leave_while_the_user_speaks_and_only_under_the_blue_light() -> None:
    settings = with_keys(ALONE, camera={"use": "turns"})
    async with running_rig(settings, voice=Tone(0.3), pace=PACE) as rig:
        pause = bytes(MIC_FORMAT.bytes(0.2))
        rig.press()
        rig.say(HELLO + pause + HELLO)
        await rig.until(lambda: len(frames(rig)) >= 2)
        rig.release()
        await rig.until_turns_over()
        setup = rig.standin.record.connections[0].setup
        assert setup is not None
        assert setup["generationConfig"]["mediaResolution"] == "MEDIA_RESOLUTION_LOW"
        pictures = frames(rig)
        assert all(frame.data.startswith(b"\xff\xd8\xff") for frame in pictures)
        assert all(later.at_s - earlier.at_s > 0.9 for earlier, later in pairwise(pictures))
        assert_all_under_blue(rig)
        status = await rig.command("status")
        assert status["counters"]["camera_shown"] == len(pictures)
        await rig.until(lambda: not rig.conure.parts.report()["devices"]["camera"]["open"])


async def test_no_picture_leaves_where_the_camera_is_off_and_nothing_of_it_is_there() -> None:
    async with running_rig(ALONE, voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_turns_over()
        assert frames(rig) == []
        assert "camera" not in (await rig.command("status"))["devices"]
        assert "look" not in rig.conure.tools.toolbox.specs()


def calling_look(nth: str = "1") -> Plan:
    call = '{ action = "call_tool", name = "look" }'
    return Plan.from_toml(f'[[rule]]\nwhen = "reply_start"\nnth = {nth}\ndo = [{call}]\n')


async def test_the_model_looks_when_it_is_asked_to_with_a_tone_and_the_light() -> None:
    settings = with_keys(ALONE, camera={"use": "tool"})
    async with running_rig(settings, plan=calling_look(), voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_turns_over()
        (frame,) = frames(rig)
        assert frame.data.startswith(b"\xff\xd8\xff")
        assert_all_under_blue(rig)
        assert rig.earcons.count("look") == 1
        (answer,) = [event for event in rig.standin.record.events if event.kind == "tool_response"]
        assert "has been sent" in str(answer.payload)
        assert not rig.conure.parts.uplink.leaving


async def test_a_camera_that_cannot_be_had_is_told_to_the_model_and_in_the_status() -> None:
    settings = with_keys(ALONE, camera={"use": "tool", "command": ("no-such-camera",)})
    async with running_rig(settings, plan=calling_look(), voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_turns_over()
        assert frames(rig) == []
        (answer,) = [event for event in rig.standin.record.events if event.kind == "tool_response"]
        assert "There is no picture" in str(answer.payload)
        problem = (await rig.command("status"))["devices"]["camera"]["problem"]
        assert problem.startswith("no-such-camera: there is no such program")


async def test_a_program_gives_the_pictures(tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(picture_of("42"))
    script = f"while :; do cat {tmp_path}/picture.jpg; sleep 0.1; done"
    settings = with_keys(ALONE, camera={"use": "turns", "command": ("sh", "-c", script)})
    async with running_rig(settings, voice=Tone(0.3), pace=PACE) as rig:
        await rig.ask_aloud()
        await rig.until_turns_over()
        assert {frame.data for frame in frames(rig)} == {picture_of("42")}
        assert_all_under_blue(rig)
