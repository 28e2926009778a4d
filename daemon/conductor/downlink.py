"""Takes what the server says: counts it, finds its turn, and gives the reply to the speaker.

Event loop only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from daemon.conductor.accounts import Accounts, Day
from daemon.conductor.loudness import Loudness
from daemon.conductor.reply_gate import ReplyGate
from daemon.conductor.withheld import Called, Said, Withheld
from daemon.events import DialogueEvent, ReplyEnded, ReplyIsWhole
from daemon.runtime.cells import clean
from daemon.runtime.feed import Feed
from daemon.runtime.newest_lines import PRIVATE
from daemon.server_events import (
    GenerationComplete,
    NotUnderstood,
    ReplyAudio,
    ServerEvent,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    Usage,
    WorkAnnounced,
)
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
        self.withheld = Withheld()
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
        self._count(event)
        for said in self._belonging(event, turn, now_s):
            if self.withheld.holding:
                self.withheld.keep(said, now_s)
            else:
                yield from self._meaning(said)

    def confirmed(self) -> Iterator[ReplyAudio | DialogueEvent]:
        """As `hear`, of what was withheld until now."""
        for said in self.withheld.confirmed():
            yield from self._meaning(said)

    def drop_withheld(self) -> None:
        """What was answered to a part of an utterance is void; its calls are answered as cancelled."""
        unheard_bytes, calls = self.withheld.drop()
        self._count_unheard(unheard_bytes)
        for call in calls:
            self._tools.take(call.request, call.turn, wanted=False)

    def lose(self) -> None:
        """What was begun on the old connection cannot be answered on another one."""
        self.gate.reset()
        self._count_unheard(self.withheld.lose())

    def _count(self, event: ServerEvent) -> None:
        """What is counted of it, heard or not."""
        match event:
            case ReplyAudio(pcm):
                self._accounts.add(Day(received_bytes=len(pcm)))
            case Usage(prompt, response):
                self.tokens["prompt"] += prompt
                self.tokens["response"] += response
                self._accounts.add(Day(prompt_tokens=prompt, response_tokens=response))
            case NotUnderstood(what):
                self.not_understood += 1
                log.debug("a message was not understood: %s", what)

    def _count_unheard(self, size_bytes: int) -> None:
        if size_bytes:
            self._accounts.add(Day(unheard_bytes=size_bytes))

    def _belonging(self, event: ServerEvent, turn: int, now_s: float) -> Iterator[Said]:
        match event:
            case Transcript():
                yield event
            case WorkAnnounced():
                self.gate.announced(now_s)
            case ToolCall():
                yield Called(event, turn, wanted=self.gate.called(now_s))
            case ToolCallCancelled(call_ids):
                self.withheld.cancel(call_ids)
                self._tools.cancel(call_ids)
            case _:
                yield from self.gate.sort(event, now_s)

    def counters(self) -> dict[str, int]:
        """What was wrong with what the server said, and what it cost."""
        return {
            "reply_bytes_refused": self.reply_bytes_refused,
            "reply_bytes_of_cut_turns": self.gate.audio_dropped_bytes,
            "messages_not_understood": self.not_understood,
            "turn_ends_repeated": self.gate.ends_repeated,
            "replies_near_silent": self.near_silent_replies,
            "withheld_refused": self.withheld.refused,
            "tokens_prompt": self.tokens["prompt"],
            "tokens_response": self.tokens["response"],
        }

    def _meaning(self, said: Said) -> Iterator[ReplyAudio | DialogueEvent]:
        match said:
            case Transcript(who, text):
                self._show_words(who, text)
            case Called(request, turn, wanted):
                self._tools.take(request, turn, wanted=wanted)
            case GenerationComplete():
                self._playback.note_all_here()
                yield ReplyIsWhole()
            case ReplyEnded("") if self._loudness.is_silence:
                self.near_silent_replies += 1
                yield ReplyEnded(NEAR_SILENCE)
            case _:
                yield said

    def _show_words(self, who: str, text: str) -> None:
        self._feed.tell("transcript", who=who, text=text)
        if self._log_transcripts:
            log.info("%s: %s", who, clean(text), extra=PRIVATE)

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
