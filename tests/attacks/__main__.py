"""`scripts/attack-web`: tries every attack against a gateway, a line each. Exit status 1: one succeeded."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from web_house import ToldSpeaker, running_house

from attacks.trials import COOKIE, Target, run_all


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="scripts/attack-web", description=__doc__)
    parser.add_argument(
        "url", nargs="?", help="of the page, like https://127.0.0.1:8443; else one of its own"
    )
    parser.add_argument("--code", help="of `conure web pair`, for what only a paired browser can try")
    arguments = parser.parse_args()
    if arguments.url and not arguments.code:
        parser.error("with an address a code is needed: run `conure web pair` there")
    return asyncio.run(_attack(arguments.url, arguments.code))


async def _attack(url: str | None, code: str | None) -> int:
    failed = tried = 0
    async with _target(url, code) as target:
        async for name, wrong in run_all(target):
            tried += 1
            failed += bool(wrong)
            print(f"{'FAILED' if wrong else 'held  '}  {name}{': ' + wrong if wrong else ''}", flush=True)
    print(f"{tried - failed} of {tried} held")
    return 1 if failed else 0


@asynccontextmanager
async def _target(url: str | None, code: str | None) -> AsyncIterator[Target]:
    if url is None:
        with tempfile.TemporaryDirectory() as folder:
            async with running_house(Path(folder), ToldSpeaker()) as house:
                secret = house.cookie("attacker")["Cookie"].removeprefix(f"{COOKIE}=")
                yield Target(house.origin, secret, f"http://localhost:{house.seeds_port}")
        return
    parts = urlsplit(url)
    target = Target(f"{parts.scheme}://{parts.netloc}")
    answer = await target.post("/api/pair", {"code": code}, {"Origin": target.url})
    if answer.status != 201:
        raise SystemExit(f"the code was not taken: {answer.status} {answer.body.decode('utf-8', 'replace')}")
    target.secret = answer.headers["set-cookie"].partition(";")[0].removeprefix(f"{COOKIE}=")
    yield target
    own = json.loads(answer.body)["id"]
    await target.ask("DELETE", f"/api/devices/{own}", target.paired)


if __name__ == "__main__":
    raise SystemExit(main())
