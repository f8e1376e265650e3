"""Step 9 for attachments: `cid:` References to parts of the message, through the SwA transforms, to digests."""

from dataclasses import dataclass
from itertools import chain

from gateway.verify.algorithms import ATTACHMENT_CIPHERTEXT, AttachmentTransform, DigestAlgorithm
from gateway.verify.attachment_content import signed_content
from gateway.verify.attachment_grammar import SignedAttachment
from gateway.verify.attachment_head import signed_head
from gateway.verify.budget import WorkBudget
from gateway.verify.grammar import ReferenceGrammar
from gateway.verify.message_parts import Attachment, Attachments
from gateway.verify.policy import Policy
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.verdict import ATTACHMENT_PART, SignedPart


@dataclass(slots=True, eq=False)
class ResolvedAttachment:
    """A Reference and the attachment that it names."""

    grammar: ReferenceGrammar
    signed: SignedAttachment
    part: SignedPart
    unprotected: tuple[str, ...]
    """See `gateway.verify.attachment_content.SignedContent`."""


class AttachmentDigests:
    """The digests of one message's attachments, each made once: every signature may name every attachment."""

    __slots__ = ("_attachments", "_budget", "_made", "_policy")

    def __init__(self, attachments: Attachments, policy: Policy, budget: WorkBudget) -> None:
        """Make them within `budget`."""
        self._attachments = attachments
        self._policy = policy
        self._budget = budget
        self._made: dict[tuple[SignedAttachment, str], tuple[bytes, tuple[str, ...]]] = {}
        """Each with the prefixes that it leaves unprotected."""

    def holds(self, signed: SignedAttachment) -> bool:
        """Whether there is such an attachment."""
        return signed.content_id in self._attachments.by_id

    def check(self, reference: ReferenceGrammar, signed: SignedAttachment) -> ResolvedAttachment:
        """Resolve `reference`, which names `signed`, and compare its digest.

        Raises:
            Rejection: `reference-uri`, where no part has the Content-ID; `transform-not-allowed`; what `signed_content`
                and `signed_head` raise. A digest that differs is no error here: the part says that it is not intact.
        """
        attachment = self._attachments.by_id.get(signed.content_id)
        if attachment is None:
            what = "is no multipart message" if not self._attachments.parts else "has no such part"
            raise Rejection(Reason.REFERENCE_URI, f"an attachment is signed ({reference.uri}), and the response {what}")
        transform, algorithm = _transform(signed, reference.uri), reference.digest_algorithm
        made = self._made.get((signed, algorithm.uri))
        if made is None:
            made = self._made[signed, algorithm.uri] = self._digest(attachment, transform, algorithm)
        digest, unprotected = made
        part = SignedPart(
            name=ATTACHMENT_PART,
            path=printable(f"cid:{signed.content_id}", 240),
            uri=reference.uri,
            digest_algorithm=algorithm.uri,
            digest=digest.hex(),
            intact=digest == reference.digest,
        )
        return ResolvedAttachment(reference, signed, part, unprotected)

    def _digest(
        self, attachment: Attachment, transform: AttachmentTransform, algorithm: DigestAlgorithm
    ) -> tuple[bytes, tuple[str, ...]]:
        content = signed_content(attachment, self._policy, self._budget)
        head = (signed_head(attachment),) if transform is AttachmentTransform.COMPLETE else ()
        return algorithm.digest_of(chain(head, content.octets)), content.unprotected


def _transform(signed: SignedAttachment, uri: str) -> AttachmentTransform:
    """What of an attachment is signed: one of the two transforms of the SwA profile says it, and nothing else does."""
    if len(signed.transforms) != 1:
        raise Rejection(
            Reason.TRANSFORM_NOT_ALLOWED, f"the attachment {uri} must have one transform, of the SwA profile"
        )
    (algorithm,) = signed.transforms
    if algorithm == ATTACHMENT_CIPHERTEXT:
        raise Rejection(
            Reason.TRANSFORM_NOT_ALLOWED,
            f"the attachment {uri} was encrypted and signed then (Attachment-Ciphertext): nobody signed what it says",
        )
    try:
        return AttachmentTransform(algorithm)
    except ValueError:
        raise Rejection(
            Reason.TRANSFORM_NOT_ALLOWED,
            f"the Transform {printable(algorithm) or '(none)'} of an attachment is not admitted",
        ) from None
