"""Two hundred wake words, each heard by two or three speakers that share a broker: who answers, and how late.

`scripts/check-home` runs this. Every speaker has its own bridge, its own connection to a real Mosquitto, and
the part of the daemon that holds a wake word back. Each hears a word up to 50 ms later than the first.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from mosquitto import mosquitto
from test_wake_talks import house

from daemon.home.rounds import LATE_S

WORDS = 200
SKEW_S = 0.05
WORDS_WITHOUT = 20
BUDGET_S = 0.15


async def main() -> None:
    dice = random.Random(14)
    answered: Counter[int] = Counter()
    loudest = 0
    delays: list[float] = []
    with tempfile.TemporaryDirectory() as folder, mosquitto(Path(folder)) as broker:
        async with house(broker.port) as speakers:
            for _ in range(WORDS):
                who = dice.sample(speakers, dice.choice((2, 3)))
                before = {one: len(one.answers) for one in who}
                scores = {one: dice.uniform(5.0, 30.0) for one in who}
                for one in who:
                    one.hear(scores[one])
                    await asyncio.sleep(dice.uniform(0.0, SKEW_S / 2))
                await asyncio.sleep(LATE_S + 0.3)
                new = [one for one in who if len(one.answers) > before[one]]
                answered[len(new)] += 1
                loudest += new == [max(scores, key=scores.__getitem__)]
                delays += [one.answers[-1] for one in new]
            broker.stop()
            while any(one.peers for one in speakers):
                await asyncio.sleep(0.01)
            for one in speakers:
                one.answers.clear()
            for _ in range(WORDS_WITHOUT):
                for one in speakers:
                    one.hear(10.0)
            alone = [len(one.answers) for one in speakers]
    delays.sort()
    p50, p90 = delays[len(delays) // 2], delays[len(delays) * 9 // 10]
    print(f"answers to a word: {dict(answered)}; the loudest answered {loudest} of {WORDS}")
    print(f"added delay: p50 {p50 * 1000:.0f} ms, p90 {p90 * 1000:.0f} ms, max {delays[-1] * 1000:.0f} ms")
    print(f"without the broker, of {WORDS_WITHOUT} words: {alone} answered")
    if answered != {1: WORDS} or p90 > BUDGET_S or alone != [WORDS_WITHOUT] * 3:
        sys.exit("that is not as it should be")


asyncio.run(main())
