"""The page's files: a fixed table, read once, served with a tag, so that a browser fetches only what is new.

No folder is served, so no path can lead out of it. `static/` holds what browsers get, as it is: nothing is
built.
"""

from __future__ import annotations

import functools
import gzip
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

BUDGET_BYTES = 64 * 1024
"""Of all files together as they travel, that is, compressed: a second of a slow wireless network's time. How
they are written costs nobody anything, so they are written to be read."""

GZIP_LEVEL = 9
"""All files together take 5 ms of a fast processor, once."""

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
    "camera.js",
    "charts.js",
    "dom.js",
    "icon.svg",
    "key-form.js",
    "light.js",
    "live.js",
    "main.js",
    "manifest.webmanifest",
    "page.css",
    "reducer.js",
    "sound/frames.js",
    "sound/hearing.js",
    "sound/jitter.js",
    "sound/microphone.js",
    "sound/playback.js",
    "sound/resample.js",
    "sound/talking.js",
    "sound/waiting.js",
    "view.js",
    "views/health.js",
    "views/history.js",
    "views/now.js",
    "views/set-up.js",
    "views/settings.js",
    "views/sound-check.js",
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
    packed: bytes
    """The body compressed by gzip. It holds no secret that its length could tell."""
    tag: str
    """A hash of the body, the inside of its ETag."""

    def tag_as(self, coding: str) -> str:
        """Its ETag in this coding: each has one of its own (RFC 9110 §8.8.3)."""
        return f'"{self.tag}-{coding}"' if coding else f'"{self.tag}"'


@functools.cache
def read_file(name: str) -> PageFile:
    """One file of the table. Raises OSError where it was not installed."""
    body = (FOLDER / name).read_bytes()
    return PageFile(
        name=name,
        body=body,
        kind=_KINDS[Path(name).suffix],
        packed=gzip.compress(body, GZIP_LEVEL, mtime=0),
        tag=sha256(body).hexdigest()[:24],
    )


def response_for(file: PageFile, request: Request) -> Response:
    """The file, compressed for who takes that, or 304 where the browser has it already."""
    coding = "gzip" if takes_gzip(request.headers.get("accept-encoding", "")) else ""
    tag = file.tag_as(coding)
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if tag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if coding:
        headers["Content-Encoding"] = coding
    return Response(file.packed if coding else file.body, media_type=file.kind, headers=headers)


def takes_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` (RFC 9110 §12.5.3) names gzip without ruling it out."""
    for part in header.lower().split(","):
        coding, *parameters = (word.strip().replace(" ", "") for word in part.split(";"))
        if coding == "gzip":
            return not any(one.startswith("q=0") and not one.strip("q=0.") for one in parameters)
    return False


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
