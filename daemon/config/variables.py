"""Variables of the environment that a library obeys, and would choke on: looked at before it does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CERTIFICATES = "SSL_CERT_FILE"
"""Whom TLS trusts (SSL_CTX_set_default_verify_paths(3)); the SDK's HTTP library reads it at each client."""

KEY_LOG = "SSLKEYLOGFILE"
"""Where TLS writes the keys of its connections (Python's `ssl.create_default_context`)."""


def environment_faults(env: Mapping[str, str]) -> list[str]:
    """A line for each variable that cannot be obeyed. Reads and writes no more than it takes to know."""
    checks = {CERTIFICATES: _certificates_fault, KEY_LOG: _key_log_fault}
    found = ((name, check(env[name])) for name, check in checks.items() if env.get(name))
    return [
        f"environment: {name} = {env[name]}: {fault}; name another file, or `unset {name}`"
        for name, fault in found
        if fault
    ]


def _certificates_fault(name: str) -> str:
    import ssl  # it takes 10 ms, and few name certificates of their own

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(name)
    except ssl.SSLError:
        return "holds no certificate in PEM"
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return ""


def _key_log_fault(name: str) -> str:
    path = Path(name)
    if not path.parent.is_dir():
        return f"cannot be written: there is no directory {path.parent}"
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        return "cannot be written"
    return ""
