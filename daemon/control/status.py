"""The running daemon's state as one dictionary: what `conure status` shows. Event loop only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from daemon import __version__
from daemon.conductor.controller import Controller
from daemon.conductor.parts import Parts
from daemon.config.settings import Settings
from daemon.control.server import ControlCounters
from daemon.hearing.silence import REMEDY
from daemon.runtime import logs
from daemon.runtime.ring import FifoRing, HistoryRing, RingStats
from daemon.session.link import LinkPhase
from daemon.tools.kit import ToolKit
from hw.base import HardwareVolume


@dataclass(frozen=True, slots=True)
class Reporter:
    """Reads everything that can be told, without changing it."""

    parts: Parts
    controller: Controller
    uplink_ring: HistoryRing
    reply_ring: FifoRing
    settings: Settings
    board: str
    stand_in: bool
    clock: Callable[[], float]
    started_s: float
    volume: Callable[[], dict[str, Any]]
    state_saves_failed: Callable[[], int] = lambda: 0
    hardware_volume: HardwareVolume | None = None
    tools: ToolKit | None = None
    control: ControlCounters = field(default_factory=ControlCounters)
    manager_messages_dropped: Callable[[], int] = lambda: 0

    def snapshot(self) -> dict[str, Any]:
        """All of it: plain words, numbers, lists and dictionaries."""
        state = self.controller.state
        now_s = self.clock()
        scene = self.parts.lamp.scene
        return {
            "version": __version__,
            "state": state.phase.value,
            "since_s": round(now_s - self.controller.since_s, 1),
            "up_s": round(now_s - self.started_s, 1),
            "muted": state.mic.muted,
            **self.volume(),
            "light": scene.name,
            "board": self.board,
            "model": self.settings.live.model,
            "service": "stand-in" if self.stand_in else "gemini",
            "turn_taking": self.settings.live.turn_taking,
            "barge_in": self.controller.policy.barge_in,
            "front_end": self.parts.capture.front_end.report(),
            "link": self.link(),
            "devices": self.devices(),
            "usage": self.parts.accounts.report(),
            "tools": self.tools.report() if self.tools else {},
            "timers": self.parts.reminders.report(),
            "rings": {
                "uplink": ring_words(self.uplink_ring.stats()),
                "reply": ring_words(self.reply_ring.stats()),
            },
            "counters": self.counters(),
            "turns": [turn.as_dict() for turn in self.parts.ledger.turns],
        }

    def link(self) -> dict[str, Any]:
        """The connection in words: what is wrong, since when, and when the next try is."""
        link = self.parts.connection.link
        now_s = self.clock()
        failure = link.failure
        waiting = link.phase is LinkPhase.BACKING_OFF
        return {
            "state": link.phase.value,
            "since_s": round(now_s - link.since_s, 1),
            "problem": f"{failure.policy.says} ({failure.detail})" if failure else None,
            "problem_since_s": round(now_s - link.failed_since_s, 1) if failure else None,
            "remedy": failure.policy.remedy if failure else None,
            "next_try_s": round(max(0.0, link.next_try_s - now_s), 1) if waiting else None,
            "connects": link.connects,
            "failures": link.failures,
            **self._last_problem(now_s),
        }

    def _last_problem(self, now_s: float) -> dict[str, Any]:
        last = self.parts.connection.last_failure
        if last is None:
            return {}
        failure, at_s = last
        return {"last_problem": failure.policy.says, "last_problem_ago_s": round(now_s - at_s)}

    def devices(self) -> dict[str, Any]:
        """Microphone, speaker and lights: open or not, and what is wrong."""
        capture, playback = self.parts.capture, self.parts.playback
        return {
            "mic": {
                "open": capture.opened,
                "device": capture.about or None,
                "problem": self._mic_problem(),
                "level_dbfs": round(capture.level_dbfs, 1),
                "floor_dbfs": round(capture.floor_dbfs, 1),
            },
            "speaker": {
                "open": playback.opened,
                "device": playback.about or None,
                "mixer": self.hardware_volume.about or None if self.hardware_volume else None,
                "problem": self._speaker_problem(),
            },
            "lights": {"problem": "failed" if self.parts.lamp.failed else None},
        }

    def _mic_problem(self) -> str | None:
        capture = self.parts.capture
        if capture.error is not None:
            return str(capture.error)
        silent = f"nothing but zeros for {capture.silence.silent_s:.0f} s: {REMEDY}"
        return silent if capture.silence.told and capture.opened else None

    def _speaker_problem(self) -> str | None:
        if self.parts.playback.error is not None:
            return str(self.parts.playback.error)
        return self.hardware_volume.problem if self.hardware_volume else None

    def counters(self) -> dict[str, int]:
        """Everything that is counted: what was dropped, lost, refused or repeated."""
        parts, downlink = self.parts, self.controller.downlink
        return {
            "mic_overruns": parts.capture.overruns,
            "mic_losses": parts.capture.losses,
            "mic_silences": parts.capture.silence.silences,
            **parts.capture.front_end.counters(),
            "speaker_underruns": parts.playback.underruns,
            "speaker_losses": parts.playback.losses,
            "reply_starved": parts.playback.starved,
            "reply_bytes_refused": downlink.reply_bytes_refused,
            "reply_bytes_of_cut_turns": downlink.gate.audio_dropped_bytes,
            "earcons_dropped": parts.playback.clips_dropped,
            "resent_bytes": parts.uplink.resent_bytes,
            "messages_not_understood": downlink.not_understood,
            "watch_notes_dropped": parts.feed.dropped,
            "control_clients_refused": self.control.clients_refused,
            "control_clients_lost": self.control.clients_lost,
            "control_watchers_dropped": self.control.watchers_dropped,
            "manager_messages_dropped": self.manager_messages_dropped(),
            "log_lines_dropped": logs.dropped(),
            "events_high_water": parts.mailbox.high_water,
            "replies_near_silent": downlink.near_silent_replies,
            **{f"renewed_{why}": count for why, count in self.controller.performer.watchdogs.items()},
            "tokens_prompt": downlink.tokens["prompt"],
            "tokens_response": downlink.tokens["response"],
            "state_saves_failed": self.state_saves_failed(),
            **(self.tools.counters() if self.tools else {}),
        }


def ring_words(stats: RingStats) -> dict[str, Any]:
    """A ring's counters for people."""
    return {
        "overflow": stats.overflow.value,
        "capacity_bytes": stats.capacity_bytes,
        "level_bytes": stats.level_bytes,
        "high_water_bytes": stats.high_water_bytes,
        "written_bytes": stats.written_bytes,
        "lost_bytes": stats.lost_bytes,
    }
