"""The page that tells how to talk with the gateway: its client is run as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
import wave
from pathlib import Path

from places import ROOT
from talk_rig import gateway

from daemon.standin.voices import Tone

PAGE = (ROOT / "docs" / "use" / "web-api.md").read_text("utf-8")
PROGRAM = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[-1]


async def test_the_client_on_the_page_keeps_the_answer(tmp_path: Path) -> None:
    async with gateway(Tone(0.5)) as rig:
        address = f"ws://127.0.0.1:{rig.port}/ws/talk"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, address, "What time is it?",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
        )  # fmt: skip
        output, errors = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, errors.decode()) == (0, "")
        assert output.decode().startswith("(echo of")
        with wave.open(str(tmp_path / "answer.wav")) as file:
            assert (file.getframerate(), file.getnframes()) == (24_000, 12_000)
        await rig.until_nobody_talks()


def test_each_message_of_the_page_is_told_there() -> None:
    """By the words of the dialect's own table."""
    from daemon.web.dialects import own

    source = Path(own.__file__).read_text("utf-8")
    down = set(re.findall(r'_tell\(\s*"(\w+)"', source)) | set(re.findall(r'_trouble\("(\w+)"', source))
    up = set(re.findall(r'^    "(\w+)": OwnDialect', source, re.MULTILINE))
    for name in down | up:
        assert f"`{name}`" in PAGE, name
