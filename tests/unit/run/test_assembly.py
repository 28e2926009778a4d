"""What the composition root makes of a board whose devices cannot be had, and of the parts' own words."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from daemon.conductor.ledger import Mark
from daemon.config.settings import Settings
from daemon.events import (
    LinkUp,
    OtherTools,
    PieceSent,
    ReplyEnded,
    SecondAnswers,
    StopAsked,
    TextAsked,
    Timer,
    ToolsBusy,
    Trigger,
    UtteranceGiven,
    UtteranceSent,
)
from daemon.run.assembly import Conure, build
from daemon.runtime.keeper import Keeper
from daemon.server_events import ReplyAudio, TurnComplete
from daemon.session.connection import Connection
from daemon.speaking.volume import Volume
from daemon.words import Phase
from hw.base import ButtonError
from hw.simulated.board import SimulatedBoard, SimulatedButton


class ButtonlessBoard(SimulatedBoard):
    """Its button cannot be had."""

    def open_button(self, on_edge: Callable[[bool, float], None]) -> SimulatedButton:
        raise ButtonError("GPIO 17", "is busy")


async def test_a_board_whose_button_cannot_be_had_is_spoken_to(caplog: pytest.LogCaptureFixture) -> None:
    built = build(Settings(), ButtonlessBoard(), stand_in=True)
    assert built.button is None
    assert built.controller.policy.voice_trigger
    assert "going on without the button: speak to begin (GPIO 17: is busy)" in caplog.text


async def test_a_button_that_can_be_had_posts_its_edges(caplog: pytest.LogCaptureFixture) -> None:
    board = SimulatedBoard()
    with caplog.at_level(logging.WARNING):
        built = build(Settings(), board, stand_in=True)
    board.button.press()
    event = await built.parts.mailbox.get()
    assert getattr(event, "pressed", None) is True
    assert not built.controller.policy.voice_trigger
    assert caplog.text == ""


async def test_the_speakers_own_tools_are_there_before_any_others() -> None:
    built = build(Settings(), SimulatedBoard(), stand_in=True)
    assert {"volume", "mute", "device_status", "set_timer"} <= built.tools.toolbox.specs().keys()


async def test_no_part_counts_under_the_name_of_another() -> None:
    reporter = build(Settings(), SimulatedBoard(), stand_in=True).reporter
    names = [name for part in reporter.counts for name in part.counters()]
    keys = [key for part in reporter.reports for key in part.report()]
    assert len(names) == len(set(names))
    assert len(keys) == len({*keys, "version", "counters"}) - 2


async def test_what_cannot_be_saved_is_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Keeper, "failures", property(lambda self: 3))
    built = build(Settings(), SimulatedBoard(), stand_in=True)
    assert built.reporter.counters()["state_saves_failed"] == 3


async def test_a_new_volume_is_told_to_whoever_shows_it() -> None:
    built = build(Settings(), SimulatedBoard(), stand_in=True)
    assert isinstance(built.parts.volume, Volume)
    built.parts.volume.set(40)
    built.controller.handle(await built.parts.mailbox.get())
    assert built.parts.lamp.scene.name == "volume"


async def test_other_tools_are_told_at_the_next_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    built = build(Settings(), SimulatedBoard(), stand_in=True)
    asked: list[bool] = []
    monkeypatch.setattr(Connection, "renew_at_pause", lambda self: asked.append(True))
    built.controller.handle(OtherTools())
    assert asked == [True]


async def test_what_was_sent_is_counted_for_its_turn_and_its_day() -> None:
    parts = (built := build(Settings(), SimulatedBoard(), stand_in=True)).parts
    parts.ledger.open(1, Trigger.BUTTON, 5.0, online=True)
    for piece in (PieceSent(1, 1280, 5.5), PieceSent(1, 720, 5.6), PieceSent(7, 10, 5.7)):
        built.controller.handle(piece)
    (line,) = parts.ledger.turns
    assert (line.sent_bytes, line.marks[Mark.FIRST_SENT]) == (2000, 5.5)
    assert parts.accounts.used_today().sent_bytes == 2010


@pytest.mark.parametrize("begins", [ReplyEnded(), ToolsBusy(True)])
@pytest.mark.parametrize(("takes_s", "missed_after_s"), [(0.2, 1.5), (2.0, 4.0)])
async def test_how_long_answers_take_is_learned_and_told(
    begins: ReplyEnded | ToolsBusy, takes_s: float, missed_after_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [100.0]
    built = build(Settings(), SimulatedBoard(), stand_in=True, clock=lambda: now_s[0])
    controller, armed = built.controller, dict[Timer, float]()
    monkeypatch.setattr("daemon.conductor.timers.Timers.start", lambda _, timer, s: armed.update({timer: s}))
    controller.handle(LinkUp())
    for turn in range(1, 7):
        controller.handle(TextAsked("hello"))
        controller.handle(UtteranceGiven(turn))
        controller.handle(UtteranceSent(turn))
        now_s[0] += takes_s
        controller.advance(begins)
        controller.advance(ToolsBusy(False))
    assert controller.report()["usual_answer_s"] == takes_s
    assert armed[Timer.UNUSUAL] == missed_after_s


async def asked_in_writing() -> Conure:
    built = build(Settings(), SimulatedBoard(), stand_in=True)
    for event in (LinkUp(), TextAsked("hello"), UtteranceGiven(1), UtteranceSent(1)):
        built.controller.handle(event)
    assert built.controller.state.phase is Phase.THINKING
    return built


async def test_what_a_second_connection_answers_is_the_answer() -> None:
    controller = (await asked_in_writing()).controller
    controller.handle(SecondAnswers(1, 0.0))
    controller.handle(ReplyAudio(b"ab"))
    assert controller.state.phase is Phase.SPEAKING


async def test_what_a_second_connection_answers_is_not_heard_when_nobody_waits_for_it_any_more() -> None:
    controller = (await asked_in_writing()).controller
    for event in (StopAsked(), SecondAnswers(1, 0.0), ReplyAudio(b"ab"), TurnComplete()):
        controller.handle(event)
    assert controller.state.phase is Phase.IDLE
    assert controller.downlink.gate.audio_dropped_bytes == 2
