"""Decoding foreign certificates, quietly.

The decoder warns of odd ones (a serial number that is not positive, a country of seven letters) and raises many things
for broken ones. Such certificates are in daily use; neither must surface.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography import x509

_FILTERS = threading.Lock()
"""Warning filters belong to the process: two threads that change and restore them crosswise leave them changed."""


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence what the decoder warns of. Not for paths that run once per message."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def load_certificate(der: bytes) -> x509.Certificate:
    """The certificate whose DER encoding is `der`.

    Raises:
        ValueError: it is no certificate that can be decoded.
    """
    with without_warnings():
        try:
            return x509.load_der_x509_certificate(der)
        except x509.InvalidVersion as error:  # the one failure that is no ValueError
            raise ValueError(str(error)) from error


def subject_of(certificate: x509.Certificate) -> x509.Name | None:
    """The subject of `certificate`, None where it cannot be decoded."""
    with without_warnings():
        try:
            return certificate.subject
        except (ValueError, TypeError):
            return None


def issuer_of(certificate: x509.Certificate) -> x509.Name | None:
    """The issuer of `certificate`, None where it cannot be decoded."""
    with without_warnings():
        try:
            return certificate.issuer
        except (ValueError, TypeError):
            return None


def extensions_of(certificate: x509.Certificate) -> x509.Extensions | None:
    """The extensions of `certificate`, None where one of them cannot be decoded or stands twice."""
    with without_warnings():
        try:
            return certificate.extensions
        except (ValueError, TypeError, x509.DuplicateExtension):
            return None
