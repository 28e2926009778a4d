"""The page's API over a real HTTP server: what each address does, and what it says when it does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from web_house import House, ToldSpeaker, running_house, streaming

from daemon.control.remote.client import SpeakerAway
from daemon.lights.ladder import LADDER
from daemon.web.api import events
from daemon.web.api.agents import name_of
from daemon.web.api.doctor import PAUSE_S, DoctorPage
from daemon.web.api.events import MAX_PAGES
from daemon.web.gate.gate import COOKIE
from daemon.web.gate.limits import REQUESTS_BURST
from daemon.web.gate.pairing import WRONG_OF_ADDRESS
from daemon.web.gate.tokens import rights_of


@pytest.fixture
def speaker() -> ToldSpeaker:
    return ToldSpeaker()


@pytest.fixture
async def house(tmp_path: Path, speaker: ToldSpeaker) -> AsyncIterator[House]:
    async with running_house(tmp_path, speaker) as running:
        yield running


# --- commands


ASKED: list[tuple[str, Any, str, Any]] = [
    ("talk", {}, "talk", {}),
    ("stop", {}, "stop", {}),
    ("end", {}, "end", {}),
    ("silence", {}, "stop", {}),
    ("mute", {"muted": True}, "mute", {}),
    ("mute", {"muted": False}, "unmute", {}),
    ("volume", {"percent": 30}, "volume", {"percent": 30}),
    ("volume", {"change": -5}, "volume", {"change": -5}),
    ("say", {"text": "grüß dich"}, "say", {"text": "grüß dich"}),
    ("timers", {"duration": "10m"}, "timers", {"action": "add", "duration": "10m", "name": ""}),
    (
        "timers",
        {"action": "alarm", "at": "07:30", "weekdays": "mon"},
        "timers",
        {"action": "alarm", "at": "07:30", "name": "", "weekdays": "mon", "day": ""},
    ),
    (
        "timers",
        {"action": "remind", "at": "18:00", "text": "tea"},
        "timers",
        {"action": "remind", "at": "18:00", "text": "tea"},
    ),
    ("timers/3/snooze", {}, "timers", {"action": "snooze", "duration": "10m"}),
]


async def test_each_address_asks_the_speaker(house: House, speaker: ToldSpeaker) -> None:
    paired = house.cookie()
    for path, body, command, args in ASKED:
        answer = await house.post(f"/api/{path}", body, paired)
        assert (answer.status_code, speaker.asked) == (200, [(command, args)]), (path, body)
        speaker.asked.clear()


async def test_a_timer_is_cancelled_by_its_number(house: House, speaker: ToldSpeaker) -> None:
    answer = await house.client.delete("/api/timers/3", headers=house.cookie())
    assert answer.status_code == 200
    assert speaker.asked == [("timers", {"action": "cancel", "which": "3"})]


async def test_nothing_is_cancelled_by_a_name(house: House, speaker: ToldSpeaker) -> None:
    paired = house.cookie()
    for which in ("all", "tea", "-1", "%33x"):
        answer = await house.client.delete(f"/api/timers/{which}", headers=paired)
        assert (answer.status_code, speaker.asked) == (404, []), which


NOT_UNDERSTOOD: list[tuple[str, Any]] = [
    ("say", {}),
    ("say", {"text": 3}),
    ("mute", {}),
    ("mute", {"muted": "yes"}),
    ("volume", {}),
    ("volume", {"percent": "30"}),
    ("volume", {"percent": 101}),
    ("volume", {"percent": True}),
    ("volume", {"percent": 3, "change": 3}),
    ("volume", {"change": -101}),
    ("timers", {"action": "cancel"}),
    ("timers", {"duration": 10}),
    ("talk", b"["),
    ("talk", b"[]"),
    ("talk", b"\xff"),
    ("talk", b"[" * 5000),
    ("talk", b'{"n": ' + b"9" * 5000 + b"}"),
    ("talk", b'{"n": NaN}'),
    ("pair", {}),
    ("pair/press", {"number": 100}),
    ("pair/press", {"number": "42"}),
]


async def test_a_body_that_is_not_understood_is_told_so_and_asks_nobody(
    house: House, speaker: ToldSpeaker
) -> None:
    paired = house.cookie()
    for path, body in NOT_UNDERSTOOD:
        answer = await house.post(f"/api/{path}", body, paired)
        assert (answer.status_code, speaker.asked) == (400, []), (path, body)
        assert answer.json()["error"].endswith(".") and answer.json()["code"] == "bad_body"
    assert house.counts.as_counters()["bad_body"] == len(NOT_UNDERSTOOD)


async def test_a_body_may_be_so_long(house: House, speaker: ToldSpeaker) -> None:
    answer = await house.post("/api/say", {"text": "x" * 70_000}, house.cookie())
    assert (answer.status_code, speaker.asked) == (413, [])


async def test_what_the_speaker_refuses_is_told_as_a_sentence(house: House, speaker: ToldSpeaker) -> None:
    speaker.refuse("talk", "the microphone is muted; open it with `conure unmute`")
    answer = await house.post("/api/talk", {}, house.cookie())
    assert answer.status_code == 409
    assert answer.json()["error"] == "The microphone is muted; open it with `conure unmute`."


async def test_a_speaker_that_is_away_is_told_so(house: House, speaker: ToldSpeaker) -> None:
    speaker.answers["status"] = SpeakerAway("the speaker is away")
    answer = await house.get("/api/history", house.cookie())
    assert answer.status_code == 503
    assert "systemctl status conure" in answer.json()["remedy"]


# --- what is read


async def test_history_and_usage_are_parts_of_the_status(house: House, speaker: ToldSpeaker) -> None:
    speaker.answers["status"] = {"turns": [{"turn": 1}], "usage": {"today": {}}, "state": "idle"}
    paired = house.cookie()
    assert (await house.get("/api/history", paired)).json() == {"turns": [{"turn": 1}]}
    assert (await house.get("/api/usage", paired)).json() == {"usage": {"today": {}}}


@pytest.mark.parametrize("name", ["days", "log"])
async def test_days_and_log_lines_come_as_the_speaker_tells_them(
    house: House, speaker: ToldSpeaker, name: str
) -> None:
    speaker.answers[name] = {"told": [1, 2]}
    assert (await house.get(f"/api/{name}", house.cookie())).json() == {"told": [1, 2]}
    assert speaker.asked == [(name, {})]


async def test_timers_come_as_a_table(house: House, speaker: ToldSpeaker) -> None:
    speaker.answers["timers"] = {"ringing": [], "waiting": [], "past": []}
    answer = await house.get("/api/timers", house.cookie())
    assert answer.json() == speaker.answers["timers"]
    assert speaker.asked == [("timers", {"action": "list", "form": "data"})]
    assert answer.headers["cache-control"] == "no-store"


async def test_the_lights_are_those_of_the_lamp_in_its_order(house: House) -> None:
    rows = (await house.get("/api/lights", house.cookie())).json()["lights"]
    assert [row["name"] for row in rows] == [rung.scene.name for rung in LADDER]
    blue = {row["name"] for row in rows if max(row["colour"][2], row["under"][2]) > 0}
    assert blue == {"listening", "sending", "speaking, microphone open"}
    assert all(row["looks"] and row["meaning"] and row["remedy"] and row["curve"] for row in rows)


async def test_the_doctor_is_asked_once_at_a_time_and_with_a_pause(
    tmp_path: Path, speaker: ToldSpeaker
) -> None:
    now, go, began = [0.0], asyncio.Event(), asyncio.Event()

    async def examine() -> Any:
        began.set()
        await go.wait()
        return {"exit_status": 1, "findings": [{"check": "microphone"}]}

    async with running_house(tmp_path, speaker, DoctorPage(examine, lambda: now[0])) as house:
        paired = house.cookie()
        first = asyncio.create_task(house.get("/api/doctor", paired))
        await began.wait()
        assert (await house.get("/api/doctor", paired)).status_code == 429
        go.set()
        assert (await first).json() == {"exit_status": 1, "findings": [{"check": "microphone"}]}
        again = await house.get("/api/doctor", paired)
        assert (again.status_code, again.headers["retry-after"]) == (429, "30")
        now[0] = PAUSE_S
        assert (await house.get("/api/doctor", paired)).status_code == 200


# --- events


async def test_a_page_gets_how_it_is_and_each_note_with_a_number(house: House, speaker: ToldSpeaker) -> None:
    async with streaming(house, house.cookie()) as stream:
        assert await stream.event() == {"retry": "2000"}
        first = await stream.event()
        speaker.tell("transcript", who="user", text="grüß\u2028dich\n")
        second = await stream.event()
        speaker.tell("gap", count=3)
        third = await stream.event()
    assert (first["id"], first["event"], json.loads(first["data"])["speaker"]) == ("1", "speaker", "here")
    assert (second["id"], second["event"]) == ("2", "note")
    assert json.loads(second["data"]) == {"event": "transcript", "who": "user", "text": "grüß\u2028dich\n"}
    assert (third["event"], json.loads(third["data"])["count"]) == ("gap", 3)


async def test_a_quiet_stream_says_that_it_is_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUIET_S", 0.01)
    async with streaming(house, house.cookie()) as stream:
        while "comment" not in await stream.event():
            pass


async def test_so_many_pages_may_be_open_and_a_closed_one_makes_room(
    house: House, speaker: ToldSpeaker
) -> None:
    paired = house.cookie()
    tasks, opened = [], [asyncio.Event() for _ in range(MAX_PAGES)]
    close = asyncio.Event()

    async def page(number: int) -> None:
        async with streaming(house, paired) as stream:
            await stream.event()
            opened[number].set()
            await close.wait()

    tasks = [asyncio.create_task(page(number)) for number in range(MAX_PAGES)]
    for event in opened:
        await event.wait()
    refused = await house.get("/api/events", paired)
    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_pages")
    close.set()
    await asyncio.gather(*tasks)
    async with asyncio.timeout(20):
        while house.pages.open:
            await asyncio.sleep(0.005)
    assert speaker.ears == []
    async with streaming(house, paired) as stream:
        await stream.event()


async def test_to_look_at_the_stream_opens_none(house: House) -> None:
    answer = await house.client.head("/api/events", headers=house.cookie())
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert house.pages.open == 0


async def test_a_revoked_device_loses_its_stream(house: House) -> None:
    paired = house.cookie()
    (device,) = house.devices.all()
    async with streaming(house, paired) as stream:
        await stream.until("speaker")
        house.devices.revoke(device.id)
        with pytest.raises(EOFError):
            await stream.until("never")
    assert (await house.get("/api/events", paired)).status_code == 401


# --- pairing


def cookie_of(answer: Any) -> str:
    return str(answer.headers["set-cookie"]).partition(";")[0].removeprefix(f"{COOKIE}=")


async def test_a_code_pairs_a_browser_which_is_then_let_in(house: House) -> None:
    code = house.codes.make(by_terminal=True)
    agent = "Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0"
    answer = await house.post("/api/pair", {"code": code}, {"Origin": house.origin, "User-Agent": agent})
    assert answer.status_code == 201
    assert answer.json()["name"] == "Firefox on Android"
    attributes = answer.headers["set-cookie"].lower()
    assert all(word in attributes for word in ("httponly", "secure", "samesite=strict", "path=/", "max-age="))
    assert "domain" not in attributes
    me = await house.get("/api/me", {"Cookie": f"{COOKIE}={cookie_of(answer)}"})
    assert me.json() == {
        "visitor": "Firefox on Android",
        "rights": ["metrics", "page", "talk", "tokens"],
        "paired": True,
        "speaker": True,
        "pairing": True,
    }


async def test_a_code_pairs_once(house: House) -> None:
    code = house.codes.make(by_terminal=True)
    assert (await house.post("/api/pair", {"code": code})).status_code == 201
    again = await house.post("/api/pair", {"code": code})
    assert (again.status_code, again.json()["code"]) == (403, "wrong_code")


async def test_who_tries_codes_is_made_to_wait(house: House) -> None:
    for _ in range(WRONG_OF_ADDRESS):
        assert (await house.post("/api/pair", {"code": "AAAA-AAAA"})).status_code == 403
    answer = await house.post("/api/pair", {"code": house.codes.make(by_terminal=False)})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")


async def test_who_is_not_paired_learns_only_that(house: House) -> None:
    me = await house.get("/api/me")
    assert me.json()["paired"] is False and me.json()["rights"] == []
    for path in ("/api/events", "/api/history", "/api/devices", "/api/doctor", "/api/lights"):
        answer = await house.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_paired")
        wrong = await house.get(path, {"Cookie": f"{COOKIE}=wrong"})
        assert wrong.json()["error"] == answer.json()["error"], "nothing tells whether a device exists"


async def test_a_paired_device_makes_a_code_for_a_guest_who_may_talk_alone(house: House) -> None:
    made = await house.post("/api/pair/new", {"guest": True}, house.cookie())
    assert made.status_code == 201
    words = made.json()
    assert words["address"] == f"https://127.0.0.1:{house.port}/#pair={words['code'].replace('-', '')}"
    assert words["qr"].startswith("data:image/svg+xml")
    paired = await house.post("/api/pair", {"code": words["code"]})
    assert paired.json()["rights"] == ["talk"]
    guest = {"Cookie": f"{COOKIE}={cookie_of(paired)}", "Origin": house.origin}
    assert (await house.post("/api/pair/new", {}, guest)).status_code == 403
    assert (await house.get("/api/events", guest)).status_code == 403
    assert len((await house.get("/api/lights", guest)).json()["lights"]) == len(LADDER)


async def test_devices_are_listed_and_revoked(house: House) -> None:
    mine, _other = house.cookie("Mine"), house.cookie("Other")
    rows = (await house.get("/api/devices", mine)).json()["devices"]
    assert [(row["name"], row["this"]) for row in rows] == [("Mine", True), ("Other", False)]
    assert (await house.client.delete(f"/api/devices/{rows[1]['id']}", headers=mine)).status_code == 200
    assert (await house.client.delete(f"/api/devices/{rows[1]['id']}", headers=mine)).status_code == 404
    assert [device.name for device in house.devices.all()] == ["Mine"]


async def press(house: House, number: int = 42) -> Any:
    return await house.post("/api/pair/press", {"number": number})


async def heard_by(speaker: ToldSpeaker) -> None:
    async with asyncio.timeout(20):
        while ("pair", {"seconds": 30.0}) not in speaker.asked or not speaker.ears:
            await asyncio.sleep(0.005)


async def test_a_press_of_the_button_lets_in_the_one_who_asked(
    house: House, speaker: ToldSpeaker, caplog: pytest.LogCaptureFixture
) -> None:
    speaker.answers["pair"] = {"id": 7, "seconds": 30}
    asking = asyncio.create_task(press(house))
    await heard_by(speaker)
    speaker.tell("pair", id=6, pressed=True)  # another's
    speaker.tell("pair", id=7, pressed=True)
    answer = await asking
    assert answer.status_code == 201 and cookie_of(answer)
    assert "127.0.0.1" in caplog.text and "42" in caplog.text
    assert speaker.asked[-1] == ("pair", {"seconds": 0})


async def test_without_a_press_nobody_is_let_in(house: House, speaker: ToldSpeaker) -> None:
    speaker.answers["pair"] = {"id": 7, "seconds": 30}
    asking = asyncio.create_task(press(house))
    await heard_by(speaker)
    speaker.tell("pair", id=7, pressed=False)
    assert (await asking).status_code == 408
    assert house.devices.all() == ()


async def test_two_who_ask_at_once_are_both_refused(house: House, speaker: ToldSpeaker) -> None:
    speaker.answers["pair"] = {"id": 7, "seconds": 30}
    first = asyncio.create_task(press(house))
    await heard_by(speaker)
    second = await press(house, 43)
    assert [(await first).status_code, second.status_code] == [409, 409]
    assert house.devices.all() == ()


async def test_who_leaves_before_the_press_ends_the_light_and_is_not_paired(
    house: House, speaker: ToldSpeaker
) -> None:
    speaker.answers["pair"] = {"id": 7, "seconds": 30}
    asking = asyncio.create_task(press(house))
    await heard_by(speaker)
    asking.cancel()
    async with asyncio.timeout(20):
        while speaker.asked[-1] != ("pair", {"seconds": 0}):
            await asyncio.sleep(0.005)
    assert house.devices.all() == ()
    assert (await press(house, 43)).status_code == 409, "whoever comes to press comes for the first"


async def test_a_speaker_without_a_button_says_so(house: House, speaker: ToldSpeaker) -> None:
    speaker.refuse("pair", "this speaker has no button; use a code of `conure web pair`")
    answer = await press(house)
    assert answer.status_code == 409 and "no button" in answer.json()["error"]
    speaker.answers["pair"] = {"id": 8, "seconds": 30}
    asking = asyncio.create_task(press(house))
    await heard_by(speaker)
    speaker.tell("pair", id=8, pressed=True)
    assert (await asking).status_code == 201


# --- limits and tokens


async def test_a_flood_from_one_address_is_slowed_and_counted(tmp_path: Path, speaker: ToldSpeaker) -> None:
    async with running_house(tmp_path, speaker, clock=lambda: 0.0) as house:
        answers = [await house.get("/api/me") for _ in range(REQUESTS_BURST + 2)]
        assert [answer.status_code for answer in answers[-3:]] == [200, 429, 429]
        assert answers[-1].headers["retry-after"] == "1"
        assert house.counts.as_counters()["too_fast"] == 2


async def test_a_token_may_what_it_is_for_and_no_more(house: House, speaker: ToldSpeaker) -> None:
    page = {"Authorization": f"Bearer {house.tokens.make('home', rights_of('page'))}"}
    talk = {"Authorization": f"Bearer {house.tokens.make('other', rights_of('talk'))}"}
    assert (await house.post("/api/stop", {}, page)).status_code == 200
    assert (await house.post("/api/stop", {}, talk)).status_code == 403
    house.tokens.revoke("home")
    assert (await house.post("/api/stop", {}, page)).status_code == 401
    assert len(speaker.asked) == 1


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) … Version/19.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64) … Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) … Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        ("curl/8.0", "curl"),
        ("", "A browser"),
    ],
)
def test_a_device_is_called_by_its_browser(agent: str, name: str) -> None:
    assert name_of(agent) == name
