"""The facts that a user asked to keep: few, short, in a plain file, and only where that is switched on."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main as cli
from daemon.config.settings import LiveSettings
from daemon.control.server import ControlServer
from daemon.errors import ControlError
from daemon.runtime.store import Store
from daemon.tools.calling.answers import Answer
from daemon.tools.calling.runner import Runner
from daemon.tools.declaring.functions import spec_of
from daemon.tools.instruction import compose
from daemon.tools.memory import FILE, MAX_FACT, MAX_FACTS, Memory

ANN = "The user's sister is called Ann."
TEA = "The user drinks green tea."


async def nothing_to_watch(_: object) -> AsyncIterator[dict[str, Any]]:
    for event in list[dict[str, Any]]():
        yield event


def memory_in(folder: Path) -> Memory:
    return Memory(Store(folder), enabled=True)


async def call(memory: Memory, tool: str, /, **args: object) -> Answer:
    specs = {spec.name: spec for spec in map(spec_of, memory.tools())}
    return await Runner().carry_out(specs[tool], args)


async def says(memory: Memory, tool: str, /, **args: object) -> str:
    answer = await call(memory, tool, **args)
    assert answer["status"] == "ok", answer
    return str(answer["message"])


async def refuses(memory: Memory, tool: str, /, **args: object) -> str:
    answer = await call(memory, tool, **args)
    assert answer["status"] == "error", answer
    assert not answer["message"].startswith("The tool failed")
    return str(answer["message"])


async def test_unless_it_is_enabled_nothing_is_kept_offered_or_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"{ANN}\n")
    memory = Memory(Store(tmp_path))
    assert memory.tools() == []
    assert memory.facts_text() == ""
    for action in ("list", "forget"):
        with pytest.raises(ControlError, match=r"set \[memory\] enabled = true"):
            await memory.handle({"action": action, "which": "all"})
    assert (tmp_path / FILE).read_text() == f"{ANN}\n"


async def test_what_is_remembered_is_told_at_the_start_of_each_session(tmp_path: Path) -> None:
    memory = memory_in(tmp_path)
    assert await says(memory, "remember", fact=ANN) == f"Remembered: {ANN}"
    await says(memory, "remember", fact=TEA)
    assert memory.facts_text() == f"The user asked you to remember:\n- {ANN}\n- {TEA}"
    assert compose(LiveSettings(), None, tools=True, facts=memory.facts_text()).endswith(f"- {TEA}")
    assert Memory(enabled=True).facts_text() == ""


async def test_it_outlives_the_program_in_a_plain_private_file(tmp_path: Path) -> None:
    await says(memory_in(tmp_path), "remember", fact=ANN)
    await says(memory_in(tmp_path), "remember", fact="Zoë likes 😀.")
    assert (tmp_path / FILE).read_text("utf-8") == f"{ANN}\nZoë likes 😀.\n"
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert memory_in(tmp_path).facts == [ANN, "Zoë likes 😀."]


async def test_a_file_that_was_edited_by_hand_is_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"\n  {ANN}\t\n\n{TEA}")
    assert memory_in(tmp_path).facts == [ANN, TEA]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\n" * (MAX_FACTS + 1), b"x" * (MAX_FACT + 1)])
async def test_a_file_that_cannot_be_used_is_set_aside(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert memory_in(tmp_path).facts == []
    assert (tmp_path / f"{FILE}.bad").read_bytes() == content
    assert "starting afresh" in caplog.text


@pytest.mark.parametrize(
    ("which", "left"), [("1", [TEA]), ("sister", [TEA]), ("GREEN  tea", [ANN]), ("all", [])]
)
async def test_a_fact_is_forgotten_by_number_or_words(tmp_path: Path, which: str, left: list[str]) -> None:
    memory = memory_in(tmp_path)
    for fact in (ANN, TEA):
        await says(memory, "remember", fact=fact)
    assert await says(memory, "list_facts") == f"1: {ANN}\n2: {TEA}"
    assert (await says(memory, "forget", which=which)).startswith("Forgotten: The user")
    assert memory.facts == memory_in(tmp_path).facts == left
    assert (tmp_path / FILE).exists() is bool(left)


@pytest.mark.parametrize(
    ("which", "problem"),
    [("user", "may be any of these"), ("dog", "nothing fits"), ("3", "nothing fits"), (" ", "nothing fits")],
)
async def test_what_is_not_one_fact_is_answered_with_all_of_them(
    tmp_path: Path, which: str, problem: str
) -> None:
    memory = memory_in(tmp_path)
    for fact in (ANN, TEA):
        await says(memory, "remember", fact=fact)
    words = await refuses(memory, "forget", which=which)
    assert problem in words
    assert f"1: {ANN}\n2: {TEA}" in words
    assert memory.facts == [ANN, TEA]


@pytest.mark.parametrize("which", ["all", "3", "dog"])
async def test_with_nothing_remembered_there_is_nothing_to_forget(tmp_path: Path, which: str) -> None:
    words = await refuses(memory_in(tmp_path), "forget", which=which)
    assert words == "nothing is remembered, so there is nothing to forget"


async def test_a_list_of_nothing_says_so(tmp_path: Path) -> None:
    assert await says(memory_in(tmp_path), "list_facts") == "Nothing is remembered."


async def test_a_fact_is_one_line_of_bounded_length(tmp_path: Path) -> None:
    memory = memory_in(tmp_path)
    await says(memory, "remember", fact=f"  {ANN[:10]}\n{ANN[11:]}\x1b\ud800 ")
    assert memory.facts == [ANN[:10] + " " + ANN[11:]]
    for fact in ("", " \n", "x" * (MAX_FACT + 1)):
        assert f"1 to {MAX_FACT} characters" in await refuses(memory, "remember", fact=fact)
    assert len(memory.facts) == 1


async def test_the_same_fact_is_kept_once(tmp_path: Path) -> None:
    memory = memory_in(tmp_path)
    await says(memory, "remember", fact=ANN)
    assert await says(memory, "remember", fact=f" {ANN}") == f"That is remembered already: {ANN}"
    assert memory.facts == [ANN]


async def test_one_fact_too_many_is_refused(tmp_path: Path) -> None:
    memory = memory_in(tmp_path)
    for number in range(MAX_FACTS):
        await says(memory, "remember", fact=f"Fact {number}.")
    words = await refuses(memory, "remember", fact=ANN)
    assert words == f"{MAX_FACTS} facts are remembered already; forget some first"
    assert len(memory_in(tmp_path).facts) == MAX_FACTS


async def test_facts_that_come_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    memory = memory_in(tmp_path)
    answers = await asyncio.gather(*(says(memory, "remember", fact=f"Fact {n}.") for n in range(10)))
    assert answers == [f"Remembered: Fact {n}." for n in range(10)]
    assert memory_in(tmp_path).facts == memory.facts == [f"Fact {number}." for number in range(10)]


async def test_what_cannot_be_saved_says_so(tmp_path: Path) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("a file where the directory should be")
    memory = memory_in(in_the_way)
    assert (await says(memory, "remember", fact=ANN)).endswith("so this ends with the program.)")
    assert memory.facts == [ANN]
    assert memory.save_failures == 1


@pytest.mark.parametrize(
    ("argv", "printed"),
    [([], f"1: {ANN}\n"), (["list"], f"1: {ANN}\n"), (["forget", "ann"], f"Forgotten: {ANN}\n")],
)
async def test_the_command_line_lists_and_forgets(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    printed: str,
) -> None:
    memory = memory_in(tmp_path)
    await says(memory, "remember", fact=ANN)
    socket = tmp_path / "control.sock"
    monkeypatch.setattr("daemon.control.client.find_daemon", lambda env: socket)

    async def handle(command: str, args: dict[str, Any]) -> Any:
        assert command == "memory"
        return await memory.handle(args)

    async with ControlServer(socket, handle, nothing_to_watch):
        assert await asyncio.to_thread(cli.main, ["memory", *argv]) == 0
    assert capsys.readouterr().out == printed


async def test_a_command_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="in this form"):
        await memory_in(tmp_path).handle({"action": "remember", "fact": ANN})
