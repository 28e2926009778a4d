"""Commands and MCP servers as TOML describes them: tables `[command.NAME]` and `[mcp.NAME]`. Pure.

[command.wake]
description = "Wake a computer."
argv = ["wakeonlan", "{mac}"]

[command.wake.parameters.mac]
type = "string"
description = "the computer's hardware address"

All mistakes of a text are found at once; each is a line that names the table, the key and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from daemon.config.schema import did_you_mean
from daemon.outside import is_usable
from daemon.tools.declaring.confirm import CONFIRM_WORDS, Confirm, Harmless
from daemon.tools.declaring.spec import DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S, NAME_FORM, Schema, ToolError

MCP_TIMEOUT_S = 20.0
"""A server may have to ask another one."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """An argument list in which `{name}` as a whole argument stands for a parameter."""

    argv: tuple[str, ...]

    def fill(self, values: Mapping[str, Any]) -> list[str]:
        """The arguments of one call. Without its value a place is left out. Raises ToolError.

        Text that begins with a dash would be an option of the program, so that it may stand only behind `--`.
        """
        arguments: list[str] = []
        for argument in self.argv:
            name = place_in(argument)
            if name is None:
                arguments.append(argument)
            elif values.get(name) is not None:
                arguments.append(_as_argument(name, values[name], after_options="--" in arguments))
        return arguments


@dataclass(frozen=True, slots=True)
class CommandTool:
    """A `[command.NAME]`."""

    name: str
    description: str
    line: CommandLine
    parameters: Schema
    timeout_s: float = DEFAULT_TIMEOUT_S
    blocking: bool = True
    confirm: bool = False
    """The user is asked first."""


@dataclass(frozen=True, slots=True)
class Unasked:
    """A `[[mcp.NAME.unasked]]`: calls that need no consent."""

    tools: tuple[str, ...]
    """Names as the server has them, or patterns with * and ?."""
    arguments: Harmless = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class McpServer:
    """A `[mcp.NAME]`: a program that speaks MCP on its standard streams, or the URL of a server."""

    name: str
    argv: tuple[str, ...] = ()
    url: str = ""
    allow: tuple[str, ...] = ()
    """Tools that the model may call; "*" for all."""
    token_file: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = MCP_TIMEOUT_S
    blocking: bool = True
    confirm: bool = False
    """The user is asked before each call that `unasked` does not except."""
    unasked: tuple[Unasked, ...] = ()

    def confirms(self, tool: str) -> Confirm | None:
        """Which calls of a tool, by its own name, the user must confirm."""
        rules = [one.arguments for one in self.unasked if any(fnmatchcase(tool, name) for name in one.tools)]
        if not self.confirm or not all(rules):  # a rule without arguments excepts every call
            return None
        return Confirm(tuple(rules))


@dataclass(frozen=True, slots=True)
class Described:
    """What a text describes, and its mistakes."""

    commands: tuple[CommandTool, ...]
    servers: tuple[McpServer, ...]
    mistakes: tuple[str, ...]


def read_tables(data: Mapping[str, Any]) -> Described:
    """What TOML data describes."""
    mistakes: list[str] = []
    for name in data:
        if name not in ("command", "mcp"):
            hint = did_you_mean(name, ("command", "mcp"), "[{}.NAME]")
            mistakes.append(f"{name}: there are only tables [command.NAME] and [mcp.NAME]{hint}")
    commands = [_command(name, table, mistakes) for name, table in _tables(data, "command", mistakes)]
    servers = [_server(name, table, mistakes) for name, table in _tables(data, "mcp", mistakes)]
    return Described(tuple(filter(None, commands)), tuple(filter(None, servers)), tuple(mistakes))


def _tables(data: Mapping[str, Any], kind: str, mistakes: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    tables = data.get(kind, {})
    if not isinstance(tables, dict):
        mistakes.append(f"{kind}: write [{kind}.NAME]")
        return
    for name, table in tables.items():
        if not isinstance(table, dict):
            mistakes.append(f"{kind}.{name}: write [{kind}.NAME] on a line of its own")
        elif not NAME_FORM.fullmatch(name):
            mistakes.append(f"{kind}.{name}: a name has 1 to 64 letters, digits, _ and -, and no digit first")
        else:
            yield name, table


# --- one table -------------------------------------------------------------------------------------


class _Table:
    """Reads one table key by key, and notes what is wrong with it."""

    def __init__(self, where: str, content: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        self._where = where
        self._content = content
        unknown = [name for name in content if name not in keys]
        there_are = f"; there are {', '.join(keys)}"
        self.mistakes = [
            f"{where}.{name}: there is no such key{did_you_mean(name, keys) or there_are}" for name in unknown
        ]

    def wrong(self, key: str, remedy: str) -> None:
        self.mistakes.append(f"{self._where}.{key}: {remedy}")

    def text(self, key: str, *, needed: bool = False) -> str:
        value = self._content.get(key, "")
        if not isinstance(value, str) or (needed and not value.strip()):
            self.wrong(key, "must be text in quotes")
            return ""
        return value

    def texts(self, key: str, remedy: str, *, needed: bool = False) -> tuple[str, ...]:
        value = self._content.get(key, [])
        fine = isinstance(value, list) and all(isinstance(item, str) and "\0" not in item for item in value)
        if not fine or (needed and not value):
            self.wrong(key, remedy)
            return ()
        return tuple(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._content.get(key, default)
        if not isinstance(value, bool):
            self.wrong(key, "must be true or false")
            return default
        return value

    def confirm(self) -> bool:
        value = self._content.get("confirm", "")
        if value not in CONFIRM_WORDS:
            self.wrong("confirm", 'must be "say" (the user is asked, and says yes), or left out')
        return bool(value)

    def tables(self, key: str) -> list[dict[str, Any]]:
        value = self._content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.wrong(key, f"must be tables: [[{self._where}.{key}]]")
            return []
        return value

    def seconds(self, key: str, default: float) -> float:
        value = self._content.get(key, default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value <= MAX_TIMEOUT_S:
            self.wrong(key, f"must be a number above 0 and at most {MAX_TIMEOUT_S:g}")
            return default
        return float(value)

    def table(self, key: str) -> dict[str, Any]:
        value = self._content.get(key, {})
        if not isinstance(value, dict):
            self.wrong(key, f"must be a table: [{self._where}.{key}]")
            return {}
        return value


_COMMAND_KEYS = ("description", "argv", "parameters", "timeout_s", "blocking", "confirm")


def _command(name: str, content: dict[str, Any], mistakes: list[str]) -> CommandTool | None:
    where = f"command.{name}"
    table = _Table(where, content, _COMMAND_KEYS)
    description = table.text("description", needed=True)
    argv = table.texts("argv", 'must be a list such as ["uptime", "-p"]', needed=True)
    parameters: dict[str, _TomlParameter] = {}
    for key, value in table.table("parameters").items():
        parameters[key] = _parameter(f"{where}.parameters.{key}", key, value, table.mistakes)
    timeout_s, blocking = table.seconds("timeout_s", DEFAULT_TIMEOUT_S), table.flag("blocking", default=True)
    confirm = table.confirm()
    _check_places(argv, parameters, table)
    mistakes += table.mistakes
    if table.mistakes:
        return None
    return CommandTool(
        name=name,
        description=description,
        line=CommandLine(argv),
        parameters=_schema(parameters),
        timeout_s=timeout_s,
        blocking=blocking,
        confirm=confirm,
    )


def _check_places(argv: tuple[str, ...], parameters: Mapping[str, Any], table: _Table) -> None:
    places = [place_in(argument) for argument in argv]
    if places and places[0] is not None:
        table.wrong("argv", "must begin with a program, which the model may not choose")
    for argument, place in zip(argv, places, strict=True):
        if place is None and any(f"{{{name}}}" in argument for name in parameters):
            table.wrong("argv", f'"{argument}": a parameter must be an argument of its own, as "{{name}}"')
        elif place is not None and place not in parameters:
            table.wrong("argv", f'"{argument}" is no parameter; add [command.NAME.parameters.{place}]')
    for name in parameters:
        if name not in places:
            table.wrong(f"parameters.{name}", f'has no place; write "{{{name}}}" in argv')


# --- the argument list ------------------------------------------------------------------------------


def place_in(argument: str) -> str | None:
    """The parameter that an argument stands for; None for one that stands for itself."""
    is_place = argument.startswith("{") and argument.endswith("}") and argument[1:-1].isidentifier()
    return argument[1:-1] if is_place else None


def _as_argument(name: str, value: Any, *, after_options: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if "\0" in text:
        raise ToolError(f"{name} must not hold a null character.")
    if isinstance(value, str) and text.startswith("-") and not after_options:
        raise ToolError(f"{name} must not begin with a dash.")
    return text


# --- parameters ------------------------------------------------------------------------------------

_TYPES = ("string", "integer", "number", "boolean")
_PARAMETER_KEYS = ("type", "description", "choices", "minimum", "maximum", "required")


@dataclass(frozen=True, slots=True)
class _TomlParameter:
    schema: dict[str, Any]
    required: bool


def _parameter(where: str, name: str, content: Any, mistakes: list[str]) -> _TomlParameter:
    table = _Table(where, content if isinstance(content, dict) else {}, _PARAMETER_KEYS)
    if not isinstance(content, dict):
        table.mistakes.append(f'{where}: must be a table such as {{ type = "string" }}')
    if not name.isidentifier():
        table.mistakes.append(f"{where}: a parameter's name has letters, digits and _, and no digit first")
    kind = table.text("type") or "string"
    if kind not in _TYPES:
        table.wrong("type", f"must be one of {', '.join(_TYPES)}{did_you_mean(kind, _TYPES)}")
    schema: dict[str, Any] = {"type": kind}
    if description := table.text("description"):
        schema["description"] = description
    if choices := table.texts("choices", 'must be a list such as ["on", "off"]'):
        schema["enum"] = list(choices)
        if kind != "string":
            table.wrong("choices", 'needs type = "string"')
    _limits(table, dict(content) if isinstance(content, dict) else {}, kind, schema)
    required = table.flag("required", default=True)
    mistakes += table.mistakes
    return _TomlParameter(schema, required)


def _limits(table: _Table, content: Mapping[str, Any], kind: str, schema: dict[str, Any]) -> None:
    for key in ("minimum", "maximum"):
        value = content.get(key)
        if value is None:
            continue
        if kind not in ("integer", "number"):
            table.wrong(key, 'needs type = "integer" or "number"')
        elif isinstance(value, bool) or not isinstance(value, int | float) or not is_usable(value):
            table.wrong(key, "must be a number")
        else:
            schema[key] = value
    if schema.get("minimum", 0) > schema.get("maximum", schema.get("minimum", 0)):
        table.wrong("minimum", "must not be above maximum")


def _schema(parameters: Mapping[str, _TomlParameter]) -> Schema:
    return {
        "type": "object",
        "properties": {name: parameter.schema for name, parameter in parameters.items()},
        "required": [name for name, parameter in parameters.items() if parameter.required],
        "additionalProperties": False,
    }


# --- MCP servers -----------------------------------------------------------------------------------

_SERVER_KEYS = (
    "argv", "url", "allow", "token_file", "env", "timeout_s", "blocking", "confirm", "unasked",
)  # fmt: skip
_UNASKED_KEYS = ("tools", "arguments")


def _server(name: str, content: dict[str, Any], mistakes: list[str]) -> McpServer | None:
    table = _Table(f"mcp.{name}", content, _SERVER_KEYS)
    argv = table.texts("argv", 'must be a list such as ["uvx", "mcp-server-time"]')
    url, token_file = table.text("url"), table.text("token_file")
    allow = table.texts("allow", 'must be a list of tools, or ["*"] for all of them')
    env = table.table("env")
    if bool(argv) == bool(url):
        table.wrong("argv", "give either argv, the program, or url, the address of a server")
    if url and not url.startswith(("https://", "http://")):
        table.wrong("url", "must begin with https:// or http://")
    if token_file and not url:
        table.wrong("token_file", "goes with url only")
    if not all(isinstance(value, str) for value in env.values()):
        table.wrong("env", "must hold text in quotes only")
    if not allow and "allow" not in content:
        table.wrong("allow", 'is missing: name the tools that the model may call, or write ["*"]')
    confirm, unasked = table.confirm(), _unasked(name, table)
    if unasked and not confirm:
        table.wrong("unasked", 'goes with confirm = "say" only')
    server = McpServer(
        name=name, argv=argv, url=url, allow=allow, token_file=token_file, env=env,
        timeout_s=table.seconds("timeout_s", MCP_TIMEOUT_S), blocking=table.flag("blocking", default=True),
        confirm=confirm, unasked=unasked,
    )  # fmt: skip
    mistakes += table.mistakes
    return None if table.mistakes else server


def _unasked(name: str, server: _Table) -> tuple[Unasked, ...]:
    rules: list[Unasked] = []
    for content in server.tables("unasked"):
        table = _Table(f"mcp.{name}.unasked", content, _UNASKED_KEYS)
        tools = table.texts("tools", 'must be a list such as ["GetLiveContext", "light_*"]', needed=True)
        rules.append(Unasked(tools, _harmless(table)))
        server.mistakes += table.mistakes
    return tuple(rules)


def _harmless(table: _Table) -> Harmless:
    arguments = table.table("arguments")
    if all(_is_list_of_texts(values) for values in arguments.values()):
        return {key: tuple(values) for key, values in arguments.items()}
    table.wrong("arguments", 'must name values for each argument, as { domain = ["light", "fan"] }')
    return {}


def _is_list_of_texts(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(value, str) for value in values)
