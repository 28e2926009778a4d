"""What the plain listener has: the way to HTTPS and the authority's certificate. Nothing needs a pass."""

from __future__ import annotations

import html
import plistlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from daemon.web.door.certificates import AuthorityFile
from daemon.web.entry import Entry, Listener

PLAIN = frozenset({Listener.PLAIN})
BOTH = frozenset({Listener.PLAIN, Listener.HTTPS})

CERTIFICATE_PATH = "/conure.crt"
PROFILE_PATH = "/conure.mobileconfig"

HTTPS_PORT = 443

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<h1>{name}</h1>
<p><a href="{address}">Go to the speaker's page</a> ({address}).</p>
{trust}
</html>
"""

_TRUST = """<h2>Before you go: let this device trust the speaker</h2>
<p>Without this your browser warns you, and an iPhone cannot talk. It is done once. This device then trusts
the speaker for its own name and for addresses at home, and for nothing else.</p>
<ul>
<li>iPhone, iPad, Mac: <a href="{profile}">install the profile</a>. On an iPhone then turn it on in
Settings, General, About, Certificate Trust Settings.</li>
<li>Android, Windows, Linux: <a href="{certificate}">save the certificate</a>, and install it as an
authority (CA) in the system's or the browser's settings.</li>
</ul>
<p>Anybody on your network could have changed this page. Compare the certificate's fingerprint (SHA-256)
with the one that <code>conure web pair</code> prints on the speaker:</p>
<p><code>{fingerprint}</code></p>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainOffer:
    """What the plain listener leads to."""

    name: str
    """The speaker's, for people."""
    https_port: Callable[[], int]
    """Known when the sockets are."""
    authority: AuthorityFile | None
    """None: the certificate is the user's own, which needs no trust of its own."""


def entries(offer: PlainOffer) -> list[Entry]:
    """The addresses of the plain listener; the two files are there on the page's own too."""
    found = [_entry("/", _explains(offer), PLAIN)]
    if offer.authority is not None:
        found += [
            _entry(CERTIFICATE_PATH, _serves(as_crt(offer.authority)), BOTH),
            _entry(PROFILE_PATH, _serves(as_profile(offer.authority, offer.name)), BOTH),
        ]
    # Last: Starlette takes the first that fits.
    return [*found, _entry("/{path:path}", _redirects(offer), PLAIN)]


def _entry(path: str, endpoint: Callable[[Request], object], listeners: frozenset[Listener]) -> Entry:
    async def answer(request: Request) -> object:
        return endpoint(request)

    return Entry(path=path, endpoint=answer, listeners=listeners)


def _explains(offer: PlainOffer) -> Callable[[Request], Response]:
    def explain(request: Request) -> Response:
        return HTMLResponse(
            page(offer, _https_address(offer, request)), headers={"Cache-Control": "no-cache"}
        )

    return explain


def _redirects(offer: PlainOffer) -> Callable[[Request], Response]:
    def redirect(request: Request) -> Response:
        # Not for ever (308): nobody must remember it if the port changes.
        return RedirectResponse(_https_address(offer, request) + request.scope["path"].lstrip("/"), 307)

    return redirect


def _https_address(offer: PlainOffer, request: Request) -> str:
    """By the name that the browser used here; the gate has checked that it is ours."""
    host = request.headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    port = offer.https_port()
    return f"https://{name}{'' if port == HTTPS_PORT else f':{port}'}/"


def page(offer: PlainOffer, address: str) -> str:
    """The explanation, in HTML."""
    trust = "" if offer.authority is None else _trust(offer.authority)
    return _PAGE.format(name=html.escape(offer.name), address=html.escape(address), trust=trust)


def _trust(authority: AuthorityFile) -> str:
    words = {"profile": PROFILE_PATH, "certificate": CERTIFICATE_PATH}
    return _TRUST.format(fingerprint=authority.fingerprint, **words)


def _serves(file: Response) -> Callable[[Request], Response]:
    return lambda _request: file


def as_crt(authority: AuthorityFile) -> Response:
    """The certificate as telephones and desktops install it."""
    headers = {"Content-Disposition": 'attachment; filename="conure.crt"'}
    return Response(authority.der, headers=headers, media_type="application/x-x509-ca-cert")


def as_profile(authority: AuthorityFile, name: str) -> Response:
    """The certificate in an Apple configuration profile (developer.apple.com, CertificateRoot)."""
    identity = uuid.uuid5(uuid.NAMESPACE_OID, authority.fingerprint)
    payload = {
        "PayloadType": "com.apple.security.root",
        "PayloadIdentifier": f"conure.{identity}.authority",
        "PayloadUUID": str(uuid.uuid5(identity, "authority")).upper(),
        "PayloadVersion": 1,
        "PayloadDisplayName": f"Conure {name}",
        "PayloadContent": authority.der,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadIdentifier": f"conure.{identity}",
        "PayloadUUID": str(identity).upper(),
        "PayloadVersion": 1,
        "PayloadDisplayName": f"Conure {name}",
        "PayloadDescription": "This device trusts the speaker for its own name and for addresses at home.",
        "PayloadContent": [payload],
    }
    headers = {"Content-Disposition": 'attachment; filename="conure.mobileconfig"'}
    data = plistlib.dumps(profile)
    return Response(data, headers=headers, media_type="application/x-apple-aspen-config")
