"""The page tells what the speaker is called, and whether that name leads to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import pytest
from starlette.requests import Request

from daemon.web.api.name import NamePage, entries, look_up
from daemon.web.entry import Right

OWN = ("127.0.0.1", "192.168.1.7", "fe80::1", "fd00::7")
REQUEST = Request({"type": "http", "method": "GET", "path": "/api/name", "headers": []})


async def told(*found: str, error: OSError | None = None, answers: bool = True) -> dict[str, Any]:
    async def answered(name: str) -> Sequence[str]:
        assert name == "kitchen.local"
        if error:
            raise error
        if not answers:
            await asyncio.Event().wait()
        return found

    page = NamePage("kitchen", answered, lambda: [ip_address(one) for one in OWN], answer_s=0.01)
    answer: dict[str, Any] = json.loads(bytes((await page.show(REQUEST)).body))
    return answer


@pytest.mark.parametrize("found", ["192.168.1.7", "fe80::1%wlan0", "127.0.1.1", "fd00::7"])
async def test_a_name_with_one_of_its_own_addresses_leads_here(found: str) -> None:
    assert await told("10.9.9.9", found) == {
        "name": "kitchen.local",
        "leads": "here",
        "addresses": ["192.168.1.7", "fd00::7"],
    }


async def test_a_name_with_another_address_leads_elsewhere() -> None:
    assert (await told("192.168.1.8"))["leads"] == "elsewhere"


async def test_a_name_that_nobody_has_leads_nowhere() -> None:
    assert (await told(error=OSError("not known")))["leads"] == "nowhere"


async def test_a_name_that_nobody_answers_for_leads_nowhere() -> None:
    assert (await told(answers=False))["leads"] == "nowhere"


async def test_the_system_is_asked_for_a_name() -> None:
    assert await look_up("127.0.0.1") == ["127.0.0.1"]


def test_it_is_for_who_is_paired() -> None:
    assert [entry.needs for entry in entries(NamePage("kitchen"))] == [Right.PAGE]
