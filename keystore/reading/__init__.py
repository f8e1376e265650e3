"""Reading certificates out of key files, recognised by their content and never by their name."""

from keystore.reading.reader import MAX_KEY_FILE_BYTES, read_certificates
from keystore.reading.result import KeyFileFormat, LeftOut, ReadCertificate, ReadResult

__all__ = [
    "MAX_KEY_FILE_BYTES",
    "KeyFileFormat",
    "LeftOut",
    "ReadCertificate",
    "ReadResult",
    "read_certificates",
]
