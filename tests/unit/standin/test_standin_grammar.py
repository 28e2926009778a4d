"""The grammar against the published protos, and against every kind of damage."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pytest
from places import ROOT
from standin_damage import damaged, whole_messages
from standin_support import MODEL

from daemon.standin.grammar.protocol import ClientMessage, Refusal, parse, parse_token_request
from daemon.standin.grammar.setups import check_setup

FIELDS: list[tuple[str, str]] = [
    (line.partition(" ")[0], line.partition(" ")[2])
    for line in (ROOT / "tests/support/standin_fields.txt").read_text().splitlines()
    if not line.startswith("#")
]
SAMPLES: dict[str, Any] = {
    "message": {},
    "map": {},
    "struct": {"any": [None, 1]},
    "free": {"any": None},
    "text": "x",
    "flag": True,
    "whole": 1,
    "number": 0.5,
    "bytes": "AAAA",
    "duration": "1.5s",
    "time": "2026-11-30T12:00:00Z",
}


def message_with(path: str, value: Any) -> dict[str, Any]:
    """The smallest message in which `path` (with [] after what is a list) has this value."""
    for step in reversed(path.split(".")):
        value = {step.removesuffix("[]"): [value] if step.endswith("[]") else value}
    return value  # type: ignore[no-any-return]  # a path has at least one step


def refused(message: Any) -> str:
    """With which words a message is refused."""
    with pytest.raises(Refusal) as raised:
        parse(json.dumps(message))
    assert raised.value.code == 1007
    return raised.value.reason


class TestWhatTheProtosAllow:
    @pytest.mark.parametrize(("path", "kind"), FIELDS, ids=[path for path, _ in FIELDS])
    def test_every_published_field_is_taken(self, path: str, kind: str) -> None:
        sample = kind.removeprefix("enum ") if kind.startswith("enum") else SAMPLES[kind]
        parse(json.dumps(message_with(path, sample)))

    @pytest.mark.parametrize("path", [path for path, kind in FIELDS if kind.startswith("enum")])
    @pytest.mark.parametrize("value", ["NONSENSE", "", 99, -1, 1.5, True, {}])
    def test_an_enum_takes_its_own_values_only(self, path: str, value: Any) -> None:
        assert "Invalid value" in refused(message_with(path, value))

    @pytest.mark.parametrize("value", [2, "start_sensitivity_low", "START_SENSITIVITY_LOW"])
    def test_an_enum_may_be_a_number_or_in_small_letters(self, value: Any) -> None:
        path = "setup.realtimeInputConfig.automaticActivityDetection.startOfSpeechSensitivity"
        body = parse(json.dumps(message_with(path, value))).body
        detection = body["realtimeInputConfig"]["automaticActivityDetection"]
        assert detection["startOfSpeechSensitivity"] == "START_SENSITIVITY_LOW"

    @pytest.mark.parametrize("path", [path for path, _ in FIELDS if path.endswith("[]")])
    def test_one_value_does_for_a_list(self, path: str) -> None:
        kind = dict(FIELDS)[path]
        sample = kind.removeprefix("enum ") if kind.startswith("enum") else SAMPLES[kind]
        alone = message_with(path.removesuffix("[]"), sample)
        assert parse(json.dumps(alone)) == parse(json.dumps(message_with(path, sample)))

    @pytest.mark.parametrize("other", ["inlineData", "functionCall", "fileData", "executableCode"])
    def test_a_part_holds_one_kind_of_data(self, other: str) -> None:
        part = {"text": "x", other: {}}
        reason = refused({"clientContent": {"turns": [{"parts": [part]}]}})
        assert f"oneof field 'data' is already set. Cannot set '{other}'" in reason

    @pytest.mark.parametrize("value", [2**31, "2147483648", -(2**31) - 1, 1.5, True, "1e3", 10**400])
    def test_a_whole_number_has_its_range(self, value: Any) -> None:
        refused({"setup": {"generationConfig": {"seed": value}}})

    @pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "1" * 400, '"nan"', "true"])
    def test_a_number_is_one(self, text: str) -> None:
        with pytest.raises(Refusal):
            parse(f'{{"setup": {{"generationConfig": {{"temperature": {text}}}}}}}')

    @pytest.mark.parametrize("text", ["é", "\N{SUPERSCRIPT TWO}", "A", "AA=A", "\ud800"])
    def test_what_is_no_base64_is_refused(self, text: str) -> None:
        refused({"realtimeInput": {"audio": {"data": text, "mimeType": "audio/pcm"}}})

    def test_depth_has_protobufs_limit(self) -> None:
        schema: dict[str, Any] = {}
        for _ in range(120):
            schema = {"items": schema}
        tool = {"functionDeclarations": [{"name": "f", "parameters": schema}]}
        assert "too deep" in refused({"setup": {"tools": [tool]}})


class TestDamage:
    """Each seed is one list of damaged messages, the same at each run."""

    @pytest.mark.parametrize("seed", range(8))
    def test_nothing_but_a_refusal_comes_of_a_damaged_message(self, seed: int) -> None:
        chance = random.Random(seed)
        taken = 0
        for _ in range(250):
            frame = damaged(chance.choice(whole_messages(MODEL)), chance)
            try:
                message = parse(frame)
            except Refusal as refusal:
                refusal.reason.encode(errors="replace")
                continue
            taken += 1
            check(message)
        assert taken < 250

    @pytest.mark.parametrize("seed", range(2))
    def test_nor_of_a_damaged_request_for_a_token(self, seed: int) -> None:
        chance = random.Random(seed)
        setup = whole_messages(MODEL)[0]["setup"]
        request = {"uses": 1, "expireTime": "2026-11-30T12:00:00Z", "bidiGenerateContentSetup": setup}
        for _ in range(250):
            frame = damaged(request, chance)
            body = frame.encode(errors="surrogatepass") if isinstance(frame, str) else frame
            with contextlib.suppress(Refusal):
                parse_token_request(body)

    def test_whole_messages_are_taken(self) -> None:
        for message in whole_messages(MODEL):
            check(parse(json.dumps(message)))


def check(message: ClientMessage) -> None:
    """Go on with it as the server does, which refuses at most."""
    if message.kind == "setup":
        try:
            check_setup(message.body, "v1beta")
        except Refusal as refusal:
            assert refusal.code in (1007, 1008, 1011)
