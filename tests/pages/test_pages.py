"""What the README and the pages in docs/ point at is there: pages, headings, scripts, commands, keys."""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

import pytest
from places import ROOT

from daemon.cli.main import PARTS
from daemon.config.load import validate
from daemon.config.schema import TABLES

PAGES = {path.name: path.read_text("utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}


def folder_of(page: str) -> Path:
    return ROOT if page == "README.md" else ROOT / "docs"


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
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", PAGES[page]):
        path, _, anchor = link.partition("#")
        target = folder_of(page) / path if path else folder_of(page) / page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


@pytest.mark.parametrize("page", PAGES)
def test_scripts_and_folders_that_are_named_are_there(page: str) -> None:
    named = re.findall(r"(?<![\w/.])((?:scripts|tests|docs)/[\w.-]+(?:/[\w.-]+)*)", PAGES[page])
    missing = [name for name in named if not (ROOT / name.rstrip(".")).exists()]
    assert missing == []


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


def test_the_readme_names_every_page() -> None:
    assert [
        page for page in PAGES if page != "README.md" and f"(docs/{page})" not in PAGES["README.md"]
    ] == []


def test_the_map_of_the_rooms_is_of_this_program() -> None:
    named = set(re.findall(r"`([a-z]+)/`", PAGES["architecture.md"]))
    rooms = {path.parent.name for path in (ROOT / "daemon").glob("*/__init__.py")}
    assert rooms <= named
