"""Fault plans: how they are read, and when their rules are due."""

from __future__ import annotations

import dataclasses

import pytest
from places import ROOT

from daemon.standin import actions
from daemon.standin.actions import ACTIONS, PRESETS, Action, Close, Reset, SayGoAway, Send, Stall, When
from daemon.standin.parameters import TOML_TYPES
from daemon.standin.plan import Plan, PlanError, PlanRun, Rule
from daemon.standin.service import Service
from daemon.standin.talk.faults import PERFORM

PAGE = ROOT / "docs/inside/standin.md"


def due(run: PlanRun, when: When, times: int) -> list[int]:
    """At which of so many times (from 1) something was due."""
    return [number for number in range(1, times + 1) if run.due(when)]


class TestReading:
    def test_an_empty_plan_has_no_rules(self) -> None:
        assert Plan.from_toml("") == Plan()

    def test_rules_are_read_with_their_thresholds_and_parameters(self) -> None:
        plan = Plan.from_toml(
            """
            [[rule]]
            when = "reply_ms=800"
            nth = [2, 5]
            do = { action = "stall", seconds = 3 }

            [[rule]]
            when = "setup"
            nth = "every"
            do = ["quota", { action = "go_away", time_left_s = 5 }]
            """
        )
        assert plan.rules == (
            Rule(When.REPLY_MS, (Stall(3),), nth=(2, 5), threshold=800.0),
            Rule(When.SETUP, (*PRESETS["quota"], SayGoAway(5)), nth=()),
        )

    @pytest.mark.parametrize("name", PRESETS)
    def test_every_preset_can_be_named(self, name: str) -> None:
        when = When.REPLY_START
        assert Plan.from_toml(f'[[rule]]\nwhen = "{when}"\ndo = "{name}"').rules[0].do == PRESETS[name]

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("[[rule]", "line 1"),
            ("[[rules]]\n", "unknown table: rules"),
            ("rule = 3", "not a table"),
            ('[[rule]]\ndo = "reset"', "missing: when"),
            ('[[rule]]\nwhen = "setup"', "missing: do"),
            ('[[rule]]\nwhen = "setup"\ndo = "reset"\nhow = 1', "unknown key: how"),
            ('[[rule]]\nwhen = "noon"\ndo = "reset"', "unknown trigger: noon"),
            ('[[rule]]\nwhen = "audio_ms"\ndo = "reset"', "audio_ms needs threshold"),
            ('[[rule]]\nwhen = "setup=3"\ndo = "reset"', "setup takes no threshold"),
            ('[[rule]]\nwhen = "audio_ms=x"\ndo = "reset"', "unknown trigger"),
            ('[[rule]]\nwhen = "setup"\ndo = "explode"', "unknown action: explode"),
            ('[[rule]]\nwhen = "setup"\ndo = { seconds = 1 }', "missing: action"),
            ('[[rule]]\nwhen = "setup"\ndo = { action = "stall", hours = 1 }', "stall has no hours"),
            ('[[rule]]\nwhen = "setup"\ndo = { action = "stall", seconds = "1" }', "seconds is float"),
            ('[[rule]]\nwhen = "setup"\ndo = "send"', "what"),
            ('[[rule]]\nwhen = "setup"\ndo = { action = "send", what = "love" }', "what cannot be 'love'"),
            ('[[rule]]\nwhen = "setup"\ndo = "refuse"', "Refuse cannot stand at setup"),
            ('[[rule]]\nwhen = "connect"\ndo = "quota"', "Close cannot stand at connect"),
            ('[[rule]]\nwhen = "setup"\ndo = "speak"', "Speak cannot stand at setup"),
            ('[[rule]]\nwhen = "setup"\nnth = 0\ndo = "reset"', "nth counts from 1"),
            ('[[rule]]\nwhen = "setup"\nnth = "often"\ndo = "reset"', "nth is a number"),
            ('[[rule]]\nwhen = "setup"\nnth = true\ndo = "reset"', "nth is a number"),
        ],
    )
    def test_a_mistake_is_named(self, text: str, says: str) -> None:
        with pytest.raises(PlanError) as raised:
            Plan.from_toml(text)
        assert says in str(raised.value)

    def test_all_mistakes_are_reported_at_once(self) -> None:
        text = '[[rule]]\nwhen = "noon"\ndo = "reset"\n[[rule]]\nwhen = "setup"\ndo = "explode"'
        with pytest.raises(PlanError, match=r"rule 1: .*\nrule 2: "):
            Plan.from_toml(text)


class TestChoices:
    def test_what_is_not_named_keeps_its_default(self) -> None:
        plan = Plan.from_toml('[service]\ntranscripts = "pieces"\nconnection_s = 600')
        assert plan.service == Service(transcripts="pieces", connection_s=600)
        assert Plan.from_toml("").service == Service()

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("[service]\nlove = 1", "service: service has no love; it has audio_in_call_on_2_5"),
            ('[service]\ntranscripts = "some"', "transcripts cannot be 'some'; it is whole or pieces"),
            ("[service]\nvoice_activity = 1", "voice_activity is bool, not 1"),
            ("[service]\nconnections = true", "connections is int, not True"),
            ("[service]\nconnection_s = nan", "connection_s cannot be nan"),
            ("[service]\nsession_s = -1", "session_s cannot be -1"),
            ("service = 1", "service: service is a table"),
            ('[service]\nlove = 1\n[[rule]]\nwhen = "noon"\ndo = "reset"', "rule 1: unknown trigger"),
        ],
    )
    def test_a_mistake_in_them_is_named(self, text: str, says: str) -> None:
        with pytest.raises(PlanError) as raised:
            Plan.from_toml(text)
        assert says in str(raised.value)

    def test_the_pages_example_can_be_used(self) -> None:
        page = PAGE.read_text("utf-8")
        plan = Plan.from_toml(page.partition("```toml")[2].partition("```")[0])
        assert (plan.service.transcripts, len(plan.rules)) == ("pieces", 1)

    def test_the_page_names_every_choice_and_action(self) -> None:
        page = PAGE.read_text("utf-8")
        choices = {choice.name for choice in dataclasses.fields(Service)}
        assert {name for name in choices if f"`{name}`" not in page} == set()
        assert all(f"`{name}`" in page for name in ("think", "write", "ground", "work", "call_tool"))


class TestTheTables:
    def test_every_action_has_one_name(self) -> None:
        classes = [kind for kind in vars(actions).values() if isinstance(kind, type)]
        assert set(ACTIONS.values()) == {kind for kind in classes if issubclass(kind, Action)} - {Action}
        assert len(set(ACTIONS.values())) == len(ACTIONS)

    def test_every_action_of_a_session_can_be_performed(self) -> None:
        outside = {When.CONNECT, When.UPGRADE, When.CONTENT, When.CONTENT_PIECE}
        assert set(PERFORM) == {kind for kind in ACTIONS.values() if kind.at - outside}

    @pytest.mark.parametrize("kind", ACTIONS.values(), ids=ACTIONS)
    def test_every_parameter_has_a_type_that_toml_can_give(self, kind: type[Action]) -> None:
        assert {str(parameter.type) for parameter in dataclasses.fields(kind)} <= set(TOML_TYPES)


class TestBeingDue:
    def test_a_rule_acts_the_first_time_only_unless_told_otherwise(self) -> None:
        run = PlanRun(Plan((Rule(When.SETUP, (Reset(),)),)))
        assert due(run, When.SETUP, 4) == [1]

    def test_nth_chooses_the_times(self) -> None:
        run = PlanRun(Plan((Rule(When.SETUP, (Reset(),), nth=(2, 3)),)))
        assert due(run, When.SETUP, 5) == [2, 3]

    def test_without_nth_it_acts_every_time(self) -> None:
        run = PlanRun(Plan((Rule(When.SETUP, (Reset(),), nth=()),)))
        assert due(run, When.SETUP, 3) == [1, 2, 3]

    def test_other_triggers_do_not_count(self) -> None:
        run = PlanRun(Plan((Rule(When.SETUP, (Reset(),), nth=(2,)),)))
        run.due(When.RESUME)
        run.due(When.SETUP)
        assert run.due(When.SETUP) == [Reset()]

    def test_a_threshold_counts_once_each_time_it_is_passed(self) -> None:
        run = PlanRun(Plan((Rule(When.AUDIO_MS, (Reset(),), nth=(), threshold=100),)))
        steps = [(0, 40), (40, 100), (100, 140), (0, 99), (99, 101)]
        assert [bool(run.due(When.AUDIO_MS, *step)) for step in steps] == [False, True, False, False, True]

    def test_rules_that_are_due_together_act_in_their_order(self) -> None:
        rules = (
            Rule(When.SETUP, (Send("unknown"), Stall(1))),
            Rule(When.RESUME, (Reset(),)),
            Rule(When.SETUP, (Close(),)),
        )
        assert PlanRun(Plan(rules)).due(When.SETUP) == [Send("unknown"), Stall(1), Close()]

    def test_a_plan_knows_what_it_waits_for(self) -> None:
        run = PlanRun(Plan((Rule(When.IDLE_S, (Reset(),), threshold=3),)))
        assert run.uses(When.IDLE_S)
        assert not run.uses(When.SETUP)
