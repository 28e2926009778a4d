"""One remote conversation: a connection of its own to the service, and what is told to the client of it.

Made of the speaker's own parts. Event loop only. All that happens goes through one mailbox with one consumer,
as in the speaker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from daemon import events as e
from daemon.conductor.accounts import Day
from daemon.config.models import capabilities
from daemon.config.settings import LiveSettings
from daemon.runtime.feed import Feed
from daemon.runtime.mailbox import Mailbox
from daemon.server_events import (
    GenerationComplete,
    NotUnderstood,
    ReplyAudio,
    ServerInterrupted,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    TurnComplete,
    Usage,
    WorkAnnounced,
)
from daemon.session.connection import Connection
from daemon.session.link import LinkPolicy
from daemon.tools.calling.host import ToolHost
from daemon.web.talk import life, news
from daemon.web.talk.camera import TalkCamera
from daemon.web.talk.downstream import Downstream
from daemon.web.talk.equipment import TalkEquipment
from daemon.web.talk.level import is_loud
from daemon.web.talk.news import TalkPhase, TalkWishes, Trouble
from daemon.web.talk.sessions import LiveSessions, TalkDialler
from daemon.web.talk.terms import TalkTerms
from daemon.web.talk.upstream import KEPT_S, Upstream
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

log = logging.getLogger(__name__)

TICK_S = 0.25
"""How often it is looked whether something is due; the shortest time that anybody waits for is 1 s."""

PAUSE_S = 1.0
"""After so long without sound from a client its microphone counts as closed, which the service is told (Live
API guide: `audioStreamEnd` where a stream pauses for more than a second)."""

LOUD_S = 2.0
"""So long after something loud the user may still be speaking: no moment to leave a connection by choice."""

UPLOAD_S = 600.0
"""Speech of an upload that is kept whole, until it was answered."""


class RemoteTalk:
    """`outbox` holds what its client is to be told."""

    def __init__(
        self,
        wishes: TalkWishes,
        terms: TalkTerms,
        equipment: TalkEquipment,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
        relayed: Callable[[float], object],
    ) -> None:
        """`chance` gives numbers from 0 to 1; `relayed` is as `Upstream` has it."""
        self._wishes = wishes
        self._terms = terms
        self._patience = replace(terms.patience, connect_s=min(wishes.connect_s, terms.patience.connect_s))
        self._equipment = equipment
        self._clock = clock
        self._mailbox: Mailbox[e.Event] = Mailbox()
        self._up = self._upstream(relayed)
        self._tools = self._tool_host()
        self._connection = self._link(chance)
        self._camera = TalkCamera(listens=self._sees, taken=self._picture_taken)
        self._down = self._downstream()
        self.outbox = self._down.outbox
        now_s = clock()
        self._vitals = life.Vitals(began_s=now_s, moved_s=now_s, down_since_s=now_s)
        self._dialler: TalkDialler | None = None
        self._over = asyncio.Event()
        self._phase = TalkPhase.CONNECTING
        self._begun = False
        self._heard_at_s = self._loud_at_s = float("-inf")
        self.end_reason = ""
        self._spent = Day()
        self.not_understood = 0

    def _upstream(self, relayed: Callable[[float], object]) -> Upstream:
        return Upstream(
            manual=self._wishes.manual,
            message_ms=self._terms.live.uplink_message_ms,
            kept_s=UPLOAD_S if self._wishes.upload else KEPT_S,
            post=self._mailbox.post,
            clock=self._clock,
            relayed=relayed,
        )

    def _downstream(self) -> Downstream:
        return Downstream(
            manual=self._wishes.manual,
            text_only=self._wishes.text_only,
            sound_bytes=SPEAKER_FORMAT.bytes(self._terms.reply_buffer_s),
            clock=self._clock,
            answered=self._up.note_answered,
        )

    def _tool_host(self) -> ToolHost:
        return ToolHost(
            lambda: self._equipment.tools,
            capabilities(self._terms.live.model),
            feed=Feed(),
            post=self._mailbox.post,
            hold_uplink=self._up.uplink.hold,
        )

    def _link(self, chance: Callable[[], float]) -> Connection:
        return Connection(
            self._up.uplink,
            self._tools,
            policy=_link_policy(self._terms.live),
            post=self._mailbox.post,
            room=self._mailbox.room,
            clock=self._clock,
            jitter=chance,
        )

    # --- what the client wants

    @property
    def ready(self) -> bool:
        """Whether a session was set up, at least once."""
        return self._vitals.ever_up

    @property
    def moved_s(self) -> float:
        """When somebody last spoke or wrote, or a reply was heard, on the monotonic clock."""
        return max(self._vitals.moved_s, self._down.heard_until_s)

    @property
    def spent(self) -> Day:
        """What it has cost."""
        return self._spent + Day(received_bytes=self._down.received_bytes)

    @property
    def dropped_bytes(self) -> int:
        """Sound of replies that its client was not told."""
        return self._down.dropped_bytes + self.outbox.refused_bytes

    def hear(self, pcm: bytes) -> None:
        """What the client's microphone heard: 16 kHz mono s16."""
        self._begun = True
        now_s = self._clock()
        self._heard_at_s = now_s
        if is_loud(pcm):
            self._loud_at_s = now_s
        self._up.hear(pcm)
        self._follow()

    def press(self) -> None:
        """The user begins to speak. For talks with `manual` only, as is `release`."""
        self._begun = True
        if self._down.replying:
            self.stop()
        self._vitals.move(self._clock())
        self._down.gate.cut()
        self._up.press()
        self._follow()

    def release(self) -> None:
        """The user has spoken."""
        self.end_speech()

    def end_speech(self) -> None:
        """What was said is whole."""
        self._up.end()
        self._follow()

    def say(self, text: str) -> bool:
        """A turn in writing. False: too many wait."""
        self._begun = True
        self._vitals.move(self._clock())
        taken = self._up.write(text)
        self._follow()
        return taken

    def stop(self) -> None:
        """Be quiet: the reply under way is void."""
        if self._down.replying or not self._wishes.manual:
            self._down.gate.reopen(self._clock())
            self._tools.turn_cut()
            self._down.cut()
            self._follow()

    def see(self, jpeg: bytes) -> None:
        """A picture for the model, which is shown only while the user is listened to. Raises BadPicture."""
        self._camera.offer(jpeg)

    def rewish(self, wishes: TalkWishes) -> bool:
        """Voice or instruction are to be others. False: too late, they stay as they are."""
        if self._begun:
            return False
        before = self._wishes
        self._wishes = replace(before, voice=wishes.voice, instruction=wishes.instruction)
        if self._dialler is not None and self._wishes != before:
            self._dialler.wishes = self._wishes
            self._connection.renew(keep_handle=False)
        return True

    def set_text_only(self, text_only: bool) -> None:
        """Whether the reply's sound is wanted."""
        self._down.text_only = text_only

    def end(self, reason: str, trouble: Trouble | None = None) -> None:
        """End it; only the first reason counts, and is `end_reason`."""
        if not self._over.is_set():
            self.end_reason = reason
            self.outbox.put_last(news.TalkEnded(reason, trouble))
            self._over.set()

    # --- the tasks

    async def run(self, client: LiveSessions) -> None:
        """Talk until `end`, whoever calls it. Raises what a bug raises."""
        self._dialler = TalkDialler(client, self._terms.live, self._equipment, self._wishes)
        self._connection.ask()
        tasks = {
            asyncio.create_task(self._connection.run(self._dialler), name="talk's link"),
            asyncio.create_task(self._consume(), name="talk's events"),
            asyncio.create_task(self._watch(), name="talk's clock"),
            asyncio.create_task(self._tools.run(), name="talk's tools"),
            asyncio.create_task(self._camera.run(self._dialler.show), name="talk's camera"),
        }
        over = asyncio.create_task(self._over.wait(), name="talk's end")
        try:
            done, _ = await asyncio.wait({*tasks, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, over):
                task.cancel()
            await asyncio.gather(*tasks, over, return_exceptions=True)
        for task in done:
            task.result()

    async def _consume(self) -> None:
        while True:
            self._handle(await self._mailbox.get())
            self._follow()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now_s = self._clock()
            if self._up.listening and not self._wishes.manual and now_s - self._heard_at_s >= PAUSE_S:
                self._up.end()
            if self.outbox.behind:
                self.end("behind", life.BEHIND)
            else:
                self._vitals.move(min(now_s, self._down.heard_until_s))
                self._do_due(life.due(self._vitals, self._patience, now_s))
            self._follow()

    def _do_due(self, what: life.Due | None) -> None:
        failure = self._connection.link.failure
        if what is None:
            return
        if (trouble := life.ending(what, failure)) is not None:
            self.end(what.value, trouble)
        elif what is life.Due.NOTICE:
            self._vitals.noticed = True
            self.outbox.put(news.TalkNotice(life.trouble_of(failure)))
        else:
            self._give_up_answer()

    def _give_up_answer(self) -> None:
        """A session that hears and does not answer is replaced."""
        if self._up.must_be_answered:
            self._connection.renew(keep_handle=False)
        self._down.finish("no_answer")
        self._up.note_answered()

    # --- what happens

    def _handle(self, event: e.Event) -> None:
        match event:
            case e.LinkUp():
                self._link_up()
            case e.LinkLost():
                self._link_lost()
            case e.LinkRefused():
                self.end("refused", life.trouble_of(self._connection.link.failure))
            case e.PieceSent():
                self._spent += Day(sent_bytes=event.size_bytes)
                self._up.note_sent()
            case e.UtteranceGiven(turn):
                self._down.gate.asked(self._clock())
                self._up.note_given(turn)
            case Transcript(who, text):
                self._vitals.move(self._clock())
                self._down.tell_words(who, text)
            case ToolCall() | ToolCallCancelled() | e.ToolsChanged():
                self._handle_tools(event)
            case Usage(prompt, response):
                self._spent += Day(prompt_tokens=prompt, response_tokens=response)
            case NotUnderstood():
                self.not_understood += 1
            case WorkAnnounced():
                self._down.gate.announced(self._clock())
            case ReplyAudio() | GenerationComplete() | ServerInterrupted() | TurnComplete():
                self._down.hear(event)

    def _handle_tools(self, event: ToolCall | ToolCallCancelled | e.ToolsChanged) -> None:
        match event:
            case ToolCall():
                wanted = self._down.gate.called(self._clock())
                self.outbox.put(news.ToolUsed(event.name))
                self._tools.take(event, self._down.turn, wanted=wanted)
            case ToolCallCancelled(call_ids):
                self._tools.cancel(call_ids)
            case e.ToolsChanged() if not self._tools.busy and self._tools.take_reply_due():
                self._down.gate.expect(self._clock())

    def _link_up(self) -> None:
        self._down.gate.reset()
        first = not self._vitals.ever_up
        self._vitals.up()
        if first:
            self.outbox.put(news.TalkReady())

    def _link_lost(self) -> None:
        self._vitals.down(self._clock())
        self._down.lose()
        self._up.note_lost()

    # --- pictures

    def _sees(self) -> bool:
        takes = capabilities(self._terms.live.model).video
        return takes and self._phase is TalkPhase.LISTENING

    def _picture_taken(self) -> None:
        self.outbox.put(news.PictureTaken())

    # --- what follows from all of it

    def _follow(self) -> None:
        """The link is needed while somebody speaks, waits or is answered; the client sees what is done."""
        now_s = self._clock()
        speaks = self._up.listening and (self._wishes.manual or now_s - self._loud_at_s < LOUD_S)
        asks = self._up.asked_at_s is not None
        self._vitals.asked_at_s = None if self._down.replying or self._tools.open else self._up.asked_at_s
        self._connection.set_busy(speaks or asks or self._down.replying or self._tools.open)
        self._show(self._present_phase())

    def _present_phase(self) -> TalkPhase:
        if self._vitals.down_since_s is not None:
            return TalkPhase.CONNECTING
        if self._down.replying:
            return TalkPhase.SPEAKING
        if self._up.listening:
            return TalkPhase.LISTENING
        return TalkPhase.READY if self._up.asked_at_s is None else TalkPhase.THINKING

    def _show(self, phase: TalkPhase) -> None:
        if phase is not self._phase:
            self._phase = phase
            self.outbox.put(news.PhaseShown(phase))

    def report(self) -> dict[str, Any]:
        """For `Talks.report`."""
        now_s = self._clock()
        return {
            "phase": self._phase.value,
            "age_s": round(now_s - self._vitals.began_s, 1),
            "turns": self._down.turn - 1,
            "sent_s": round(MIC_FORMAT.seconds(self.spent.sent_bytes), 1),
            "received_s": round(SPEAKER_FORMAT.seconds(self.spent.received_bytes), 1),
            "tokens": self.spent.tokens,
            "link": self._connection.report()["state"],
        }


def _link_policy(live: LiveSettings) -> LinkPolicy:
    """A talk ends by its own idle time; its link does not end before it."""
    return LinkPolicy(idle_close_s=3600.0, max_age_s=live.max_age_s)
