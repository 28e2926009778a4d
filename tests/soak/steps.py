"""What happens in a soak: the steps, made from a seed, and their one-line form in a plan file. Pure."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from fault_cases import ABORTED, INTERNAL, INVALID, close, go_away, http, send

from daemon.standin.plan import Plan
from soak.stamps import LONGEST_UTTERANCE

NOW = "now"
"""The moment of a fault that strikes the idle connection just before the step."""

DOWN = "down"
"""The fault of a server that cannot be reached for a while, beginning just before the step."""


class Act(StrEnum):
    """What the user does in a step."""

    HOLD = "hold"
    """Asks with the button held."""
    TAP = "tap"
    """Asks after a tap; silence ends it."""
    TEXT = "text"
    """Asks in writing."""
    CUT_IN = "cut_in"
    """Asks, and asks again by a press over the reply."""
    SPEAK_OVER = "speak_over"
    """Asks, and asks again by voice over the reply."""
    STOP = "stop"
    """Asks, and stops it at a random moment."""
    MUTE = "mute"
    """Asks, mutes at a random moment, opens the microphone again."""
    DOUBLE = "double"
    """Mutes by a double press, presses in vain, opens the microphone by another double press."""
    SILENT = "silent"
    """Taps and says nothing."""
    FIDDLE = "fiddle"
    """Presses a few times at random, then asks."""
    DOZE = "doze"
    """Is away for longer than the connection is kept, then asks."""


PLAIN = frozenset({Act.HOLD, Act.TAP, Act.TEXT, Act.DOZE})
"""One question, which nobody takes back: it must be answered, if no fault excuses it."""

_ACTS = {
    Act.HOLD: 40, Act.TAP: 15, Act.TEXT: 8, Act.CUT_IN: 8, Act.SPEAK_OVER: 6, Act.STOP: 8,
    Act.MUTE: 5, Act.DOUBLE: 3, Act.SILENT: 2, Act.FIDDLE: 4, Act.DOZE: 1,
}  # fmt: skip
"""How often each is done, of a hundred."""

FAULTY = 0.5
"""The share of steps in which something goes wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong: `do` in the words of a plan, at one of the moments `when`.

    `excuses` says that a question may then go without a whole answer.
    """

    do: str
    when: tuple[str, ...]
    excuses: bool = False


OPENING, ASKING, LATER, REPLYING = (
    ("activity_start", "audio_ms=80", "audio_ms=200"),
    ("activity_end", "reply_start"),
    ("reply_start", "reply_ms=100"),
    ("reply_ms=100", "reply_ms=300"),
)
BEFORE = OPENING + ASKING

_DROPS = (
    '"reset"', close(1000, "The operation was cancelled."), close(1001), close(1007, INVALID),
    close(1008, ABORTED), close(1011, INTERNAL), '"deadline"',
)  # fmt: skip
_SILENCES = (
    '"stop_answering"', '"half_open"', '{ action = "half_open", holds_session = true }', '"never_answer"',
)  # fmt: skip
_NOISE = (send("unknown"), send("error"), send("not_json"), send("huge"))
_FAREWELLS = (
    go_away(50.0, "nothing"), go_away(None, "nothing"), go_away(0.1, "nothing"),
    go_away(50.0, "close", 0.0), go_away(50.0, "silence", 0.0),
)  # fmt: skip
_LONG_FAREWELLS = (go_away(50.0, "close", 0.03), go_away(50.0, "silence", 0.03))
_TERMINAL = ('"leaked_key"', '"quota"')

FAULTS = (
    *(Fault(do, (NOW, *BEFORE)) for do in (*_DROPS, *_SILENCES, *_NOISE)),
    *(Fault(do, (NOW, *OPENING)) for do in _FAREWELLS),
    *(Fault(do, (NOW, *BEFORE, *REPLYING), excuses=True) for do in _LONG_FAREWELLS),
    *(Fault(do, REPLYING, excuses=True) for do in (*_DROPS, *_SILENCES, *_FAREWELLS)),
    *(Fault(do, REPLYING) for do in _NOISE),
    *(Fault(do, (NOW, *BEFORE, *REPLYING), excuses=True) for do in _TERMINAL),
    Fault(send("interrupted"), (NOW, *BEFORE)),
    Fault(send("interrupted"), REPLYING, excuses=True),
    Fault(send("turn_complete"), (NOW, *BEFORE, *REPLYING), excuses=True),
    Fault('"stop_reading"', (NOW, *BEFORE)),
    Fault('{ action = "stall", seconds = 0.1 }', LATER),
    Fault('{ action = "stall", seconds = 1.5 }', LATER, excuses=True),
    Fault('"turn_complete_twice"', ("turn_complete",)),
    Fault('"turn_complete_missing"', ("turn_complete",)),
    Fault('{ action = "withhold", what = "generation_complete" }', ("reply_start",)),
    Fault('"interrupted_with_audio"', ("reply_start", *REPLYING), excuses=True),
    *(Fault(do, ("reply_start",), excuses=True) for do in ('"near_silence"', '"reject"', '"no_audio"')),
    Fault('"refuse"', ("connect",)),
    Fault('"tls_failure"', ("connect",)),
    *(Fault(http(status), ("upgrade",)) for status in (302, 409, 429, 503)),
    *(Fault(http(status), ("upgrade",), excuses=True) for status in (401, 404)),
    *(Fault(do, ("setup",)) for do in ('"reset"', close(1011, INTERNAL), '"wrong_setup_answer"')),
    Fault('"stop_answering"', ("setup",)),
    *(Fault(do, ("resume",)) for do in ('"poisoned_handle"', close(1008, "Requested entity was not found."))),
    Fault(DOWN, (NOW,)),
)
"""Everything that may go wrong in a step."""

CONNECTING = frozenset({"connect", "upgrade", "setup", "resume"})
"""Moments that come only on a new connection: the old one is dropped first."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the user does, and what goes wrong in it. All that is random in it is in `seed`."""

    number: int
    act: Act
    chunks: int = 20
    """Of what is said."""
    reply_chunks: int = 20
    when: str = ""
    """The moment of the fault; empty: nothing goes wrong."""
    do: str = ""
    times: int = 1
    """How often in a row: for a connection that fails again and again."""
    excused: bool = False
    """Whether the fault may cost the answer."""
    seed: int = 0

    @property
    def must_be_answered(self) -> bool:
        """Whether the whole answer is owed."""
        return self.act in PLAIN and not self.excused

    @property
    def plan(self) -> Plan:
        """What the stand-in does wrong in the step, as far as it has a moment of its own."""
        if not self.do or self.when == NOW:
            return Plan()
        return rule(self.when, self.do, self.times)

    def random(self) -> random.Random:
        """The same numbers each time."""
        return random.Random(self.seed)


def rule(when: str, do: str, times: int = 1) -> Plan:
    """A plan of one rule, which strikes the first `times` times."""
    return Plan.from_toml(f'[[rule]]\nwhen = "{when}"\nnth = {list(range(1, times + 1))}\ndo = {do}\n')


def make_steps(seed: int, count: int) -> list[Step]:
    """The steps of a soak; the same for the same seed: a shorter soak is the beginning of a longer one."""
    return [_step(random.Random(f"{seed}/{number}"), number) for number in range(1, count + 1)]


def _step(dice: random.Random, number: int) -> Step:
    act = dice.choices(list(_ACTS), list(_ACTS.values()))[0]
    chunks = dice.randint(24 if act in (Act.TAP, Act.SPEAK_OVER) else 8, LONGEST_UTTERANCE)
    long = act in (Act.CUT_IN, Act.SPEAK_OVER, Act.STOP, Act.MUTE)
    reply_chunks = dice.randint(100, 200) if long else dice.randint(5, 60)
    bare = Step(number, act, chunks, reply_chunks, seed=dice.randrange(2**32))
    if dice.random() >= FAULTY:
        return bare
    fault = dice.choice(FAULTS)
    when = dice.choice(fault.when)
    times = dice.randint(1, 3) if when in CONNECTING - {"resume"} else 1
    return Step(number, act, chunks, reply_chunks, when, fault.do, times, fault.excuses, bare.seed)


def clean_step(number: int) -> Step:
    """A question in which nothing goes wrong."""
    return Step(number, Act.HOLD)


def to_lines(steps: Iterable[Step]) -> str:
    """A plan file: one JSON object in each line."""
    return "".join(json.dumps(_told(step)) + "\n" for step in steps)


def _told(step: Step) -> dict[str, object]:
    """Its fields, but for those that nothing was said about."""
    usual = asdict(Step(0, Act.HOLD))
    return {name: value for name, value in asdict(step).items() if name == "act" or value != usual[name]}


def from_lines(text: str) -> Iterator[Step]:
    """The steps of a plan file. Raises ValueError or TypeError where it is none."""
    for line in text.splitlines():
        if line.strip():
            fields = json.loads(line)
            yield Step(**(fields | {"act": Act(fields["act"])}))
