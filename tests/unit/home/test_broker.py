"""The connection to a broker, against a real Mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from mosquitto import PROGRAM, Mosquitto, mosquitto

from daemon.certificates import Life, new_authority, new_leaf
from daemon.config.secret import Secret
from daemon.control.server import ControlServer
from daemon.errors import ConfigError
from daemon.home.broker import (
    MAX_INCOMING,
    PACKET_BYTES,
    BrokerAddress,
    BrokerLost,
    Incoming,
    IncomingCount,
    connected,
    tls_context,
)
from daemon.home.outbox import Outgoing

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no mosquitto here")

PATIENCE_S = 20.0

STATUS: dict[str, Any] = {
    "version": "1", "board": "simulated", "state": "idle", "muted": False, "volume": 70, "light": "ready",
    "link": {"state": "online", "problem": None}, "devices": {}, "timers": {}, "turns": [], "usage": {},
}  # fmt: skip


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as one:
        yield one


def address(port: int, **more: Any) -> BrokerAddress:
    return BrokerAddress(host="127.0.0.1", port=port, client="conure_test", **more)


@contextlib.asynccontextmanager
async def listener(port: int, *topics: str) -> AsyncIterator[AsyncIterator[aiomqtt.Message]]:
    """Somebody else at the broker: what comes at these topics."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        yield client.messages


async def tell(port: int, topic: str, payload: str, *, retain: bool = False) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish(topic, payload, qos=1, retain=retain)


async def next_of(messages: AsyncIterator[Any]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(messages)


async def test_what_is_published_reaches_others_and_is_kept_where_it_is_to_be(broker: Mosquitto) -> None:
    async with connected(address(broker.port), None, ()) as ours:
        await ours.publish(Outgoing(topic="a/state", payload="1", retain=True))
        await ours.publish(Outgoing(topic="a/event", payload="2"))
    async with listener(broker.port, "a/#") as messages:
        kept = await next_of(messages)
        assert (str(kept.topic), kept.payload, kept.retain) == ("a/state", b"1", True)


async def test_a_retained_message_is_known_as_such_before_we_came_and_while_we_listen(
    broker: Mosquitto,
) -> None:
    await tell(broker.port, "do/stop", "before", retain=True)
    async with connected(address(broker.port), None, ("do/+",)) as ours:
        came = ours.messages()
        assert await next_of(came) == Incoming("do/stop", b"before", retained=True)
        await tell(broker.port, "do/stop", "now", retain=True)
        assert await next_of(came) == Incoming("do/stop", b"now", retained=True)
        await tell(broker.port, "do/stop", "fresh")
        assert await next_of(came) == Incoming("do/stop", b"fresh", retained=False)


async def test_a_message_that_is_too_long_is_never_sent_to_us(broker: Mosquitto) -> None:
    async with connected(address(broker.port), None, ("do/+",)) as ours:
        await tell(broker.port, "do/say", "x" * (PACKET_BYTES + 1))
        await tell(broker.port, "do/say", "short")
        assert (await next_of(ours.messages())).payload == b"short"


async def test_of_a_flood_the_newest_are_dropped_and_counted(broker: Mosquitto) -> None:
    count = IncomingCount()
    async with connected(address(broker.port, incoming=count), None, ("do/+",)) as ours:
        async with aiomqtt.Client("127.0.0.1", broker.port) as other:
            for number in range(MAX_INCOMING + 7):
                await other.publish("do/stop", str(number), qos=1)
        async with asyncio.timeout(PATIENCE_S):
            while count.counters()["mqtt_incoming_dropped"] < 7:
                await asyncio.sleep(0.01)
        assert (await next_of(ours.messages())).payload == b"0"


async def test_who_is_lost_has_a_last_will(broker: Mosquitto) -> None:
    """Another with the same id takes the place: for the broker the first is lost."""
    will = Outgoing(topic="a/availability", payload="offline", retain=True)
    async with listener(broker.port, "a/availability") as messages:
        with pytest.raises(BrokerLost):
            async with connected(address(broker.port), will, ()) as ours:
                async with connected(address(broker.port), None, ()):
                    last = await next_of(messages)
                    async with asyncio.timeout(PATIENCE_S):
                        async for _ in ours.messages():
                            pass
        assert last.payload == b"offline"


async def test_a_broker_that_dies_is_told_to_who_listens_and_who_publishes(broker: Mosquitto) -> None:
    with pytest.raises(BrokerLost):
        async with connected(address(broker.port), None, ("a",)) as ours:
            broker.stop()
            with pytest.raises(BrokerLost):
                await next_of(ours.messages())
            await ours.publish(Outgoing(topic="a", payload="1"))


async def test_nobody_there_is_told_in_words(broker: Mosquitto) -> None:
    broker.stop()
    with pytest.raises(BrokerLost, match="refused"):
        async with connected(address(broker.port), None, ()):
            pass


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """A file of Mosquitto's with one user, `conure`, whose password is `right`."""
    beside = shutil.which("mosquitto_passwd", path=f"{os.environ['PATH']}:{Path(PROGRAM or '/').parent}")
    assert beside is not None
    path = tmp_path / "passwords"
    subprocess.run([beside, "-b", "-c", str(path), "conure", "right"], check=True)
    return path


async def test_a_wrong_password_is_told_and_is_in_no_word_of_it(tmp_path: Path, passwords: Path) -> None:
    with mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}\n") as broker:
        async with connected(address(broker.port, user="conure", password=Secret("right")), None, ()) as ours:
            await ours.publish(Outgoing(topic="a", payload="1"))
        with pytest.raises(BrokerLost, match=r"(?i)not authori[sz]ed") as refused:
            async with connected(address(broker.port, user="conure", password=Secret("wrong1")), None, ()):
                pass
    assert "wrong1" not in str(refused.value)


async def test_a_fault_of_ours_is_not_taken_for_the_broker_s(broker: Mosquitto) -> None:
    with pytest.raises(ValueError, match="ours"):
        async with connected(address(broker.port), None, ()):
            raise ValueError("ours")


@pytest.fixture(scope="module")
def authority_of_the_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and a broker's certificate by it."""
    folder = tmp_path_factory.mktemp("tls")
    now = datetime.now(UTC)
    life = Life(start=now - timedelta(days=1), end=now + timedelta(days=1))
    authority = new_authority("House", life)
    leaf = new_leaf(authority, ("localhost",), (ip_address("127.0.0.1"),), life)
    (folder / "ca.pem").write_text(authority.pem)
    certificate, _, key = leaf.pem_with_key.partition("-----BEGIN PRIVATE")
    (folder / "cert.pem").write_text(certificate)
    (folder / "key.pem").write_text(f"-----BEGIN PRIVATE{key}")
    return folder


# paho leaves the socket of a handshake that failed to the garbage collector, which closes it at once.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_tls_is_checked_against_the_authority_that_is_named(
    tmp_path: Path, authority_of_the_house: Path
) -> None:
    tls = authority_of_the_house
    options = f"allow_anonymous true\ncertfile {tls}/cert.pem\nkeyfile {tls}/key.pem\n"
    with mosquitto(tmp_path, options) as broker:
        ours = tls_context(str(tls / "ca.pem"))
        async with connected(address(broker.port, tls=ours), None, ()) as link:
            await link.publish(Outgoing(topic="a", payload="1"))
        with pytest.raises(BrokerLost, match=r"(?i)certificate"):
            async with connected(address(broker.port, tls=tls_context("")), None, ()):
                pass


def test_certificates_that_are_none_are_told(tmp_path: Path) -> None:
    none = tmp_path / "none.pem"
    none.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"mqtt\.ca_file.*no certificate in PEM"):
        tls_context(str(none))
    with pytest.raises(ConfigError, match=r"mqtt\.ca_file.*No such file"):
        tls_context(str(tmp_path / "missing.pem"))
    assert isinstance(tls_context(""), ssl.SSLContext)


class FakeConure:
    """A speaker's control socket: it says how it is, and remembers its volume."""

    def __init__(self) -> None:
        self.status = deepcopy(STATUS)
        self.news: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def handle(self, command: str, args: dict[str, Any]) -> Any:
        match command:
            case "status":
                return self.status
            case "volume":
                self.status["volume"] = args["percent"]
                self.news.put_nowait({"event": "volume", "volume": args["percent"]})
        return {"waiting": []}

    async def watch(self, _args: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        yield {"event": "snapshot", "status": self.status}
        while True:
            yield await self.news.get()


async def run_conure(folder: Path, *words: str) -> asyncio.subprocess.Process:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "CONURE_SOCKET": str(folder / "control.sock")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", "mqtt", *words, "--config", str(folder / "config.toml"),
        env=env | {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")},
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def told(messages: AsyncIterator[aiomqtt.Message], topic: str) -> str:
    async with asyncio.timeout(PATIENCE_S):
        async for one in messages:
            if str(one.topic) == topic:
                return bytes(one.payload).decode()
    raise AssertionError(topic)


async def test_the_process_shows_the_speaker_obeys_says_goodbye_and_is_forgotten(
    tmp_path: Path, broker: Mosquitto
) -> None:
    (tmp_path / "config.toml").write_text(
        f'[device]\nid = "ab12"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    )
    conure = FakeConure()
    async with (
        ControlServer(tmp_path / "control.sock", conure.handle, conure.watch),
        listener(broker.port, "conure/#", "homeassistant/#") as messages,
    ):
        process = await run_conure(tmp_path)
        assert await told(messages, "conure/ab12/availability") == "online"
        assert json.loads(await told(messages, "conure/ab12/state"))["volume"] == 70
        await tell(broker.port, "conure/ab12/do/volume", "25")
        assert json.loads(await told(messages, "conure/ab12/state"))["volume"] == 25
        process.send_signal(signal.SIGTERM)
        assert await told(messages, "conure/ab12/availability") == "offline"
        _, said = await process.communicate()
        assert process.returncode == 0, said
        assert b"orders_obeyed 1" in said
        assert b"Traceback" not in said
    process = await run_conure(tmp_path, "forget")
    _, said = await process.communicate()
    assert process.returncode == 0, said
    async with listener(broker.port, "#") as messages:
        await tell(broker.port, "marker", "1")
        assert str((await next_of(messages)).topic) == "marker"


async def test_without_a_broker_in_the_settings_the_process_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    process = await run_conure(tmp_path)
    _, said = await process.communicate()
    assert process.returncode == 78
    assert b"mqtt.host" in said
