"""Runs one scenario in a network namespace of its own, where loopback can be broken for real.

`unshare --map-root-user --net python tests/whole/real_network.py NAME` prints what happened as one JSON line.
The daemon, the SDK and the stand-in share this namespace's loopback; a token bucket that lets nothing through
(tc-tbf(8)) makes packets vanish without a word, as a lost Wi-Fi does.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from rig import HELLO, Rig, running_rig, with_keys

from daemon.config.settings import Settings
from daemon.standin.voices import Echo, Tone
from daemon.standin.world import Pace

SETTINGS = with_keys(Settings(), vad={"silence_ms": 300}, trigger={"follow_up_s": 0.0}, sound={"volume": 100})
LONG = HELLO * 8
"""Some six seconds in which the path can be lost, and be found to be."""

SAID = HELLO * 4
"""What is said where it need not go on for so long."""

BRIEF = Tone(0.5)
"""An answer, where it only matters that it comes."""

NOTHING = "rate 8bit burst 32 limit 32"
SLOW = "rate 200kbit burst 4kb latency 400ms"
"""A weak Wi-Fi: less than the 384 kbit/s of a reply's base64, more than nothing."""


def tc(words: str) -> None:
    """Change what loopback lets through."""
    subprocess.run(["tc", "qdisc", *words.split()], check=True)


def break_path(shape: str = NOTHING) -> float:
    """From now on packets vanish, or crawl; returns when that was."""
    tc(f"add dev lo root tbf {shape}")
    return time.monotonic()


def mend_path() -> float:
    """From now on they arrive; returns when that was."""
    tc("del dev lo root")
    return time.monotonic()


def outcome(rig: Rig, said: bytes = SAID, **more: Any) -> dict[str, Any]:
    """What a test wants to know."""
    answered = [turn for turn in rig.standin.record.turns if turn.reply.generation_complete_s]
    return {
        "outcomes": [turn["outcome"] for turn in rig.turns_over()],
        "earcons": rig.earcons,
        "whole": [said in turn.pcm for turn in answered],
        "counters": rig.conure.reporter.counters(),
        **more,
    }


async def lost_while(
    rig: Rig, ready: Callable[[], object], away_s: float, said: bytes = SAID
) -> dict[str, Any]:
    """Lose the path when `ready`, for a while; tell how long the daemon was deaf to it."""
    await rig.until_online()
    rig.tap()
    rig.say(said)
    await rig.until(ready, 30)
    broken_s = break_path()
    await rig.until(lambda: rig.conure.parts.connection.report()["problem"], 20)
    noticed_s = time.monotonic()
    await asyncio.sleep(max(0.0, away_s - (noticed_s - broken_s)))
    mended_s = mend_path()
    await rig.until(lambda: rig.conure.parts.connection.report()["state"] == "online", 60)
    back_s = time.monotonic()
    await rig.until_turns_over(1, 60)
    return outcome(rig, said, deaf_s=noticed_s - broken_s, back_s=back_s - mended_s)


async def half_open_listening() -> dict[str, Any]:
    """The path goes in mid-speech."""
    async with running_rig(SETTINGS, voice=BRIEF) as rig:
        return await lost_while(
            rig, lambda: rig.standin.record.turns and rig.board.mic.said_s > 2.0, 5.0, LONG
        )


async def half_open_thinking() -> dict[str, Any]:
    """The path goes while the answer is waited for."""
    async with running_rig(SETTINGS, voice=BRIEF, pace=Pace(thinking_s=3.0)) as rig:
        return await lost_while(rig, lambda: rig.reached("thinking"), 5.0)


async def half_open_speaking() -> dict[str, Any]:
    """The path goes in mid-reply, when a part of it is here."""
    async with running_rig(SETTINGS, voice=Tone(20.0, 440.0), pace=Pace(speed=1.2)) as rig:
        return await lost_while(rig, lambda: rig.reached("speaking"), 5.0)


async def away_20_s() -> dict[str, Any]:
    """The network is away for 20 s."""
    async with running_rig(SETTINGS, voice=BRIEF) as rig:
        return await lost_while(rig, lambda: rig.standin.record.turns, 20.0)


async def slow_link() -> dict[str, Any]:
    """A path that crawls, and recovers: slower, and nothing is lost, and the session is not given up."""
    async with running_rig(SETTINGS, voice=Echo()) as rig:
        await rig.until_online()
        break_path(SLOW)
        rig.tap()
        rig.say(SAID)
        await rig.until_turns_over(1, 90)
        return outcome(rig, connections=len(rig.standin.record.connections))


async def no_name() -> dict[str, Any]:
    """The service's name cannot be found."""
    async with running_rig(SETTINGS, base_url="https://no-such-host.invalid") as rig:
        await rig.until(lambda: rig.conure.parts.connection.report()["problem"], 20)
        return outcome(rig, problem=rig.conure.parts.connection.report()["problem"])


SCENARIOS: dict[str, Callable[[], Coroutine[None, None, dict[str, Any]]]] = {
    scenario.__name__: scenario
    for scenario in (
        half_open_listening,
        half_open_thinking,
        half_open_speaking,
        away_20_s,
        slow_link,
        no_name,
    )
}


def main() -> None:
    """Bring up loopback and play the scenario."""
    # Packets as small as on a real network: the bucket never lets one through that is larger than itself.
    subprocess.run(["ip", "link", "set", "lo", "mtu", "1500", "up"], check=True)
    print(json.dumps(asyncio.run(SCENARIOS[sys.argv[1]]()), default=str))


if __name__ == "__main__":
    main()
