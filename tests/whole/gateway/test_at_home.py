"""The speaker at home: at a real broker, through its control socket, beside other speakers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from mosquitto import PROGRAM, Mosquitto, mosquitto
from rig import HELLO, Rig, running_rig
from test_web_process import gateway

from daemon.config.home import DeviceSettings, MqttSettings
from daemon.config.settings import Settings
from daemon.control.remote.client import RemoteSpeaker
from daemon.events import TalkPressed, Trigger
from daemon.home.parts import build_home

PATIENCE_S = 20.0
AWAY = replace(Settings(), mqtt=MqttSettings(host="broker"))
"""Nobody asks this broker; the speaker has what a bridge asks of it."""
HOUSE: dict[str, Any] = {"connected": True, "trouble": "", "peers": 1, "counters": {}}

needs_broker = pytest.mark.skipif(PROGRAM is None, reason="there is no mosquitto here")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as one:
        yield one


class States:
    """The states that the broker was told, and what else."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.newest: dict[str, Any] = {}
        self.others: dict[str, str] = {}

    async def until(self, true: Any) -> None:
        async with asyncio.timeout(PATIENCE_S):
            async for message in self.client.messages:
                topic, payload = str(message.topic), bytes(message.payload).decode()
                if topic.endswith("/state"):
                    self.newest = json.loads(payload)
                else:
                    self.others[topic] = payload
                if true():
                    return


@contextlib.asynccontextmanager
async def at_home(folder: Path, port: int) -> AsyncIterator[tuple[Rig, States]]:
    """A speaker with its bridge, and somebody who listens at the broker."""
    mqtt = MqttSettings(host="127.0.0.1", port=port)
    settings = replace(Settings(), device=DeviceSettings(id="ab12"), mqtt=mqtt)
    socket = folder / "run" / "control.sock"
    remote = RemoteSpeaker(lambda: socket)
    home = build_home(settings, remote, {})
    async with (
        running_rig(settings, control=socket) as rig,
        aiomqtt.Client("127.0.0.1", port) as client,
    ):
        tasks = [asyncio.create_task(one) for one in (remote.run(), home.bridge.run())]
        await client.subscribe("conure/#", qos=1)
        try:
            yield rig, States(client)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@needs_broker
async def test_the_broker_follows_the_speaker_and_the_speaker_obeys(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with at_home(tmp_path, broker.port) as (rig, states):
        await states.until(lambda: states.newest.get("state") == "idle")
        await states.client.publish("conure/ab12/do/volume", "20", qos=1)
        await states.until(lambda: states.newest["volume"] == 20)
        await states.client.publish("conure/ab12/do/mute", "ON", qos=1)
        await states.until(lambda: states.newest["mute"] == "ON")
        assert rig.conure.reporter.snapshot()["devices"]["mic"]["open"] is False
        assert (await rig.command("status"))["house"]["connected"]
        await states.client.publish("conure/ab12/do/mute", "OFF", qos=1)
        await states.until(lambda: states.newest["mute"] == "OFF")
        await rig.until_online()
        await states.client.publish("conure/ab12/do/say", "hello", qos=1)
        await states.until(lambda: states.newest["last_answer_ms"] is None and states.newest["tokens_today"])
        answered = json.loads(states.others["conure/ab12/event/conversation"])
        assert answered == {"event_type": "answered", "outcome": "answered", "trigger": "text"}


@needs_broker
async def test_the_gateway_is_the_bridge_and_tells_where_its_page_is(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = f"""
        [web]
        name = "kitchen"
        metrics = "open"
        plain_listen = ["127.0.0.1:0"]
        [device]
        id = "ab12"
        [mqtt]
        host = "127.0.0.1"
        port = {broker.port}
    """
    socket = tmp_path / "run" / "control.sock"
    async with running_rig(control=socket), aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("homeassistant/device/#", qos=1)
        env = {"CONURE_SOCKET": str(socket)}
        async with gateway(tmp_path, "--listen", "127.0.0.1:0", config=config, env=env) as web:
            port = await web.port("https")
            async with asyncio.timeout(PATIENCE_S):
                described = json.loads(bytes((await anext(client.messages)).payload))
            assert described["device"]["configuration_url"] == f"https://kitchen.local:{port}"
            assert await web.end() == 0
            assert "Traceback" not in web.said


def heard(rig: Rig) -> TalkPressed:
    """A wake word that ended now."""
    ring = rig.conure.sound.uplink_ring
    return TalkPressed(Trigger.WAKE_WORD, heard_at_byte=ring.head, score_db=20.0)


async def test_a_wake_word_that_another_speaker_answers_opens_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("daemon.conductor.agreement.WAIT_S", PATIENCE_S)  # the machine may be busy
    async with running_rig(AWAY) as rig:
        await rig.command("house", **HOUSE)
        rig.conure.parts.mailbox.post(heard(rig))
        await rig.until(lambda: any(note["event"] == "wake" for note in rig.notes))
        assert rig.states == []
        await rig.command("wake", word=1, answers=False)
        await rig.until(lambda: any(note["event"] == "wake_yielded" for note in rig.notes))
        assert rig.states == []
        assert rig.conure.parts.uplink.hungry is False


async def test_a_wake_word_that_is_answered_later_loses_nothing_that_was_said_meanwhile() -> None:
    async with running_rig(AWAY) as rig:
        await rig.until_online()
        await rig.command("house", **HOUSE)
        word = heard(rig)
        rig.conure.parts.mailbox.post(word)
        rig.say()
        await rig.until_state("listening")
        await rig.until_turns_over()
        [turn] = rig.standin.record.turns
    assert rig.conure.parts.counters()["wake_words_undecided"] == 1
    assert HELLO[640:] in turn.pcm
