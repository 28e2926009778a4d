"""Certificates for the loopback server, made afresh at each start and never kept.

An authority signs one leaf for `localhost`, 127.0.0.1 and ::1. Clients trust the authority, so they check
names and dates exactly as they would against the real service. Any thread.
"""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=30)
"""Longer than any run of the stand-in, short enough that a forgotten CA file ends by itself."""

BACKDATED = timedelta(days=1)
"""Tolerates a client whose clock is a little behind."""


class Authority:
    """A certificate authority that lives as long as the object."""

    def __init__(self, name: str = "Conure stand-in") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        now = datetime.now(UTC)
        builder = _builder(self._name, self._name, self._key.public_key(), now - BACKDATED, now + LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> str:
        """The authority's certificate, for a client's trust store."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def server_context(self, *, expired: bool = False) -> ssl.SSLContext:
        """A TLS server context with a fresh leaf; `expired`: one whose time was over yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        end = datetime.now(UTC) + (-BACKDATED if expired else LIFE)
        pem = self._leaf(key, end).public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # mode 0600; the ssl module reads only files
            file.write(pem)
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def client_context(self) -> ssl.SSLContext:
        """A client context that trusts this authority and nobody else."""
        return ssl.create_default_context(cadata=self.pem)

    def _leaf(self, key: ec.EllipticCurvePrivateKey, end: datetime) -> x509.Certificate:
        names = x509.SubjectAlternativeName(
            [
                x509.DNSName("localhost"),
                x509.IPAddress(ip_address("127.0.0.1")),
                x509.IPAddress(ip_address("::1")),
            ]
        )
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = _builder(_name("localhost"), self._name, key.public_key(), end - LIFE - BACKDATED, end)
        builder = builder.add_extension(names, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        return builder.add_extension(issuer_key, critical=False).sign(self._key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Python 3.13 checks RFC 5280 strictly, so that an authority without these bits is refused."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
