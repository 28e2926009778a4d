"""What a room is full of that is no speech: when it is busy, and when it is music."""

from __future__ import annotations

from daemon.hearing.foreign_sound import ForeignSound

SECOND = 50


def hear(room: ForeignSound, seconds: float, *, foreign: bool) -> None:
    for _ in range(round(seconds * SECOND)):
        room.hear(foreign)


def test_a_quiet_room_is_neither_busy_nor_full_of_music() -> None:
    room = ForeignSound()
    hear(room, 20, foreign=False)
    assert (room.busy, room.music, room.musics) == (False, False, 0)


def test_what_is_heard_right_now_does_not_make_the_room_busy_yet() -> None:
    room = ForeignSound()
    hear(room, 1, foreign=True)
    assert not room.busy
    hear(room, 1, foreign=False)
    assert room.busy


def test_a_busy_room_is_quiet_again_after_eight_seconds() -> None:
    room = ForeignSound()
    hear(room, 1, foreign=True)
    hear(room, 9, foreign=False)
    assert not room.busy


def test_what_goes_on_is_music_and_counts_once_until_it_stops() -> None:
    room = ForeignSound()
    hear(room, 30, foreign=True)
    assert (room.music, room.musics) == (True, 1)
    hear(room, 9, foreign=False)
    assert (room.music, room.musics) == (False, 1)
    hear(room, 5, foreign=True)
    assert (room.music, room.musics) == (True, 2)
