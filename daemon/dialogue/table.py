"""The tables, and the one function that reads them."""

from __future__ import annotations

from daemon.dialogue.device import DEVICE_TABLE
from daemon.dialogue.server import SERVER_TABLE
from daemon.dialogue.shared import EVERY_PHASE, Rule, Step
from daemon.dialogue.state import Dialogue, Policy, TurnTaking
from daemon.errors import IllegalTransition
from daemon.events import DialogueEvent
from daemon.words import Phase

TABLES: dict[TurnTaking, dict[Phase, dict[type, Rule]]] = {
    turn_taking: {phase: EVERY_PHASE | rows for phase, rows in table.items()}
    for turn_taking, table in ((TurnTaking.DEVICE, DEVICE_TABLE), (TurnTaking.SERVER, SERVER_TABLE))
}
"""For each phase, one rule for each event."""


def advance(state: Dialogue, event: DialogueEvent, policy: Policy) -> Step:
    """The next state and what to do, in order.

    Raises IllegalTransition for a pair without a row, which no sequence of events can reach.
    """
    rule = TABLES[policy.turn_taking].get(state.phase, {}).get(type(event))
    if rule is None:
        raise IllegalTransition(f"no row for {type(event).__name__} while {state.phase.value}")
    return rule(state, event, policy)
