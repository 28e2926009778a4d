"""What was said in a session, as far as its context reaches; it outlives the connections. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from daemon.standin.grammar.setups import CONTEXT_TOKENS, Compression
from daemon.standin.messages import tokens_of
from daemon.standin.voices import HEARD_HZ, SAMPLE_BYTES, Said

SAID_LIMIT = 64
"""Utterances that are remembered; the oldest is forgotten, though its tokens still count."""

AUDIO_S = 60.0
"""Sound that is remembered, at most: 2 MB."""

CHARACTERS_PER_TOKEN = 4
"""Gemini API guide, tokens."""


@dataclass(slots=True)
class TokenCount:
    """What the context holds, by modality."""

    audio: int = 0
    text: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.audio + self.text


class History:
    """All that the model knows when it answers."""

    def __init__(self) -> None:
        self.said: deque[Said] = deque(maxlen=SAID_LIMIT)
        self.tokens = TokenCount()

    def add(self, said: Said, audio_s: float = 0.0) -> None:
        """Something was said, which lasted so long or was written."""
        self.said.append(said)
        self.tokens.audio += tokens_of(audio_s)
        if not audio_s:
            self.count_text(said.text)
        self._forget_oldest_sound()

    def count_text(self, text: str) -> None:
        """Text that is in the context without having been said: an instruction."""
        self.tokens.text += -(-len(text) // CHARACTERS_PER_TOKEN)

    def compress(self, compression: Compression | None) -> None:
        """Forget the oldest tokens as the set-up wishes; without a wish there are never more than fit."""
        limit = compression.trigger_tokens if compression else CONTEXT_TOKENS
        target = compression.target_tokens if compression else CONTEXT_TOKENS
        if self.tokens.total > limit:
            self.tokens.audio = max(0, min(self.tokens.audio, target - self.tokens.text))

    def forget_sound(self) -> None:
        """Keep only the words; the tokens still count."""
        for place, one in enumerate(self.said):
            self.said[place] = Said(one.role, one.text)

    def _forget_oldest_sound(self) -> None:
        kept_bytes = 0
        for place in range(len(self.said) - 1, -1, -1):
            one = self.said[place]
            kept_bytes += len(one.pcm)
            if one.pcm and kept_bytes > AUDIO_S * HEARD_HZ * SAMPLE_BYTES:
                self.said[place] = Said(one.role, one.text)
