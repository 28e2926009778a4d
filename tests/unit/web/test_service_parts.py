"""What the gateway has without a key: nothing is loaded, and talks and tokens say why there are none."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from places import ROOT
from web_pages import pages

from daemon.config.settings import Settings
from daemon.config.web import WebSettings
from daemon.control.remote.client import NoSpeaker
from daemon.errors import ConfigError
from daemon.web.api import ephemeral
from daemon.web.api.kept_status import KeptStatus
from daemon.web.service_parts import ServiceParts, build_service_parts
from daemon.web.talk.news import TalkWishes
from daemon.web.talk.talks import TalkRefused

SETTINGS = replace(Settings(), web=WebSettings(tokens=True))


def parts(env: dict[str, str], settings: Settings = SETTINGS) -> ServiceParts:
    speaker = NoSpeaker()
    return build_service_parts(settings, speaker, KeptStatus(speaker), env)


async def refusal_of_a_token(found: ServiceParts) -> str:
    async with pages(ephemeral.entries(found.tokens)) as client:
        code: str = (await client.post("/api/token")).json()["code"]
        return code


async def test_without_a_key_talks_and_tokens_are_refused_for_that() -> None:
    found = parts({})
    assert await refusal_of_a_token(found) == "key_missing"
    with pytest.raises(TalkRefused, match="key"):
        async with found.talks.admit("device:a", dialect="own", wishes=TalkWishes()):
            pass


async def test_a_key_that_is_none_is_told_and_the_gateway_lives(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = replace(SETTINGS.live, api_key_file=str(tmp_path / "nowhere"))
    found = parts({}, replace(SETTINGS, live=live))
    assert "no talks and no tokens" in caplog.text
    assert await refusal_of_a_token(found) == "key_missing"


def test_an_address_of_the_service_that_is_none_cannot_work() -> None:
    with pytest.raises(ConfigError, match="GOOGLE_GEMINI_BASE_URL"):
        parts({"GOOGLE_GEMINI_BASE_URL": "ftp://somewhere"})


def test_the_heavy_libraries_wait_for_somebody_who_talks() -> None:
    heavy = ("google.genai", "numpy", "soxr", "av")
    program = f"import sys, daemon.web.run; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
