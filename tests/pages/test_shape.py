"""The size of things: what is longer or wider than this is hard to read, and hides a second thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from imports import modules

BODY_LINES = {"median": 5, "p90": 13, "longest": 40}
PARAMETERS_OF_A_CONSTRUCTOR = 8
FIELDS_BY_POSITION = 4
"""More arguments than these are given by name: nobody counts commas."""

Where = tuple[Path, ast.AST]


def nodes() -> Iterator[Where]:
    for _, path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            yield path, node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function's body, the docstring aside."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def is_dataclass(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any(
        "dataclass" in ast.unparse(one) for one in node.decorator_list
    )


def named(path: Path, node: ast.AST) -> str:
    return f"{path.name}:{getattr(node, 'lineno', 0)}"


def test_functions_are_short() -> None:
    lengths = sorted(
        body_lines(node) for _, node in nodes() if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    measured = {
        "median": lengths[len(lengths) // 2],
        "p90": lengths[len(lengths) * 9 // 10],
        "longest": lengths[-1],
    }
    assert {name: lines for name, lines in measured.items() if lines > BODY_LINES[name]} == {}


def test_no_constructor_takes_more_than_can_be_read() -> None:
    assert [
        named(path, node)
        for path, node in nodes()
        if isinstance(node, ast.FunctionDef)
        and node.name == "__init__"
        and len(node.args.args) - 1 + len(node.args.kwonlyargs) > PARAMETERS_OF_A_CONSTRUCTOR
    ] == []


def test_no_dataclass_gets_more_than_a_few_values_by_position() -> None:
    classes = {node.name for _, node in nodes() if isinstance(node, ast.ClassDef) and is_dataclass(node)}
    assert [
        named(path, node)
        for path, node in nodes()
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in classes
        and len(node.args) > FIELDS_BY_POSITION
    ] == []


def test_a_name_of_a_class_has_one_answer() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for path, node in nodes():
        if isinstance(node, ast.ClassDef):
            found[node.name].add(str(path))
    assert {name: sorted(paths) for name, paths in found.items() if len(paths) > 1} == {}
