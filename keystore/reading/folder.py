"""Entries as a folder of PEM files, for those who keep configuration in git.

    staged/acme-2026.pem      the sub-folder is the state, the name of the file is the alias
    trusted/acme-2024.pem
    retired/acme-2022.pem

Each file holds one certificate. What else is to be said of the entry stands above it, a line for each. Which endpoints
it is meant for has to be said, the rest only where it differs from the default:

    # endpoints: orders, invoices           or: all; an endpoint of that very name is written "all"
    # trusted-from: 2026-06-01T00:00:00Z
    # trusted-until: 2026-12-31T00:00:00Z
    # replaces: acme-2022                   whose successor it is: files of the folder, or sha256:THUMBPRINT
    # compromised: yes                      in retired/ only

A line of that form with any other word is refused, and so is a file without a line about endpoints: a slip of the pen
there would widen the trust. So is every file that is not understood: left out, it would look as if somebody had removed
it.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keystore.certificate import State
from keystore.errors import FolderUnreadable, KeystoreError
from keystore.identity import Alias, Thumbprint
from keystore.reading.reader import read_certificates
from keystore.terms import Terms

MAX_FILES = 10_000
"""In the whole folder: far beyond any keystore; the wrong folder, given by mistake, may hold more."""
MAX_FILE_BYTES = 256 * 1024

STATES = (State.STAGED, State.TRUSTED, State.RETIRED)
_SETTING = re.compile(r"#\s*([a-z][a-z_-]*):(?:\s+(.*?))?\s*")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_BEGIN = "-----BEGIN "
_ENDPOINTS, _FROM, _UNTIL, _COMPROMISED = "endpoints", "trusted-from", "trusted-until", "compromised"
_REPLACES = "replaces"
_ALL, _NAMED_ALL = "all", '"all"'
"""Every endpoint, and the endpoint of that name."""
_THUMBPRINT = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """One file of the folder."""

    alias: Alias
    state: State
    terms: Terms
    compromised: bool
    certificate: x509.Certificate
    thumbprint: Thumbprint

    @property
    def path(self) -> PurePosixPath:
        """Where it stands below the folder."""
        return PurePosixPath(self.state, f"{self.alias}.pem")

    @property
    def text(self) -> str:
        """What the file holds."""
        pem = self.certificate.public_bytes(Encoding.PEM).decode("ascii")
        return "".join(f"# {name}: {value}\n" for name, value in self._settings()) + pem

    def _settings(self) -> Iterator[tuple[str, str]]:
        yield _ENDPOINTS, endpoints_words(self.terms.endpoints)
        for name, instant in ((_FROM, self.terms.trusted_from), (_UNTIL, self.terms.trusted_until)):
            if instant is not None:
                yield name, instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if self.terms.replaces:
            # Not by name: a name may be another file's tomorrow, or that of none.
            yield _REPLACES, ", ".join(f"sha256:{thumbprint}" for thumbprint in sorted(self.terms.replaces))
        if self.compromised:
            yield _COMPROMISED, "yes"


def endpoints_words(endpoints: frozenset[str] | None) -> str:
    """The endpoints that an entry is meant for, as a folder says them: names in their order, or `all`."""
    if endpoints is None:
        return _ALL
    return ", ".join(_NAMED_ALL if name == _ALL else name for name in sorted(endpoints))


def read_folder(folder: Path) -> tuple[FolderEntry, ...]:
    """Every entry in `folder`, sorted by state and alias.

    Raises:
        FolderUnreadable: A file is not understood, stands in the wrong place, or says the same as another one; or there
            is no certificate at all.
        OSError: The folder or a file cannot be read.
    """
    entries: list[FolderEntry] = []
    replaced: list[tuple[Path, tuple[str, ...]]] = []
    seen: dict[tuple[str, str], Path] = {}
    for file in _files(folder):
        entry, names = _read(folder, file)
        for same in (("name", entry.alias.lower()), ("certificate", str(entry.thumbprint))):
            other = seen.setdefault(same, file)
            if other != file:
                raise FolderUnreadable(f"{file} and {other} have the same {same[0]}: keep one of them")
        entries.append(entry)
        replaced.append((file, names))
    if not entries:
        raise FolderUnreadable(
            f"{folder} holds no certificate in staged/, trusted/ or retired/, so all would be retired: check its name"
        )
    by_name = {entry.alias.lower(): entry.thumbprint for entry in entries}
    return tuple(
        replace(entry, terms=replace(entry.terms, replaces=_thumbprints(file, names, by_name)))
        for entry, (file, names) in zip(entries, replaced, strict=True)
    )


def _thumbprints(file: Path, names: Iterable[str], by_name: Mapping[str, Thumbprint]) -> frozenset[Thumbprint]:
    found: set[Thumbprint] = set()
    for name in names:
        written = _THUMBPRINT.fullmatch(name)
        thumbprint = by_name.get(name.lower()) if written is None else Thumbprint(written[1])
        if thumbprint is None:
            raise FolderUnreadable(
                f"{file}: it replaces {name!r}, and the folder has no file of that name: write sha256: and the SHA-256 "
                "of the certificate, as keystore show tells it in 64 lower-case digits, or take the line out"
            )
        found.add(thumbprint)
    return frozenset(found)


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise FolderUnreadable(f"{folder} is no folder: name the one that holds staged/, trusted/ and retired/")
    homes = [folder / state for state in STATES]
    for file in sorted(_visible(folder)):
        if file.parent in homes and file.suffix == ".pem":
            yield file
        elif file.suffix.lower() == ".pem" or (file.parent in homes and not file.name.startswith("README")):
            raise FolderUnreadable(
                f"{file}: move it to staged/, trusted/ or retired/ and let its name end in .pem; elsewhere it would be "
                "taken for removed"
            )


def _visible(folder: Path) -> list[Path]:
    """Every file below `folder`; what is hidden, such as .git, is not ours."""
    found: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".")]
        if len(found) > MAX_FILES:
            raise FolderUnreadable(f"{folder} holds more than {MAX_FILES} files: it is hardly a keystore")
    return found


def _read(folder: Path, file: Path) -> tuple[FolderEntry, tuple[str, ...]]:
    """The entry in `file`, and the names of those that it replaces."""
    state = State(file.relative_to(folder).parts[0])
    with file.open("rb") as stream:
        data = stream.read(MAX_FILE_BYTES + 1)
    try:
        if len(data) > MAX_FILE_BYTES:
            raise FolderUnreadable(f"it has more than {MAX_FILE_BYTES} bytes")
        read = read_certificates(data)
        if read.left_out or len(read.certificates) != 1:
            raise FolderUnreadable("it has to hold one certificate in PEM, and nothing else")
        terms, compromised, replaces = _settings_in(data.decode("utf-8", "replace"))
        if compromised and state is not State.RETIRED:
            raise FolderUnreadable("a compromised key belongs in retired/")
        entry = FolderEntry(
            alias=Alias(file.stem),
            state=state,
            terms=terms,
            compromised=compromised,
            certificate=read.certificates[0].certificate,
            thumbprint=Thumbprint.of(read.certificates[0].der),
        )
    except KeystoreError as error:
        raise FolderUnreadable(f"{file}: {error}") from error
    return entry, replaces


def _settings_in(text: str) -> tuple[Terms, bool, tuple[str, ...]]:
    found: dict[str, str] = {}
    for line in text.partition(_BEGIN)[0].splitlines():
        setting = _SETTING.fullmatch(line.strip())
        if setting is None:
            continue
        name, value = setting[1], setting[2] or ""
        if name not in {_ENDPOINTS, _FROM, _UNTIL, _REPLACES, _COMPROMISED} or name in found:
            raise FolderUnreadable(
                f"the line {line.strip()!r} is not understood or stands twice: write {_ENDPOINTS}, {_FROM}, {_UNTIL}, "
                f"{_REPLACES} or {_COMPROMISED}, each once, and begin other remarks with ##"
            )
        found[name] = value
    if found.get(_COMPROMISED, "no") not in {"yes", "no"}:
        raise FolderUnreadable(f"{_COMPROMISED} has to be yes or no")
    if _ENDPOINTS not in found:
        raise FolderUnreadable(
            f"no line says for which endpoints it is: write # {_ENDPOINTS}: and their names above the certificate, or "
            f"# {_ENDPOINTS}: {_ALL}"
        )
    endpoints = _endpoints(_listed(found[_ENDPOINTS]))
    replaces = _listed(found.get(_REPLACES, ""))
    if _REPLACES in found and not replaces:
        raise FolderUnreadable(f"{_REPLACES} names nobody: name whose successor it is, or take the line out")
    terms = Terms(endpoints, _instant(found.get(_FROM)), _instant(found.get(_UNTIL)))
    return terms, found.get(_COMPROMISED) == "yes", replaces


def _endpoints(names: Sequence[str]) -> frozenset[str] | None:
    if _ALL in names and len(names) > 1:
        raise FolderUnreadable(f"{_ENDPOINTS} says {_ALL} and names some: write one of the two")
    if _ALL in names:
        return None
    return frozenset(_ALL if name == _NAMED_ALL else name for name in names)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass  # a day that the calendar does not have
    raise FolderUnreadable(f"{text!r} is no instant: write it as in 2026-06-01T12:00:00Z")
