"""Checks that the extra libraries which a configuration needs are here, and take what is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from daemon.config.settings import Settings
from daemon.errors import ConfigError
from daemon.hearing.vad import judge_from
from daemon.hearing.wake import make_wake_words


def check_extras(settings: Settings) -> None:
    """Load what the configuration names beyond the usual. Raises ConfigError, all mistakes at once.

    Where nothing is named this costs nothing; else it reads the models' files, so not for the event loop.
    """
    if problems := list(_problems(settings)):
        raise ConfigError(problems)


def _problems(settings: Settings) -> Iterator[str]:
    loads: tuple[Callable[[], object], ...] = (
        lambda: judge_from(settings.vad),
        lambda: make_wake_words(settings.wake),
    )
    for load in loads:
        try:
            load()
        except ConfigError as error:
            yield from error.problems
