"""How the command line is read: what was mistyped is answered with what is near it, and `conure help`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """As argparse has it, with suggestions. `parser`, in what it parses, is the chosen command's own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.set_defaults(parser=self)

    def parse_args(  # type: ignore[override]  # of its overloads we need one
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse all of it, or end with exit status 2; its own parser tells what a command does not know."""
        arguments, unknown = self.parse_known_args(args, namespace)
        if unknown:
            chosen: Parser = arguments.parser
            chosen.refuse_unknown(unknown)
        return arguments

    def all_actions(self) -> Iterator[tuple[str, argparse.Action]]:
        """Each option and argument of every command, with the command's whole name."""
        for action in self._actions:
            yield self.prog, action
            if isinstance(action.choices, dict):
                for parser in action.choices.values():
                    yield from parser.all_actions()

    def refuse_unknown(self, words: Sequence[str]) -> NoReturn:
        """End with exit status 2, and say in a line each which words mean nothing here.

        What follows an unknown option may be its value, of which nothing need be said.
        """
        pairs = zip(words, ["", *words], strict=False)
        told = [self._no_meaning(word) for word, before in pairs if not _is_value(word, before)]
        self.error(f"\n{self.prog}: error: ".join(told))

    def _no_meaning(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one word too many"
        name = word.partition("=")[0]
        return f"there is no option {name}{near(name, list(self._option_string_actions))}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """What argparse asks of each value that has choices, a command's name among them."""
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        hint = near(str(value), known) or f"; there are: {', '.join(known)}"
        raise argparse.ArgumentError(action, f"there is no {value!r}{hint}")


def _is_value(word: str, before: str) -> bool:
    return before.startswith("-") and "=" not in before and not word.startswith("-")


def near(word: str, known: Sequence[str]) -> str:
    """The end of a message that suggests the nearest of the known words; empty if none is near."""
    from daemon.config.schema import did_you_mean  # only who has made a mistake waits for it

    return did_you_mean(word, known)


def add_help(commands: Any, parser: Parser) -> None:
    """Add `conure help`, for those who look for it: the same as `--help` of each command."""

    def show(arguments: argparse.Namespace) -> int:
        parser.parse_args([*arguments.words, "--help"])
        return 0

    command = commands.add_parser("help", help="explain a command, or all of it")
    command.set_defaults(command=show)
    command.add_argument("words", nargs="*", metavar="COMMAND", help="such as `timers add`; all, if left out")
