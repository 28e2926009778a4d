"""The gateway's talks and the stand-in, without speaker and gate, for browsers with pages of other projects.

    python tests/browser/talk_stage.py FOLDER

Tells `{"address": …, "microphone": …}` on a line: where it listens, and a WAV file that Chromium takes for a
microphone. Then each line that comes is a question, and is answered by what the talks and the stand-in know.
It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import wave
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "tests" / "support" / "web")]

from browser_audio import likeness  # noqa: E402 - found through the line above
from rig import SENTENCE  # noqa: E402
from talk_rig import TalkRig, gateway, is_used  # noqa: E402

from daemon.standin.voices import Tone, resample  # noqa: E402
from daemon.standin.world import Pace, Transcripts  # noqa: E402

FAKE_MICROPHONE_HZ = 48_000
"""Chromium's fake microphone keeps the pitch of a file at this rate."""

SILENCE_S = 5
WORDS = Transcripts(model="This is the first. This is the second, and the last")


def write_microphone(file: Path) -> None:
    """The sentence, and silence after it, in which the end of speech is found."""
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(FAKE_MICROPHONE_HZ)
        out.writeframes(
            resample(SENTENCE, 16_000, FAKE_MICROPHONE_HZ) + bytes(2 * FAKE_MICROPHONE_HZ * SILENCE_S)
        )


def known(rig: TalkRig) -> dict[str, Any]:
    """What has come, and what stands."""
    turns = [turn for turn in rig.standin.record.turns if turn.ended_by]
    return {
        "talks": len(rig.talks.report()["open"]),
        "sessions": sum(map(is_used, rig.standin.record.connections)),
        "turns": [{"text": turn.text, "seconds": round(turn.audio_s, 2)} for turn in turns],
        "likeness": round(likeness(turns[-1].pcm), 3) if turns and turns[-1].pcm else None,
    }


async def main(folder: Path) -> None:
    write_microphone(microphone := folder / "microphone.wav")
    pace = Pace(thinking_s=0.1, speed=20.0, playout=0.0)
    async with gateway(Tone(3.0), pace=pace, transcripts=WORDS) as rig:
        print(json.dumps({"address": rig.http(""), "microphone": str(microphone)}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(known(rig)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
