"""What the server says to an utterance that its user may still continue. Pure; event loop only.

Nothing of it may be heard or done before the end of the utterance is sure. It waits here in its order, and is
then either dealt with as if it had just come, or thrown away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.events import DialogueEvent
from daemon.server_events import GenerationComplete, ReplyAudio, ToolCall, Transcript
from hw.base import SPEAKER_FORMAT

WITHHELD_BYTES = SPEAKER_FORMAT.bytes(60.0)
"""Audio that may wait; of more the newest is refused and counted. It waits for three seconds at the longest
(`vad.silence_ms`), in which a service would have to send twenty times as fast as it is heard."""

WITHHELD_MESSAGES = 4000
"""Messages that may wait, with the same policy: audio in the smallest pieces that services send, 20 ms."""


@dataclass(frozen=True, slots=True)
class Called:
    """The model called a tool in answer to `turn`. `wanted`: the turn was not cut."""

    request: ToolCall
    turn: int
    wanted: bool


Said = ReplyAudio | GenerationComplete | Transcript | Called | DialogueEvent
"""What a message means for the newest turn."""


class Withheld:
    """Holds what is said, from `begin` until `confirm` or `drop`. `refused` counts what found no room."""

    def __init__(self) -> None:
        self._said: deque[Said] = deque()
        self._bytes = 0
        self._first_s: float | None = None
        self.holding = False
        self.refused = 0

    def begin(self) -> None:
        """From now on it is not sure that what is answered was asked."""
        self._forget()
        self.holding = True

    def keep(self, said: Said, now_s: float) -> None:
        """Take something that was said while this is `holding`."""
        size_bytes = len(said.pcm) if isinstance(said, ReplyAudio) else 0
        if self._bytes + size_bytes > WITHHELD_BYTES or len(self._said) >= WITHHELD_MESSAGES:
            self.refused += 1
            return
        if isinstance(said, ReplyAudio | Called) and self._first_s is None:
            self._first_s = now_s
        self._said.append(said)
        self._bytes += size_bytes

    def cancel(self, call_ids: tuple[str, ...]) -> None:
        """The server wants no answer to these any more."""
        self._said = deque(
            said for said in self._said if not (isinstance(said, Called) and said.request.call_id in call_ids)
        )

    def confirm(self, now_s: float) -> float:
        """The end is sure. Returns when the answer began to come, or `now_s` where it has not yet."""
        self.holding = False
        return now_s if self._first_s is None else self._first_s

    def confirmed(self) -> Iterator[Said]:
        """What is not withheld any more, each once, oldest first; a `drop` ends it."""
        while self._said and not self.holding:
            yield self._said.popleft()
        if not self._said:
            self._forget()

    def drop(self) -> tuple[int, list[Called]]:
        """Nobody will hear it: how much audio that was, in bytes, and the calls, which want an answer."""
        unheard_bytes = self._bytes
        calls = [said for said in self._said if isinstance(said, Called)]
        self._forget()
        self.holding = False
        return unheard_bytes, calls

    def lose(self) -> int:
        """Its connection is gone, and another one may bring it again. Returns the bytes of audio."""
        unheard_bytes = self._bytes
        self._forget()
        return unheard_bytes

    def _forget(self) -> None:
        self._said.clear()
        self._bytes = 0
        self._first_s = None
