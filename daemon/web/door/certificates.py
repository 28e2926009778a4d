"""The certificates that the gateway shows: by an authority of this speaker's own, or the user's.

Whoever trusts the authority trusts it for this speaker's name and for addresses at home alone, so that the
rest of the web is not put into a speaker's hands. Calls block on disk and processor, for milliseconds.

The library that makes certificates costs 9 MB and is loaded when one is made: what a gateway must know of
those that it has stands in a file beside them.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.errors import ConfigError
from daemon.outside import number
from daemon.runtime.clock import CLOCK_SET_S, clock_is_set
from daemon.runtime.store import Store
from daemon.web.door.names import NETWORKS, Address, domains_of

if TYPE_CHECKING:
    from daemon.certificates import Certified, Life

log = logging.getLogger(__name__)

AUTHORITY_FILE = "authority.pem"
LEAF_FILE = "certificate.pem"
"""Each holds a certificate and its private key, mode 0600."""
KNOWN_FILE = "certificate.json"
"""What is known of the leaf."""

AUTHORITY_LIFE = timedelta(days=3652)
LEAF_LIFE = timedelta(days=397)
"""Apple takes 825 days of an authority that its user installed, 398 of others (support.apple.com/103769)."""
RENEWED = timedelta(days=30)
"""A leaf with less left is made anew."""
BACKDATED = timedelta(days=1)
"""Tolerates a browser whose clock is a little behind."""

WallClock = Callable[[], float]

MakeLeaf = Callable[[tuple[Address, ...]], object]
"""Leaves a leaf for these addresses in the folder, as `OwnCertificates.leaf` does. Raises ConfigError."""

_END = "-----END CERTIFICATE-----\n"


@dataclass(frozen=True, slots=True)
class AuthorityFile:
    """The authority's certificate, for whoever is to trust it."""

    pem: str

    @property
    def der(self) -> bytes:
        """In the form that telephones take."""
        return ssl.PEM_cert_to_DER_cert(self.pem)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of it, as browsers show it: pairs of capital digits with colons."""
        return sha256(self.der).digest().hex(":").upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLeaf:
    """What the leaf's file holds, times in seconds since the epoch."""

    domains: tuple[str, ...]
    addresses: tuple[str, ...]
    start_s: float
    end_s: float


def _known_of(data: Any) -> KnownLeaf:
    return KnownLeaf(
        domains=tuple(map(str, data["domains"])),
        addresses=tuple(map(str, data["addresses"])),
        start_s=number(data["start_s"]),
        end_s=number(data["end_s"]),
    )


class OwnCertificates:
    """The authority and its leaf, each kept in a file. One call at a time, from any thread."""

    def __init__(
        self, folder: Path, name: str, wall_clock: WallClock = time.time, *, make: MakeLeaf | None = None
    ) -> None:
        """`name` is the host's, without a domain. `make` is what `into` calls in the place of `leaf`."""
        self._folder = folder
        self._store = Store(folder)
        self._domains = domains_of(name)
        self._name = name
        self._wall_clock = wall_clock
        self._make = self.leaf if make is None else make
        self._authority: Certified | None = None

    def authority(self) -> Certified:
        """The authority; made at the first call of all, and anew when it may not name this speaker."""
        if self._authority is None:
            kept = self._load(AUTHORITY_FILE)
            self._authority = kept if kept and self._is_ours(kept) else self._new_authority()
        return self._authority

    def _is_ours(self, authority: Certified) -> bool:
        last_start = authority.life.end - LEAF_LIFE
        return authority.permitted_domains == {*self._domains} and self._now() < last_start

    def leaf(self, addresses: tuple[Address, ...]) -> Certified:
        """A certificate for the name and these addresses; the one before, as long as it fits."""
        leaf = self._load(LEAF_FILE)
        if leaf is None or self._is_stale(leaf, addresses):
            from daemon.certificates import new_leaf

            leaf = new_leaf(self.authority(), self._domains, addresses, self._life(LEAF_LIFE))
            self._keep(LEAF_FILE, leaf)
            log.info("a new certificate is in force: %s", ", ".join(sorted(leaf.names)))
        self._note(leaf, addresses)
        return leaf

    def into(self, context: ssl.SSLContext, addresses: tuple[Address, ...]) -> AuthorityFile:
        """Have the context show the leaf from the next connection on; returns its authority."""
        if not self._is_known_to_fit(addresses):
            self._make(addresses)
        try:
            context.load_cert_chain(self._folder / LEAF_FILE)
            return self._authority_file()
        except (OSError, ValueError):  # a file was lost or damaged; an SSLError is an OSError
            self._make(addresses)
        context.load_cert_chain(self._folder / LEAF_FILE)
        return self._authority_file()

    def _authority_file(self) -> AuthorityFile:
        """Raises OSError, ValueError."""
        pem = (self._folder / AUTHORITY_FILE).read_text("ascii").partition(_END)[0] + _END
        ssl.PEM_cert_to_DER_cert(pem)
        return AuthorityFile(pem)

    def _note(self, leaf: Certified, addresses: tuple[Address, ...]) -> None:
        known = KnownLeaf(
            domains=self._domains,
            addresses=tuple(map(str, addresses)),
            start_s=leaf.life.start.timestamp(),
            end_s=leaf.life.end.timestamp(),
        )
        self._store.keep(KNOWN_FILE, asdict(known))

    def _is_known_to_fit(self, addresses: tuple[Address, ...]) -> bool:
        known = self._store.load(KNOWN_FILE, _known_of)
        if known is None or (known.domains, known.addresses) != (self._domains, tuple(map(str, addresses))):
            return False
        now_s = self._wall_clock()
        return not clock_is_set(now_s) or known.start_s <= now_s <= known.end_s - RENEWED.total_seconds()

    def _is_stale(self, leaf: Certified, addresses: tuple[Address, ...]) -> bool:
        wanted = {*self._domains, *map(str, addresses)}
        if not leaf.is_signed_by(self.authority()) or leaf.names != wanted:
            return True
        if not clock_is_set(self._wall_clock()):
            return False  # nobody knows how old it is
        return not leaf.life.start <= self._now() <= leaf.life.end - RENEWED

    def _new_authority(self) -> Certified:
        from daemon.certificates import Scope, new_authority

        scope = Scope(domains=self._domains, networks=NETWORKS)
        life = self._life(AUTHORITY_LIFE)
        made = new_authority(f"Conure {self._name} {life.start:%Y-%m-%d}", life, scope)
        self._keep(AUTHORITY_FILE, made)
        return made

    def _life(self, length: timedelta) -> Life:
        from daemon.certificates import Life

        start = self._now() - BACKDATED
        return Life(start=start, end=start + length)

    def _now(self) -> datetime:
        """A clock that is not set yet shows a time before this program was written."""
        return datetime.fromtimestamp(max(self._wall_clock(), CLOCK_SET_S), UTC)

    def _load(self, name: str) -> Certified | None:
        from daemon.certificates import read_certified

        return self._store.load(name, read_certified, decode=lambda data: data.decode("ascii"))

    def _keep(self, name: str, certified: Certified) -> None:
        if not self._store.keep(name, certified.pem_with_key):
            raise ConfigError([f"{self._folder / name} cannot be written (see above): there would be no TLS"])


class YourCertificate:
    """The files that [web] certificate and private_key name, read again when they have changed."""

    def __init__(self, certificate: Path, private_key: Path) -> None:
        self._certificate = certificate
        self._private_key = private_key
        self._seen: object = None

    def into(self, context: ssl.SSLContext) -> bool:
        """Have the context show it; whether there was anything new. Raises ConfigError."""
        try:
            seen = [(path.stat().st_mtime_ns, path.stat().st_size) for path in self._files]
            if seen == self._seen:
                return False
            context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            names = " and ".join(map(str, self._files))
            raise ConfigError(
                [f"web.certificate, web.private_key: {names} cannot be used: {reason}"]
            ) from error
        self._seen = seen
        return True

    @property
    def _files(self) -> tuple[Path, Path]:
        return self._certificate, self._private_key


def server_context() -> ssl.SSLContext:
    """A context without a certificate yet: TLS 1.2 and later, no compression, no client certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    return context
