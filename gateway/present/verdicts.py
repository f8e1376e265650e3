"""Verdicts as JSON: the contract `wssgate.verdict/1` and its neighbours."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from gateway.present.instants import instant_json
from gateway.present.plain_text import count_text

if TYPE_CHECKING:  # whoever has a verdict has loaded them; who writes an instant needs none of it
    from gateway.cross_check import CrossCheck
    from gateway.verify import (
        AttachmentReport,
        EmbeddedCertificate,
        Explanation,
        SignatureReport,
        Signer,
        TimestampReport,
        Verdict,
        VerifiedBy,
    )

VERDICT_SCHEMA = "wssgate.verdict/1"
EXPLANATION_SCHEMA = "wssgate.explanation/1"
UNREADABLE_SCHEMA = "wssgate.unreadable/1"


def verdict_json(verdict: "Verdict", file: str, opinion: "CrossCheck | None" = None) -> dict[str, object]:
    """`verdict` on the message from `file` as an object of the schema `wssgate.verdict/1`."""
    return {
        "schema": VERDICT_SCHEMA,
        "file": file,
        "outcome": str(verdict.outcome),
        "reason": None if verdict.reason is None else str(verdict.reason),
        "detail": verdict.detail,
        "advice": verdict.advice,
        "verified_by": [_entry(entry) for entry in verdict.verified_by],
        "recognised": [_entry(entry) for entry in verdict.recognised],
        "signers": [_signer(signer) for signer in verdict.signers],
        "embedded": None if verdict.embedded is None else _embedded(verdict.embedded),
        "signatures": [_signature(signature) for signature in verdict.signatures],
        "timestamp": None if verdict.timestamp is None else _timestamp(verdict.timestamp),
        "soap_version": verdict.soap_version,
        "encoding": verdict.encoding,
        "operation": verdict.operation,
        "is_fault": verdict.is_fault,
        "message_id": verdict.message_id,
        "relates_to": verdict.relates_to,
        "warnings": list(verdict.warnings),
        "attachments": [asdict(attachment) for attachment in verdict.attachments],
        "second_opinion": None
        if opinion is None
        else {"judge": "libxmlsec", "opinion": str(opinion.opinion), "detail": opinion.detail},
    }


def explanation_json(
    explanation: "Explanation", verdict: "Verdict", file: str, opinion: "CrossCheck | None" = None
) -> dict[str, object]:
    """`explanation` of the message from `file` as an object of the schema `wssgate.explanation/1`.

    `verdict` is what came out in the end, after a second opinion where one was asked.
    """
    return {
        "schema": EXPLANATION_SCHEMA,
        "file": file,
        "steps": [
            {
                "number": step.number,
                "title": step.title,
                "specification": step.specification,
                "state": str(step.state),
                "found": list(step.found),
            }
            for step in explanation.steps
        ],
        "failed": None if explanation.failed is None else explanation.failed.number,
        "consequence": explanation.consequence,
        "verdict": verdict_json(verdict, file, opinion),
    }


def signer_lines(verdict: "Verdict") -> list[str]:
    """A line for each certificate that is not among those which verified the message, and whose key signed as well."""
    covers: dict[tuple[VerifiedBy, str], dict[str, None]] = {}
    for signer in verdict.signers:
        if signer.entry not in verdict.verified_by:
            covers.setdefault((signer.entry, str(signer.state)), {}).update(dict.fromkeys(signer.covers))
    how = "also signed" if verdict.verified_by else "signed"
    return [
        f"{how} with {entry.alias} ({state}): {', '.join(names) or 'no part that is known to be as it was signed'}"
        for (entry, state), names in covers.items()
    ]


def attachment_text(attachment: "AttachmentReport") -> str:
    """What is known of an attachment, on one line."""
    if attachment.is_token:
        covered = "named by the Security header"
    elif attachment.covered:
        covered = "signed, its head too" if attachment.head_covered else "signed"
    else:
        covered = "not signed"
    how = ", put into the message" if attachment.included else ""
    kind = attachment.media_type or "no type"
    return f"{kind}, {count_text(attachment.size, 'octet')}, {covered}{how}, SHA-256 {attachment.sha256}"


def unreadable_json(file: str, detail: str) -> dict[str, object]:
    """A file in which there was nothing to verify, as an object that stands in the place of its verdict."""
    return {"schema": UNREADABLE_SCHEMA, "file": file, "detail": detail}


def _entry(entry: "VerifiedBy") -> dict[str, object]:
    return {"alias": str(entry.alias), "key_id": str(entry.key_id), "thumbprint": str(entry.thumbprint)}


def _signer(signer: "Signer") -> dict[str, object]:
    return _entry(signer.entry) | {
        "state": str(signer.state),
        "signature": signer.signature,
        "covers": list(signer.covers),
        "needed": signer.needed,
        "signed_at": None if signer.signed_at is None else instant_json(signer.signed_at),
    }


def _signature(signature: "SignatureReport") -> dict[str, object]:
    return {
        "id": signature.id,
        "signature_algorithm": signature.signature_algorithm,
        "canonicalization": signature.canonicalization,
        "hint": {
            "kind": str(signature.hint.kind),
            "named": signature.hint.named,
            "agreed": signature.hint.agreed,
        },
        "parts": [
            {
                "name": part.name,
                "path": part.path,
                "uri": part.uri,
                "digest_algorithm": part.digest_algorithm,
                "digest": part.digest,
                "intact": part.intact,
            }
            for part in signature.parts
        ],
        "checks": [
            _entry(check.entry)
            | {
                "state": str(check.state),
                "result": str(check.result),
                "refusal": None if check.refusal is None else str(check.refusal),
            }
            for check in signature.checks
        ],
        "verified_by": [_entry(entry) for entry in signature.verified_by],
        "reason": None if signature.reason is None else str(signature.reason),
        "detail": signature.detail,
    }


def _timestamp(timestamp: "TimestampReport") -> dict[str, object]:
    return {
        "created": None if timestamp.created is None else instant_json(timestamp.created),
        "expires": None if timestamp.expires is None else instant_json(timestamp.expires),
        "signed": timestamp.signed,
    }


def _embedded(certificate: "EmbeddedCertificate") -> dict[str, object]:
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": str(certificate.serial),
        "not_before": instant_json(certificate.not_before),
        "not_after": instant_json(certificate.not_after),
        "key_id": str(certificate.key_id),
        "thumbprint": str(certificate.thumbprint),
        "thumbprint_sha1": certificate.thumbprint_sha1,
        "signature_good": certificate.signature_good,
    }
