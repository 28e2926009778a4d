"""The connection to an MQTT broker. The one module that knows aiomqtt. Event loop only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from daemon.config.secret import Secret
from daemon.errors import ConfigError, ConureError
from daemon.home.outbox import Outgoing

log = logging.getLogger(__name__)

KEEPALIVE_S = 20
"""A broker takes a silent client for lost after one and a half of it (MQTT 5, section 3.1.2.10)."""
TIMEOUT_S = 10.0
"""For a connection, and for the broker's answer to each message."""
PACKET_BYTES = 4096
"""The broker sends no longer message (MQTT 5, section 3.1.2.11.4): it drops it."""
MAX_INCOMING = 32
"""Messages that wait to be read; policy for one more: it is dropped, and counted."""
AT_MOST_ONCE, AT_LEAST_ONCE = 0, 1

PORT, TLS_PORT = 1883, 8883


class BrokerLost(ConureError):
    """The broker cannot be had, or went away; the text says why."""


@dataclass(slots=True)
class IncomingCount:
    """What came too fast to be read, over all connections."""

    dropped: int = 0

    def counters(self) -> dict[str, int]:
        """For metrics."""
        return {"mqtt_incoming_dropped": self.dropped}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is, and who we are there."""

    host: str
    port: int
    client: str
    """The client's id: a broker lets in one of each."""
    user: str = ""
    password: Secret | None = None
    tls: ssl.SSLContext | None = None
    incoming: IncomingCount = field(default_factory=lambda: IncomingCount())


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message that came."""

    topic: str
    payload: bytes
    retained: bool
    """It was published to stay, be it before we came or now."""


class Broker(Protocol):
    """An open connection."""

    async def publish(self, message: Outgoing) -> None:
        """Until the broker has it. Raises BrokerLost."""
        ...

    def messages(self) -> AsyncIterator[Incoming]:
        """What comes, until it is lost. Raises BrokerLost."""
        ...


def tls_context(ca_file: str) -> ssl.SSLContext:
    """TLS that checks the broker's certificate and name; by the system's authorities if `ca_file` is empty.

    Raises ConfigError.
    """
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except ssl.SSLError:
        raise ConfigError([f'mqtt.ca_file = "{ca_file}": holds no certificate in PEM']) from None
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError([f'mqtt.ca_file = "{ca_file}": cannot be read: {reason}']) from error


@contextlib.asynccontextmanager
async def connected(
    address: BrokerAddress, will: Outgoing | None, topics: Iterable[str]
) -> AsyncIterator[Broker]:
    """A connection that has subscribed to `topics`; `will` is told for us if we are lost.

    Raises BrokerLost.
    """
    with _translated(aiomqtt.MqttError):
        async with contextlib.AsyncExitStack() as stack:
            # OSError and ValueError are what paho raises for a name that no resolver takes.
            with _translated(aiomqtt.MqttError, OSError, ValueError):
                client = await stack.enter_async_context(_client(address, will))
                for topic in topics:
                    await client.subscribe(topic, options=_options())
            yield _AioMqtt(client)


@contextlib.contextmanager
def _translated(*kinds: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kinds as error:
        raise BrokerLost(_words(error)) from error


def _client(address: BrokerAddress, will: Outgoing | None) -> aiomqtt.Client:
    limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho has no types here
    limits.MaximumPacketSize = PACKET_BYTES
    last = None
    if will is not None:
        last = aiomqtt.Will(will.topic, will.payload, qos=AT_LEAST_ONCE, retain=will.retain)
    return aiomqtt.Client(
        address.host,
        address.port,
        identifier=address.client,
        username=address.user or None,
        password=address.password.reveal() if address.password else None,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=True,  # what was asked while we were away is not done an hour later
        keepalive=KEEPALIVE_S,
        timeout=TIMEOUT_S,
        will=last,
        tls_context=address.tls,
        properties=limits,
        max_queued_incoming_messages=MAX_INCOMING,
        queue_type=cast(Any, lambda maxsize: _DroppingQueue(maxsize, address.incoming)),
        logger=log,
    )


class _DroppingQueue(asyncio.Queue[aiomqtt.Message]):
    """Drops the newest where it is full, and counts it; the library would log a line for each."""

    def __init__(self, maxsize: int, count: IncomingCount) -> None:
        super().__init__(maxsize)
        self._count = count

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if self.full():
            self._count.dropped += 1
        else:
            super().put_nowait(item)


def _options() -> SubscribeOptions:
    """The retain flag as it was published, so that a retained command is known also while we listen."""
    return SubscribeOptions(qos=AT_LEAST_ONCE, retainAsPublished=True)


def _words(error: Exception) -> str:
    """The library's, without its codes; a wrong password is told as the broker tells it."""
    return re.sub(r"^\[code:[^]]*\] ", "", str(error)).strip() or type(error).__name__


class _AioMqtt:
    """`Broker` on aiomqtt."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, message: Outgoing) -> None:
        """As `Broker` says."""
        with _translated(aiomqtt.MqttError):
            await self._client.publish(
                message.topic,
                message.payload,
                qos=AT_MOST_ONCE if message.once else AT_LEAST_ONCE,
                retain=message.retain,
            )

    async def messages(self) -> AsyncIterator[Incoming]:
        """As `Broker` says."""
        with _translated(aiomqtt.MqttError):
            async for one in self._client.messages:
                payload = one.payload if isinstance(one.payload, bytes) else b""
                yield Incoming(str(one.topic), payload, retained=bool(one.retain))
