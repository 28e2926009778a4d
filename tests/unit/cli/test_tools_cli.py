"""`conure tools list` and `call`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.cli.main import main

TOOLS = '''
from daemon.tools import ToolError, tool

@tool()
def greet(name: str) -> str:
    """Greet somebody."""
    if name == "nobody":
        raise ToolError("There is nobody.")
    return f"hello {name}"
'''


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CONURE_SOCKET", str(tmp_path / "socket"))
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "trial.py").write_text(TOOLS)
    path = tmp_path / "config.toml"
    path.write_text(f'[tools]\ndirectory = "{tmp_path}/tools"\ndeny = "mute"\n')
    return str(path)


def test_list_shows_every_tool_and_where_it_comes_from(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tools", "list", "--config", config]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("get_time") and line.endswith("built in") for line in lines)
    assert any(line.startswith("greet") and line.endswith("trial.py") for line in lines)
    assert not any(line.startswith("mute") for line in lines)


def test_list_tells_what_is_wrong_and_fails(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tools" / "bad.py").write_text("def f(:\n")
    assert main(["tools", "list", "--config", config]) == 1
    assert f"conure: {tmp_path}/tools/bad.py:1: invalid syntax" in capsys.readouterr().err


def test_list_gives_the_declarations_as_json(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "list", "--json", "--config", config]) == 0
    declared = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert declared["greet"]["parameters"]["required"] == ["name"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ('{"name": "Ada"}', 0, "hello Ada"),
        ('{"name": "nobody"}', 1, "There is nobody."),
        ("{}", 1, "Wrong arguments: name is missing."),
    ],
)
def test_call_prints_the_answer_and_fails_as_it_does(
    config: str, capsys: pytest.CaptureFixture[str], arguments: str, code: int, message: str
) -> None:
    assert main(["tools", "call", "--config", config, "greet", arguments]) == code
    assert json.loads(capsys.readouterr().out)["message"] == message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gret"], "there is no tool 'gret'; did you mean greet?"),
        (["nope"], "there is no tool 'nope'; `conure tools list` shows them all"),
        (["greet", "[1]"], "must be a JSON object"),
        (["greet", "{"], "are not JSON"),
    ],
)
def test_a_wrong_call_is_wrong_usage(
    config: str, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tools", "call", "--config", config, *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_tool_of_the_speaker_needs_the_speaker(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "call", "--config", config, "volume"]) == 1
    assert "the daemon is not running" in capsys.readouterr().err
