"""Live through every fault of the matrix with the shipped time limits, and write docs/use/faults.md.

`PYTHONPATH=.:tests/support python tests/pages/fault_table.py`, from the top folder, takes two minutes. It is
no test: the numbers are those of the machine that it runs on.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from fault_cases import CASES, SECOND
from fault_story import SHIPPED, Case, Point, Story, play
from places import ROOT

from daemon.lights import scenes
from daemon.session.failures import TREATMENTS, FailureKind, Retry
from daemon.standin.actions import SayGoAway, Send
from daemon.words import Outcome

PAGE = ROOT / "docs/use/faults.md"

AT_ONCE = 6
"""Cases that are played side by side."""

HEAD = """\
# What happens when something fails

The whole daemon lived through each row, on the simulated board, with the real client library and TLS,
against the stand-in server; `tests/whole/test_faults.py` lives through the same rows, mostly with shorter
limits. The program `tests/pages/fault_table.py` writes this page. It measures the times with the time
limits as shipped, on loopback, where connecting takes some 50 ms and the server thinks for 150 ms. `online`
counts from the end of the fault to the connection that the turn then used, `answer` from the end of speech
(or of a fault that lasts longer) to the first of the reply; without a fault that is 0.2 s. "As ever" means
the lights and tones of a turn without a fault. In every row in which the turn is answered, all that was
said has arrived, sample for sample, and was answered once.

If a path is gone, so that not even the kernel at the other end acknowledges anything, Conure notices that
within 5 s while somebody waits: see `daemon/session/liveness.py`.

If something on the way, such as a proxy or a phone's hot spot, still acknowledges, nothing shows that the
path is gone. So Conure learns how long the model usually takes to begin an answer: nine of the last fifty
answers out of ten, of one day (`usual_answer_s` in `conure status --json`). When an answer takes twice as
long, 1.5 s at least, and 3 s while fewer than five are known, and the service has not said that it works on
it, Conure asks the same on a **second connection**. The lights show once more that something is sent.
Whichever answers first is heard, and the other is left, so that no slow answer is given up and nothing is
said or done twice. The second connection begins a session of its own: if it is the one that answers, the
model has forgotten what was said before. It costs the words once more. With `live.turn_taking = "server"`
there is none.

**What was said and not answered is not dropped because its user speaks again**: it goes with what is said
next, as one question, up to a minute of it. A connection that has got it already does not get it twice. To
stop, to mute, and the tone that says that a turn has failed forget it.

A name of which the IPv6 or the IPv4 addresses lead nowhere costs a quarter of a second: the addresses are
tried side by side (RFC 8305). A look-up is waited for 3 s in each try; a slower answer serves the next one.
`conure doctor` names the family that is dead.

**Where WebSockets do not pass and HTTPS does** (a proxy, a school's firewall), Conure goes the slow way, if
`live.fallback` is `"auto"`. The upgrade was refused or swallowed, or the connection ended at once, three
times; then the service answered by HTTPS, and a session failed once more. From then on each utterance is a
call over HTTPS (`generateContent`, with the sound of it), and each sentence of the answer is spoken by a call
to a model of speech, the first while the rest is written. Tools, interruptions, the budget and what was said
and not answered are as ever. At rest the lights pulse three times in amber, and `conure status` says why
(`slow way`). After half a minute, and then after pauses of up to ten minutes, a session is tried in the
background; once one stays, the next turn takes it. What was said on the slow way the session does not know.
Measured as below: once the way is known, 0.4 to 0.6 s from the end of speech to the first of the reply, of
which the service thinks twice for 0.15 s. Who speaks at the very start waits for the failures, too: 2 s where
connections are reset, 4 s where the upgrade is refused, 25 s where it is swallowed. Not with
`live.turn_taking = "server"`. The rows below were lived through with `live.fallback = "off"`;
`tests/whole/test_slow_way.py` lives through the slow way.

Of a microphone that gives sound faster than time passes no more leaves than the clock allows, a quarter and
3 s on top of it (`uplink_ahead_bytes` in `conure status`); the microphone then counts as failed.
"""

POINTS = {
    Point.CONNECTING: "While connecting\n\nThe fault lasts until the user has finished speaking.",
    Point.IDLE: "While nobody talks to it\n\nThe user speaks just after.",
    Point.LISTENING: "While the user speaks",
    Point.THINKING: "While it thinks",
    Point.SPEAKING: "While it answers",
}

RETRIES = {
    Retry.AT_ONCE: "connects again at once",
    Retry.BACK_OFF: "tries again with growing pauses",
    Retry.SLOWLY: "tries again after minutes, and at each press",
    Retry.WHEN_ASKED: "tries again at a press, at most every 10 s",
}

OUTCOMES = {
    Outcome.ANSWERED: "sends what was said, whole, and plays the answer",
    Outcome.SHORT: "plays what has come of the answer",
    Outcome.FAILED: "gives the turn up",
    Outcome.SILENT: "takes it for the model's choice to say nothing",
    Outcome.CUT: "stops at once",
}


def deed(case: Case) -> str:
    """What the daemon does."""
    if isinstance(case.warns, FailureKind):
        treatment = TREATMENTS[case.warns]
        forgets = "" if treatment.keep_handle else ", with a fresh session"
        return f"{RETRIES[treatment.retry]}{forgets}; {OUTCOMES[case.outcome]}"
    if case.warns is not None:
        return unanswered(case)
    action = case.plan.rules[0].do[0]
    if isinstance(action, SayGoAway):
        return f"changes the connection at the next pause; {OUTCOMES[case.outcome]}"
    if isinstance(action, Send):
        return f"passes over it; {OUTCOMES[case.outcome]}"
    return (
        f"connects again when next needed; {OUTCOMES[case.outcome]}" if case.drops else OUTCOMES[case.outcome]
    )


def unanswered(case: Case) -> str:
    """What the daemon does where a connection stands, and is of no use."""
    if case.outcome is Outcome.SHORT:
        return f"{OUTCOMES[case.outcome]}, and 6 s later begins another session"
    asks = "asks on a second connection, too, when the answer takes unusually long"
    if case.point is Point.SPEAKING:
        return f"plays the answer; in the next turn {asks}"
    return f"{asks}; {OUTCOMES[case.outcome]}"


def lights(case: Case) -> str:
    """What the user sees."""
    if case.point is Point.THINKING and case.shows is scenes.OFFLINE:
        return f"{scenes.SENDING.looks}, once more"
    if case.warns == SECOND and case.point is not Point.SPEAKING:
        return f"{scenes.SENDING.looks}, once more"
    return case.shows.looks if case.shows else "as ever"


def logged(case: Case) -> str:
    """What the log says, as one WARNING."""
    if isinstance(case.warns, FailureKind):
        return TREATMENTS[case.warns].says
    if case.warns == SECOND:
        return f"the connection did not answer in the usual time: {SECOND}, and is kept"
    return f"beginning another session: {case.warns} …" if case.warns else "—"


def measured(case: Case, story: Story) -> str:
    """How long it took."""
    begun = case.point is Point.SPEAKING
    parts = {"online": story.back_s, "answer": None if begun else story.reply_delay_s}
    return ", ".join(f"{name} {took_s:.1f} s" for name, took_s in parts.items() if took_s is not None) or "—"


def told(case: Case) -> str:
    """What the table says of a case before anything is measured."""
    tones = ", ".join(tone.value for tone in case.tones) or "as ever"
    return f"| {' | '.join((case.fault, lights(case), tones, deed(case), logged(case)))} |"


def row(case: Case, story: Story) -> str:
    """One line of the table."""
    return f"{told(case)} {measured(case, story)} |"


def table(point: Point, stories: dict[str, Story]) -> str:
    """The section of one point."""
    rows = [row(case, stories[case.title]) for case in CASES if case.point is point]
    head = "| Fault | Lights | Tones | What it does | Log | Measured |\n|---|---|---|---|---|---|"
    return "\n".join([f"\n## {POINTS[point]}\n", head, *rows, ""])


async def play_all() -> dict[str, Story]:
    """Every case, some at a time."""
    free = asyncio.Semaphore(AT_ONCE)

    async def play_one(case: Case) -> Story:
        async with free:
            return await play(case, SHIPPED, again=False)

    stories = await asyncio.gather(*map(play_one, CASES))
    return {case.title: story for case, story in zip(CASES, stories, strict=True)}


def main() -> None:
    """Play, and write the page."""
    logging.basicConfig(level=logging.ERROR)
    stories = asyncio.run(play_all())
    for case in CASES:
        if (found := stories[case.title].turns[0].outcome) != case.outcome.value:
            sys.exit(f"{case.title}: the turn was {found}, not {case.outcome.value}")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(HEAD + "".join(table(point, stories) for point in POINTS), "utf-8")


if __name__ == "__main__":
    main()
