"""What the owner adds: Python files, commands and MCP servers in TOML; and what is wrong with them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.config.models import capabilities
from daemon.config.settings import ToolSettings
from daemon.tools.calling.answers import Answer
from daemon.tools.calling.runner import Runner
from daemon.tools.declaring.spec import ToolError, ToolSpec
from daemon.tools.sources.mcp_servers import McpTools
from daemon.tools.sources.owned import Owned, load_owned
from daemon.tools.sources.programs import WITHHELD, environment
from daemon.tools.sources.toml_files import CommandLine, McpServer, read_tables
from daemon.tools.sources.toolbox import MAX_TOOLS, Toolbox

GOOD = '''
from daemon.tools import tool

@tool()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"hello {name}"
'''


def owned(folder: Path, **files: str) -> Owned:
    """What is loaded from files of these contents; `NAME_py` is NAME.py."""
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)
    return load_owned(folder)


async def call(spec: ToolSpec, **arguments: Any) -> Answer:
    """What the model would be answered."""
    return await Runner().carry_out(spec, arguments)


class TestPythonFiles:
    async def test_a_marked_function_is_a_tool(self, tmp_path: Path) -> None:
        (greet,) = owned(tmp_path, greet_py=GOOD).tools
        assert (await call(greet, name="Ada"))["message"] == "hello Ada"
        assert greet.source == str(tmp_path / "greet.py")

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("x = 1\ndef f(:\n", "{}:2: invalid syntax; mend the line and restart"),
            ("x = 1\n\nprint(nowhere)\n", "{}:3: NameError: name 'nowhere' is not defined"),
            ("import no_such_module\n", "{}:1: there is no module no_such_module; name the package"),
            ("raise SystemExit(3)\n", "{}:1: SystemExit: 3"),
            ("x = 1\n", "{}: holds no tool; mark a function with @tool"),
            (
                'from daemon.tools import tool\n@tool()\ndef f(x: dict) -> str:\n    """F."""\n',
                "{}:2: f: parameter x: has the type dict, which is not possible; use str",
            ),
        ],
    )
    def test_a_fault_names_the_file_the_line_and_the_remedy_and_the_others_are_loaded(
        self, tmp_path: Path, text: str, fault: str
    ) -> None:
        found = owned(tmp_path, bad_py=text, greet_py=GOOD)
        assert found.faults[0].startswith(fault.format(tmp_path / "bad.py"))
        assert [spec.name for spec in found.tools] == ["greet"]

    def test_a_file_that_everybody_may_write_is_not_run(self, tmp_path: Path) -> None:
        path = tmp_path / "greet.py"
        path.write_text(GOOD)
        path.chmod(0o666)
        found = load_owned(tmp_path)
        assert found.tools == ()
        assert f"chmod o-w {path}" in found.faults[0]

    def test_nor_is_one_that_everybody_may_replace(self, tmp_path: Path) -> None:
        (tmp_path / "greet.py").write_text(GOOD)
        (tmp_path / "run.toml").write_text("[command.x]\ndescription = 'X.'\nargv = ['true']\n")
        tmp_path.chmod(0o777)
        found = load_owned(tmp_path)
        assert found.tools == ()
        assert [f"chmod o-w {tmp_path}" in fault for fault in found.faults] == [True, True]

    def test_helpers_are_left_alone(self, tmp_path: Path) -> None:
        assert owned(tmp_path, _helper_py="raise SystemExit") == Owned((), (), ())

    def test_a_directory_that_is_not_there_is_empty(self, tmp_path: Path) -> None:
        assert load_owned(tmp_path / "none") == Owned((), (), ())

    def test_a_file_named_like_a_library_does_not_replace_it(self, tmp_path: Path) -> None:
        owned(tmp_path, time_py=GOOD)
        assert sys.modules["time"] is time

    async def test_a_coroutine_that_blocks_does_not_stop_the_event_loop(self, tmp_path: Path) -> None:
        text = '''
import threading
from daemon.tools import tool

@tool()
async def doze() -> str:
    """Could sleep in the wrong way."""
    return f"in {threading.get_ident()}"
'''
        (doze,) = owned(tmp_path, doze_py=text).tools
        message = (await call(doze))["message"]
        assert message.startswith("in ")
        assert message != f"in {threading.get_ident()}"


def test_functions_and_modules_of_packages_are_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trial_package.py").write_text(GOOD)
    info = tmp_path / "trial_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trial-package\nVersion: 1.0\n")
    points = "[conure.tools]\none = trial_package\nbad = trial_package:nowhere\n"
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = load_owned(tmp_path / "none")
    assert [spec.name for spec in found.tools] == ["greet"]
    assert found.faults[0].startswith("entry point bad (trial_package:nowhere): AttributeError")


COMMAND = """
[command.show]
description = "Show the arguments."
argv = [{python!r}, "-c", "import sys; print(sys.argv[1:])", "{{word}}", "{{count}}", "--", "{{rest}}"]
timeout_s = 5

[command.show.parameters.word]
description = "a word"

[command.show.parameters.count]
type = "integer"
minimum = -5
maximum = 5
required = false

[command.show.parameters.rest]
required = false
"""


def command(folder: Path, argv: list[str], timeout_s: float = 5.0) -> ToolSpec:
    """A command without parameters."""
    text = f'[command.x]\ndescription = "X."\nargv = {json.dumps(argv)}\ntimeout_s = {timeout_s}\n'
    (spec,) = owned(folder, x_toml=text).tools
    return spec


class TestCommands:
    async def test_values_are_whole_arguments_and_no_shell_sees_them(self, tmp_path: Path) -> None:
        (show,) = owned(tmp_path, show_toml=COMMAND.format(python=sys.executable)).tools
        answer = await call(show, word="$(id); `id` | * \"'", count=-5, rest="-rf")
        assert answer["message"] == repr(["$(id); `id` | * \"'", "-5", "--", "-rf"])

    async def test_what_is_not_given_is_left_out(self, tmp_path: Path) -> None:
        (show,) = owned(tmp_path, show_toml=COMMAND.format(python=sys.executable)).tools
        assert (await call(show, word="one"))["message"] == repr(["one", "--"])

    def test_text_may_not_become_an_option(self) -> None:
        with pytest.raises(ToolError, match="must not begin with a dash"):
            CommandLine(("rm", "{name}")).fill({"name": "-rf"})
        with pytest.raises(ToolError, match="null character"):
            CommandLine(("rm", "{name}")).fill({"name": "a\0b"})

    @pytest.mark.parametrize(
        ("argv", "words"),
        [
            (["false"], "ended with status 1"),
            (["/no/such/program"], "cannot be started: No such file"),
            ([sys.executable, "-c", "import sys; sys.exit('it is broken')"], "it is broken"),
        ],
    )
    async def test_a_failure_is_told(self, tmp_path: Path, argv: list[str], words: str) -> None:
        answer = await call(command(tmp_path, argv))
        assert answer["status"] == "error"
        assert words in answer["message"]

    async def test_silence_is_an_answer(self, tmp_path: Path) -> None:
        assert (await call(command(tmp_path, ["true"])))["message"] == "Done. The program printed nothing."

    async def test_a_flood_is_cut_and_does_not_hang_the_program(self, tmp_path: Path) -> None:
        flood = [sys.executable, "-c", "print('x' * 3_000_000)"]
        assert "too long" in (await call(command(tmp_path, flood)))["note"]

    async def test_one_that_hangs_is_killed_with_its_children(self, tmp_path: Path) -> None:
        child = f"import time; time.sleep(1.2); open({str(tmp_path / 'alive')!r}, 'w')"
        parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
        answer = await call(command(tmp_path, [sys.executable, "-c", parent], timeout_s=0.5))
        assert "No result within 0.5 seconds" in answer["message"]
        await asyncio.sleep(1.2)
        assert not (tmp_path / "alive").exists()

    async def test_one_that_leaves_a_player_running_is_answered_at_its_end(self, tmp_path: Path) -> None:
        """The player holds the pipes, in a session of its own where nobody kills it."""
        player = "import time; time.sleep(4)"
        start = (
            f"import subprocess, sys; print('playing', flush=True); "
            f"subprocess.Popen([sys.executable, '-c', {player!r}], start_new_session=True)"
        )
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers, not paths
        for _ in range(3):
            answer = await call(command(tmp_path, [sys.executable, "-c", start], timeout_s=3.0))
            assert answer == {"status": "ok", "message": "playing", "retryable": False}
        await asyncio.sleep(0)  # the transports close in the loop's next round
        assert len(os.listdir("/proc/self/fd")) <= before + 2  # noqa: PTH208 - asyncio's own for children

    async def test_one_that_a_signal_ended_says_which(self, tmp_path: Path) -> None:
        answer = await call(command(tmp_path, ["sh", "-c", "kill -9 $$"]))
        assert "was ended by signal 9 (Killed)" in answer["message"]

    async def test_what_it_prints_commands_no_terminal(self, tmp_path: Path) -> None:
        told = await call(command(tmp_path, ["printf", r"a\033]0;x\007\0\nb\342\200\256c"]))
        assert told["message"] == "a]0;x\nbc"

    def test_secrets_of_the_daemon_are_not_inherited(self) -> None:
        assert environment(dict.fromkeys([*WITHHELD, "PATH"], "x")) == {"PATH": "x"}

    async def test_a_program_that_the_model_starts_does_not_find_the_key(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GEMINI_API_KEY", "AIzaSyMadeUp")
        monkeypatch.setenv("MINE", "all right")
        told = (await call(command(tmp_path, ["env"])))["message"]
        assert "MINE=all right" in told
        assert "AIzaSyMadeUp" not in told


X = "[command.x]\ndescription='d'\n"
P = X + "argv=['a','{p}']\nparameters.p="


class TestToml:
    @pytest.mark.parametrize(
        ("text", "mistake"),
        [
            ("[commands.x]", "commands: there are only tables [command.NAME] and [mcp.NAME]; did you mean"),
            ('[command."a b"]', "command.a b: a name has 1 to 64 letters"),
            ("[command.x]\nargv=['a']", "command.x.description: must be text in quotes"),
            (X, "command.x.argv: must be a list such as"),
            (X + "argv='ls'", "command.x.argv: must be a list such as"),
            (X + "argv=['a']\ntimeout=3", "x.timeout: there is no such key; did you mean timeout_s?"),
            (X + "argv=['a']\ntimeout_s=900", "x.timeout_s: must be a number above 0 and at most 300"),
            (X + "argv=['{p}']\nparameters.p={}", "must begin with a program"),
            (X + "argv=['a','--n={p}']\nparameters.p={}", '"--n={p}": a parameter must be an argument'),
            (X + "argv=['a','{p}']", '"{p}" is no parameter; add [command.NAME.parameters.p]'),
            (X + "argv=['a']\nparameters.p={}", 'x.parameters.p: has no place; write "{p}" in argv'),
            (P + "{type='int'}", "x.parameters.p.type: must be one of string, integer, number, boolean"),
            (P + "{minimum=3}", 'x.parameters.p.minimum: needs type = "integer" or "number"'),
            (P + "{type='integer', choices=['1']}", 'x.parameters.p.choices: needs type = "string"'),
            (P + "{size=3}", "x.parameters.p.size: there is no such key; there are type, description"),
            ("[mcp.x]\nallow=['*']", "mcp.x.argv: give either argv, the program, or url"),
            ("[mcp.x]\nargv=['a']", "mcp.x.allow: is missing: name the tools"),
            ("[mcp.x]\nurl='ftp://h'\nallow=[]", "mcp.x.url: must begin with https:// or http://"),
        ],
    )
    def test_a_mistake_names_the_key_and_the_remedy(self, text: str, mistake: str) -> None:
        described = read_tables(tomllib.loads(text))
        assert any(mistake in line for line in described.mistakes), described.mistakes
        assert (described.commands, described.servers) == ((), ())

    def test_a_text_that_is_no_toml_is_a_fault(self, tmp_path: Path) -> None:
        (fault,) = owned(tmp_path, x_toml="[command.x\n").faults
        assert fault.startswith(f"{tmp_path / 'x.toml'}: is not valid TOML")


# --- all together ----------------------------------------------------------------------------------


def named(name: str, source: str = "built in", parameters: dict[str, Any] | None = None) -> ToolSpec:
    """A tool of this name."""
    return ToolSpec(name, "does it", parameters or {"type": "object"}, lambda: name, source=source)


def toolbox(*specs: ToolSpec, deny: tuple[str, ...] = (), directory: str = "/nowhere") -> Toolbox:
    """A toolbox with these built in."""
    return Toolbox(ToolSettings(directory, deny), capabilities("gemini-3.8-live"), specs)


class TestOddFiles:
    @pytest.mark.parametrize("odd", ["a = " + "[" * 5000, "[command.x]\n" + "a." * 40_000, "# " * 200_000])
    def test_one_odd_file_takes_no_other_with_it(self, tmp_path: Path, odd: str) -> None:
        good = '[command.good]\ndescription = "Fine."\nargv = ["true"]\n'
        found = owned(tmp_path, a_toml=odd, b_toml=good, c_py=GOOD)
        assert [tool.name for tool in found.tools] == ["greet", "good"]
        assert [str(tmp_path / "a.toml") in fault for fault in found.faults] == [True]

    def test_a_pipe_among_the_files_is_named_and_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.toml")
        os.mkfifo(tmp_path / "b.py")
        found = owned(tmp_path, c_py=GOOD)
        assert [tool.name for tool in found.tools] == ["greet"]
        assert all("is no regular file" in fault for fault in found.faults)
        assert len(found.faults) == 2

    @pytest.mark.parametrize("limits", ["minimum = nan", "maximum = inf", "minimum = 5\nmaximum = 4"])
    def test_limits_that_are_none_are_mistakes(self, tmp_path: Path, limits: str) -> None:
        text = (
            '[command.x]\ndescription = "X."\nargv = ["x", "{n}"]\n'
            f'[command.x.parameters.n]\ntype = "number"\n{limits}\n'
        )
        found = owned(tmp_path, x_toml=text)
        assert found.tools == ()
        assert "must " in found.faults[0]


class TestToolbox:
    def test_a_name_that_is_taken_is_refused_and_the_first_stays(self) -> None:
        box = toolbox(named("a"), named("a", "x.py"))
        assert box.specs()["a"].source == "built in"
        assert box.problems == ["x.py: the name a is taken (built in); rename one, or deny it"]

    def test_what_is_denied_is_not_there(self) -> None:
        box = toolbox(named("mute"), named("set_timer"), named("get_time"), deny=("mute", "set_*"))
        assert list(box.specs()) == ["get_time"]
        assert box.problems == []

    def test_what_cannot_be_declared_is_a_problem_and_not_a_tool(self) -> None:
        odd = {"type": "object", "properties": {"a": {}}, "required": ["a"]}
        box = toolbox(named("odd", "x.py", odd), named("fine"))
        assert list(box.specs()) == ["fine"]
        assert "x.py: odd cannot be offered to the model: its parameter a" in box.problems[0]

    def test_more_tools_than_a_model_is_told_of_are_refused(self) -> None:
        box = toolbox(*(named(f"t{number}") for number in range(MAX_TOOLS + 2)))
        assert len(box.declarations()) == MAX_TOOLS
        assert len(box.problems) == 2

    def test_declarations_of_tools_that_are_gone_are_not_kept(self) -> None:
        box = toolbox(named("fixed"))
        server = McpTools(McpServer("odd", ("odd",)), lambda: None)
        box.servers = [server]
        for number in range(10):
            server.specs = {f"t{number}": named(f"t{number}", "MCP server odd")}
            assert [one.name for one in box.declarations()] == ["fixed", f"t{number}"]
        assert len(box._declarations) == 2

    async def test_a_server_that_says_at_each_look_that_its_tools_changed_is_not_looked_at_all_the_time(
        self,
    ) -> None:
        class Restless:
            looks = 0

            async def list_tools(self, *, cache_mode: str) -> Any:
                self.looks += 1
                await server._heard(SimpleNamespace(method="notifications/tools/list_changed"))
                return SimpleNamespace(tools=[])

        server = McpTools(McpServer("odd", ("odd",)), lambda: None)
        client = Restless()
        server._relist.set()
        watch = asyncio.create_task(server._watch(client, asyncio.Event()))
        for _ in range(100):
            await asyncio.sleep(0)
        watch.cancel()
        assert client.looks == 1

    async def test_a_directory_that_was_named_and_is_not_there_is_told(self) -> None:
        box = toolbox(directory="/no/such/directory")
        await box.load()
        assert box.problems == ['tools.directory = "/no/such/directory": there is no such directory']

    async def test_a_file_that_never_ends_loading_stops_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("daemon.tools.sources.toolbox.LOAD_S", 0.2)
        (tmp_path / "stuck.py").write_text("import time\ntime.sleep(2)\n")
        box = toolbox(named("fine"), directory=str(tmp_path))
        await box.load()
        assert list(box.specs()) == ["fine"]
        assert "was not loaded within 0.2 s" in box.problems[0]
