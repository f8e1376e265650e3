"""The certificates of a renewal that is started: the old entries, and the new one, out of a file or the keystore."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.key_files import STANDARD_INPUT, chosen_signers, suggested_alias
from gateway.cli.keystore.key_file_options import read_with_password
from keystore import Alias, State, TrustedCertificate
from keystore.store import StoredEntry


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is new."""

    certificate: TrustedCertificate
    """With the alias that it has, or gets."""
    entry: StoredEntry | None
    """Where it stands in the keystore already; None where it has to be staged."""
    remarks: tuple[str, ...] = ()


def old_entries(
    entries: Sequence[StoredEntry], aliases: Sequence[str], at: datetime, *, compromised: bool
) -> list[StoredEntry]:
    """The entries of those names, which must be trusted; where the key is in wrong hands they may be retired already.

    Raises:
        WrongUse: There is none of one of the names.
        ChangeRefused: It was never trusted, or is retired.
    """
    found: dict[int, StoredEntry] = {}
    for alias in aliases:
        entry = _named(entries, alias)
        if entry is None:
            known = ", ".join(str(one.alias) for one in entries) or "none yet"
            raise WrongUse(f"There is no entry {alias!r} in the keystore; those that there are: {known}.")
        state = entry.state_at(at)
        if entry.certificate is None:
            raise ChangeRefused(f"{entry.alias} cannot be renewed: {entry.problem or 'its certificate is gone'}.")
        if state is State.STAGED:
            raise ChangeRefused(f"{entry.alias} is staged and was not trusted yet: there is nothing to renew.")
        if state is State.RETIRED and not compromised:
            raise ChangeRefused(f"{entry.alias} is {entry.note or 'retired'}: there is nothing left to renew.")
        found[entry.id] = entry
    return list(found.values())


def new_entry(
    entries: Sequence[StoredEntry],
    given: str,
    alias: str | None,
    at: datetime,
    *,
    password_file: Path | None,
    allow_private_key: bool,
) -> NewEntry:
    """What --new means: an entry of the keystore, or the one certificate in a key file.

    Raises:
        WrongUse: It is neither, the file holds several, or it has another alias already.
        ChangeRefused: It is retired, or damaged.
        EnvironmentFailed: The file cannot be read.
        KeystoreError: The file holds no certificate that can be used, or the alias is none.
    """
    entry = _named(entries, given)
    if entry is not None:
        return _of_entry(entry, alias, at)
    file = Path(given)
    if given != STANDARD_INPUT and not file.is_file():
        raise WrongUse(f"{given!r} is neither an entry of the keystore nor a file: say --new ALIAS or --new FILE.")
    if alias is not None:
        Alias(alias)  # refuses what is none, before anybody is asked for a password
    chosen = chosen_signers(read_with_password(file, password_file, allow_private_key=allow_private_key), force=False)
    if len(chosen.certificates) != 1:
        raise WrongUse(
            f"{given}: it holds {len(chosen.certificates)} certificates that may be the signer's, and a renewal has "
            "one: add the right one with wssgate keystore add ALIAS FILE --stage, then say --new ALIAS."
        )
    certificate = TrustedCertificate(Alias("new"), chosen.certificates[0].certificate)
    known = next((one for one in entries if one.thumbprint == certificate.thumbprint), None)
    if known is not None:
        return _of_entry(known, alias, at)
    named = Alias(alias) if alias is not None else suggested_alias(certificate)
    return NewEntry(TrustedCertificate(named, certificate.certificate), None, tuple(chosen.remarks))


def _of_entry(entry: StoredEntry, alias: str | None, at: datetime) -> NewEntry:
    trusted = entry.trusted()
    if trusted is None:
        raise ChangeRefused(f"{entry.alias} cannot be the new one: {entry.problem or 'its certificate is gone'}.")
    if entry.state_at(at) is State.RETIRED:
        raise ChangeRefused(
            f"{entry.alias} is {entry.note or 'retired'}, so it cannot be the new one: restore it first (wssgate "
            f"keystore restore {entry.alias} --reason TEXT) if that was a mistake."
        )
    if alias is not None and alias.casefold() != entry.alias.casefold():
        raise WrongUse(
            f"The new certificate is in the keystore already, as {entry.alias}: leave --alias out, or rename it with "
            f"wssgate keystore set {entry.alias} --alias {alias}."
        )
    return NewEntry(trusted, entry)


def _named(entries: Sequence[StoredEntry], alias: str) -> StoredEntry | None:
    return next((entry for entry in entries if entry.alias.casefold() == alias.casefold()), None)
