"""The page's files: a fixed table, read once, served with a tag, so that a browser fetches only what is new.

No folder is served, so no path can lead out of it. `static/` holds what browsers get, as it is: nothing is
built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from daemon.web.entry import Endpoint, Entry, Listener

FOLDER = Path(__file__).with_name("static")
PREFIX = "/page/"
"""Where all files but the first are found."""

BUDGET_BYTES = 100 * 1024
"""Of all files together, as they are: a board of 2012 with a slow network serves them in a second."""

_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}

INDEX = "index.html"
FILES = (
    INDEX,
    "api.js",
    "charts.js",
    "dom.js",
    "icon.svg",
    "light.js",
    "live.js",
    "main.js",
    "manifest.webmanifest",
    "page.css",
    "reducer.js",
    "sound/frames.js",
    "sound/jitter.js",
    "sound/microphone.js",
    "sound/playback.js",
    "sound/resample.js",
    "sound/talking.js",
    "view.js",
    "views/health.js",
    "views/history.js",
    "views/now.js",
    "views/set-up.js",
    "views/settings.js",
    "views/talk.js",
    "views/timers.js",
    "views/welcome.js",
)
"""All of them, by their names under `static/`; a test holds them against the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """One file as it is sent."""

    name: str
    body: bytes
    kind: str
    """Its media type."""
    tag: str
    """Its ETag (RFC 9110 §8.8.3), a hash of the body."""


def read_file(name: str) -> PageFile:
    """One file of the table. Raises OSError where it was not installed."""
    body = (FOLDER / name).read_bytes()
    tag = f'"{sha256(body).hexdigest()[:24]}"'
    return PageFile(name=name, body=body, kind=_KINDS[Path(name).suffix], tag=tag)


def response_for(file: PageFile, request: Request) -> Response:
    """The file, or 304 where the browser has it already."""
    headers = {"ETag": file.tag, "Cache-Control": "no-cache"}
    if file.tag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(file.body, media_type=file.kind, headers=headers)


def entries() -> list[Entry]:
    """The page at `/`, and its files below PREFIX: open to all, for they hold nothing of the speaker."""
    files = {name: read_file(name) for name in FILES}
    index = Entry(path="/", endpoint=_endpoint(files.pop(INDEX)))
    return [index, *_file_entries(files)]


def index_response(request: Request) -> Response:
    """The page itself, for an address that others answer as well."""
    return response_for(read_file(INDEX), request)


def _file_entries(files: Mapping[str, PageFile]) -> Iterator[Entry]:
    listeners = frozenset({Listener.HTTPS, Listener.LOOPBACK})
    for name, file in files.items():
        yield Entry(path=f"{PREFIX}{name}", endpoint=_endpoint(file), listeners=listeners)


def _endpoint(file: PageFile) -> Endpoint:
    async def serve(request: Request) -> Response:
        return response_for(file, request)

    return serve


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
