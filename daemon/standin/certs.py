"""Certificates for the loopback server, made afresh at each start and never kept.

An authority signs one leaf for `localhost`, 127.0.0.1 and ::1. Clients trust the authority, so they check
names and dates exactly as they would against the real service. Any thread.
"""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from daemon.certificates import Life, new_authority, new_leaf

LIFE = timedelta(days=30)
"""Longer than any run of the stand-in, short enough that a forgotten CA file ends by itself."""

BACKDATED = timedelta(days=1)
"""Tolerates a client whose clock is a little behind."""

ADDRESSES = (ip_address("127.0.0.1"), ip_address("::1"))


class Authority:
    """A certificate authority that lives as long as the object."""

    def __init__(self, name: str = "Conure stand-in") -> None:
        now = datetime.now(UTC)
        self._certified = new_authority(name, Life(start=now - BACKDATED, end=now + LIFE))

    @property
    def pem(self) -> str:
        """The authority's certificate, for a client's trust store."""
        return self._certified.pem

    def server_context(self, *, expired: bool = False) -> ssl.SSLContext:
        """A TLS server context with a fresh leaf; `expired`: one whose time was over yesterday."""
        end = datetime.now(UTC) + (-BACKDATED if expired else LIFE)
        life = Life(start=end - LIFE - BACKDATED, end=end)
        leaf = new_leaf(self._certified, ("localhost",), ADDRESSES, life)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # mode 0600; the ssl module reads only files
            file.write(leaf.pem_with_key.encode())
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def client_context(self) -> ssl.SSLContext:
        """A client context that trusts this authority and nobody else."""
        return ssl.create_default_context(cadata=self.pem)
