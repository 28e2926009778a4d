"""Checks of [web] beyond the type and range of one key. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from daemon.config.schema import TABLES, Problem, wrong
from daemon.config.web import WebSettings

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A label of a host name (RFC 1123, section 2.1), in small letters as browsers send it."""

HOST = re.compile(rf"{NAME.pattern}(\.{NAME.pattern})*")


def web_problems(web: WebSettings) -> Iterator[Problem]:
    """Values that do not go together, and values that do not have the form they need."""
    yield from _check_name(web)
    yield from _check_listeners(web)
    yield from _check_pages(web)
    yield from _check_certificate(web)


def _wrong(web: WebSettings, name: str, remedy: str, *others: str) -> Problem:
    return wrong(TABLES["web"][name], getattr(web, name), remedy, *others)


def _check_name(web: WebSettings) -> Iterator[Problem]:
    if web.name and not NAME.fullmatch(web.name):
        yield _wrong(
            web, "name", 'must be one word of letters, digits and -, in small letters, such as "kitchen"'
        )
    if not all(HOST.fullmatch(host) and not _is_address(host) for host in web.hosts):
        yield _wrong(
            web, "hosts", 'must be names in small letters without a port, such as ["speaker.example.org"]'
        )


def _check_listeners(web: WebSettings) -> Iterator[Problem]:
    for name in ("listen", "plain_listen"):
        if not all(map(parse_place, getattr(web, name))):
            yield _wrong(web, name, 'must be addresses with a port, such as ["0.0.0.0:8443", "[::]:8443"]')
    places = [place for place in map(parse_place, web.listen) if place]
    if web.behind_proxy and not all(ip_address(host).is_loopback for host, _ in places):
        remedy = 'must be addresses of this machine alone, such as ["127.0.0.1:8443"], with web.behind_proxy'
        yield _wrong(web, "listen", remedy, "web.behind_proxy")


def parse_place(text: str) -> tuple[str, int] | None:
    """Address and port of "127.0.0.1:8443" or "[::1]:8443"; None for anything else. Port 0 is a free one."""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535 or not _is_address(host):
        return None
    return (host, int(port)) if bracketed == (":" in host) else None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check_pages(web: WebSettings) -> Iterator[Problem]:
    if not all(map(_is_origin, web.origins)):
        yield _wrong(web, "origins", 'must be like ["https://HOST", "http://localhost:3000"], or "null"')


def _is_origin(text: str) -> bool:
    """As browsers write it (RFC 6454, section 6.1): scheme, host, and a port that is not the scheme's own."""
    if text == "null":
        return True
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    named = f"[{host}]" if ":" in host else host
    whole = f"{parts.scheme}://{named}" + (f":{port}" if port else "")
    return usual is not None and bool(host) and text == whole and port != usual


def _check_certificate(web: WebSettings) -> Iterator[Problem]:
    both = ("web.certificate", "web.private_key")
    if bool(web.certificate) != bool(web.private_key):
        missing = "private_key" if web.certificate else "certificate"
        yield _wrong(web, missing, "must be set too: a certificate goes with its private key", *both)
    if web.certificate and web.behind_proxy:
        yield _wrong(
            web, "certificate", "is not used with web.behind_proxy: the proxy has it", "web.behind_proxy"
        )
