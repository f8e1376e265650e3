"""Entries of the keystore, and what changed in them, for people and for programs."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from gateway.cli.expiry import EXPIRED, SOON, expiry_word
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import plain, print_json, say
from gateway.present import day_text, instant_json, instant_text
from keystore import Alias, Fingerprint, KeyId, State, Thumbprint, TrustedCertificate, describe
from keystore.store import Changed, StoredEntry

_GROUPS_A_LINE = 8
_KEY_ID_DIGITS = 16
COMPROMISED: Final = "compromised"
_STATE_STYLES: Final = {str(State.TRUSTED): "green", str(State.STAGED): "yellow", COMPROMISED: "bold red"}
_EXPIRY_STYLES = {EXPIRED: "red", SOON: "yellow"}
_Row = Callable[[str, object], None]


def entry_json(entry: StoredEntry, at: datetime) -> dict[str, object]:
    """`entry` as it is at the instant `at`, as a JSON object."""
    trusted = entry.trusted()
    description = None if trusted is None else describe(trusted)
    return {
        "alias": str(entry.alias),
        "state": str(entry.state_at(at)),
        "endpoints": None if entry.endpoints is None else sorted(entry.endpoints),
        "trusted_from": instant_json(entry.trusted_from),
        "trusted_until": instant_json(entry.trusted_until),
        "replaces": [str(thumbprint) for thumbprint in entry.replaces],
        "revoked": entry.revoked,
        "note": entry.note,
        "key_id": str(entry.key_id),
        "thumbprint": str(entry.thumbprint),
        "thumbprint_sha1": None if description is None else description.sha1.digest.hex(),
        "subject": None if description is None else description.subject,
        "issuer": None if description is None else description.issuer,
        "serial": None if description is None else description.serial,
        "not_before": None if description is None else instant_json(description.not_before),
        "not_after": None if description is None else instant_json(description.not_after),
        "key": None if description is None else description.key,
        "added_at": instant_json(entry.added_at),
        "added_by": entry.added_by,
        "revision": entry.revision,
        "problem": entry.problem,
    }


def changed_json(changed: Changed, at: datetime) -> dict[str, object]:
    """`changed` as a JSON object."""
    return {
        "schema": "wssgate.keystore-change/1",
        "revision": changed.revision,
        "entries": [entry_json(changed.entry, at)],
        "warnings": list(changed.warnings),
        "still_trusted_through": [str(alias) for alias in changed.still_trusted_through],
        "gate": [
            {
                "summary": answer.summary,
                "blockers": [blocker.sentence for blocker in answer.blockers],
                "evidence": json.loads(answer.evidence) if answer.evidence else None,
            }
            for answer in changed.gate
        ],
    }


def print_trusted(changed: Changed, at: datetime, *, as_json: bool) -> None:
    """That an entry is trusted now, or again."""
    if as_json:
        print_json(changed_json(changed, at))
        return
    say(f"{changed.entry.alias} is trusted now, keystore revision {changed.revision}.", style="green")
    print_warnings(changed.warnings)


def print_gate(changed: Changed) -> None:
    """What the gates saw before a change that was made."""
    for answer in changed.gate:
        if answer.sentence:
            say(f"  {plain(answer.sentence)}")


Names = Mapping[Thumbprint, Alias]
"""What the certificates of the keystore are called."""


def names_of(entries: Iterable[StoredEntry]) -> Names:
    """The aliases of `entries`, by their certificates."""
    return {entry.thumbprint: entry.alias for entry in entries}


def replaces_text(entry: StoredEntry, names: Names) -> str:
    """Whose successor `entry` is; of what is not in the keystore any more the beginning of the SHA-256."""
    return ", ".join(
        str(names[old]) if old in names else f"SHA-256 {old[:_KEY_ID_DIGITS]}… (purged)" for old in entry.replaces
    )


def print_entry(entry: StoredEntry, at: datetime, names: Names) -> None:
    """Everything about `entry` that a person needs to decide whether it is the right one."""
    listed, row = _listing()
    row("state", state_text(entry, at))
    row("endpoints", endpoints_text(entry))
    if entry.replaces:
        row("replaces", replaces_text(entry, names))
    trusted = entry.trusted()
    if trusted is not None:
        _certificate_rows(row, trusted)
    row("added", f"{instant_text(entry.added_at)} by {entry.added_by}")
    if entry.problem:
        row("PROBLEM", entry.problem)
    show(listed)


def print_certificate(entry: TrustedCertificate) -> None:
    """The certificate of `entry`, as `print_entry` shows one that is in the keystore."""
    listed, row = _listing()
    _certificate_rows(row, entry)
    show(listed)


def state_word(entry: StoredEntry, at: datetime, compromised: Collection[KeyId] = ()) -> str:
    """The state at `at` in one word; a key in wrong hands is `compromised`, whatever else is said of its certificates.

    Args:
        entry: Whose state.
        at: When.
        compromised: The keys that were revoked through other entries.
    """
    return COMPROMISED if entry.revoked or entry.key_id in compromised else str(entry.state_at(at))


def compromised_keys(entries: Iterable[StoredEntry]) -> frozenset[KeyId]:
    """The keys that are in wrong hands: no other certificate makes such a key good again."""
    return frozenset(entry.key_id for entry in entries if entry.revoked)


def state_text(entry: StoredEntry, at: datetime) -> str:
    """The state at `at`, with what qualifies it."""
    parts = [state_word(entry, at)]
    if entry.revoked:
        parts.append(f"{entry.state_at(at)} as revoked")
    if entry.trusted_from is not None:
        parts.append(f"from {instant_text(entry.trusted_from)}")
    if entry.trusted_until is not None:
        due = ", which is due" if entry.end_is_due(at) else ""
        parts.append(f"until {instant_text(entry.trusted_until)}{due}")
    # Of an entry that is in force the note repeats what stands below; of another one it is what the diagnosis will say.
    said = f" ({entry.note})" if entry.note and entry.state is State.RETIRED else ""
    return ", ".join(parts) + said


def endpoints_text(entry: StoredEntry) -> str:
    """The endpoints that `entry` is meant for."""
    return "all" if entry.endpoints is None else ", ".join(sorted(entry.endpoints))


def state_cell(entry: StoredEntry, at: datetime, compromised: Collection[KeyId] = ()) -> Text:
    """The state at `at` in a table (`state_word`), or what is wrong with the entry."""
    if entry.problem:
        return cell(entry.problem, "red")
    word = state_word(entry, at, compromised)
    return cell(word, _STATE_STYLES.get(word, "dim"))


def key_cell(entry: StoredEntry) -> Text:
    """The beginning of the key id in a table."""
    return cell(entry.key_id[:_KEY_ID_DIGITS])


def expiry_cell(entry: StoredEntry, at: datetime) -> Text:
    """Until when the certificate is valid, in a table."""
    if entry.certificate is None:
        return cell("-")
    end = entry.certificate.not_valid_after_utc
    word = expiry_word(end, at)
    return cell(f"{day_text(end)} {word}".rstrip(), _EXPIRY_STYLES.get(word, ""))


def print_warnings(warnings: tuple[str, ...]) -> None:
    """What to know about a change that was made."""
    for warning in warnings:
        say(f"  note: {plain(warning)}", style="yellow")


def _listing() -> tuple[Table, _Row]:
    """A list of names and values, and what adds a row to it."""
    listed = table("", "")
    listed.show_header = False

    def row(name: str, value: object) -> None:
        listed.add_row(cell(f"  {name}"), cell(value))

    return listed, row


def _certificate_rows(row: _Row, entry: TrustedCertificate) -> None:
    described = describe(entry)
    row("subject", described.subject)
    row("issuer", "the same, self-signed" if described.self_signed else described.issuer)
    row("serial", described.serial)
    row("valid", f"{instant_text(described.not_before)} until {instant_text(described.not_after)}")
    row("key", described.key)
    row("key id", described.key_id)
    for fingerprint in (described.sha256, described.sha1):
        _fingerprint_rows(row, fingerprint)


def _fingerprint_rows(row: _Row, fingerprint: Fingerprint) -> None:
    for name, line in zip((fingerprint.algorithm, ""), fingerprint.colon_pairs, strict=True):
        row(name, line)
    groups = fingerprint.spoken
    for start in range(0, len(groups), _GROUPS_A_LINE):
        row("  to read aloud" if start == 0 else "", "  ".join(groups[start : start + _GROUPS_A_LINE]))
