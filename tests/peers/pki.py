"""A certificate authority for one test bed: it issues, and is thrown away."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = timedelta(days=2)


def write_pki(folder: Path, server: str, client: str) -> None:
    """Write ``ca.pem``, and ``NAME.pem`` with ``NAME.key`` for a TLS server and a TLS client."""
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = _name("Test bed CA")
    root = _builder(issuer, issuer, authority.public_key())
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    (folder / "ca.pem").write_bytes(_pem(root.sign(authority, hashes.SHA256())))
    purposes = {
        server: ExtendedKeyUsageOID.SERVER_AUTH,
        client: ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    for name, purpose in purposes.items():
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _builder(_name(name), issuer, key.public_key())
        leaf = leaf.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        (folder / f"{name}.pem").write_bytes(_pem(leaf.sign(authority, hashes.SHA256())))
        secret = folder / f"{name}.key"
        secret.touch(mode=0o600)
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
