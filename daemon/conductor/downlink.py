"""What the server says: to which turn it belongs, what is counted of it, and the reply for the speaker.

Event loop only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from daemon.conductor.accounts import Accounts, Day
from daemon.conductor.loudness import Loudness
from daemon.conductor.reply_gate import ReplyGate
from daemon.events import (
    DialogueEvent,
    GenerationComplete,
    NotUnderstood,
    ReplyAudio,
    ReplyEnded,
    ReplyIsWhole,
    ServerEvent,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    Usage,
)
from daemon.runtime.cells import clean
from daemon.runtime.feed import Feed
from daemon.speaking.playback import Playback
from daemon.tools.calling.host import ToolHost

log = logging.getLogger(__name__)

NEAR_SILENCE = "NEAR_SILENCE"
"""Our own reason for a reply of full length that nobody could hear (gemini-live-api-examples #40)."""


class Downlink:
    """Hears the server, and leaves to its caller what is the dialogue's to decide."""

    def __init__(
        self,
        playback: Playback,
        tools: ToolHost,
        accounts: Accounts,
        feed: Feed,
        *,
        streaming: bool,
        log_transcripts: bool,
    ) -> None:
        """`streaming` is true where the server takes turns."""
        self._playback = playback
        self._tools = tools
        self._accounts = accounts
        self._feed = feed
        self._log_transcripts = log_transcripts
        self._loudness = Loudness()
        self.gate = ReplyGate(streaming=streaming)
        self.tokens = {"prompt": 0, "response": 0}
        self.not_understood = 0
        self.near_silent_replies = 0
        self.reply_bytes_refused = 0
        self._copies: list[Callable[[bytes], object]] = []

    def copy_replies(self, take: Callable[[bytes], object]) -> None:
        """From now on `take` gets each piece of a reply that will be played: for rehearsals."""
        self._copies.append(take)

    def hear(self, event: ServerEvent, turn: int, now_s: float) -> Iterator[ReplyAudio | DialogueEvent]:
        """Take what the server says while `turn` is the newest. Gives what the dialogue is to know, and audio
        of its reply for `play`; each is to be dealt with before the next is asked for.
        """
        if isinstance(event, ReplyAudio):
            self._accounts.add(Day(received_bytes=len(event.pcm)))
        match event:
            case Transcript(who, text):
                self._feed.tell("transcript", who=who, text=text)
                if self._log_transcripts:
                    log.info("%s: %s", who, clean(text))
            case Usage(prompt, response):
                self.tokens["prompt"] += prompt
                self.tokens["response"] += response
                self._accounts.add(Day(prompt_tokens=prompt, response_tokens=response))
            case NotUnderstood(what):
                self.not_understood += 1
                log.debug("a message was not understood: %s", what)
            case ToolCall():
                self._tools.take(event, turn, wanted=self.gate.called(now_s))
            case ToolCallCancelled(call_ids):
                self._tools.cancel(call_ids)
            case _:
                for sorted_event in self.gate.sort(event, now_s):
                    yield self._meaning(sorted_event)

    def counters(self) -> dict[str, int]:
        """What was wrong with what the server said, and what it cost."""
        return {
            "reply_bytes_refused": self.reply_bytes_refused,
            "reply_bytes_of_cut_turns": self.gate.audio_dropped_bytes,
            "messages_not_understood": self.not_understood,
            "replies_near_silent": self.near_silent_replies,
            "tokens_prompt": self.tokens["prompt"],
            "tokens_response": self.tokens["response"],
        }

    def _meaning(self, event: ReplyAudio | GenerationComplete | DialogueEvent) -> ReplyAudio | DialogueEvent:
        if isinstance(event, GenerationComplete):
            self._playback.note_all_here()
            return ReplyIsWhole()
        if event == ReplyEnded() and self._loudness.is_silence:
            self.near_silent_replies += 1
            return ReplyEnded(NEAR_SILENCE)
        return event

    def begin(self, turn: int) -> None:
        """The reply to `turn` begins."""
        self._loudness = Loudness()
        self._playback.hush()  # the words would be false now, and the answer would wait
        self._playback.begin(turn)

    def play(self, pcm: bytes) -> int:
        """Play more of the reply (24 kHz mono s16); returns the bytes that fitted."""
        self._loudness.add(pcm)
        accepted = self._playback.feed(pcm)
        for take in self._copies:
            take(pcm[:accepted])
        self.reply_bytes_refused += len(pcm) - accepted
        return accepted
