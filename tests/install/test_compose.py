"""The container files, as far as they can be tried without an engine: command line and configuration."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import textwrap
import tomllib

import pytest
from places import ROOT

from daemon.cli.main import PARTS
from daemon.config.load import validate

COMPOSE = (ROOT / "compose.yml").read_text("utf-8")
CONTAINERFILE = (ROOT / "Containerfile").read_text("utf-8").replace("\\\n", " ")
INSTALLER = (ROOT / "scripts" / "install").read_text("utf-8")

CONFIGURATIONS = [
    tomllib.loads(textwrap.dedent(content))
    for content in re.findall(r"content: \|\n((?:      .*\n)+)", COMPOSE)
]


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_each_service_has_a_configuration_that_holds(configuration: dict[str, object]) -> None:
    assert validate(configuration).problems == ()


def test_no_two_services_want_the_same_port() -> None:
    """Both are on the machine's own network."""
    ports = [one["web"]["seeds_port"] for one in CONFIGURATIONS]
    pages = [place for one in CONFIGURATIONS for place in one["web"]["listen"]]
    assert (sorted(ports), len({*pages})) == ([3000, 8000], 2)
    assert all(place.startswith("127.0.0.1:") for place in pages)


def test_the_key_is_a_secret_and_in_no_environment_of_a_service() -> None:
    assert "secrets:\n  gemini-api-key:\n    environment: GEMINI_API_KEY\n" in COMPOSE
    assert COMPOSE.count("GEMINI_API_KEY") == 2  # where users are told of it, and there
    assert "CREDENTIALS_DIRECTORY=/run/secrets" in CONTAINERFILE


def test_what_the_image_is_made_with_are_options_of_the_installer() -> None:
    command = re.search(r"scripts/install ([^&]*)&&", CONTAINERFILE)
    assert command is not None
    for word in shlex.split(command[1]):
        assert not word.startswith("--") or f"\n#   {word} " in INSTALLER or f"  {word} " in INSTALLER, word


def test_what_the_image_runs_is_a_command() -> None:
    entry = re.search(r"ENTRYPOINT (\[.*\])", CONTAINERFILE)
    assert entry is not None
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for part in PARTS:
        part.add(commands)
    assert parser.parse_args(json.loads(entry[1])[1:]).no_speaker is True
