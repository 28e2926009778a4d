"""Typed functions as declarations, arguments against them, answers, and what the service is told."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.models import capabilities
from daemon.session.gemini import setup
from daemon.tools import DeclarationError, Range, Scheduling, spec_of, tool
from daemon.tools.calling.answers import ANSWER_CHARS, NO_RESULT, NOTHING_TO_TELL, failed, succeeded
from daemon.tools.calling.arguments import WrongArguments, check_arguments
from daemon.tools.declaring.declarations import Undeclarable, declare
from daemon.tools.declaring.spec import ToolSpec

NEWEST = capabilities("gemini-3.8-live")


class Room(enum.Enum):
    KITCHEN = "kitchen"
    BATH = "bath"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class House:
    @tool(name="heat", timeout_s=3.0, silent=True)
    def set_heating(
        self,
        room: Room,
        degrees: Annotated[float, Range(5, 30)],
        days: list[Literal["mon", "tue"]] | None = None,
        note: str | None = "x",
        level: Level = Level.LOW,
    ) -> str:
        """Set the heating
        of a room.

        More, which the model is not told.

        Args:
            room: the room
                to heat
            degrees (float): in °C

        Returns:
            nothing: of use
        """
        return f"{room} {degrees!r} {days} {note} {level!r}"


class TestSpecOf:
    def test_takes_name_description_and_options_from_the_function(self) -> None:
        spec = spec_of(House().set_heating)
        assert (spec.name, spec.description) == ("heat", "Set the heating of a room.")
        assert (spec.timeout_s, spec.blocking, spec.scheduling) == (3.0, True, Scheduling.SILENT)

    def test_describes_each_parameter(self) -> None:
        parameters = spec_of(House().set_heating).parameters
        assert parameters["required"] == ["room", "degrees"]
        assert parameters["properties"] == {
            "room": {"type": "string", "enum": ["kitchen", "bath"], "description": "the room to heat"},
            "degrees": {"type": "number", "minimum": 5, "maximum": 30, "description": "in °C"},
            "days": {"type": ["array", "null"], "items": {"type": "string", "enum": ["mon", "tue"]}},
            "note": {"type": ["string", "null"]},
            "level": {"type": "string", "enum": ["LOW", "HIGH"]},
        }

    def test_runs_with_converted_arguments(self) -> None:
        spec = spec_of(House().set_heating)
        values = check_arguments(spec.parameters, {"room": "bath", "degrees": 20, "level": "HIGH"})
        assert spec.run(**values) == "Room.BATH 20.0 None x <Level.HIGH: 2>"

    def test_keeps_a_coroutine_function_one(self) -> None:
        @tool()
        async def later(word: str) -> str:
            """Say it later."""
            return word

        run = spec_of(later).run
        assert asyncio.iscoroutinefunction(run)
        assert asyncio.run(run(word="hello")) == "hello"

    def test_an_optional_parameter_without_a_default_is_none(self) -> None:
        def look(where: str | None) -> str:
            """Look somewhere."""
            return repr(where)

        spec = spec_of(look)
        assert spec.parameters["required"] == []
        assert spec.run() == "None"

    @pytest.mark.parametrize(
        ("scheduling", "options"),
        [
            (Scheduling.WHEN_IDLE, {}),
            (Scheduling.SILENT, {"silent": True}),
            (Scheduling.INTERRUPT, {"interrupts": True}),
        ],
    )
    def test_schedules_as_it_is_told(self, scheduling: Scheduling, options: dict[str, bool]) -> None:
        @tool(**options)  # type: ignore[arg-type]  # the names are keyword arguments
        def note() -> None:
            """Note."""

        assert spec_of(note).scheduling is scheduling

    def test_reports_every_mistake_with_file_and_line(self) -> None:
        @tool(name="9 lives", timeout_s=0)
        def bad(one, two: dict[str, int], *three: int, four: Annotated[str, Range(0, 1)]) -> None:  # type: ignore[no-untyped-def]
            pass

        with pytest.raises(DeclarationError) as raised:
            spec_of(bad)
        lines = str(raised.value).splitlines()
        assert all(line.startswith(f"{__file__}:") for line in lines)
        told = "\n".join(lines)
        for words in (
            "the name must be",
            "timeout_s must be above 0",
            "needs a docstring",
            "parameter one: has no type",
            "parameter two: has the type dict",
            "parameter three: must be an ordinary",
            "parameter four: has a Range",
        ):
            assert words in told

    def test_a_description_of_no_parameter_is_a_mistake(self) -> None:
        def look(where: str) -> None:
            """Look.

            Args:
                wher: misspelt
            """

        with pytest.raises(DeclarationError, match="describes wher, which is no parameter"):
            spec_of(look)

    def test_a_union_of_types_is_a_mistake(self) -> None:
        def look(where: str | int) -> None:
            """Look."""

        with pytest.raises(DeclarationError, match="one type or None"):
            spec_of(look)


SCHEMA = spec_of(House().set_heating).parameters


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({}, "room is missing; degrees is missing"),
            ({"room": "attic", "degrees": 20}, "room must be one of kitchen, bath, not 'attic'"),
            ({"room": "bath", "degrees": "20"}, "degrees must be a number from 5 to 30, not '20'"),
            ({"room": "bath", "degrees": 31}, "degrees must be a number from 5 to 30, not 31"),
            ({"room": "bath", "degrees": True}, "degrees must be a number from 5 to 30, not True"),
            ({"room": "bath", "degrees": 20, "days": ["fri"]}, "days[0] must be one of mon, tue, not 'fri'"),
            ({"room": "bath", "degrees": 20, "colour": 1}, "colour is no parameter; there are room, degrees"),
        ],
    )
    def test_every_mistake_is_told(self, arguments: dict[str, Any], words: str) -> None:
        with pytest.raises(WrongArguments) as raised:
            check_arguments(SCHEMA, arguments)
        assert words in str(raised.value)

    def test_a_whole_number_may_come_as_a_double(self) -> None:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
        value = check_arguments(schema, {"n": 3.0})["n"]
        assert isinstance(value, int)
        with pytest.raises(WrongArguments):
            check_arguments(schema, {"n": 3.5})

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400, -1e300])
    def test_a_number_that_cannot_be_meant_is_refused_whatever_the_limits(self, number: float) -> None:
        limits = {"type": "number", "minimum": 0, "maximum": 10}
        for kind in ({"type": "number"}, {}, limits):
            with pytest.raises(WrongArguments, match="n must be a number"):
                check_arguments({"type": "object", "properties": {"n": kind}}, {"n": number})

    def test_of_many_mistakes_the_first_are_told(self) -> None:
        with pytest.raises(WrongArguments, match=r"and 492 more mistakes$"):
            check_arguments({**SCHEMA, "additionalProperties": False}, dict.fromkeys(map(str, range(500)), 1))

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_whatever_comes_is_taken_or_refused_in_words(self, value: Any) -> None:
        for name in ("room", "degrees", "days", "note", "level"):
            try:
                check_arguments(SCHEMA, {"room": "bath", "degrees": 20, name: value})
            except WrongArguments as error:
                assert name in str(error)


@dataclass
class Forecast:
    day: date
    rain: bool


class TestAnswers:
    @pytest.mark.parametrize(
        ("result", "answer"),
        [
            (None, {"message": NOTHING_TO_TELL}),
            ("", {"message": NO_RESULT}),
            ([], {"message": NO_RESULT}),
            ({}, {"message": NO_RESULT}),
            ("dry", {"message": "dry"}),
            (0, {"result": 0}),
            (False, {"result": False}),
            ({"rain": [1, 2]}, {"result": {"rain": [1, 2]}}),
            (Forecast(date(2026, 11, 21), rain=True), {"result": {"day": "2026-11-21", "rain": True}}),
            ({Room.BATH.value: Room.BATH}, {"result": {"bath": "bath"}}),
            (float("nan"), {"message": "nan"}),
            ("half \ud83d a pair\0", {"message": "half ? a pair"}),
        ],
    )
    def test_whatever_a_tool_returns_the_model_can_say_something(
        self, result: object, answer: dict[str, Any]
    ) -> None:
        assert succeeded(result) == {"status": "ok", **answer, "retryable": False}

    def test_what_refers_to_itself_is_told_as_text(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        assert succeeded(loop)["message"] == "[[...]]"

    @pytest.mark.parametrize("result", ["x" * 1_000_000, ["x" * 100] * 10_000])
    def test_a_megabyte_is_cut_with_a_note(self, result: object) -> None:
        answer = succeeded(result)
        assert len(answer["message"]) == ANSWER_CHARS
        assert "too long" in answer["note"]

    def test_deep_nesting_is_told_as_text(self) -> None:
        deep: Any = 1
        for _ in range(200):
            deep = [deep]
        assert "message" in succeeded(deep)

    def test_a_failure_without_words_gets_some(self) -> None:
        assert failed("") == {
            "status": "error",
            "message": "The tool failed without a word.",
            "retryable": False,
        }


def spec(parameters: dict[str, Any], name: str = "x") -> ToolSpec:
    return ToolSpec(name, "does x", parameters, lambda: None)


ODD: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "refers": {"$ref": "#/$defs/Node"},
        "anything": {},
        "number": {"anyOf": [{"type": "integer", "enum": [1, 2]}, {"type": "null"}], "default": None},
        "list": {"type": "array"},
        "either": {"oneOf": [{"type": "string"}, {"type": "boolean"}]},
        "fixed": {"const": "q", "description": "always q"},
        "free": {"type": "object"},
        "uri": {"type": "string", "format": "uri", "pattern": "^h", "title": "U", "minLength": 1},
    },
    "required": ["refers", "uri"],
    "$defs": {
        "Node": {"type": "object", "properties": {"v": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}}}
    },
}


def schemas() -> st.SearchStrategy[Any]:
    """What has the words of a JSON schema, and may have anything behind each of them."""
    words = st.sampled_from(
        ("type", "properties", "required", "items", "enum", "minimum", "maximum", "anyOf", "$ref", "$defs")
    )
    kinds = st.sampled_from(("object", "array", "string", "integer", "number", "null", "#/$defs/type", "odd"))
    plain = st.none() | st.booleans() | st.integers() | st.floats() | kinds
    values = st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4)
    )
    return st.dictionaries(words, values, max_size=5)


class TestDeclare:
    def test_leaves_out_what_the_service_would_close_the_session_for(self) -> None:
        properties = declare(spec(ODD), NEWEST).parameters["properties"]
        assert "anything" not in properties
        assert "free" not in properties
        assert properties["uri"] == {"type": "string"}
        assert properties["number"] == {"type": ["integer", "null"], "description": "(one of 1, 2)"}
        assert properties["either"] == {"anyOf": [{"type": "string"}, {"type": "boolean"}]}
        assert properties["fixed"] == {"type": "string", "enum": ["q"], "description": "always q"}

    def test_what_it_gives_is_taken_by_the_sdk(self) -> None:
        declaration = setup.function_declaration(declare(spec(ODD), NEWEST))
        assert declaration.parameters is not None
        assert declaration.parameters_json_schema is None
        assert declaration.behavior is not None

    @pytest.mark.parametrize(
        ("parameters", "words"),
        [
            ({"properties": {"a": {}}, "required": ["a"]}, "parameter a may be of any type"),
            ({"properties": {"a": {"type": "object"}}, "required": ["a"]}, "without named fields"),
            ({"properties": {"a": {"$ref": "#/$defs/B"}}, "required": ["a"]}, "refers to B"),
        ],
    )
    def test_a_needed_parameter_that_cannot_be_said_makes_a_tool_undeclarable(
        self, parameters: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(Undeclarable, match=words):
            declare(spec({"type": "object"} | parameters), NEWEST)

    def test_a_schema_that_refers_to_itself_in_many_places_is_given_up_soon(self) -> None:
        class Counted(dict[str, Any]):
            looks = 0

            def __getitem__(self, name: str) -> Any:
                Counted.looks += 1
                return super().__getitem__(name)

        itself = {
            "type": "object",
            "properties": {f"p{number}": {"$ref": "#/$defs/T"} for number in range(12)},
        }
        with contextlib.suppress(Undeclarable):
            declare(spec({**itself, "$defs": Counted(T=itself)}), NEWEST)
        assert 0 < Counted.looks <= 500

    def test_a_schema_that_no_model_should_read_makes_a_tool_undeclarable(self) -> None:
        properties = {f"p{number}": {"type": "string", "description": "x" * 900} for number in range(10)}
        with pytest.raises(Undeclarable, match="its parameters take"):
            declare(spec({"type": "object", "properties": properties}), NEWEST)

    @pytest.mark.parametrize(
        "odd",
        [10**5000, float("nan"), ["[" * 100_000], {"a": 10**5000}],
        ids=["digits", "nan", "long", "table"],
    )
    def test_odd_values_anywhere_in_a_schema_are_left_out_or_refused(self, odd: Any) -> None:
        for key in ("type", "enum", "minimum", "items", "description", "anyOf", "$ref", "properties"):
            with contextlib.suppress(Undeclarable):
                declared = declare(
                    spec({"type": "object", "properties": {"a": {"type": "number", key: odd}}}), NEWEST
                )
                assert len(json.dumps(declared.parameters, allow_nan=False)) < 9000

    def test_texts_that_hide_or_command_do_not_reach_the_model(self) -> None:
        properties = {
            "good": {"type": "string", "description": "a\x1b[2J\u202e", "enum": ["on", "\x1b", "x" * 300]},
            "bad\n": {"type": "string"},
        }
        declared = declare(spec({"type": "object", "properties": properties}), NEWEST)
        assert declared.parameters["properties"] == {
            "good": {"type": "string", "description": "a[2J", "enum": ["on"]}
        }

    @given(schemas())
    def test_whatever_a_server_calls_a_schema_is_declared_as_the_sdk_takes_it_or_refused(
        self, schema: Any
    ) -> None:
        with contextlib.suppress(Undeclarable):
            declaration = setup.function_declaration(declare(spec({"type": "object"} | schema), NEWEST))
            json.dumps(declaration.model_dump(mode="json", exclude_none=True), allow_nan=False)

    def test_a_strange_name_is_undeclarable(self) -> None:
        with pytest.raises(Undeclarable, match="name"):
            declare(spec({"type": "object"}, "what/ever"), NEWEST)

    def test_a_tool_without_parameters_is_declared_without_a_schema(self) -> None:
        """An object without properties is refused by the service."""
        assert setup.function_declaration(declare(spec({"type": "object"}), NEWEST)).parameters is None

    @pytest.mark.parametrize(
        ("model", "behavior"),
        [
            ("gemini-3.8-live", "BLOCKING"),
            ("gemini-3.8-live-extended-thinking", ""),
            ("gemini-3.1-flash-live-preview", ""),
        ],
    )
    def test_a_choice_is_made_only_where_there_is_one(self, model: str, behavior: str) -> None:
        assert declare(spec({"type": "object"}), capabilities(model)).behavior == behavior


def test_the_example_in_the_documentation_of_declare_is_right() -> None:
    def set_heating(room: Literal["kitchen", "bath"], degrees: Annotated[float, Range(5, 30)]) -> str:
        """Set the heating of a room.

        Args:
            room: the room to heat
            degrees: temperature in °C
        """
        return f"{room} {degrees}"

    function: Callable[..., Any] = set_heating
    assert spec_of(function).run(room="bath", degrees=20) == "bath 20.0"
