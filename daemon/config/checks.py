"""Checks beyond the type and range of one key: values that need others, and values with a form. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from urllib.parse import SplitResult, urlsplit

from daemon.config.home_checks import home_problems
from daemon.config.models import UNKNOWN, VOICES, capabilities, known_models
from daemon.config.schema import CLOCK_TIME, TABLES, Problem, did_you_mean, wrong
from daemon.config.settings import Settings
from daemon.config.web_checks import web_problems
from hw.camera.programs import PI
from hw.lights.kinds import KINDS, lacks


def cross_check(settings: Settings) -> Iterator[Problem]:
    """Values that do not go together, and values that do not have the form they need."""
    yield from _check_rates(settings)
    yield from _check_button(settings)
    yield from _check_lights(settings)
    yield from _check_night(settings)
    yield from _check_service(settings)
    yield from _check_speech(settings)
    yield from _check_camera(settings)
    yield from web_problems(settings.web)
    yield from home_problems(settings.device, settings.mqtt)


def _wrong(settings: Settings, name: str, remedy: str, *others: str) -> Problem:
    table, _, plain = name.partition(".")
    return wrong(TABLES[table][plain], getattr(getattr(settings, table), plain), remedy, *others)


def _check_rates(settings: Settings) -> Iterator[Problem]:
    """A chunk of 20 ms must have a whole number of frames."""
    rates = {"mic_rate_hz": settings.board.mic_rate_hz, "speaker_rate_hz": settings.board.speaker_rate_hz}
    for name, rate_hz in rates.items():
        if rate_hz and (rate_hz < 8000 or rate_hz % 50):
            yield _wrong(settings, f"board.{name}", "must be 0, or a rate from 8000 on, in steps of 50")


def _check_button(settings: Settings) -> Iterator[Problem]:
    button = settings.button
    if button.long != "none" and button.hold != "none":
        remedy = f'needs button.hold = "none" (it is "{button.hold}"), for every long press begins as a hold'
        yield _wrong(settings, "button.long", remedy, "button.hold")


def _check_lights(settings: Settings) -> Iterator[Problem]:
    lights = settings.lights.wired()
    if lights is None:
        return
    kind = KINDS[lights.kind]
    for field, needed in lacks(lights):
        yield _wrong(
            settings, f"lights.{field}", f'lights.kind = "{lights.kind}" needs {needed}', "lights.kind"
        )
    if len(lights.pins) == kind.pin_count:
        yield from _check_pins(settings)


def _check_pins(settings: Settings) -> Iterator[Problem]:
    """Lines that are as many as they must be."""
    pins, button_pin = settings.lights.pins, settings.button.pin
    if len(set(pins)) != len(pins):
        yield _wrong(settings, "lights.pins", "must name different pins")
    elif button_pin in pins:
        yield _wrong(settings, "lights.pins", f"pin {button_pin} is the button's (button.pin)", "button.pin")


def _check_night(settings: Settings) -> Iterator[Problem]:
    lights = settings.lights
    times = {"lights.night_from": lights.night_from, "lights.night_to": lights.night_to}
    wrong_forms = [name for name, time in times.items() if time and not CLOCK_TIME.fullmatch(time)]
    for name in wrong_forms:
        yield _wrong(settings, name, 'must be a time of day such as "22:00"')
    if not wrong_forms and bool(lights.night_from) != bool(lights.night_to):
        missing = "lights.night_to" if lights.night_from else "lights.night_from"
        yield _wrong(settings, missing, "must be set too, for the night needs a beginning and an end", *times)
    elif not wrong_forms and lights.night_from and lights.night_from == lights.night_to:
        yield _wrong(settings, "lights.night_to", "must differ from lights.night_from", *times)


def _check_service(settings: Settings) -> Iterator[Problem]:
    live = settings.live
    if live.base_url and (fault := base_url_fault(live.base_url)):
        yield Problem(("live.base_url",), f"live.base_url: {fault} (default empty: Google's)")
    if live.api_key_file and "/" not in live.api_key_file:
        yield _wrong(settings, "live.api_key_file", "must be a path with a slash, never the key itself")
    model = capabilities(live.model)
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", live.model):
        yield _wrong(settings, "live.model", "must be a model's name")
    elif model.gone:
        yield _wrong(settings, "live.model", model.gone)
    elif live.temperature >= 0 and not model.temperature:
        remedy = f"{live.model} takes no temperature; leave it at -1"
        yield _wrong(settings, "live.temperature", remedy, "live.model")
    elif live.max_output_tokens and not model.max_output_tokens:
        remedy = f"{live.model} takes no max_output_tokens; leave it at 0"
        yield _wrong(settings, "live.max_output_tokens", remedy, "live.model")
    if -1 < live.temperature < 0:
        yield _wrong(settings, "live.temperature", "must be -1, or from 0 to 2")


LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
"""The parts of RFC 5646 that the service's list of languages uses: language, script, region."""


def _check_speech(settings: Settings) -> Iterator[Problem]:
    voice, language = settings.live.voice, settings.live.language
    if voice and voice not in VOICES and (fault := _voice_fault(voice)):
        yield _wrong(settings, "live.voice", fault)
    if language and not LANGUAGE.fullmatch(language):
        yield _wrong(settings, "live.language", 'must be a language code such as "en-US" or "de"')


def _check_camera(settings: Settings) -> Iterator[Problem]:
    camera, model = settings.camera, settings.live.model
    if camera.device != PI and not camera.device.startswith("/dev/"):
        yield _wrong(settings, "camera.device", 'must be "pi", or a file such as "/dev/video0"')
    if camera.use != "off" and not capabilities(model).video:
        yield _wrong(settings, "camera.use", f'must be "off", for {model} takes no pictures', "live.model")


def _voice_fault(voice: str) -> str:
    """Voices may be added any day, so only a misspelt one and nonsense are mistakes."""
    close = get_close_matches(voice.capitalize(), VOICES, n=1, cutoff=0.8)
    if close:
        return f'did you mean "{close[0]}"?'
    return "" if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", voice) else "must be a voice's name"


def base_url_fault(url: str) -> str:
    """Why the address cannot be used, naming it as far as it holds no secret; empty if it can."""
    try:
        if not re.fullmatch(r"[!-~]+", url):  # urlsplit would drop line ends without a word
            raise ValueError(url)
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is not an address; write https://HOST or https://HOST:PORT"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "must not hold a user, a password, ? or #; write https://HOST or https://HOST:PORT"
    return _scheme_fault(url, parts, host)


def _scheme_fault(url: str, parts: SplitResult, host: str) -> str:
    if parts.scheme not in ("http", "ws"):
        fine = parts.scheme == "https" and host
        return "" if fine else f'"{url}" must be https://HOST or https://HOST:PORT'
    if host == "localhost" or host == "::1" or host.startswith("127."):
        return (
            f'"{url}" must begin with https://, on this machine too: '
            "the SDK speaks TLS to every address (`conure standin --write-ca` gives a certificate)"
        )
    return f'"{url}" must begin with https://: plain HTTP would show key and speech to the network'


def notes(settings: Settings) -> list[str]:
    """What is no mistake but should be known, one line each."""
    model = settings.live.model
    row = capabilities(model)
    if row is UNKNOWN:
        hint = did_you_mean(model, known_models())
        return [f"live.model: {model} is not known here, so nothing optional is sent to it{hint}"]
    return [f"live.model: {model} {row.deprecated}"] if row.deprecated else []
