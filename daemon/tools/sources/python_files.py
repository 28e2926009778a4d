"""Tools in Python: the files of the tools directory, and what packages offer under `conure.tools`.

Each file is imported as a module of its own; its functions that `@tool` marks are tools. What is wrong with
one is a `FaultyTool`, and the others are loaded all the same. Runs on a thread: importing takes its time.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import os
import stat
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from daemon.tools.declaring.functions import DeclarationError, is_tool, spec_of
from daemon.tools.declaring.spec import ToolSpec
from hw.files import OddFile, read_bytes

ENTRY_POINTS = "conure.tools"
"""The group; a package's entry point names a module or a function."""

MODULE_PREFIX = "conure_tools_"
"""Before the name of a file's module, so that `time.py` does not replace the library's."""

FILE_LIMIT_BYTES = 1024 * 1024
"""Longest file of Python; compiling takes some hundred times its size of memory."""

PACKAGES_REMEDY = (
    "name the package that has it in /etc/conure/tools/requirements.txt and start scripts/install again"
    " (without the service: .venv/bin/pip install)"
)
"""Where tools get packages from: `REQUIREMENTS` of scripts/install.d/places.sh."""


@dataclass(frozen=True, slots=True)
class FaultyTool:
    """Something of the user's that cannot be a tool; the text names file, line and remedy."""

    text: str


Found = ToolSpec | FaultyTool


def files_in(directory: Path, suffix: str) -> list[Path]:
    """The files with this suffix, by name; those that begin with `_` or `.` are helpers. Raises OSError."""
    if not directory.is_dir():
        return []
    found = (path for path in directory.iterdir() if path.suffix == suffix and path.name[0] not in "._")
    return sorted(found)


def load_files(directory: Path) -> Iterator[Found]:
    """The tools of every Python file in the directory."""
    try:
        paths = files_in(directory, ".py")
    except OSError as error:
        yield FaultyTool(f"{directory}: cannot be read: {error.strerror or error}")
        return
    for path in paths:
        yield from load_file(path)


def load_file(path: Path) -> Iterator[Found]:
    """The tools of one Python file."""
    try:
        if fault := unsafe(path):
            yield FaultyTool(fault)
            return
        read_bytes(path, FILE_LIMIT_BYTES)
        module = _import_file(path)
    except OSError as error:
        yield FaultyTool(f"{path}: cannot be read: {error.strerror or error}")
    except OddFile as error:
        yield FaultyTool(f"{path}: {error}")
    except SyntaxError as error:
        yield FaultyTool(f"{error.filename or path}:{error.lineno}: {error.msg}; mend the line and restart")
    except ModuleNotFoundError as error:
        yield FaultyTool(f"{_place(error, path)}: there is no module {error.name}; {PACKAGES_REMEDY}")
    except BaseException as error:  # noqa: BLE001 - a user's file may raise anything, SystemExit too
        yield FaultyTool(f"{_place(error, path)}: {type(error).__name__}: {error}")
    else:
        yield from _tools_of(module, str(path), str(path))


def load_entry_points() -> Iterator[Found]:
    """The tools that installed packages offer."""
    from importlib.metadata import entry_points  # 10 ms, which the start need not wait for

    for point in entry_points(group=ENTRY_POINTS):
        name = f"entry point {point.name} ({point.value})"
        try:
            value = point.load()
        except BaseException as error:  # noqa: BLE001 - as with a file
            yield FaultyTool(f"{name}: {type(error).__name__}: {error}; mend or remove the package")
            continue
        if isinstance(value, ModuleType):
            yield from _tools_of(value, name, name)
        else:
            yield _tool(value, name)


def unsafe(path: Path) -> str:
    """Why what the file says may not be run: anybody could have written it. Raises OSError."""
    for place in (path, path.parent):
        if place.stat().st_mode & stat.S_IWOTH:
            return f"{path}: not loaded, since everybody may write to {place}; chmod o-w {place}"
    return ""


def _import_file(path: Path) -> ModuleType:
    name = MODULE_PREFIX + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "the suffix is .py"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and annotations look for it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _tools_of(module: ModuleType, source: str, where: str) -> Iterator[Found]:
    marked = [value for value in vars(module).values() if is_tool(value)]
    found = [function for function in marked if function.__module__ == module.__name__]
    if not found:
        yield FaultyTool(
            f"{where}: holds no tool; mark a function with @tool (from daemon.tools import tool)"
        )
    for function in found:
        yield _tool(function, source)


def _tool(function: Any, source: str) -> Found:
    if not callable(function):
        return FaultyTool(f"{source}: is neither a module nor a function")
    try:
        spec = spec_of(function, source)
    except DeclarationError as error:
        return FaultyTool(str(error))
    return replace(spec, run=_aside(spec.run, spec.timeout_s))


def _aside(run: Callable[..., Any], timeout_s: float) -> Callable[..., Any]:
    """A coroutine function as an ordinary one, with an event loop of its own: a user's code that blocks its
    loop must not stop the speaker.
    """
    if not inspect.iscoroutinefunction(run):
        return run

    def run_aside(**values: Any) -> Any:
        return asyncio.run(asyncio.wait_for(run(**values), timeout_s))

    return run_aside


def _place(error: BaseException, path: Path) -> str:
    """`FILE:LINE` of the innermost line of the user's file."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if os.path.realpath(frame.filename) == os.path.realpath(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)
