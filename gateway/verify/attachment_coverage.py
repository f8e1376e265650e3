"""Step 10 for attachments: which of them a signature covers, and what becomes of those that none does."""

import hashlib
from collections.abc import Collection, Iterable

from gateway.verify.algorithms import AttachmentTransform
from gateway.verify.attachment_content import media_type_of
from gateway.verify.message_parts import Attachments, content_id_of
from gateway.verify.policy import ALL_ATTACHMENTS, Policy
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.references import ResolvedReference
from gateway.verify.signature_check import CheckedSignature
from gateway.verify.verdict import AttachmentReport
from gateway.verify.xml_names import XOP_INCLUDE

_ADVICE = (
    "Ask the receiver administrator to sign attachments as well (WSS4J and CXF: the part {}cid:Attachments, or "
    'expandXopInclude for MTOM). unsigned_attachments = "drop" in the policy leaves out those that nobody signed.'
)
_PASSED = "unsigned-attachment: no signature covers {}, and it is passed on (unsigned_attachments)"
_DROPPED = "unsigned-attachment: no signature covers {}, and it is left out (unsigned_attachments)"
_BY_NAME = "attachment-by-name: the signature covers the name of {}, and not what is in it (attachments)"


def signed_heads(signatures: Iterable[CheckedSignature]) -> frozenset[str]:
    """The Content-IDs of those whose head one of `signatures`, which are good, covers as well."""
    complete = (str(AttachmentTransform.COMPLETE),)
    return frozenset(
        found.signed.content_id
        for one in signatures
        for found in one.attachments
        if found.signed.transforms == complete
    )


def covered_attachments(signatures: Iterable[CheckedSignature], attachments: Attachments) -> frozenset[str]:
    """The Content-IDs of those whose content one of `signatures`, all good, covers: named by a `cid:` Reference, or
    put by an `xop:Include` into an element that is signed.
    """
    covered: set[str] = set()
    for one in signatures:
        covered.update(found.signed.content_id for found in one.attachments)
        for reference in one.references:
            covered |= attachments.named_in(reference.form)
    return frozenset(covered)


def refuse_moved(signatures: Iterable[CheckedSignature], attachments: Attachments) -> None:
    """Refuse an attachment that is signed for itself, and that an unsigned `xop:Include` takes elsewhere.

    Whoever adds the Include makes it content of that element, and the client finds no such attachment.

    Raises:
        Rejection: `wrapping`.
    """
    signed = {found.signed.content_id for one in signatures for found in one.attachments if found.part.intact}
    references = [reference for one in signatures for reference in one.references if reference.part.intact]
    in_place = {name for reference in references for name in attachments.named_in(reference.form)}
    for name in sorted((signed & attachments.included) - in_place - _signed_names(references)):
        raise Rejection(
            Reason.WRAPPING,
            f"the attachment {printable(name, 120)} is signed for itself, and the message names it (xop:Include) where "
            "no trusted signature covers that",
        )


def _signed_names(references: Iterable[ResolvedReference]) -> set[str]:
    """The Content-IDs that `xop:Include` elements in signed elements name, where the root is judged as it came."""
    return {
        content_id_of(str(include.get("href"))) or ""
        for reference in references
        if reference.digested is not None
        for include in reference.digested.iter(XOP_INCLUDE)
    }


def refuse_unsigned(
    signatures: Iterable[CheckedSignature], attachments: Attachments, covered: Collection[str], policy: Policy
) -> tuple[str, ...]:
    """Refuse what no signature covers, as the policy says, or give the warnings about it.

    Raises:
        Rejection: `part-not-signed`.
    """
    warnings = []
    by_name = _signed_names(reference for one in signatures for reference in one.references if reference.part.intact)
    for part in attachments.parts:
        if part.content_id in covered or part.content_id in attachments.tokens:
            continue
        name = f"the attachment {printable(part.content_id, 120) or '(without Content-ID)'}"
        if ALL_ATTACHMENTS in policy.required_parts:
            raise Rejection(
                Reason.PART_NOT_SIGNED, f"{name} is not signed, and the policy requires that all are", _ADVICE
            )
        if policy.attachments == "references" and part.content_id in by_name:
            warnings.append(_BY_NAME.format(name))
        elif policy.unsigned_attachments == "refuse":
            raise Rejection(
                Reason.PART_NOT_SIGNED,
                f"no trusted signature covers {name} (the policy may leave it out or pass it on: unsigned_attachments)",
                _ADVICE,
            )
        elif policy.unsigned_attachments == "drop" and part.content_id in attachments.included:
            raise Rejection(
                Reason.PART_NOT_SIGNED,
                f"no trusted signature covers {name}, and it cannot be left out: the message names it (xop:Include)",
                _ADVICE,
            )
        else:
            warnings.append((_DROPPED if policy.unsigned_attachments == "drop" else _PASSED).format(name))
    return tuple(warnings)


def attachment_reports(
    attachments: Attachments, covered: Collection[str], heads: Collection[str]
) -> tuple[AttachmentReport, ...]:
    """What a verdict says of each attachment, of which `covered` are covered, and of `heads` the heads too."""
    return tuple(
        AttachmentReport(
            content_id=printable(part.content_id, 300),
            media_type=printable(media_type_of(part.content_type), 100),
            size=part.size,
            sha256=_sha256(part.octets()),
            covered=part.content_id in covered,
            head_covered=part.content_id in heads,
            included=part.content_id in attachments.included,
            is_token=part.content_id in attachments.tokens,
        )
        for part in attachments.parts
    )


def _sha256(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
