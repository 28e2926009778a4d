"""What holds for all talks of a gateway. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config.settings import LiveSettings
from daemon.web.talk.life import Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkTerms:
    """The settings that talks are held by."""

    live: LiveSettings
    patience: Patience
    reply_buffer_s: float = 120.0
