"""Receipts checked by somebody who has the certificate, and knows nothing of this gateway."""

import re
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from gateway.verify import SignatureReceipt

_DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
_HASHES: Final = {
    "sha1": hashes.SHA1(),  # noqa: S303 - what real signers use
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def verify_receipt(receipt: SignatureReceipt, certificate: x509.Certificate) -> None:
    """Verify `receipt` under the key of `certificate`.

    Raises:
        InvalidSignature: It is not good.
    """
    method = etree.fromstring(receipt.signed_info).find(f"{_DS}SignatureMethod")
    assert method is not None
    uri = str(method.get("Algorithm"))
    named = [uri, *(str(node.get("Algorithm")) for node in method.iter(f"{_DS}DigestMethod"))]
    found = re.findall(r"sha(?:1|256|384|512)\b", " ".join(named))
    algorithm = _HASHES[found[0] if found else "sha256"]
    key, value = certificate.public_key(), receipt.value
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(value, receipt.signed_info)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        half = len(value) // 2
        r, s = (int.from_bytes(part, "big") for part in (value[:half], value[half:]))
        key.verify(encode_dss_signature(r, s), receipt.signed_info, ec.ECDSA(algorithm))
    else:
        assert isinstance(key, rsa.RSAPublicKey)
        scheme: padding.AsymmetricPadding = padding.PKCS1v15()
        if "MGF1" in uri or uri.endswith("rsa-pss"):
            scheme = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        key.verify(value, receipt.signed_info, scheme, algorithm)
