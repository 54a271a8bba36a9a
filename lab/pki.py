"""The cluster's certificate authority and every certificate it signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.keys import write_private

LIFETIME = timedelta(days=365)
USAGES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both as PEM text."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Authority:
    """Signs the cluster's certificates."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def text(self) -> str:
        """Return the authority's certificate as PEM text."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(self, name: str, group: str = "", hosts: tuple[str, ...] = ()) -> Pair:
        """Return a fresh pair for a user and its group, valid as a server under the host names given."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name, group), self.certificate.subject, key.public_key())
        builder = builder.add_extension(USAGES, critical=False)
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        return Pair(builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM).decode(), _private(key))


def authority(folder: Path) -> Authority:
    """Return the authority kept in a folder; the first call makes it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not (folder / "ca.crt").exists():
        made = _self_signed()
        write_private(folder / "ca.key", _private(made.key))
        write_private(folder / "ca.crt", made.text)
    certificate = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    return Authority(certificate, _load(folder / "ca.key"))


def service_account_key(folder: Path) -> Pair:
    """Return the key that signs service accounts' tokens, with its public half; the first call makes it."""
    path = folder / "service-account.key"
    if not path.exists():
        write_private(path, _private(ec.generate_private_key(ec.SECP256R1())))
    public = _load(path).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return Pair(public.decode(), path.read_text())


def _self_signed() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("cluster authority")
    builder = _builder(name, name, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Authority(builder.sign(key, SHA256()), key)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + LIFETIME)


def _name(name: str, group: str = "") -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _load(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds no key of an elliptic curve")
    return key
