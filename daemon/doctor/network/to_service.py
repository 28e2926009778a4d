"""The way to the service, step by step: name, TCP, TLS, a captive portal, and a set-up handshake."""

from __future__ import annotations

import errno
import http.client
import importlib
import queue
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from daemon.config import load
from daemon.config.secret import Secret
from daemon.config.settings import Settings
from daemon.doctor.access import find_key
from daemon.doctor.case import Case
from daemon.doctor.finding import Check, Finding, fine, skipped, skipped_all, wrong
from daemon.doctor.machine import Machine
from daemon.errors import ConfigError
from daemon.runtime import loop
from daemon.runtime.cells import clean
from daemon.session.failures import FailureKind, LinkError

STEPS = (Check.NAME, Check.REACH, Check.TLS)
CHECKS = (*STEPS, Check.PORTAL, Check.SESSION)

GOOGLE = "https://generativelanguage.googleapis.com"
"""Where the SDK leads without another address (google-genai, `_api_client.py`)."""

NAME_TIMEOUT_S = 4.0
TCP_TIMEOUT_S = 3.0
TLS_TIMEOUT_S = 3.0
PORTAL_TIMEOUT_S = 3.0
SESSION_TIMEOUT_S = 8.0
"""Connecting and setting up take one second; all steps together stay below the examination's limit wherever
only one of them hangs, and a step that hangs ends the way."""

PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")

FAMILIES = (socket.AF_INET6, socket.AF_INET)

NO_FAMILY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""A network that has not got a family at all has none that is dead: it is known at once."""

NO_NETWORK = "is the cable in, or the Wi-Fi joined? `nmcli device` and `ip route` show"

CERTIFICATE_NOT_YET, CERTIFICATE_EXPIRED = 9, 10
"""X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED (openssl x509_vfy.h)."""


def probe(case: Case) -> Iterator[Finding]:
    """The steps in order; where one fails, those that stand on it are not taken."""
    if case.wishes.offline:
        yield from skipped_all(CHECKS, "left out (--offline)")
        return
    if case.settings is None:
        yield from skipped_all(CHECKS, "the configuration, which may name its address, has mistakes")
        return
    try:
        url = load.effective_base_url(case.settings, case.machine.env) or GOOGLE
    except ConfigError as error:
        yield from skipped_all(CHECKS, error.problems[0])
        return
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    steps = list(_steps(case.machine, host, port))
    yield from steps
    yield _portal(case.machine, google=url == GOOGLE)
    if all(step.remedy == "" for step in steps):
        yield _session(case, case.settings, url)
    else:
        yield skipped(Check.SESSION, "the service is not reached")


# --- name, TCP, TLS --------------------------------------------------------------------------------


def _steps(machine: Machine, host: str, port: int) -> Iterator[Finding]:
    if any(machine.env.get(name) for name in PROXIES):
        yield from skipped_all(STEPS, "a proxy is set in the environment: only the handshake tells")
        return
    name, addresses = look_up(host, port)
    yield name
    if not addresses:
        yield from skipped_all((Check.REACH, Check.TLS), "the name has no address")
        return
    reached, connection = reach(addresses, port)
    yield reached
    if connection is None:
        yield skipped(Check.TLS, "the service is not reached")
        return
    with connection:
        yield _handshake(machine, connection, host)


def look_up(host: str, port: int) -> tuple[Finding, list[Any]]:
    """The addresses of a name, as `socket.getaddrinfo` has them. A resolver that hangs is left to itself."""
    answers: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            answers.put(error)

    threading.Thread(target=ask, name="doctor name lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=NAME_TIMEOUT_S)
    except queue.Empty:
        answer = TimeoutError(f"no answer within {NAME_TIMEOUT_S:.0f} s")
    if isinstance(answer, OSError):
        found = f"{host}: {answer.strerror or answer}"
        remedy = (
            f"{NO_NETWORK}; `getent hosts {host}` asks again; the router's name server is in /etc/resolv.conf"
        )
        return wrong(Check.NAME, found, remedy), []
    hosts = sorted({str(entry[4][0]) for entry in answer})
    more = f" and {len(hosts) - 1} more" if len(hosts) > 1 else ""
    return fine(Check.NAME, f"{host} is {hosts[0]}{more}"), answer


def reach(addresses: list[Any], port: int) -> tuple[Finding, socket.socket | None]:
    """A connection to an address that takes one, all of them within TCP_TIMEOUT_S or a little more.

    Each family is tried, since one that is dead is gone round, at the price of a moment for each connection.
    """
    each_s = max(0.5, TCP_TIMEOUT_S / len(addresses))
    tries = [_try_family(family, addresses, each_s) for family in FAMILIES]
    alive = [(address, connection) for address, connection in tries if isinstance(connection, socket.socket)]
    failed = [(address, error) for address, error in tries if isinstance(error, OSError)]
    if not alive:
        address, error = failed[0]
        remedy = f"does a firewall or the router forbid port {port}? {NO_NETWORK}"
        return wrong(Check.REACH, f"{address} port {port}: {_why(error)}", remedy), None
    for _, spare in alive[1:]:
        spare.close()
    address, connection = alive[0]
    dead = [_tell_dead(address, error) for address, error in failed if error.errno not in NO_FAMILY]
    return fine(Check.REACH, "; ".join([f"{address} port {port}", *dead])), connection


def _try_family(
    family: int, addresses: list[Any], each_s: float
) -> tuple[str, socket.socket | OSError | None]:
    """The first address of a family that takes a connection, or why its first does not; None: it has none."""
    first: tuple[str, OSError] | None = None
    for _, kind, protocol, _, address in (entry for entry in addresses if entry[0] == family):
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(each_s)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            first = first or (address[0], error)
        else:
            return address[0], connection
    return first or ("", None)


def _tell_dead(address: str, error: OSError) -> str:
    family = "IPv6" if ":" in address else "IPv4"
    return f"{family} is dead on this network ({address}: {_why(error)}), and is gone round"


def _why(error: OSError) -> str:
    return error.strerror or "no answer in time"


def _handshake(machine: Machine, connection: socket.socket, host: str) -> Finding:
    connection.settimeout(TLS_TIMEOUT_S)
    try:
        with trust_of(machine).wrap_socket(connection, server_hostname=host) as secured:
            certificate = secured.getpeercert() or {}
            version = secured.version()
    except ssl.SSLCertVerificationError as error:
        return judge_certificate(error.verify_code, error.verify_message)
    except OSError as error:
        remedy = "a firewall or an access point cuts it off: try another network (a phone's hotspot)"
        return wrong(Check.TLS, f"broken off: {error.strerror or error}", remedy)
    return fine(Check.TLS, f"{version}, certificate of {_issuer(certificate)}")


def trust_of(machine: Machine) -> ssl.SSLContext:
    """Whom the SDK trusts: SSL_CERT_FILE and SSL_CERT_DIR, else certifi's list, which comes with it."""
    if machine.trust is not None:
        return machine.trust
    file, folder = machine.env.get("SSL_CERT_FILE"), machine.env.get("SSL_CERT_DIR")
    if not file:
        import certifi

        file = certifi.where()
    return ssl.create_default_context(cafile=file, capath=folder)


def judge_certificate(code: int, words: str) -> Finding:
    """Why the certificate was refused; `code` and `words` are OpenSSL's."""
    if code in (CERTIFICATE_NOT_YET, CERTIFICATE_EXPIRED):
        remedy = (
            "is the clock right (`date`)? `sudo timedatectl set-ntp true`; else the network shows a false one"
        )
    else:
        remedy = (
            "something answers in the service's place: sign in to the Wi-Fi with a browser, or, behind a "
            "proxy that opens TLS, name its certificate in SSL_CERT_FILE"
        )
    return wrong(Check.TLS, f"the certificate is refused: {words}", remedy)


def _issuer(certificate: Any) -> str:
    """The organisation, or the name, that signed it."""
    names = dict(pair for group in certificate.get("issuer", ()) for pair in group)
    return str(names.get("organizationName") or names.get("commonName") or "an unknown issuer")


# --- a captive portal ------------------------------------------------------------------------------


def _portal(machine: Machine, *, google: bool) -> Finding:
    if not google:
        return skipped(Check.PORTAL, "the service's address is not Google's")
    return look_for_portal(machine.portal_url)


def look_for_portal(url: str) -> Finding:
    """Ask over plain HTTP for a page that is empty by design: who fills it is a captive portal."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PORTAL_TIMEOUT_S)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        status, leads_to = answer.status, _host_of(answer.headers.get("Location", ""))
    except (OSError, http.client.HTTPException):
        return skipped(Check.PORTAL, "could not be asked for")
    finally:
        connection.close()
    if status == http.client.NO_CONTENT:
        return fine(Check.PORTAL, "none: the network is open to the world")
    by = f" by {leads_to}" if leads_to else ""
    remedy = f"open http://{leads_to or parts.hostname} in a browser on this network and sign in"
    return wrong(Check.PORTAL, f"this network wants you to sign in (HTTP {status}{by})", remedy)


def _host_of(location: str) -> str:
    """The host that an answer leads to, in signs that command no terminal; empty for what is no address."""
    try:
        return clean(urlsplit(location).hostname or "")
    except ValueError:
        return ""


# --- key and model ---------------------------------------------------------------------------------


def _session(case: Case, settings: Settings, url: str) -> Finding:
    key, of_key = find_key(case)
    if key is None:
        return _as_told(case) or skipped(Check.SESSION, f"no key to try: {of_key.found}", of_key.remedy)
    try:
        loop.run(_set_up(case.machine, settings, key, url))
    except LinkError as error:
        failure = error.failure
        remedy = session_remedy(failure.kind, settings) or failure.treatment.remedy
        return wrong(Check.SESSION, f"{failure.treatment.says} ({failure.detail})", remedy)
    return fine(Check.SESSION, f"a session with {settings.live.model} was set up, and ended")


async def _set_up(machine: Machine, settings: Settings, key: Secret, url: str) -> None:
    """A set-up handshake, nothing more. Raises LinkError."""
    gemini = importlib.import_module("daemon.session.gemini.client")
    limit_s = min(settings.live.setup_timeout_s, SESSION_TIMEOUT_S)
    client = gemini.LiveClient(
        replace(settings.live, setup_timeout_s=limit_s),
        key,
        base_url=None if url == GOOGLE else url,
        trust=machine.trust,
    )
    async with client.session(None):
        pass


SESSION_REMEDIES: dict[FailureKind, str] = {
    FailureKind.REFUSED_KEY: (
        "make a new key at https://aistudio.google.com/apikey and put it where the old one is "
        "(the row `API key` tells), then `sudo systemctl restart conure`"
    ),
    FailureKind.REFUSED_MODEL: (
        '[live] model = "{model}" or [live] api_version = "{version}" is wrong: leave both out of the '
        "configuration for what works"
    ),
    FailureKind.REFUSED_CONFIG: "the message names a setting of [live]: leave it out (`conure config show`)",
}
"""Where more can be said than the class of the failure says; for the others its own remedy is good."""


def session_remedy(kind: FailureKind, settings: Settings) -> str:
    """What to do, by the settings in force; empty where nothing better is known."""
    live = settings.live
    return SESSION_REMEDIES.get(kind, "").format(model=live.model, version=live.api_version)


def _as_told(case: Case) -> Finding | None:
    """What the running daemon, which has the key, tells of its connection; None if none runs."""
    link = (case.status or {}).get("link")
    if not isinstance(link, dict):
        return None
    if problem := link.get("problem"):
        return wrong(Check.SESSION, f"the running conure says: {problem}", str(link.get("remedy") or ""))
    if link.get("state") == "online":
        return fine(Check.SESSION, "the running conure is connected")
    return skipped(Check.SESSION, f"the running conure is {link.get('state')}, and has no complaint")
