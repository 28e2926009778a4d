"""Builds what speaks known words: announcements, and the messages in the user's voice."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.announcements.cache import FOLDER, SpeechCache
from daemon.announcements.message_maker import MessageMaker
from daemon.announcements.service import Announcements
from daemon.announcements.speech import SpeechSource
from daemon.conductor.accounts import Accounts, Day
from daemon.config.settings import LiveSettings, Settings
from daemon.runtime.store import Store, state_folder
from daemon.speaking.recordings import Recordings, made_folder
from daemon.speaking.volume import Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Voices:
    """The parts."""

    source: SpeechSource
    recordings: Recordings
    messages: MessageMaker


def make_voices(settings: Settings, accounts: Accounts, *, stand_in: bool) -> Voices:
    """What is spoken counts as what a reply brings, and the day's budget holds for it, too.

    The stand-in's speech is not worth being kept.
    """
    live, folder = settings.live, _folder(stand_in=stand_in)
    limit_bytes = settings.announce.cache_mb * 1_000_000
    source = SpeechSource(
        live,
        SpeechCache(folder / FOLDER, limit_bytes) if folder is not None and limit_bytes else None,
        may_ask=lambda: not accounts.used_up(),
        note_received=lambda size_bytes: accounts.add(Day(received_bytes=size_bytes)),
    )
    recordings = recordings_for(live, stand_in=stand_in)
    return Voices(source=source, recordings=recordings, messages=MessageMaker(live, source, recordings))


def recordings_for(live: LiveSettings, *, stand_in: bool) -> Recordings:
    """The messages in the configured language, the user's own before those that are shipped."""
    folder = _folder(stand_in=stand_in)
    made = None if folder is None else made_folder(folder, live.language, live.voice)
    return Recordings(live.language, made)


def _folder(*, stand_in: bool) -> Path | None:
    return None if stand_in else state_folder(os.environ)


def make_announcements(
    settings: Settings,
    voices: Voices,
    store: Store | None,
    volume: Volume,
    tell: Callable[..., None],
    post: Callable[[Any], None],
    clock: Callable[[], float],
) -> Announcements:
    """Announcements on this speaker."""
    return Announcements(
        settings.announce,
        store,
        source=voices.source,
        loudspeaker=volume,
        clock=clock,
        tell=tell,
        post=post,
    )
