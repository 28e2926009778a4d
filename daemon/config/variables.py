"""Variables of the environment that a library obeys, and would choke on: looked at before it does."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

CERTIFICATES = "SSL_CERT_FILE"

ZONES = Path("/usr/share/zoneinfo")
"""Where the C library looks for time zones (tzset(3))."""

_NAME, _OFFSET = r"([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)", r"[+-]?\d{1,3}(:\d\d){0,2}"

POSIX_ZONE = re.compile(rf"{_NAME}{_OFFSET}({_NAME}({_OFFSET})?(,[^,]+,[^,]+)?)?")
"""A zone by its rules, such as CET-1CEST,M3.5.0,M10.5.0/3 (tzset(3)). All else is UTC to the C library."""

SOCKET_BYTES = 107
"""Longest path of a Unix socket (unix(7), sun_path)."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable, or several of a kind."""

    fault: Callable[[str], str]
    """Why the value cannot be obeyed, in words, and what would be right; empty where it can."""
    secret: bool = False
    """Whether the value may hold a password, so that it must not be shown."""


def environment_faults(env: Mapping[str, str]) -> list[str]:
    """A line for each variable that cannot be obeyed. Reads and writes no more than it takes to know."""
    return list(_faults(env))


def _faults(env: Mapping[str, str]) -> Iterator[str]:
    for name, variable in VARIABLES.items():
        value = env.get(name)
        if value and (fault := variable.fault(value)):
            shown = "" if variable.secret else f" = {value}"
            yield f"environment: {name}{shown}: {fault}, or `unset {name}`"


# --- certificates and keys of TLS ------------------------------------------------------------------


def _certificates_fault(name: str) -> str:
    import ssl  # it takes 10 ms, and few name certificates of their own

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(name)
    except ssl.SSLError:
        return "holds no certificate in PEM; name another file"
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}; name another file"
    return ""


def _certificate_folder_fault(names: str) -> str:
    """Several stand with colons between them; who names none that is there trusts nobody."""
    there = any(os.access(name, os.R_OK | os.X_OK) and Path(name).is_dir() for name in names.split(":"))
    return "" if there else "there is no such directory, or it cannot be read; name another"


def _key_log_fault(name: str) -> str:
    path = Path(name)
    if not path.parent.is_dir():
        return f"cannot be written: there is no directory {path.parent}; name another file"
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        return "cannot be written; name another file"
    return ""


# --- proxies ---------------------------------------------------------------------------------------

PROXY_FORM = "must be http://HOST:PORT, where a user before the host has a password"


def _proxy_fault(url: str) -> str:
    """What the WebSocket library (`websockets.proxy`) or the HTTP library would not take."""
    try:
        if not re.fullmatch(r"[!-~]+", url):
            return PROXY_FORM
        parts = urlsplit(url)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:
        return PROXY_FORM
    if parts.scheme.startswith("socks"):
        return "is a SOCKS proxy, for which Conure has no library; name an HTTP proxy"
    return "" if has_host and _is_plain(parts) else PROXY_FORM


def _is_plain(parts: SplitResult) -> bool:
    user_alone = parts.username is not None and parts.password is None
    more = parts.path not in ("", "/") or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and not user_alone and not more


# --- time zones, numbers, names, paths -------------------------------------------------------------


def _zone_fault(text: str) -> str:
    name = text.removeprefix(":")
    try:
        is_known = (ZONES / name).is_file()  # a whole path stands for itself
    except (OSError, ValueError):
        is_known = False
    if is_known or POSIX_ZONE.fullmatch(name):
        return ""
    return "there is no such time zone, so alarms would go by UTC; `timedatectl list-timezones` has them"


def _number_fault(kind: Callable[[str], float], words: str) -> Callable[[str], str]:
    def fault(text: str) -> str:
        try:
            kind(text)
        except ValueError:
            return f"must be {words}"
        return ""

    return fault


def _http_client_fault(text: str) -> str:
    """The SDK raises ImportError for a library that it knows and does not find; others it passes over."""
    name = text.strip().lower()
    if name not in ("httpx", "httpx2") or find_spec(name) is not None:
        return ""
    return "names a library that is not installed; say auto"


def _path_fault(text: str) -> str:
    return "" if text.startswith("/") else "must be a whole path, from /"


def _socket_fault(text: str) -> str:
    length = len(os.fsencode(text))
    return f"is longer than the {SOCKET_BYTES} bytes of a socket's path" if length > SOCKET_BYTES else ""


_WHOLE = Variable(_number_fault(int, "a whole number"))
_REAL = Variable(_number_fault(float, "a number"))
_PROXY = Variable(_proxy_fault, secret=True)
_PATH = Variable(_path_fault)

VARIABLES: dict[str, Variable] = {
    # whom TLS trusts (SSL_CTX_set_default_verify_paths(3)); the SDK's HTTP library reads it at each client
    CERTIFICATES: Variable(_certificates_fault),
    "SSL_CERT_DIR": Variable(_certificate_folder_fault),
    # where TLS writes the keys of its connections (Python's `ssl.create_default_context`)
    "SSLKEYLOGFILE": Variable(_key_log_fault),
    **dict.fromkeys(
        ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), _PROXY
    ),
    "TZ": Variable(_zone_fault),
    # which HTTP library the SDK takes (google-genai, `_api_client.py`)
    "GOOGLE_GENAI_HTTP_CLIENT": Variable(_http_client_fault),
    # read where the library is imported (websockets: `http11` and others; numpy: `__init__`)
    **dict.fromkeys(
        (
            "WEBSOCKETS_MAX_LOG_SIZE", "WEBSOCKETS_MAX_FRAGMENTS", "WEBSOCKETS_MAX_REDIRECTS",
            "WEBSOCKETS_MAX_NUM_HEADERS", "WEBSOCKETS_MAX_LINE_LENGTH", "WEBSOCKETS_MAX_BODY_SIZE",
            "NUMPY_MADVISE_HUGEPAGE",
        ),
        _WHOLE,
    ),
    **dict.fromkeys(
        (
            "WEBSOCKETS_BACKOFF_INITIAL_DELAY", "WEBSOCKETS_BACKOFF_MIN_DELAY",
            "WEBSOCKETS_BACKOFF_MAX_DELAY", "WEBSOCKETS_BACKOFF_FACTOR",
        ),
        _REAL,
    ),
    # what is kept where (XDG base directory specification; systemd.exec(5))
    **dict.fromkeys(
        (
            "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
            "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY",
        ),
        _PATH,
    ),
    "CONURE_SOCKET": Variable(_socket_fault),
}  # fmt: skip
"""Each variable that can be wrong, by its name; `load` looks at those of the configuration itself."""
