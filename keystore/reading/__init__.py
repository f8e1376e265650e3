"""Reading certificates out of key files, recognised by their content and never by their name, and out of folders."""

from keystore.reading.folder import STATES, FolderEntry, endpoints_words, read_folder
from keystore.reading.reader import MAX_KEY_FILE_BYTES, read_certificates
from keystore.reading.result import KeyFileFormat, LeftOut, ReadCertificate, ReadResult

__all__ = [
    "MAX_KEY_FILE_BYTES",
    "STATES",
    "endpoints_words",
    "FolderEntry",
    "KeyFileFormat",
    "LeftOut",
    "ReadCertificate",
    "ReadResult",
    "read_certificates",
    "read_folder",
]
