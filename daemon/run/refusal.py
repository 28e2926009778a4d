"""Shows, before a service ends, that its key cannot be used: nobody is there to read why it ended.

A process that has ended can light nothing: the kernel takes its GPIO lines back, and they go dark. So Conure
first shows the light that says "refused" for a while, and says the words.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time

from daemon.config.board import choose_board, open_leds
from daemon.config.settings import Settings
from daemon.errors import ConfigError
from daemon.lights.ladder import Conditions
from daemon.lights.lamp import Lamp
from daemon.run.voices import recordings_for
from daemon.runtime.supervision import notify
from daemon.speaking.earcons import earcon_pcm
from daemon.speaking.gain import apply_gain, gain_for
from daemon.speaking.messages import Message
from daemon.words import Earcon
from hw.base import SPEAKER_FORMAT, Board, SpeakerError

log = logging.getLogger(__name__)

SHOWN_S = 15.0
"""Three times five blinks, which are to be counted; a start fails so much later, which nothing waits for."""


def show(settings: Settings, error: ConfigError) -> None:
    """Show for `SHOWN_S` that the key cannot be used, and say so. Raises ConfigError for an unknown board."""
    notify(f"STATUS=ending: {' '.join(error.problems)}")
    asyncio.run(show_on(choose_board(settings), settings))


async def show_on(board: Board, settings: Settings, shown_s: float = SHOWN_S) -> None:
    """The light and the words on this board, which is closed afterwards."""
    refused = Conditions(refused=True)
    lamp = Lamp(open_leds(board), time.monotonic)
    # daemon=True: a sound device that hangs must not keep the process.
    threading.Thread(target=say_on, args=(board, settings), name="refusal", daemon=True).start()
    try:
        lamp.refresh(refused)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(shown_s):
                await lamp.run(lambda: refused)
    finally:
        lamp.close()
        board.close()


def say_on(board: Board, settings: Settings) -> None:
    """The tone and the words, as far as they are wanted; a speaker that cannot be had is logged."""
    sound = earcon_pcm(Earcon.REFUSED) if settings.sound.earcons else b""
    if settings.sound.spoken:
        sound += recordings_for(settings.live, stand_in=False).of(Message.REFUSED_KEY)
    sound = apply_gain(sound, gain_for(settings.sound.volume))
    try:
        speaker = board.open_speaker()
        try:
            for start in range(0, len(sound), SPEAKER_FORMAT.chunk_bytes):
                speaker.write(sound[start : start + SPEAKER_FORMAT.chunk_bytes])
            time.sleep(speaker.queued_s())
        finally:
            speaker.close()
    except SpeakerError as error:
        log.warning("this could not be said aloud: %s", error)
