"""Step 8: the signature value against every candidate key, all matches kept (threat rules 17 to 22).

The SignedInfo is canonicalized and hashed once; a further trusted key costs one signature check and no more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.verify.algorithms import KeyFamily
from gateway.verify.budget import WorkBudget
from gateway.verify.conditions import Conditions
from gateway.verify.keyinfo import KeyInfo
from gateway.verify.policy import Policy
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason
from gateway.verify.signature_value import SignedValue, family_of, value_length
from gateway.verify.unknown_signers import unknown_signer
from gateway.verify.verdict import (
    CheckResult,
    EmbeddedCertificate,
    HintReport,
    KeyCheck,
    VerifiedBy,
)
from keystore import (
    SIGNING_CURVES,
    Candidate,
    KeyHint,
    SigningKey,
    State,
    TrustedCertificate,
    TrustSnapshot,
)

EVERY_KEY_UP_TO: Final = 16
"""So many keys are all tried, whatever the message says. Where the keystore holds more for an endpoint, and the key
that the message itself names has verified it, the rest is not tried: no other key could verify as well, unless somebody
made it to that end, and a thousand keys would cost every message a thousand checks."""


_CERTIFICATE_STATUS: Final = {Reason.CERTIFICATE_EXPIRED, Reason.CERTIFICATE_REVOKED}
"""What is decided by step 11, together with the trial of the keys."""


@dataclass(slots=True, eq=False)
class KeyTrial:
    """What came of trying every key on one signature value."""

    checks: tuple[KeyCheck, ...]
    verified_by: tuple[VerifiedBy, ...] = ()
    """Trusted entries that the policy admits."""
    recognised: tuple[VerifiedBy, ...] = ()
    """Entries under whose key the value is good, although they are not trusted or not admitted."""
    embedded: EmbeddedCertificate | None = None
    signers: tuple[TrustedCertificate, ...] = ()
    """The entries, of whatever state, whose key made the value."""
    reason: Reason | None = None
    detail: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def step(self) -> int:
        """The step that `reason` belongs to: that of the key, or that of the status of its certificate."""
        return 11 if self.reason in _CERTIFICATE_STATUS else 8


def try_keys(signed: SignedValue, key_info: KeyInfo, conditions: Conditions, budget: WorkBudget) -> KeyTrial:
    """Try the trusted keys on the signature value `signed`; else look for who made it."""
    trust, at, hint = conditions.trust, conditions.at, key_info.hint
    checks, good = _run(trust.candidates(hint, at), signed, hint, conditions)
    if good:
        return _trusted_match(checks, good, conditions)
    unknown, recognised = _run(trust.recognised(hint, at), signed, hint, conditions)
    checks += unknown
    if recognised:
        return _recognised_match(checks, recognised, at)
    signer = unknown_signer(signed, key_info, trust, budget)
    return KeyTrial(tuple(checks), embedded=signer.embedded, reason=signer.reason, detail=signer.detail)


def try_trusted_keys(
    candidates: Iterable[Candidate], signed: SignedValue, hint: KeyHint, conditions: Conditions
) -> KeyTrial | None:
    """Try the `candidates`, which are the trusted ones of the conditions; None where the key of none made the value."""
    checks, good = _run(candidates, signed, hint, conditions)
    return _trusted_match(checks, good, conditions) if good else None


def try_known_keys(signed: SignedValue, hint: KeyHint, conditions: Conditions) -> KeyTrial:
    """Try the keys that are known, trusted or not; whether what they signed counts is not asked."""
    trust, at = conditions.trust, conditions.at
    checks, good = _run(trust.candidates(hint, at), signed, hint, conditions)
    if not good:
        others, good = _run(trust.recognised(hint, at), signed, hint, conditions)
        checks += others
    return KeyTrial(tuple(checks), signers=tuple([prepared.entry for prepared, _ in good]))


def report_hint(hint: KeyHint, trust: TrustSnapshot, trial: KeyTrial) -> HintReport:
    """What KeyInfo claimed, held against what came out."""
    if any(entry.agrees_with(hint) for entry in trial.signers):
        return HintReport(hint.kind, hint.named, agreed=True)
    return HintReport(hint.kind, hint.named, agreed=False if trust.named_by(hint) else None)


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """An entry that holds a key, with what is the same in every report about it."""

    entry: TrustedCertificate
    by: VerifiedBy
    verified: KeyCheck | None
    """The report where the key verified; None where the state in it has to be asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class _Key:
    """A candidate, with all of it that no message changes."""

    key: SigningKey
    family: KeyFamily
    value_length: int
    rsa_bits: int | None
    """Of the modulus; None where it is no RSA key."""
    foreign_curve: str | None
    """The name of the curve, where it is none on which keys are trusted."""
    entries: tuple[_Entry, ...]
    is_windowed: bool
    """Some entry is trusted for a time only, so that its state has to be asked for."""
    failed: tuple[KeyCheck, ...]
    """The reports on its entries where it did not verify, their states being the stored ones."""
    not_applicable: tuple[KeyCheck, ...]


@lru_cache(maxsize=4096)
def _prepared(candidate: Candidate) -> _Key:
    windowed = any(e.trusted_from is not None or e.trusted_until is not None for e in candidate.entries)
    holders = [(entry, VerifiedBy(entry.alias, entry.key_id, entry.thumbprint)) for entry in candidate.entries]

    def reports(result: CheckResult) -> tuple[KeyCheck, ...]:
        return tuple(KeyCheck(by, entry.state, result) for entry, by in holders)

    verified = reports(CheckResult.VERIFIED)
    key = candidate.public_key
    return _Key(
        key=key,
        family=family_of(key),
        value_length=value_length(key),
        rsa_bits=_rsa_bits(key),
        foreign_curve=_foreign_curve(key),
        entries=tuple(
            _Entry(entry, by, None if windowed else check) for (entry, by), check in zip(holders, verified, strict=True)
        ),
        is_windowed=windowed,
        failed=reports(CheckResult.FAILED),
        not_applicable=reports(CheckResult.NOT_APPLICABLE),
    )


def _rsa_bits(key: SigningKey) -> int | None:
    return key.key_size if isinstance(key, rsa.RSAPublicKey) else None


def _foreign_curve(key: SigningKey) -> str | None:
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, SIGNING_CURVES):
        return str(key.curve.name)
    return None


Good = tuple[_Entry, Reason | None]
"""An entry whose key made the value, and why the policy refuses it all the same."""


def _run(
    candidates: Iterable[Candidate], signed: SignedValue, hint: KeyHint, conditions: Conditions
) -> tuple[list[KeyCheck], list[Good]]:
    """Every candidate's outcome, and the entries whose key made the value."""
    trust, policy, at = conditions.trust, conditions.policy, conditions.at
    checks: list[KeyCheck] = []
    good: list[Good] = []
    family, length = signed.algorithm.family, len(signed.value)
    every = trust.key_count <= EVERY_KEY_UP_TO
    for candidate in candidates:
        if good and not every and good[0][0].entry.agrees_with(hint):
            break
        key = _prepared(candidate)
        # A key is tried only with its own family and the exact length (threat rules 19, 20).
        if key.family is not family or key.value_length != length:
            failed = key.not_applicable
        elif not signed.is_signed_by(key.key):
            failed = key.failed
        else:
            for prepared in key.entries:
                refusal = _refusal(prepared.entry, key.rsa_bits, key.foreign_curve, trust, policy, at)
                good.append((prepared, refusal))
                checks.append(_check_of_signer(prepared, refusal, at))
            continue
        if key.is_windowed:
            failed = tuple(
                replace(check, state=e.entry.state_at(at)) for check, e in zip(failed, key.entries, strict=True)
            )
        checks += failed
    return checks, good


def _check_of_signer(prepared: _Entry, refusal: Reason | None, at: datetime) -> KeyCheck:
    if refusal is None and prepared.verified is not None:
        return prepared.verified
    result = CheckResult.REFUSED if refusal else CheckResult.VERIFIED
    return KeyCheck(prepared.by, prepared.entry.state_at(at), result, refusal)


def refusal_of(entry: TrustedCertificate, trust: TrustSnapshot, policy: Policy, at: datetime) -> Reason | None:
    """Why `policy` would not admit a signature of the key of `entry` at `at`, were it trusted; None where it would.

    Of a key that signs no message here it is `weak-key`, of a certificate that is not valid yet `certificate-expired`.
    """
    key = entry.public_key
    if key is None:
        return Reason.WEAK_KEY
    return _refusal(entry, _rsa_bits(key), _foreign_curve(key), trust, policy, at)


def _refusal(
    entry: TrustedCertificate,
    rsa_bits: int | None,
    foreign_curve: str | None,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
) -> Reason | None:
    """Why the policy does not admit a key or certificate although the signature is good under it (steps 8 and 11)."""
    if entry.key_id in trust.compromised:
        return Reason.CERTIFICATE_REVOKED
    if foreign_curve is not None or (rsa_bits is not None and rsa_bits < policy.minimum_rsa_bits):
        return Reason.WEAK_KEY
    if policy.expired_certificate == "reject" and not entry.is_valid_at(at):
        return Reason.CERTIFICATE_EXPIRED
    return None


def _trusted_match(checks: list[KeyCheck], good: list[Good], conditions: Conditions) -> KeyTrial:
    policy, at = conditions.policy, conditions.at
    signers = tuple([prepared.entry for prepared, _ in good])
    admitted = [prepared for prepared, refusal in good if refusal is None]
    if admitted:
        warnings: list[str] = []
        if policy.expired_certificate == "accept":
            warnings += [
                f"certificate-expired: {prepared.entry.alias} is out of its validity, and the policy accepts that"
                for prepared in admitted
                if not prepared.entry.is_valid_at(at)
            ]
        return KeyTrial(
            checks=tuple(checks),
            verified_by=tuple([prepared.by for prepared in admitted]),
            signers=signers,
            warnings=tuple(warnings),
        )
    prepared, reason = min(good, key=lambda pair: pair[1].rank if pair[1] is not None else 0)
    entry = prepared.entry
    if reason is Reason.CERTIFICATE_REVOKED:
        detail = f"signed with {entry.alias}, whose key was withdrawn as compromised"
    elif reason is Reason.WEAK_KEY:
        curve = None if entry.public_key is None else _foreign_curve(entry.public_key)
        weakness = "weaker than the policy admits" if curve is None else f"on the curve {curve}, which is not supported"
        detail = f"signed with {entry.alias}, whose key is {weakness}"
    elif at < entry.not_before:
        detail = (
            f"signed with {entry.alias}, whose certificate is valid only from {entry.not_before:%Y-%m-%dT%H:%M:%SZ}"
        )
    else:
        detail = f"signed with {entry.alias}, whose certificate expired at {entry.not_after:%Y-%m-%dT%H:%M:%SZ}"
    return KeyTrial(
        checks=tuple(checks),
        recognised=tuple(prepared.by for prepared, _ in good),
        signers=signers,
        reason=reason,
        detail=detail,
    )


def _recognised_match(checks: list[KeyCheck], recognised: list[Good], at: datetime) -> KeyTrial:
    entries = [prepared.entry for prepared, _ in recognised]
    entry = min(entries, key=lambda e: (not e.revoked, e.state_at(at) is State.STAGED))
    note = f" ({printable(entry.note, 120)})" if entry.note else ""
    if entry.revoked:
        reason, detail = (
            Reason.CERTIFICATE_REVOKED,
            f"signed with {entry.alias}, which was withdrawn as compromised{note}",
        )
    elif entry.state_at(at) is State.STAGED:
        reason, detail = (
            Reason.STAGED_KEY,
            f"signed with {entry.alias}, which is staged and not trusted yet{note}: the receiver switched too early",
        )
    else:
        reason, detail = Reason.RETIRED_KEY, f"signed with retired key {entry.alias}{note}"
    return KeyTrial(
        checks=tuple(checks),
        recognised=tuple(prepared.by for prepared, _ in recognised),
        signers=tuple(entries),
        reason=reason,
        detail=detail,
    )
