"""docs/use/service.md keeps its word: what programs may rely on is there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from places import ROOT
from rig import running_rig

from daemon.announcements import cache
from daemon.announcements import record as announcements
from daemon.config.home import MqttSettings
from daemon.config.settings import Settings
from daemon.control.watching import watched
from daemon.errors import ConureError
from daemon.hearing.frontend import known_path
from daemon.lights.ladder import LADDER
from daemon.reminders import record
from daemon.run import kept_files
from daemon.session import kept_handle
from daemon.session.link import LinkPhase
from daemon.speaking import recordings, volume
from daemon.tools import memory
from daemon.words import Phase

PAGE = (ROOT / "docs/use/service.md").read_text("utf-8")


def section(title: str) -> str:
    begin = PAGE.index(f"\n## {title}")
    return PAGE[begin : PAGE.find("\n## ", begin + 1)]


def rows(text: str) -> dict[str, str]:
    """The table's first two columns."""
    return dict(re.findall(r"^\| (`.*?) \| (.*?) \|", text, re.MULTILINE))


AT_HOME = replace(Settings(), mqtt=MqttSettings(host="broker"))
"""Nobody asks it; the speaker has what a bridge asks of it."""

STATUS = rows(section("What programs can ask"))


def at(status: dict[str, Any], name: str) -> Any:
    for part in name.split("."):
        status = status[part]
    return status


async def test_the_running_speaker_tells_every_key_of_its_status() -> None:
    async with running_rig(AT_HOME) as rig:
        status = rig.conure.reporter.snapshot()
    names = [name for cell in STATUS for name in re.findall(r"`([\w.]+)`", cell)]
    assert len(names) > 15
    for name in names:
        at(status, name)
    for part in re.findall(r"`(\w+)`", STATUS["`usage.today`, `usage.this_month`"]):
        assert part in status["usage"]["today"] and part in status["usage"]["this_month"]


async def test_the_totals_have_what_the_page_says() -> None:
    text = section("The totals of all turns")
    async with running_rig() as rig:
        totals = rig.conure.reporter.snapshot()["turn_totals"]
    assert {name.strip("`") for name in rows(text)} == totals.keys()
    assert set(re.findall(r"`(first_\w+)`", text)) == totals["durations"].keys()


async def test_every_command_that_it_names_is_carried_out() -> None:
    (sentence,) = re.findall(r"Commands are (.*?)\. Only root", PAGE, re.DOTALL)
    named = re.findall(r"`(\w+)`", sentence.replace("(`text`)", ""))
    assert {"status", "mute", "watch"} < set(named)
    async with running_rig(AT_HOME) as rig:
        for name in set(named) - {"watch"}:  # which is a stream, and the server's own
            try:
                await rig.conure.commands.handle(name, {})
            except ConureError as error:
                assert "there is no command" not in str(error)


def test_the_lights_that_tell_of_trouble_are_real_ones() -> None:
    (sentence,) = re.findall(r"`light` is none of (.*?), and", PAGE)
    assert set(re.findall(r"`([^`]+)`", sentence)) <= {row.scene.name for row in LADDER}


def test_the_words_of_state_and_link_are_the_program_s() -> None:
    assert re.findall(r"`(\w+)`", STATUS["`state`"]) == [phase.value for phase in Phase]
    assert re.findall(r"`(\w+)`", STATUS["`link.state`"]) == [phase.value for phase in LinkPhase]


def test_the_files_that_it_keeps_are_all_there_are() -> None:
    named = {name.strip("`") for name in rows(section("What it keeps"))}
    kept = {
        kept_files.USAGE_FILE, kept_files.TIMES_FILE, kept_handle.SESSION_FILE, volume.VOLUME_FILE,
        record.FILE, memory.FILE, known_path.FILE,
    }  # fmt: skip
    kept |= {announcements.FILE, f"{cache.FOLDER}/", f"{recordings.MADE}/"}
    assert named == kept


async def test_every_event_that_a_conversation_and_a_hand_bring_is_on_the_page_with_its_keys() -> None:
    page = rows(section("Events for programs"))
    keys = {name: cell for cells, cell in page.items() for name in re.findall(r"`(\w+)`", cells)}
    async with running_rig() as rig:
        events = watched(rig.conure.parts.feed.watch, rig.conure.reporter.snapshot, rig.conure.reporter.look)
        seen: list[dict[str, Any]] = [await anext(events)]
        await rig.ask_aloud()
        await rig.command("volume", percent=35)
        while not any(event["event"] == "turn" for event in seen):
            seen.append(await anext(events))
        await events.aclose()
    assert {"snapshot", "state", "transcript", "turn", "light", "volume"} <= {one["event"] for one in seen}
    for event in seen:
        told = set(event) - {"v", "at", "event"}
        if event["event"] != "turn":  # whose keys are the status's
            assert told == set(re.findall(r"`(\w+)`", keys[event["event"]])) & told, event
