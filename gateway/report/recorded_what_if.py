"""What would have become of a recorded message, had the certificate that it carried been trusted.

The message itself is not kept, only what was found out about it; of a signature under an unknown key that ends with the
signature value (step 8). So the answer names what the record cannot tell.
"""

from dataclasses import dataclass
from typing import Final

from gateway.ledger import MessageRecord
from gateway.verify import Policy, Reason, refusal_of
from keystore import TrustedCertificate, TrustSnapshot

_WORDS: Final = {
    Reason.WEAK_KEY: "its key is too weak, or of a kind that the policy does not admit",
    Reason.CERTIFICATE_EXPIRED: "the certificate was out of its validity when the message came",
    Reason.CERTIFICATE_REVOKED: "its key is compromised",
}


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer, as far as a record gives one."""

    against: tuple[str, ...]
    """What would have had the message rejected all the same, one phrase each."""
    not_in_record: tuple[str, ...]
    """What the verification would have looked at besides, and nobody has; the same."""

    @property
    def would_pass(self) -> bool:
        """Whether nothing that is in the record speaks against it."""
        return not self.against


def what_if_trusted(
    record: MessageRecord, certificate: TrustedCertificate, trust: TrustSnapshot, policy: Policy
) -> WhatIf:
    """Whether the message of `record` would have passed, had `certificate`, which it carried, been trusted.

    Args:
        record: Of a message that was rejected.
        certificate: That of `record.embedded`.
        trust: The keystore: it knows which keys are compromised.
        policy: What is demanded now.
    """
    against = []
    if record.embedded is None or not record.embedded.signature_good:
        against.append("the signature is not good under this certificate")
    refusal = refusal_of(certificate, trust, policy, record.time)
    if refusal is not None:
        against.append(_WORDS[refusal])
    unknown = [one for one in record.signatures if one.reason == Reason.UNKNOWN_KEY]
    if record.reason not in {Reason.UNKNOWN_KEY, Reason.SIGNATURE_INVALID}:
        against.append(f"it was rejected for another reason: {record.reason}, {record.detail}")
    elif policy.signatures == "all":
        others = [one for one in record.signatures if one.reason not in {None, Reason.UNKNOWN_KEY}]
        against += [
            f"another signature fails: {one.reason}, {one.detail}" for one in others if one.detail != record.detail
        ]
    not_in_record = [
        f"whether what was signed is intact, and covers {' and '.join(policy.required_parts)}",
        "whether its Timestamp was fresh, and whether it answers its request",
    ]
    if len(unknown) > 1:
        not_in_record.append(f"who made the other {len(unknown) - 1} of its signatures by unknown keys")
    return WhatIf(tuple(against), tuple(not_in_record))
