"""What the bench makes of recordings."""

from __future__ import annotations

import numpy as np
import pytest
from bench.recording import Recording
from bench.report import ROWS, missed, table
from bench.results import Client, TurnNotes, measure_turn, silence_after_ms
from bench.sound import Pcm, judge_reply, judge_speech, make_reply, make_utterance

from hw.base import MIC_FORMAT, SPEAKER_FORMAT

REPLY = make_reply(0.5)
UTTERANCE = make_utterance(make_reply(1.0, MIC_FORMAT.rate_hz, seed=5).tobytes(), seed=2)


def silence(seconds: float, rate_hz: int) -> Pcm:
    """That much of nothing."""
    return np.zeros(round(seconds * rate_hz), np.int16)


def sounds(*parts: Pcm) -> Pcm:
    """One after another."""
    return np.concatenate(parts)


def recording(samples: Pcm, rate_hz: int, begin_s: float = 100.0, late_s: float = 0.0) -> Recording:
    """In pieces of 5 ms; every other one was read `late_s` too late."""
    size = rate_hz // 200
    pieces = [
        (begin_s + start / rate_hz + late_s * (number % 2), samples[start : start + size].tobytes())
        for number, start in enumerate(range(0, len(samples), size))
    ]
    return Recording.of(pieces, rate_hz)


class TestReply:
    def test_whole_reply_has_its_onset(self) -> None:
        played = judge_reply(sounds(silence(0.3, 24_000), REPLY, silence(0.1, 24_000)), REPLY)
        assert played is not None
        assert (played.onset, played.breaks_ms, played.whole, played.broken) == (7200, (), True, False)

    def test_hidden_lead_puts_the_onset_back(self) -> None:
        played = judge_reply(sounds(silence(0.3, 24_000), REPLY[110:]), REPLY)
        assert played is not None
        assert (played.onset, played.broken) == (7200 - 110, False)

    @pytest.mark.parametrize("gap_ms", [2, 40])
    def test_gap_is_a_break_of_its_length(self, gap_ms: int) -> None:
        played = judge_reply(sounds(REPLY[:5000], silence(gap_ms / 1000, 24_000), REPLY[5000:]), REPLY)
        assert played is not None
        assert (played.breaks_ms, played.whole, played.broken) == ((gap_ms,), True, True)

    @pytest.mark.parametrize(
        "wrong",
        [
            sounds(REPLY[:5000], REPLY[5100:]),
            sounds(REPLY[:5000], REPLY[4900:]),
            REPLY[:-500],
            REPLY[500:],
        ],
        ids=["skipped", "doubled", "cut short", "begun late"],
    )
    def test_samples_that_are_not_the_replys_break_it(self, wrong: Pcm) -> None:
        played = judge_reply(wrong, REPLY)
        assert played is not None
        assert played.broken

    def test_nothing_heard_is_no_reply(self) -> None:
        assert judge_reply(silence(1.0, 24_000), REPLY) is None


class TestSpeech:
    def test_all_received_among_silence(self) -> None:
        received = sounds(silence(0.5, 16_000), UTTERANCE, silence(0.7, 16_000)).tobytes()
        delivered = judge_speech(UTTERANCE, received)
        assert (delivered.missing_ms, delivered.doubled_ms) == (0, 0)

    def test_a_lost_chunk_is_counted_in_blocks(self) -> None:
        received = sounds(UTTERANCE[:3200], UTTERANCE[3520:]).tobytes()
        assert judge_speech(UTTERANCE, received).missing_ms == 20

    def test_a_doubled_chunk_is_counted(self) -> None:
        received = sounds(UTTERANCE[:3520], UTTERANCE[3200:]).tobytes()
        assert judge_speech(UTTERANCE, received).doubled_ms == 20

    def test_nothing_received_is_all_missing(self) -> None:
        assert judge_speech(UTTERANCE, b"").missing_ms == pytest.approx(len(UTTERANCE) / 16)

    def test_every_utterance_is_different(self) -> None:
        sentence = make_reply(0.2, MIC_FORMAT.rate_hz).tobytes()
        assert not np.array_equal(make_utterance(sentence, 1), make_utterance(sentence, 2))
        assert np.all(make_utterance(sentence, 1))


class TestTimes:
    @pytest.mark.parametrize("late_s", [0.0, 0.004])
    def test_late_reads_do_not_move_a_sample(self, late_s: float) -> None:
        found = recording(silence(1.0, 24_000), 24_000, late_s=late_s)
        assert found.time_s(12_000) == pytest.approx(100.5)

    def test_a_span_holds_what_was_played_between(self) -> None:
        found = recording(silence(1.0, 24_000), 24_000)
        assert found.span(100.2499, 200.0) == (6_000, 24_000)

    def test_a_turn_is_what_exceeds_silence_and_server_time(self) -> None:
        """Spoken from 0.2 to 1.2 s; closed at 1.92, answered at 2.2, heard at 2.205 s."""
        mic = recording(sounds(silence(0.2, 16_000), UTTERANCE, silence(2.0, 16_000)), MIC_FORMAT.rate_hz)
        speaker = recording(
            sounds(silence(2.205, 24_000), REPLY, silence(0.3, 24_000)), SPEAKER_FORMAT.rate_hz
        )
        received = sounds(UTTERANCE, silence(0.71, 16_000)).tobytes()
        end_s = 100.2 + len(UTTERANCE) / 16_000
        notes = TurnNotes(100.0, 103.0, end_s + 0.72, 102.2, received)
        turn = measure_turn(notes, mic, speaker, REPLY, silence_ms=700)
        assert turn is not None
        assert turn.mouth_to_wire_ms == pytest.approx(20, abs=0.1)
        assert turn.awaited_ms == pytest.approx(10, abs=0.1)
        assert turn.wire_to_ear_ms == pytest.approx(5, abs=0.1)
        assert turn.added_ms == pytest.approx(25, abs=0.2)

    def test_silence_after_a_cut(self) -> None:
        speaker = recording(sounds(make_reply(0.5), silence(0.5, 24_000)), 24_000)
        assert silence_after_ms(speaker, 100.46, 101.0) == pytest.approx(40, abs=0.1)

    def test_nothing_sounding_cannot_be_cut(self) -> None:
        assert silence_after_ms(recording(silence(1.0, 24_000), 24_000), 100.5, 101.0) is None


class TestReport:
    def test_every_row_has_its_number(self) -> None:
        numbers = Client().numbers()
        assert {row.number for row in ROWS} == set(numbers)
        assert table(numbers, numbers)

    def test_what_is_over_its_budget_is_named(self) -> None:
        numbers = Client(peak_mb=91.0, cpu_waiting=0.9).numbers()
        assert missed(numbers) == ["memory peak, MB"]
        line = next(line for line in table(numbers, Client().numbers()).splitlines() if "memory peak" in line)
        assert "MISSED" in line
