"""Who signed with keys that nobody knows, and whom they resemble: the model behind `report unknown-keys`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from gateway.ledger import KeptCertificate, RecordFilter, carried_certificates, kept_certificates
from keystore import Alias, State, TrustedCertificate, TrustSnapshot

NEAREST: Final = 3
"""Entries of the keystore that are named beside an unknown key."""

_SAME_CERTIFICATE: Final = "same certificate"
_SAME_KEY: Final = "same key"
_TRUSTED_FIRST: Final = (State.TRUSTED, State.STAGED, State.RETIRED)


@dataclass(frozen=True, slots=True)
class Resemblance:
    """What an unknown key's certificate has in common with an entry of the keystore.

    Names prove nothing: anybody can write any name into a certificate.
    """

    alias: Alias
    state: State
    revoked: bool
    """Its key is compromised."""
    common: str
    """Such as `same subject and issuer`."""
    only_for: tuple[str, ...] = ()
    """The endpoints that the entry is meant for, where that of the messages is none of them."""

    @property
    def sentence(self) -> str:
        """For people."""
        state = "compromised" if self.revoked else str(self.state)
        if self.only_for:
            state += f" for {', '.join(self.only_for)} alone"
        return f"{self.common} as {self.alias} ({state})"

    @property
    def is_missing_here(self) -> bool:
        """Whether it is the same certificate, which only has to be meant for this endpoint as well."""
        return self.common == _SAME_CERTIFICATE and bool(self.only_for) and self.state is not State.RETIRED


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A certificate that messages carried, whose key the keystore did not know when they came."""

    kept: KeptCertificate
    certificate: TrustedCertificate
    """The same, decoded; its alias and state mean nothing."""
    nearest: tuple[Resemblance, ...]
    """The entries that it resembles most, at most `NEAREST`."""

    @property
    def is_known_by_now(self) -> bool:
        """Whether its key was added to the keystore since."""
        return any(one.common in {_SAME_CERTIFICATE, _SAME_KEY} for one in self.nearest)


@dataclass(frozen=True, slots=True)
class UnknownKeysReport:
    """The unknown keys of one endpoint or of all."""

    generated: datetime
    endpoint: str | None
    """The one endpoint that was asked for; None means all."""
    since: datetime | None
    """Those that were seen since then; None means all that are kept."""
    keys: tuple[UnknownKey, ...]
    only: str = ""
    """Which records were asked for, in the language of filters; empty: whatever is kept."""


def unknown_keys_report(
    engine: Engine,
    trust: TrustSnapshot,
    *,
    now: datetime,
    endpoint: str | None = None,
    since: datetime | None = None,
    wanted: RecordFilter | None = None,
    only: str = "",
) -> UnknownKeysReport:
    """Tell the unknown keys apart, those that a good signature backs first.

    Args:
        engine: The ledger's database.
        trust: What they are compared with: every entry, for whichever endpoint it is meant.
        now: The instant of the report.
        endpoint: Only those whose messages came from this one.
        since: Only those that were seen since then, exactly.
        wanted: Only those that a record carried which fits this, counted over such records.
        only: The same in words, for whoever reads the report.

    Raises:
        DatabaseUnavailable: The database cannot be read, or a certificate in it was altered.
    """
    found = []
    carried = kept_certificates(engine, endpoint, since) if wanted is None else carried_certificates(engine, wanted)
    for kept in carried:
        certificate = TrustedCertificate.from_der("unknown", kept.der)
        found.append(UnknownKey(kept, certificate, _nearest(certificate, trust, now, kept.endpoint)))
    return UnknownKeysReport(now, endpoint, since, tuple(found), only)


def _nearest(
    certificate: TrustedCertificate, trust: TrustSnapshot, now: datetime, endpoint: str
) -> tuple[Resemblance, ...]:
    alike = [(found, entry) for entry in trust.entries if (found := _common(certificate, entry)) is not None]
    alike.sort(key=lambda one: (one[0][0], _rank(one[1].state_at(now)), -one[1].not_after.timestamp(), one[1].alias))
    return tuple(
        Resemblance(
            entry.alias, entry.state_at(now), entry.key_id in trust.compromised, common, _only_for(entry, endpoint)
        )
        for (_, common), entry in alike[:NEAREST]
    )


def _only_for(entry: TrustedCertificate, endpoint: str) -> tuple[str, ...]:
    meant = entry.endpoints
    return () if meant is None or endpoint in meant else tuple(sorted(meant))


def _rank(state: State) -> int:
    return _TRUSTED_FIRST.index(state) if state in _TRUSTED_FIRST else len(_TRUSTED_FIRST)


def _common(unknown: TrustedCertificate, entry: TrustedCertificate) -> tuple[int, str] | None:
    """How near `entry` is (0 is nearest) and what both have in common; None where it is nothing."""
    subject = unknown.subject_name is not None and unknown.subject_name == entry.subject_name
    issuer = unknown.issuer_name is not None and unknown.issuer_name == entry.issuer_name
    for rank, (is_so, common) in enumerate(
        (
            (unknown.thumbprint == entry.thumbprint, _SAME_CERTIFICATE),
            (unknown.key_id == entry.key_id, _SAME_KEY),
            (subject and issuer, "same subject and issuer"),
            (subject, "same subject, but another issuer,"),
            (issuer, "same issuer, but another subject,"),
        )
    ):
        if is_so:
            return rank, common
    return None
