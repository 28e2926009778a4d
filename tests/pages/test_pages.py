"""What the README and the pages in docs/ point at is there: pages, headings, files, commands, keys."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import ROOT

from daemon.cli.main import PARTS
from daemon.config.load import validate
from daemon.config.schema import TABLES

HISTORY = ROOT / "CHANGELOG.md"  # which may name what is gone
PAGES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {HISTORY})
}
"""By their paths from the top folder."""

TO_BE_WRITTEN = {"hw/lights/ws2801.py"}
"""The driver that docs/inside/extending.md has as an example."""


def links(page: str) -> Iterator[tuple[Path, str]]:
    """The files that this page links to, and the headings in them, if it names one."""
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", PAGES[page]):
        path, _, anchor = link.partition("#")
        yield (ROOT / page).parent.joinpath(path).resolve() if path else ROOT / page, anchor


def anchors(text: str) -> set[str]:
    """As GitHub makes them: small letters, no punctuation, dashes for spaces."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands() -> set[str]:
    found = argparse.ArgumentParser().add_subparsers()
    for part in PARTS:
        part.add(found)
    return set(found.choices)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target.read_text("utf-8")), (target, anchor)


@pytest.mark.parametrize("page", PAGES)
def test_files_and_folders_that_are_named_are_there(page: str) -> None:
    named = re.findall(
        r"(?<![\w/.])((?:daemon|hw|scripts|systemd|tests|docs)/[\w.-]+(?:/[\w.-]+)*)", PAGES[page]
    )
    missing = {name for name in named if not (ROOT / name.rstrip(".")).exists()}
    assert missing <= TO_BE_WRITTEN


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_named_are_there(page: str) -> None:
    named = re.findall(r"(?:`|^|sudo |&& )conure ([a-z]+)", PAGES[page], re.MULTILINE)
    assert set(named) <= commands()


@pytest.mark.parametrize("page", PAGES)
def test_keys_that_are_named_are_there(page: str) -> None:
    named = re.findall(r"`\[([a-z]+)\] ([a-z_]+)", PAGES[page])
    assert [(table, key) for table, key in named if key not in TABLES[table]] == []


def test_what_is_to_be_put_into_the_configuration_is_taken() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", "\n".join(PAGES.values()), re.DOTALL)
    configurations = [data for data in map(tomllib.loads, blocks) if data.keys() <= TABLES.keys()]
    assert len(configurations) >= 3
    assert [problem.text for data in configurations for problem in validate(data).problems] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[str] = set()
    ahead = {"README.md"}
    while ahead:
        reached |= ahead
        found = {str(target.relative_to(ROOT)) for page in ahead for target, _ in links(page)}
        ahead = (found & PAGES.keys()) - reached
    assert PAGES.keys() - reached == set()
