"""Makes the front end that the configuration asks for."""

from __future__ import annotations

import logging

from daemon.config.settings import FrontEndSettings
from daemon.errors import ConfigError
from daemon.hearing.frontend.far_end import FarEnd
from daemon.hearing.frontend.front_end import FrontEnd
from daemon.hearing.frontend.known_path import NOTHING_KNOWN, KnownPath
from daemon.hearing.frontend.two_stages import TwoStages
from daemon.hearing.frontend.webrtc import EchoCanceller, LibraryMissing, make_polish
from daemon.hearing.neural import NeuralJudge

log = logging.getLogger(__name__)


def make_front_end(
    settings: FrontEndSettings, *, echo_free: bool, known: KnownPath = NOTHING_KNOWN
) -> FrontEnd:
    """The front end that the configuration asks for, for a board that hears its speaker or does not.

    It starts from what is `known` of the echo path.

    Where the library cannot be loaded it does nothing and says so, in the log and in the status: the device
    then takes turns in half duplex.
    """
    wanted = settings.echo_cancellation == "on" or (settings.echo_cancellation == "auto" and not echo_free)
    try:
        polish = make_polish(
            noise=settings.noise_suppression, gain=settings.auto_gain, high_pass=settings.high_pass
        )
        canceller = TwoStages(EchoCanceller(), known.later_s) if wanted else None
    except LibraryMissing as error:
        log.warning("no echo cancellation: %s; a reply is interrupted with the button", error)
        return FrontEnd(problem=str(error))
    if canceller is None:
        return FrontEnd(polish=polish)
    return FrontEnd(FarEnd(), canceller, polish, judge=_judge(), known=known)


def _judge() -> NeuralJudge | None:
    """The neural judge; None where its library cannot be loaded: levels alone decide then."""
    try:
        return NeuralJudge()
    except ConfigError as error:
        log.warning("a voice over a reply is told by its level only: %s", error)
        return None
