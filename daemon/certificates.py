"""X.509 certificates: authorities, and the leaves that they sign. The one module that knows `cryptography`.

Only the stand-in server and the gateway have any; the speaker itself loads none of this. Any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """When a certificate holds, both with a time zone."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whom certificates may name: domains with all below them, and networks."""

    domains: tuple[str, ...]
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate with its private key (P-256)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def pem(self) -> str:
        """The certificate alone, for whoever is to trust it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    @property
    def der(self) -> bytes:
        """The certificate alone, in the form that telephones take."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem_with_key(self) -> str:
        """Both, for a file that nobody else may read."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self.pem + key.decode("ascii")

    @property
    def life(self) -> Life:
        """When it holds."""
        return Life(start=self.certificate.not_valid_before_utc, end=self.certificate.not_valid_after_utc)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of it, as browsers show it: pairs of capital digits with colons."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def names(self) -> frozenset[str]:
        """The names and addresses that it is for."""
        try:
            found = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return frozenset()
        addresses = found.get_values_for_type(x509.IPAddress)
        return frozenset([*found.get_values_for_type(x509.DNSName), *map(str, addresses)])

    @property
    def permitted_domains(self) -> frozenset[str]:
        """The domains of an authority's scope; none where it has no scope."""
        try:
            found = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        except x509.ExtensionNotFound:
            return frozenset()
        names = found.permitted_subtrees or []
        return frozenset(name.value for name in names if isinstance(name, x509.DNSName))

    def is_signed_by(self, authority: Certified) -> bool:
        """Whether that authority's key signed it."""
        try:
            self.certificate.verify_directly_issued_by(authority.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def read_certified(pem: str) -> Certified:
    """What `pem_with_key` gave. Raises ValueError for anything else."""
    data = pem.encode("ascii")
    certificate = x509.load_pem_x509_certificate(data)
    key = serialization.load_pem_private_key(data, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("the private key is not the certificate's")
    return Certified(certificate, key)


def new_authority(name: str, life: Life, scope: Scope | None = None) -> Certified:
    """An authority that signs leaves only; with a `scope`, for those alone (RFC 5280, section 4.2.1.10)."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(name), _name(name), key.public_key(), life)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    if scope is not None:
        builder = builder.add_extension(_constraints(scope), critical=True)
    return Certified(builder.sign(key, hashes.SHA256()), key)


def new_leaf(
    authority: Certified, domains: tuple[str, ...], addresses: tuple[Address, ...], life: Life
) -> Certified:
    """A server's certificate for these names; the first domain, else address, is its subject."""
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName(domain) for domain in domains]
    names += [x509.IPAddress(address) for address in addresses]
    subject = _name(str([*domains, *addresses][0]))
    builder = _builder(subject, authority.certificate.subject, key.public_key(), life)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = builder.add_extension(server, critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    return Certified(builder.sign(authority.key, hashes.SHA256()), key)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: Life
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(life.start).not_valid_after(life.end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _constraints(scope: Scope) -> x509.NameConstraints:
    names: list[x509.GeneralName] = [x509.DNSName(domain) for domain in scope.domains]
    names += [x509.IPAddress(network) for network in scope.networks]
    return x509.NameConstraints(permitted_subtrees=names, excluded_subtrees=None)


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
