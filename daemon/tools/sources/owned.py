"""What the owner has added: the Python and TOML files of the tools directory, and installed packages.

Reads files and runs what is in them, so never on the event loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.tools.declaring.confirm import Confirm
from daemon.tools.declaring.spec import ToolSpec
from daemon.tools.sources.programs import run_command
from daemon.tools.sources.python_files import FaultyTool, files_in, load_entry_points, load_files, unsafe
from daemon.tools.sources.toml_files import CommandTool, Described, McpServer, read_tables
from hw.files import OddFile, read_toml

FILE_LIMIT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Owned:
    """Tools, servers, and a line for each mistake."""

    tools: tuple[ToolSpec, ...]
    servers: tuple[McpServer, ...]
    faults: tuple[str, ...]


def load_owned(directory: Path) -> Owned:
    """Everything that can be loaded. Never raises for what is in the files."""
    found = [*load_files(directory), *load_entry_points()]
    tools = [one for one in found if isinstance(one, ToolSpec)]
    faults = [one.text for one in found if isinstance(one, FaultyTool)]
    servers: dict[str, McpServer] = {}
    for path, described in _toml_files(directory, faults):
        faults += [f"{path}: {mistake}" for mistake in described.mistakes]
        tools += [_command_spec(command, str(path)) for command in described.commands]
        for server in described.servers:
            if server.name in servers:
                faults.append(f"{path}: mcp.{server.name}: there is a server of this name in another file")
            servers.setdefault(server.name, server)
    return Owned(tuple(tools), tuple(servers.values()), tuple(faults))


def _toml_files(directory: Path, faults: list[str]) -> Iterator[tuple[Path, Described]]:
    try:
        paths = files_in(directory, ".toml")
    except OSError:
        return  # told with the Python files
    for path in paths:
        try:
            if fault := unsafe(path):
                faults.append(fault)
                continue
            yield path, read_tables(read_toml(path, FILE_LIMIT_BYTES))
        except OSError as error:
            faults.append(f"{path}: cannot be read: {error.strerror or error}")
        except OddFile as error:
            faults.append(f"{path}: {error}")


def _command_spec(command: CommandTool, source: str) -> ToolSpec:
    async def run(**values: Any) -> str:
        return await run_command(command.line.fill(values))

    return ToolSpec(
        name=command.name, description=command.description, parameters=command.parameters, run=run,
        timeout_s=command.timeout_s, blocking=command.blocking, source=source,
        confirm=Confirm() if command.confirm else None,
    )  # fmt: skip
