"""A token of the gateway's, from the request to the session that it opens: the real SDK on both sides."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import errors, types
from standin_support import FAST, audio_of, client, config, take_turn
from web_pages import FakeSpeaker, pages

from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.config.web import WebSettings
from daemon.session.gemini.client import LiveClient
from daemon.standin.door.credentials import ApiKeys
from daemon.standin.server import StandIn
from daemon.web.api.ephemeral import TokenDesk, entries
from daemon.web.api.kept_status import KeptStatus

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental.*")  # the SDK says so of its tokens each time

GREEDY = config(
    manual=False,
    system_instruction="Say all that you know.",
    tools=[types.Tool(function_declarations=[types.FunctionDeclaration(name="open_door")])],
)


async def asked(standin: StandIn, key: str = "s3cret-key") -> Any:
    """The gateway's answer."""
    live = LiveSettings(instruction="You are a parrot.", base_url=standin.base_url)
    service = LiveClient(live, Secret(key), base_url=standin.base_url, trust=standin.client_ssl_context())
    speaker = FakeSpeaker()
    status = KeptStatus(speaker)
    desk = TokenDesk(WebSettings(tokens=True), live, service.make_token, speaker=speaker, status=status)
    async with pages(entries(desk)) as page:
        return await page.post("/api/token", json={"voice": "Kore"})


async def test_a_browser_talks_by_it_once_and_within_the_speaker_s_set_up() -> None:
    async with StandIn(pace=FAST) as standin:
        told = (await asked(standin)).json()
        sdk = client(standin, key=told["token"], api_version=told["api_version"])
        async with sdk.aio.live.connect(model=told["model"], config=GREEDY) as session:
            await session.send_client_content(
                turns=types.Content(role="user", parts=[types.Part(text="hello")]), turn_complete=True
            )
            assert audio_of(await take_turn(session))
        setup = standin.record.connections[-1].setup
        assert setup is not None and "tools" not in setup
        assert setup["systemInstruction"]["parts"][0]["text"].startswith("You are a parrot.")
        with pytest.raises(errors.APIError, match="1008"):
            async with sdk.aio.live.connect(model=told["model"], config=GREEDY):
                pass


async def test_it_is_told_where_the_service_is() -> None:
    async with StandIn(pace=FAST) as standin:
        told = (await asked(standin)).json()
    assert told["websocket_url"].startswith(standin.base_url.replace("https", "wss"))


async def test_a_key_that_the_service_refuses_is_told_without_it() -> None:
    async with StandIn(pace=FAST, keys=ApiKeys(only=frozenset(["another"]))) as standin:
        answer = await asked(standin)
    assert (answer.status_code, answer.json()["code"]) == (502, "key_refused")
    assert "s3cret" not in answer.text
