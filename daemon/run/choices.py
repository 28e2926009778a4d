"""Makes the policies of dialogue and link, from the settings and from what the board has. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from daemon.config.settings import Settings
from daemon.dialogue.state import Policy, TurnTaking
from daemon.session.link import LinkPolicy


@dataclass(frozen=True, slots=True)
class Choices:
    """How the conversation goes, and how the connection is kept."""

    dialogue: Policy
    link: LinkPolicy


class Decider(Protocol):
    """Decides: `decide`, or a test that changes what it gave."""

    def __call__(self, settings: Settings, *, has_button: bool, echo_free: bool) -> Choices:
        """As `decide`."""
        ...


def decide(settings: Settings, *, has_button: bool, echo_free: bool) -> Choices:
    """Both policies. `has_button`: there is one, and it could be opened; without it a voice begins.

    `echo_free`: the microphone does not hear the speaker, by the board or by the front end.
    """
    live, trigger, vad = settings.live, settings.trigger, settings.vad
    dialogue = Policy(
        turn_taking=TurnTaking(live.turn_taking),
        voice_trigger=_is_on(trigger.voice, auto=not has_button and not settings.wake.words),
        barge_in=_is_on(trigger.barge_in, auto=echo_free),
        follow_up_s=trigger.follow_up_s,
        no_speech_s=vad.no_speech_s,
        max_utterance_s=vad.max_utterance_s,
        answer_timeout_s=live.answer_timeout_s,
        ask_to_go_on=live.ask_to_go_on,
        hold_utterance_s=live.hold_utterance_s,
        wake_earcon=settings.wake.earcon,
    )
    return Choices(dialogue, LinkPolicy(idle_close_s=live.idle_close_s, max_age_s=live.max_age_s))


def _is_on(word: str, *, auto: bool) -> bool:
    return auto if word == "auto" else word == "on"
