"""The file that a bundle of evidence is: a ZIP archive, written the same for the same content, and read within bounds.

Who reads one has it from somebody else: nothing in it is unpacked to disk, no name in it is a path, and how much of it
is read is settled before it is.
"""

import hashlib
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from gateway.ledger.errors import BundleRefused

BUNDLE_SCHEMA: Final = "wssgate.bundle/1"
MANIFEST: Final = "bundle.json"
README: Final = "README.txt"
RECORDS: Final = "records.jsonl"
EVENTS: Final = "events.jsonl"
HEADS: Final = "heads.jsonl"
LAYOUTS: Final = "layouts.json"
HISTORY: Final = "keystore.jsonl"
CERTIFICATES: Final = "certificates/"

MAX_FILE_BYTES: Final = 512 * 1024 * 1024
"""Of the archive."""
MAX_CONTENT_BYTES: Final = 1024 * 1024 * 1024
"""Of all that is in it."""
MAX_FILES: Final = 1000
MAX_LINES: Final = 250_000
"""Of one file."""
MAX_LINE_BYTES: Final = 8 * 1024 * 1024
"""Of one line: a record has some kilobytes, at most some hundred."""
MAX_DOCUMENT_BYTES: Final = 32 * 1024 * 1024
"""Of a file that is read in one piece."""

_NAME: Final = re.compile(
    r"README\.txt|bundle\.json|records\.jsonl|events\.jsonl|heads\.jsonl|layouts\.json|keystore\.jsonl|"
    r"certificates/[0-9a-f]{64}\.(?:der|pem)"
)
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest instant that a ZIP archive knows: the same content is the same file, whenever it is written."""
_END: Final = struct.Struct("<4s4H2LH")
"""The end of the archive (APPNOTE 4.3.16): signature, four counts, size and place of the directory, comment."""
_ZIP64: Final = b"PK\x06\x07"
_MAX_DIRECTORY_BYTES: Final = 1024 * 1024


class BundleWriter:
    """Writes the files of a bundle one after the other, and in the end what they are."""

    def __init__(self, stream: BinaryIO) -> None:
        """Write into `stream`."""
        self._archive = zipfile.ZipFile(stream, "w")
        self._digests: dict[str, str] = {}
        self._written = 0

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Add a file.

        Raises:
            BundleRefused: It would be larger than one that is read.
        """
        digest = hashlib.sha256()
        with self._archive.open(_entry(name), "w") as file:
            for chunk in chunks:
                self._written += len(chunk)
                if self._written > MAX_CONTENT_BYTES:
                    raise BundleRefused(
                        f"the bundle would hold more than {MAX_CONTENT_BYTES} bytes: ask for fewer records at once"
                    )
                digest.update(chunk)
                file.write(chunk)
        self._digests[name] = digest.hexdigest()

    def finish(self, asked: Iterable[str]) -> None:
        """Add what the bundle holds and which records it is about, and close the archive."""
        manifest = {"schema": BUNDLE_SCHEMA, "records": list(asked), "files": self._digests}
        with self._archive.open(_entry(MANIFEST), "w") as file:
            file.write(json.dumps(manifest, indent=1).encode() + b"\n")
        self._archive.close()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, whatever it was made on
    entry.external_attr = 0o600 << 16
    return entry


class BundleReader:
    """A bundle that somebody handed in; what cannot be read of it raises `BundleRefused`."""

    def __init__(self, stream: BinaryIO) -> None:
        """Look at its directory, and compare every file with the digest in `bundle.json`."""
        self._archive = _opened(stream)
        self._sizes = _checked(self._archive)
        self.manifest: Mapping[str, Any] = self._read_manifest()
        self.asked: list[str] = self.manifest["records"]

    @property
    def names(self) -> frozenset[str]:
        """The files in it."""
        return frozenset(self._sizes)

    def document(self, name: str) -> bytes:
        """The whole of a file."""
        if self._sizes.get(name, 0) > MAX_DOCUMENT_BYTES:
            raise BundleRefused(f"{name} is larger than {MAX_DOCUMENT_BYTES} bytes")
        return b"".join(self._chunks(name))

    def json(self, name: str) -> Any:
        """The whole of a file that holds JSON."""
        return _parsed(self.document(name), name)

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """The objects of a file that holds one a line; none where the file is not there."""
        if name not in self._sizes:
            return
        rest = b""
        number = 0
        for chunk in self._chunks(name):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                number += 1
                if number > MAX_LINES:
                    raise BundleRefused(f"{name} has more than {MAX_LINES} lines")
                yield _object(line, f"line {number} of {name}")
            if len(rest) > MAX_LINE_BYTES:
                raise BundleRefused(f"line {number + 1} of {name} is longer than {MAX_LINE_BYTES} bytes")
        if rest:
            raise BundleRefused(f"{name} does not end with the end of a line: it was cut off")

    def _chunks(self, name: str) -> Iterator[bytes]:
        if name not in self._sizes:
            raise BundleRefused(f"there is no {name} in it")
        try:
            with self._archive.open(name) as file:
                while chunk := file.read(65536):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise BundleRefused(f"{name} in it is damaged: {error}") from error

    def _read_manifest(self) -> dict[str, Any]:
        manifest = self.json(MANIFEST)
        match manifest:
            case {"schema": str(schema)} if schema != BUNDLE_SCHEMA:
                raise BundleRefused(f"it is of the kind {schema!r}, which this version does not know")
            case {"schema": str(), "records": list(asked), "files": dict(files)} if asked and all(
                isinstance(one, str) for one in asked
            ):
                pass
            case _:
                raise BundleRefused(f"{MANIFEST} does not say what is in it, or for which records it was made")
        if len(set(asked)) != len(asked):
            raise BundleRefused(f"{MANIFEST} names a record twice")
        if set(files) != self.names - {MANIFEST}:
            odd = min(set(files) ^ (self.names - {MANIFEST}))
            raise BundleRefused(f"{MANIFEST} and the archive do not name the same files: {odd!r}")
        for name, told in files.items():
            digest = hashlib.sha256()
            for chunk in self._chunks(name):
                digest.update(chunk)
            if digest.hexdigest() != told:
                raise BundleRefused(f"{name} was altered: it does not match its digest in {MANIFEST}")
        return dict(manifest)


def _opened(stream: BinaryIO) -> zipfile.ZipFile:
    """The archive, once its end says that its directory is of a size to be read."""
    size = stream.seek(0, 2)
    if size > MAX_FILE_BYTES:
        raise BundleRefused(f"it is larger than {MAX_FILE_BYTES} bytes, which no bundle is")
    if size < _END.size:
        raise BundleRefused("it is no ZIP archive")
    stream.seek(max(0, size - _END.size - 20))
    tail = stream.read()
    signature, *_, directory, _place, comment = _END.unpack(tail[-_END.size :])
    if signature != b"PK\x05\x06" or comment or tail.startswith(_ZIP64):
        raise BundleRefused("it is no ZIP archive such as wssgate ledger prove writes")
    if directory > _MAX_DIRECTORY_BYTES:
        raise BundleRefused(f"its directory is larger than {_MAX_DIRECTORY_BYTES} bytes")
    try:
        return zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OverflowError) as error:
        raise BundleRefused(f"it is no ZIP archive that can be read: {error}") from error


def _checked(archive: zipfile.ZipFile) -> dict[str, int]:
    """The files, with their sizes, once all of them are such as a bundle has."""
    sizes: dict[str, int] = {}
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise BundleRefused(f"it holds more than {MAX_FILES} files")
    for entry in entries:
        name = entry.filename
        if not _NAME.fullmatch(name) or entry.orig_filename != name:
            raise BundleRefused(f"it holds a file that no bundle has: {name[:100]!r}")
        if name in sizes:
            raise BundleRefused(f"it holds two files of the name {name}")
        if entry.flag_bits & 0x1:
            raise BundleRefused(f"{name} in it is encrypted")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise BundleRefused(f"{name} in it is compressed in a way that no bundle is")
        sizes[name] = entry.file_size
    if sum(sizes.values()) > MAX_CONTENT_BYTES:
        raise BundleRefused(f"unpacked it is larger than {MAX_CONTENT_BYTES} bytes, which no bundle is")
    return sizes


def _object(line: bytes, where: str) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise BundleRefused(f"{where} is longer than {MAX_LINE_BYTES} bytes")
    value = _parsed(line, where)
    if not isinstance(value, dict):
        raise BundleRefused(f"{where} is no JSON object")
    return value


def _parsed(text: bytes, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise BundleRefused(f"{where} is no JSON: {str(error)[:200]}") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object names something twice")
    return found


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def opened_bundle(file: Path) -> BinaryIO:
    """The file, to be read.

    Raises:
        BundleRefused: It cannot be opened.
    """
    try:
        return file.open("rb")
    except OSError as error:
        raise BundleRefused(f"{file} cannot be read: {error.strerror}") from error
