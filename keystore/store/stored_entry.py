"""One entry as it is stored: in columns, and as JSON in the history."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from cryptography import x509
from sqlalchemy import RowMapping

from keystore.certificate import State, TrustedCertificate
from keystore.certificate_decoding import load_certificate
from keystore.epoch import from_microseconds, optional_instant, optional_microseconds, to_microseconds
from keystore.errors import KeystoreError
from keystore.identity import Alias, KeyId, Thumbprint


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry of the keystore with all that is known of it."""

    id: int
    alias: Alias
    state: State
    """As stored; what it amounts to at an instant says `state_at`."""
    der: bytes | None = field(repr=False)
    """The certificate as stored; None once purged."""
    certificate: x509.Certificate | None
    """None once purged, and where the stored bytes cannot be read (then `problem` says so)."""
    thumbprint: Thumbprint
    key_id: KeyId
    endpoints: frozenset[str] | None
    """Names of the endpoints that it is meant for; None means every endpoint."""
    trusted_from: datetime | None
    trusted_until: datetime | None
    """When its trust shall end: `KeystoreStore.end_due` ends it then, unless a gate speaks against it."""
    revoked: bool
    note: str
    """When, by whom and why the entry came into its state."""
    added_at: datetime
    added_by: str
    changed_at: datetime
    revision: int
    """The revision that changed the entry last."""
    ends_by_itself: bool = False
    """`trusted_until` was set before schema 0005: with it the trust ends, whatever is under way then."""
    replaces: tuple[Thumbprint, ...] = ()
    """The certificates whose successor it was declared to be, sorted."""
    problem: str | None = None
    """What is wrong with the stored entry, one sentence; such an entry verifies nothing."""

    @classmethod
    def of_certificate(cls, certificate: TrustedCertificate, *, at: datetime, who: str) -> Self:
        """A new entry for `certificate`, before it has a row and a revision."""
        return cls(
            id=0,
            alias=certificate.alias,
            state=certificate.state,
            der=certificate.der,
            certificate=certificate.certificate,
            thumbprint=certificate.thumbprint,
            key_id=certificate.key_id,
            endpoints=certificate.endpoints,
            trusted_from=certificate.trusted_from,
            trusted_until=certificate.trusted_until,
            revoked=certificate.revoked,
            note=certificate.note,
            added_at=at,
            added_by=who,
            changed_at=at,
            revision=0,
            replaces=certificate.replaces,
        )

    @classmethod
    def from_row(cls, row: RowMapping | Mapping[str, Any]) -> Self:
        """The entry in `row`, which has the columns of the table of entries, or those from before schema 0005.

        A row that somebody damaged never raises: it becomes an entry that is trusted for nothing and names its problem.
        """
        try:
            der = row["certificate"]
            certificate, problem = _decode(der, row["thumbprint"])
            endpoints = row["endpoints"]
            by_itself, scheduled = row["trusted_until"], row.get("scheduled_end")
            replaces = json.loads(row.get("replaces") or "[]")
            return cls(
                id=row["id"],
                alias=Alias(row["alias"]),
                state=State(row["state"]),
                der=der,
                certificate=certificate,
                thumbprint=Thumbprint(row["thumbprint"]),
                key_id=KeyId(row["key_id"]),
                endpoints=None if endpoints is None else frozenset(json.loads(endpoints)),
                trusted_from=optional_instant(row["trusted_from"]),
                trusted_until=optional_instant(scheduled if by_itself is None else by_itself),
                revoked=bool(row["revoked"]),
                note=row["note"],
                added_at=from_microseconds(row["added_at"]),
                added_by=row["added_by"],
                changed_at=from_microseconds(row["changed_at"]),
                revision=row["revision"],
                ends_by_itself=by_itself is not None,
                replaces=tuple(sorted(map(Thumbprint, replaces))),
                problem=problem,
            )
        except (ValueError, TypeError, OverflowError, KeystoreError):
            return cls._damaged(row["id"])

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The entry in `text`, as `to_json` wrote it."""
        row = json.loads(text)
        der = row["certificate"]
        return cls.from_row(row | {"certificate": None if der is None else base64.b64decode(der)})

    @classmethod
    def _damaged(cls, row_id: int) -> Self:
        long_ago = datetime.min.replace(tzinfo=UTC)
        return cls(
            id=row_id,
            alias=Alias(f"damaged-{row_id}"),
            state=State.RETIRED,
            der=None,
            certificate=None,
            thumbprint=Thumbprint(""),
            key_id=KeyId(""),
            endpoints=frozenset(),
            trusted_from=None,
            trusted_until=None,
            revoked=False,
            note="",
            added_at=long_ago,
            added_by="",
            changed_at=long_ago,
            revision=0,
            problem=f"row {row_id} of the keystore in the database is damaged: restore it from a backup",
        )

    def columns(self) -> dict[str, Any]:
        """The entry for the table of entries, without its id."""
        return {
            "alias": str(self.alias),
            "alias_folded": self.alias.lower(),
            "state": str(self.state),
            "certificate": self.der,
            "thumbprint": str(self.thumbprint),
            "key_id": str(self.key_id),
            "endpoints": None if self.endpoints is None else json.dumps(sorted(self.endpoints)),
            "trusted_from": optional_microseconds(self.trusted_from),
            "trusted_until": optional_microseconds(self.trusted_until) if self.ends_by_itself else None,
            "scheduled_end": None if self.ends_by_itself else optional_microseconds(self.trusted_until),
            "replaces": json.dumps(self.replaces) if self.replaces else None,
            "revoked": self.revoked,
            "note": self.note,
            "added_at": to_microseconds(self.added_at),
            "added_by": self.added_by,
            "changed_at": to_microseconds(self.changed_at),
            "revision": self.revision,
        }

    def to_json(self) -> str:
        """The whole entry, from which a past revision is read back."""
        columns = self.columns()
        if self.der is not None:
            columns["certificate"] = base64.b64encode(self.der).decode()
        return json.dumps({"id": self.id} | columns, sort_keys=True)

    def trusted(self) -> TrustedCertificate | None:
        """The entry as the verifier sees it; None where there is no certificate to see."""
        if self.certificate is None:
            return None
        return TrustedCertificate(
            alias=self.alias,
            certificate=self.certificate,
            state=self.state,
            endpoints=self.endpoints,
            trusted_from=self.trusted_from,
            trusted_until=self.trusted_until if self.ends_by_itself else None,
            revoked=self.revoked,
            note=self.note,
            replaces=self.replaces,
        )

    def end_is_due(self, at: datetime) -> bool:
        """Whether its trust shall have ended at the instant `at`, and goes on because nobody has carried that out."""
        return (
            self.state is State.TRUSTED
            and not self.ends_by_itself
            and self.trusted_until is not None
            and self.trusted_until <= at
        )

    def will_end_by_itself(self, at: datetime) -> bool:
        """Whether its trust will end by itself later than the instant `at`: its end was set before schema 0005."""
        is_ahead = self.ends_by_itself and self.trusted_until is not None and self.trusted_until > at
        return is_ahead and self.state in {State.STAGED, State.TRUSTED}

    def state_at(self, at: datetime) -> State:
        """The state at the instant `at`: before the beginning of its trust it counts as staged.

        An end that is scheduled changes nothing by itself.
        """
        trusted = self.trusted()
        return self.state if trusted is None else trusted.state_at(at)


def _decode(der: bytes | None, thumbprint: str) -> tuple[x509.Certificate | None, str | None]:
    if der is None:
        return None, None
    try:
        certificate = load_certificate(der)
    except ValueError:
        return None, "its certificate in the database is damaged: retire it and add the certificate anew"
    if Thumbprint.of(der) != thumbprint:
        return None, "its certificate in the database is not the one that was added: find out who changed it"
    return certificate, None
