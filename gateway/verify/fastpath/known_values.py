"""What steps 8, 12 and 13 read of a message of a known template: each decided anew, by the procedure's own rule.

Values are named by their positions in the header prefix (`template.HeaderPrefix`). They are plain: `template.Ids` has
seen to it before any is read here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from gateway.verify.algorithms import SignatureAlgorithm
from gateway.verify.binding import compare_with_request
from gateway.verify.conditions import Conditions
from gateway.verify.element_content import decode_base64, without_space
from gateway.verify.fastpath.form_pattern import FormPattern
from gateway.verify.fastpath.header_prefix import Differs
from gateway.verify.findings import shown_id
from gateway.verify.key_trial import KeyTrial, report_hint, try_trusted_keys
from gateway.verify.keyinfo import KeyInfo
from gateway.verify.printable_text import printable
from gateway.verify.request import Expectation
from gateway.verify.signature_value import SignedValue
from gateway.verify.signers import SigningEntry, signers_of, signing_entries
from gateway.verify.timestamp import instant
from gateway.verify.verdict import HintReport, Signer, TimestampReport, VerifiedBy, accepted_detail
from keystore import Candidate, TrustSnapshot

Values = list[bytes]
"""The values of a message, in the order of the template's prefix."""


class SignedBy(NamedTuple):
    """What a verdict that accepts says of keys."""

    hint: HintReport
    """What KeyInfo claimed, held against what came out."""
    verified_by: tuple[VerifiedBy, ...]
    detail: str
    entries: Sequence[tuple[SigningEntry, bool]] | None
    """Those over the keys, with their states, and whether the message needs them; None where the states depend on the
    instant."""


@dataclass(slots=True, eq=False)
class KnownSignature:
    """Steps 7, 8 and 11: what the Signature was read as, and who made its value."""

    id: int | None
    value: int
    """Of SignatureValue."""
    algorithm: SignatureAlgorithm
    canonicalization: str
    """Of SignedInfo, its URI."""
    signed_info: FormPattern
    key_info: KeyInfo
    """What a KeyInfo and a token say is no value: each key has templates of its own."""
    covered: tuple[str, ...]
    """The names of the parts that the signature covers, as a verdict says them."""
    covers: tuple[str, ...]
    """The names of all that it covers, in place or not."""
    _order: tuple[TrustSnapshot, Sequence[Candidate]] | None = field(default=None, init=False)
    _signed: tuple[TrustSnapshot, KeyTrial, SignedBy] | None = field(default=None, init=False)

    def trial(self, values: Values, octets: bytes, conditions: Conditions) -> tuple[KeyTrial, bytes]:
        """Which of the keys that are trusted now made the SignatureValue of the SignedInfo `octets`, and the value.

        Raises:
            Rejection: `structure`, where the value is no base64.
            Differs: None did, or there is something to be said about the one that did.
        """
        text = values[self.value]
        # The one value that may hold anything, for base64 is checked in a stricter way.
        if not text.isascii():
            raise Differs
        signed = SignedValue(decode_base64(text.decode(), "SignatureValue"), octets, self.algorithm)
        trial = try_trusted_keys(
            self._candidates(conditions.trust, conditions.at), signed, self.key_info.hint, conditions
        )
        if trial is None or not trial.verified_by or trial.warnings:
            raise Differs
        return trial, signed.value

    def _candidates(self, trust: TrustSnapshot, at: datetime) -> Sequence[Candidate]:
        """The keys to try, in the order of the hint; found out once for each snapshot."""
        order = self._order
        if order is not None and order[0] is trust:
            return order[1]
        candidates = tuple(trust.candidates(self.key_info.hint, at))
        if not trust.changes_with_time:
            self._order = trust, candidates
        return candidates

    def signed_by(self, trial: KeyTrial, conditions: Conditions) -> SignedBy:
        """What a verdict says of the keys that made the signature value; put into words once for each of them."""
        known, trust = self._signed, conditions.trust
        if known is not None and known[0] is trust:
            same = known[1]
            if same.signers == trial.signers and same.verified_by == trial.verified_by:
                return known[2]
        verified_by = tuple(dict.fromkeys(trial.verified_by))
        said = SignedBy(
            report_hint(self.key_info.hint, trust, trial),
            verified_by,
            accepted_detail(verified_by, self.covered),
            None if trust.changes_with_time else _entries(trial, conditions),
        )
        self._signed = trust, trial, said
        return said

    def signers(
        self, trial: KeyTrial, value: bytes, signed_by: SignedBy, signed_at: datetime | None, conditions: Conditions
    ) -> tuple[Signer, ...]:
        """The signers that the keys behind the SignatureValue `value` come to."""
        entries = signed_by.entries
        if entries is None:
            entries = _entries(trial, conditions)
        return tuple(signers_of(0, value, self.covers, signed_at, entries))

    def shown_id(self, values: Values) -> str | None:
        """The id of the Signature as a report says it."""
        return None if self.id is None else printable(values[self.id].decode())


@dataclass(frozen=True, slots=True)
class KnownTimestamp:
    """Step 12: the Timestamp, which the signature covers."""

    created: int | None
    expires: int | None

    def read(self, values: Values) -> TimestampReport:
        """Created and Expires, as `timestamp.read_timestamp` reads them.

        Raises:
            Rejection: `structure`, where one is no date and time.
        """
        return TimestampReport(_instant(values, self.created), _instant(values, self.expires), signed=True)


@dataclass(frozen=True, slots=True)
class KnownAddressing:
    """Step 13: what may bind the message to its request, and what a verdict says of it."""

    message_id: int | None
    relates_to: int | None
    relations: tuple[int, ...]
    """Of the signed wsa:RelatesTo that bind the response to its request."""
    confirmations: tuple[int | None, ...]
    """Of the signed SignatureConfirmation elements, None for one without a Value."""

    def is_bound(self, expects: Expectation, values: Values) -> bool:
        """Whether anything that is signed binds the message to its request.

        Raises:
            Rejection: `uncorrelated`, where it answers another one.
        """
        return compare_with_request(
            expects,
            [without_space(values[position].decode()) for position in self.relations],
            ["" if position is None else values[position].decode() for position in self.confirmations],
        )

    def shown_message_id(self, values: Values) -> str | None:
        """wsa:MessageID as a verdict says it."""
        return None if self.message_id is None else shown_id(values[self.message_id].decode())

    def shown_relates_to(self, values: Values) -> str | None:
        """wsa:RelatesTo as a verdict says it."""
        return None if self.relates_to is None else shown_id(values[self.relates_to].decode())


def _entries(trial: KeyTrial, conditions: Conditions) -> Sequence[tuple[SigningEntry, bool]]:
    """Every entry over a key that made the value of the one signature, and whether that has none without its key."""
    keys = {by.key_id for by in trial.verified_by}
    every = conditions.policy.signatures == "all"
    found = signing_entries(trial.signers, conditions.trust, conditions.at)
    return [(one, every or keys == {one.by.key_id}) for one in found]


def _instant(values: Values, position: int | None) -> datetime | None:
    return None if position is None else instant(without_space(values[position].decode()))
