"""The import graph of the two packages, read from their sources."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from places import ROOT


@dataclass(frozen=True, slots=True)
class Import:
    """`module` names `imported`, whole (`google.genai.types`), in line `line`.

    `at_load` is false for what happens only in a call, or only for the type checker.
    """

    module: str
    imported: str
    line: int
    at_load: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.imported}"


def is_within(name: str, parents: Iterable[str]) -> bool:
    """Whether `name` is one of `parents` or in one of them."""
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def imports_of(module: str, source: str, *, is_package: bool = False) -> list[Import]:
    """Every import in the source of `module`, also inside functions and by `import_module("name")`.

    Also one that somebody else is to do: `to_thread(import_module, "name")`.
    """
    package = module if is_package else module.rpartition(".")[0]
    return [
        Import(module, name, line, at_load)
        for node, at_load in walk(ast.parse(source), at_load=True)
        for name, line in names_imported(node, package)
    ]


def walk(node: ast.AST, *, at_load: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Every node below `node`, and whether it is executed when the module is loaded."""
    for child in ast.iter_child_nodes(node):
        yield child, at_load
        yield from walk(child, at_load=at_load and not is_deferred(child))


def is_deferred(node: ast.AST) -> bool:
    """Whether what is in `node` does not run when the module is loaded."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING") and not node.orelse
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def names_imported(node: ast.AST, package: str) -> Iterator[tuple[str, int]]:
    """The whole names that an import statement or call brings in, with its line."""
    match node:
        case ast.Import(names=names):
            yield from ((alias.name, node.lineno) for alias in names)
        case ast.ImportFrom(module=source, names=names, level=level):
            base = absolute(source or "", level, package)
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in names)
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            yield name, node.lineno
        case ast.Call(
            args=[
                ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                ast.Constant(value=str(name)),
                *_,
            ],
        ):
            yield name, node.lineno


def absolute(source: str, level: int, package: str) -> str:
    """The absolute name of `from ..source`, with `level` dots, as seen in `package`."""
    if level == 0:
        return source
    parents = package.split(".")[: len(package.split(".")) - (level - 1)]
    return ".".join([*parents, source] if source else parents)


def modules() -> Iterator[tuple[str, Path]]:
    """The name and file of every module in the two packages."""
    for path in sorted([*ROOT.glob("daemon/**/*.py"), *ROOT.glob("hw/**/*.py")]):
        where = path.parent if path.name == "__init__.py" else path.with_suffix("")
        yield ".".join(where.relative_to(ROOT).parts), path


@cache
def program() -> tuple[Import, ...]:
    """Every import in the two packages."""
    return tuple(
        one
        for module, path in modules()
        for one in imports_of(module, path.read_text("utf-8"), is_package=path.name == "__init__.py")
    )


def graph() -> dict[str, set[str]]:
    """For each of our modules those of ours that it imports, also for the type checker only."""
    names = {module for module, _ in modules()}
    found: dict[str, set[str]] = {name: set() for name in names}
    for one in program():
        target = one.imported if one.imported in names else one.imported.rpartition(".")[0]
        if target in names and target != one.module:
            found[one.module].add(target)
    return found
