"""TLS of the gateway: which certificate is shown, and that it stays good while the gateway runs."""

from __future__ import annotations

import asyncio
import logging
import ssl
from functools import partial
from pathlib import Path

from daemon.config.web import WebSettings
from daemon.errors import ConfigError
from daemon.web.door.certificates import AuthorityFile, OwnCertificates, YourCertificate, server_context
from daemon.web.door.certify import certify_aside
from daemon.web.door.names import addresses

log = logging.getLogger(__name__)

LOOK_S = 60.0
"""So often is looked whether an address has come or gone, or a certificate is to be renewed."""


class Tls:
    """The certificate in force. Its calls but `keep_good` block: for
    milliseconds, or, where a certificate is to be made, for a second. Raises ConfigError."""

    def __init__(self, web: WebSettings, folder: Path, name: str) -> None:
        self.context: ssl.SSLContext = server_context()
        self._yours: YourCertificate | None = None
        self._own: OwnCertificates | None = None
        self.authority: AuthorityFile | None = None
        """Our own; None: the certificate is yours."""
        if web.certificate:
            self._yours = YourCertificate(Path(web.certificate), Path(web.private_key))
        else:
            self._own = OwnCertificates(folder, name, make=partial(certify_aside, folder, name))
        self.refresh()

    @property
    def fingerprint(self) -> str:
        """Of our own certificate's authority, SHA-256; empty: the certificate is yours."""
        return self.authority.fingerprint if self.authority else ""

    def refresh(self) -> None:
        """Take what has changed since: addresses, dates, files."""
        if self._yours is not None:
            self._yours.into(self.context)
        elif self._own is not None:
            self.authority = self._own.into(self.context, addresses())

    async def keep_good(self) -> None:
        """Refresh it for ever. What fails is told; the certificate of before stays."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await asyncio.to_thread(self.refresh)
            except (ConfigError, OSError) as error:
                log.warning("the certificate stays as it is: %s", error)
