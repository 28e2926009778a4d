"""What the stand-in remembers of its sessions is bounded, however many there are."""

from __future__ import annotations

from daemon.standin.history import AUDIO_S
from daemon.standin.sessions import HANDLE_LIMIT, SOUND_SESSIONS, KeptSession, Sessions
from daemon.standin.voices import HEARD_HZ, SAMPLE_BYTES, Said

MINUTE = bytes(round(AUDIO_S * HEARD_HZ * SAMPLE_BYTES))


def spoken(sessions: Sessions, number: int) -> KeptSession:
    """A session in which somebody has spoken for a minute, and which can be resumed."""
    session = KeptSession("model", 0.0, str(number))
    session.history.add(Said("user", "hello", MINUTE), AUDIO_S)
    sessions.issue(session)
    return session


def with_sound(sessions: list[KeptSession]) -> list[str]:
    return [one.session_id for one in sessions if any(said.pcm for said in one.history.said)]


def test_of_many_sessions_the_newest_keep_their_sound_and_all_keep_their_words() -> None:
    sessions = Sessions(lambda: 0.0)
    kept = [spoken(sessions, number) for number in range(HANDLE_LIMIT)]
    assert with_sound(kept) == [str(HANDLE_LIMIT - left) for left in range(SOUND_SESSIONS, 0, -1)]
    assert [said.text for one in kept for said in one.history.said] == ["hello"] * HANDLE_LIMIT
    assert len({one.history.tokens.audio for one in kept}) == 1


def test_a_session_that_goes_on_is_among_the_newest() -> None:
    sessions = Sessions(lambda: 0.0)
    first = spoken(sessions, 0)
    others = []
    for number in range(1, 2 * SOUND_SESSIONS):
        others.append(spoken(sessions, number))
        sessions.issue(first)
    assert with_sound([first]) == ["0"]
    assert len(with_sound(others)) == SOUND_SESSIONS - 1
