"""What stands where our signature was expected: a sentence that says what was found, and where (step 5).

"Not signed" sends people to the receiver with the wrong question where the message is signed, but encrypted, by a draft
of the standard, or as a payload.
"""

import re
from typing import Final

from gateway.verify.document import Document
from gateway.verify.envelope import Envelope
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.references import path_of
from gateway.verify.unreadable import encrypted, holds_encrypted
from gateway.verify.xml_names import SECURITY, SIGNATURE, local_name

_NAMESPACE: Final = re.compile(r"\{([^}]*)\}")
_OTHER_SIGNATURE_ADVICE: Final = (
    "Ask the receiver administrator for a WS-Security signature (OASIS WS-Security 1.0 or 1.1, in the Security header) "
    "over the Body: what was found is another kind of signature, which this gateway does not verify."
)
_DRAFT_ADVICE: Final = (
    "Ask the receiver administrator to switch the stack to WS-Security 1.0 or 1.1 of OASIS: drafts of it have other "
    "names and other rules."
)


def instead_of_signature(unsigned: Rejection, envelope: Envelope, document: Document) -> Rejection:
    """`unsigned`, the finding that there is no signature of ours, or what is nearer to the truth."""
    for block in envelope.blocks:
        if block.tag == SECURITY and holds_encrypted(block, document):
            return encrypted(
                "the Security header holds encrypted content that the gateway cannot read, and no Signature beside it"
            )
    for block in envelope.blocks:
        namespace = _NAMESPACE.match(str(block.tag))
        if local_name(str(block.tag)) == "Security" and block.tag != SECURITY:
            named = printable(namespace[1], 120) if namespace is not None else "no namespace"
            return Rejection(
                Reason.UNSIGNED,
                f"{unsigned.detail}; there is one of another namespace, a draft of WS-Security or something of its "
                f"own: {named}",
                _DRAFT_ADVICE,
            )
    signature = next(envelope.root.iter(SIGNATURE), None)
    if signature is not None and str(getattr(signature.getparent(), "tag", "")) != SECURITY:
        return Rejection(
            Reason.UNSIGNED,
            f"{unsigned.detail}; the Signature at {path_of(signature)} is one of the payload or of another protocol "
            "(ebMS, say), and not of WS-Security",
            _OTHER_SIGNATURE_ADVICE,
        )
    return unsigned
