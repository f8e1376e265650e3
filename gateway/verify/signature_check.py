"""Steps 7 to 9 for one Signature: its grammar, who made its value, and whether what it covers is intact."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from lxml import etree

from gateway.verify.attachment_references import AttachmentDigests, ResolvedAttachment
from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import canonicalize
from gateway.verify.conditions import Conditions
from gateway.verify.document import Document
from gateway.verify.grammar import ReferenceGrammar, SignatureGrammar, read_signature
from gateway.verify.ids import IdIndex
from gateway.verify.key_trial import KeyTrial, report_hint, try_keys
from gateway.verify.keyinfo import KeyInfo, read_key_info
from gateway.verify.message_parts import base64_size
from gateway.verify.reason import Reason, Rejection
from gateway.verify.references import CanonicalForms, Places, ResolvedReference, check_reference
from gateway.verify.signature_value import SignedValue
from gateway.verify.unreadable import encrypted, holds_encrypted
from gateway.verify.verdict import HintReport, SignatureReceipt, SignatureReport
from keystore import HintKind


@dataclass(slots=True)
class CheckedSignature:
    """One signature after steps 7 to 9."""

    element: etree._Element
    report: SignatureReport
    references: tuple[ResolvedReference, ...] = ()
    attachments: tuple[ResolvedAttachment, ...] = ()
    trial: KeyTrial | None = None
    finding: Rejection | None = None
    """What is wrong with it, as its report says; None where it verifies."""
    octets: bytes = b""
    """The canonical SignedInfo."""
    signature: tuple[SignatureGrammar, KeyInfo] | None = None
    """What it was read as; None where that did not succeed."""


@dataclass(slots=True, eq=False)
class SignedMessage:
    """What every signature of one message is checked against."""

    document: Document
    ids: IdIndex
    budget: WorkBudget
    canonical: CanonicalForms
    places: Places
    attachments: AttachmentDigests
    unreadable: Rejection | None
    """The finding that there is content which the gateway cannot read: then no digest is compared, for it would not
    agree, and say nothing."""

    @classmethod
    def of(
        cls, document: Document, ids: IdIndex, places: Places, conditions: Conditions, unreadable: Rejection | None
    ) -> Self:
        """`document`, with a budget for it and for the attachments that came with it."""
        attachments = conditions.attachments
        budget = WorkBudget(len(document.text) + base64_size(attachments.size), document.count_elements)
        return cls(
            document,
            ids,
            budget,
            CanonicalForms(budget, attachments),
            places,
            AttachmentDigests(attachments, conditions.policy, budget),
            unreadable,
        )

    def resolve(
        self, reference: ReferenceGrammar, grammar: SignatureGrammar, conditions: Conditions
    ) -> ResolvedReference | ResolvedAttachment:
        """What `reference` of the signature `grammar` names, with its digest compared.

        Raises:
            Rejection: It names nothing, or breaks a rule.
        """
        if reference.attachment is not None:
            return self.attachments.check(reference, reference.attachment)
        return check_reference(
            reference,
            grammar,
            self.ids,
            conditions.trust,
            self.canonical,
            self.places,
            may_hold_comments=self.document.may_hold_comments,
        )


def check_signature(element: etree._Element, message: SignedMessage, conditions: Conditions) -> CheckedSignature:
    """Check the Signature `element` as far as it goes.

    A finding ends this signature alone, and stands in its report: what it means for the message depends on the others.
    It tells the step in which it was made.
    """
    document, budget = message.document, message.budget
    grammar: SignatureGrammar | None = None
    trial: KeyTrial | None = None
    hint = HintReport(HintKind.NONE, "", None)
    resolved: list[ResolvedReference | ResolvedAttachment] = []
    octets = b""
    signature = None
    step = 7
    try:
        grammar = read_signature(element, conditions.policy)
        step = 8
        key_info = read_key_info(grammar.key_info, message.ids)
        signature = grammar, key_info
        method = grammar.canonicalization
        octets = canonicalize(grammar.signed_info, method.method, method.prefixes, budget)
        trial = try_keys(SignedValue(grammar.value, octets, grammar.algorithm), key_info, conditions, budget)
        hint = report_hint(key_info.hint, conditions.trust, trial)
        if trial.signers:
            step = 9
            if message.unreadable is not None:
                raise message.unreadable
            # Digests under a stranger's signature would prove nothing, and let anyone spend our time.
            resolved.extend(message.resolve(reference, grammar, conditions) for reference in grammar.references)
        finding = _finding(trial, resolved, document)
    except Rejection as rejection:
        is_lost = rejection.reason is Reason.REFERENCE_URI and holds_encrypted(document.root, document)
        finding = encrypted(f"{rejection.detail}; the message holds encrypted content") if is_lost else rejection
    if finding is not None and finding.step is None:
        finding.step = step
    return CheckedSignature(
        element,
        _report(grammar, hint, resolved, trial, finding, octets),
        tuple([one for one in resolved if isinstance(one, ResolvedReference)]),
        tuple([one for one in resolved if isinstance(one, ResolvedAttachment)]),
        trial,
        finding,
        octets,
        signature,
    )


def _finding(
    trial: KeyTrial, resolved: list[ResolvedReference | ResolvedAttachment], document: Document
) -> Rejection | None:
    """What is wrong with a signature that could be computed to its end: altered parts before an unwanted key."""
    altered = [one for one in resolved if not one.part.intact]
    if altered:
        parts = [one.part for one in altered]
        named = ", ".join(f"{part.name} (at {part.path}, referenced as {part.uri})" for part in parts)
        digested = [one.digested for one in altered if isinstance(one, ResolvedReference)]
        if any(element is not None and holds_encrypted(element, document) for element in digested):
            return encrypted(f"encrypted after signing, so that the gateway cannot read it: {named}")
        return Rejection(Reason.DIGEST_MISMATCH, f"altered after signing: {named}")
    return None if trial.reason is None else Rejection(trial.reason, trial.detail, step=trial.step)


def _report(
    grammar: SignatureGrammar | None,
    hint: HintReport,
    references: Iterable[ResolvedReference | ResolvedAttachment],
    trial: KeyTrial | None,
    rejection: Rejection | None,
    octets: bytes,
) -> SignatureReport:
    verified = () if trial is None or rejection is not None else trial.verified_by
    return SignatureReport(
        id=None if grammar is None else grammar.id,
        signature_algorithm="" if grammar is None else grammar.algorithm.uri,
        canonicalization="" if grammar is None else grammar.canonicalization.uri,
        hint=hint,
        parts=tuple(reference.part for reference in references),
        checks=() if trial is None else trial.checks,
        verified_by=verified,
        reason=None if rejection is None else rejection.reason,
        detail="" if rejection is None else rejection.detail,
        receipt=SignatureReceipt(octets, grammar.value) if grammar is not None and trial and trial.signers else None,
    )
