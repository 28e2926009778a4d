"""The fault plan: what goes wrong, when, and how often. Pure.

A plan is a list of rules, in Python or in TOML:

    [[rule]]
    when = "reply_ms=800"                     # a trigger, some with a threshold: see `When`
    nth = 2                                   # the second time it comes; a list; or "every". Default: 1
    do = { action = "stall", seconds = 3.0 }  # one of `ACTIONS` or of `PRESETS`, or a list of them

    [[rule]]
    when = "resume"
    nth = "every"
    do = "poisoned_handle"

    [[rule]]
    when = "reply_start"
    do = { action = "call_tool", name = "volume", args = { percent = 30 } }

    [[rule]]
    when = "tool_call"
    do = [{ action = "stall", seconds = 0.5 }, "cancel_tools"]

    [service]                                 # what the service may do either way: see `service.py`
    transcripts = "pieces"

Each rule counts its own trigger over the life of the server: connections for `connect`, `upgrade` and
`setup`, resumptions for `resume`, turns for the others. Rules that are due together act in their order. Where
each action may stand is in its class (`at`); a plan that breaks this, or that names what does not exist, is
refused with all its mistakes in one PlanError. The words themselves are in `actions.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from daemon.standin.actions import ACTIONS, PRESETS, WITH_THRESHOLD, Action, Actions, When
from daemon.standin.parameters import check_parameters
from daemon.standin.service import USUAL, Service, service_from
from hw.files import OddFile, read_toml, toml_of

LIMIT_BYTES = 256 * 1024
"""Longest plan that is read: some thousand rules."""

T = TypeVar("T")


class PlanError(ValueError):
    """The plan cannot be used; one line for each mistake."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When `when` comes for one of the `nth` times (empty: every time), do all of `do`.

    `threshold` is in the unit that the trigger's name ends in.
    """

    when: When
    do: Actions
    nth: tuple[int, ...] = (1,)
    threshold: float = 0.0

    def __post_init__(self) -> None:
        for action in self.do:
            if self.when not in type(action).at:
                raise PlanError(f"{type(action).__name__} cannot stand at {self.when}")
        if (self.threshold > 0) != (self.when in WITH_THRESHOLD):
            wants = "needs" if self.when in WITH_THRESHOLD else "takes no"
            raise PlanError(f"{self.when} {wants} threshold above 0")
        if any(number < 1 for number in self.nth):
            raise PlanError("nth counts from 1")


@dataclass(frozen=True, slots=True)
class Plan:
    """All rules, and the choices. Without any rule, the server behaves."""

    rules: tuple[Rule, ...] = ()
    service: Service = USUAL

    @classmethod
    def from_toml(cls, text: str) -> Plan:
        """The plan in a TOML text. Raises PlanError with all mistakes."""
        try:
            return cls.from_tables(toml_of(text))
        except OddFile as error:
            raise PlanError(str(error)) from error

    @classmethod
    def read(cls, path: Path) -> Plan:
        """The plan in a TOML file. Raises PlanError with all mistakes, and OSError."""
        try:
            return cls.from_tables(read_toml(path, LIMIT_BYTES))
        except (OddFile, PlanError) as error:
            raise PlanError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Plan:
        """The plan in the tables of a TOML text. Raises PlanError with all mistakes."""
        mistakes = [f"unknown table: {name}" for name in tables if name not in ("rule", "service")]
        rules = [
            _told(f"rule {number}", mistakes, partial(_rule, table))
            for number, table in enumerate(_tables(tables.get("rule", [])), 1)
        ]
        service = _told("service", mistakes, partial(service_from, tables.get("service", {})))
        if mistakes:
            raise PlanError("\n".join(mistakes))
        return cls(tuple(rule for rule in rules if rule is not None), service or USUAL)


def _told(owner: str, mistakes: list[str], read: Callable[[], T]) -> T | None:
    """What `read` returns; what it cannot use is added to the mistakes."""
    try:
        return read()
    except (ValueError, TypeError, KeyError) as error:
        mistakes.append(f"{owner}: {_explain(error)}")
        return None


class PlanRun:
    """A plan being carried out: counts how often each rule's trigger came. Event loop only."""

    def __init__(self, plan: Plan) -> None:
        self.service = plan.service
        self._rules = plan.rules
        self._came = [0] * len(plan.rules)

    def due(self, when: When, before: float = 0.0, after: float = 0.0) -> list[Action]:
        """What is to be done now. With a threshold: it counts when it lies in (before, after]."""
        actions: list[Action] = []
        for place, rule in enumerate(self._rules):
            if rule.when is not when or (rule.threshold > 0 and not before < rule.threshold <= after):
                continue
            self._came[place] += 1
            if not rule.nth or self._came[place] in rule.nth:
                actions.extend(rule.do)
        return actions

    def uses(self, when: When) -> bool:
        """Whether any rule waits for this trigger."""
        return any(rule.when is when for rule in self._rules)


def _tables(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _rule(table: Any) -> Rule:
    if not isinstance(table, dict):
        raise PlanError("not a table")
    if unknown := set(table) - {"when", "nth", "do"}:
        raise PlanError(f"unknown key: {', '.join(sorted(unknown))}")
    trigger, _, threshold = str(table["when"]).partition("=")
    try:
        when = When(trigger.strip())
        limit = float(threshold) if threshold else 0.0
    except ValueError as error:
        raise PlanError(f"unknown trigger: {table['when']}; there are {', '.join(When)}") from error
    actions = tuple(action for entry in _tables(table["do"]) for action in _actions(entry))
    return Rule(when, actions, _nth(table.get("nth", 1)), limit)


def _nth(value: Any) -> tuple[int, ...]:
    if value == "every":
        return ()
    numbers = tuple(_tables(value))
    if not numbers or not all(type(number) is int for number in numbers):
        raise PlanError(f'nth is a number, a list of numbers or "every", not {value!r}')
    return numbers


def _actions(entry: Any) -> Actions:
    if isinstance(entry, str) and entry in PRESETS:
        return PRESETS[entry]
    parameters = {"action": entry} if isinstance(entry, str) else dict(entry)
    name = parameters.pop("action")
    if name not in ACTIONS:
        raise PlanError(f"unknown action: {name}; there are {', '.join([*ACTIONS, *PRESETS])}")
    kind = ACTIONS[name]
    check_parameters(name, dataclasses.fields(kind), parameters)
    return (kind(**parameters),)


def _explain(error: Exception) -> str:
    return f"missing: {error.args[0]}" if isinstance(error, KeyError) else str(error)
