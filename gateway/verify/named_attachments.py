"""Signatures over the names of attachments: some stacks sign the `xop:Include` element and not what it stands for.

XOP has the content digested (XOP 1.0, 3.2), and that is tried first. A signature over the element itself says which
attachment belongs there, and nothing about what is in it.
"""

from dataclasses import replace
from typing import Final

from gateway.verify.conditions import Conditions
from gateway.verify.findings import Examination
from gateway.verify.policy import ALL_ATTACHMENTS, Policy
from gateway.verify.procedure import examine
from gateway.verify.reason import Reason

_DIAGNOSED: Final = 256 * 1024
"""Octets of a root. Attachments are outside of it, so that honest ones are short; a hostile one costs twice."""
_ADVICE: Final = (
    "Ask the receiver administrator to let the stack sign the content of attachments (WSS4J and CXF: expandXopInclude "
    'true), or to switch MTOM off. attachments = "references" admits such signatures; whoever stands in between can '
    "then replace what is in the attachments."
)


def examine_with_attachments(message: bytes, conditions: Conditions) -> Examination:
    """Take the root `message` through the procedure with its attachments, as `examine` does.

    Where its digests do not agree, it is looked whether the signature is over the names of the attachments: the verdict
    says so, and accepts where the policy admits it. Of a long root that is not asked for the sake of a sentence.
    """
    found = examine(message, conditions)
    attachments, policy = conditions.attachments, conditions.policy
    if found.verdict.reason is not Reason.DIGEST_MISMATCH or not attachments.stand_ins:
        return found
    admitted = policy.attachments == "references"
    if not admitted and len(attachments.by_name) > _DIAGNOSED:
        return found
    asked = conditions if admitted else conditions._replace(policy=_content_with_names(policy))
    by_name = examine(attachments.by_name, asked._replace(attachments=replace(attachments, stand_ins={})))
    if by_name.acceptance is None or admitted:
        return by_name if admitted else found
    verdict = replace(
        found.verdict,
        detail="the signature covers the names of the attachments (xop:Include) and not what is in them; "
        "they could be replaced by anybody",
        special_advice=_ADVICE,
    )
    return Examination(verdict, found.findings, None)


def _content_with_names(policy: Policy) -> Policy:
    """What `policy` would demand if names were enough."""
    required = tuple(part for part in policy.required_parts if part != ALL_ATTACHMENTS)
    return policy.model_copy(
        update={"attachments": "references", "unsigned_attachments": "pass", "required_parts": required}
    )
