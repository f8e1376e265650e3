"""A message whose template is known: accepted here, or left to the whole procedure.

Nothing is rejected here: a rule that is broken, and anything that is not as it was, means that the procedure decides.

Of one message there is decided anew, in the order of the procedure and by its own functions:

 1. its size, what its Content-Type says of how it is read, and that nothing but the octets of the prefix is needed for
    the rest of the step: they were found good, and are the same;
 3. the limits, of what is not in the prefix (known_body.py);
 6. that ids are unique, and that each Reference names the element that it named (threat rules 8, 9);
 8. the signature value against the keys that are trusted now, and 11. the status of their certificates (17 to 22);
 9. every digest, and what the Body holds (7, 13, 16);
12. the Timestamp (23), and 13. the binding to the request (25).

The steps that are missing read nothing but the octets around the values and the policy. The octets are the same, and
the policy is: a memory belongs to one `Verifier`, and so does a policy.
"""

from gateway.verify.algorithms import Canonicalization
from gateway.verify.budget import WorkBudget
from gateway.verify.conditions import Conditions
from gateway.verify.content_type import unusual_type
from gateway.verify.document import Document
from gateway.verify.document_encoding import leaves_utf8_as_it_is, refuse_oversized
from gateway.verify.element_content import is_base64_of
from gateway.verify.envelope import is_fault
from gateway.verify.fastpath.header_prefix import Differs
from gateway.verify.fastpath.known_body import KnownBody, is_parsed_in_part, known_body
from gateway.verify.fastpath.known_values import Values
from gateway.verify.fastpath.memory import Recognised
from gateway.verify.fastpath.template import KnownReference
from gateway.verify.findings import with_type_warning
from gateway.verify.parsing import parse_admitted
from gateway.verify.printable_text import printable, shown_operation
from gateway.verify.reason import Rejection
from gateway.verify.timestamp import check_freshness
from gateway.verify.verdict import (
    UNBOUND,
    Outcome,
    SignatureReceipt,
    SignatureReport,
    SignedPart,
    Verdict,
    replay_key,
)


def accept_known(
    message: bytes, found: Recognised, conditions: Conditions
) -> tuple[Verdict, None] | tuple[None, Document | None]:
    """Accept `message`, whose header prefix was `found`.

    Returns:
        The verdict; None where the procedure has to decide, with the whole message where it was parsed and steps 1 to 3
        have passed it.
    """
    document: Document | None = None
    policy, content_type = conditions.policy, conditions.content_type
    try:
        # 1
        about_type = unusual_type(content_type)
        refuse_oversized(message, policy)
        if not leaves_utf8_as_it_is(content_type):
            return None, None
        # 2, 3
        if not is_parsed_in_part(message, policy):
            document = parse_admitted(message, policy, known=found.end)
        return _accepted(message, found, document, conditions, about_type), None
    except (Differs, Rejection):
        return None, document


def _accepted(
    message: bytes, found: Recognised, document: Document | None, conditions: Conditions, about_type: str | None
) -> Verdict:
    """The verdict that accepts.

    Raises:
        Differs: The procedure has to decide.
        Rejection: The same.
    """
    policy, at, expects = conditions.policy, conditions.at, conditions.expects
    template, values, _ = found
    signature, addressing = template.signature, template.addressing
    # 6
    ids = template.ids.checked(values)
    # 8, 11
    octets = signature.signed_info.filled(values)
    trial, value = signature.trial(values, octets, conditions)
    # 9; 10 needs no second look: what was covered is covered.
    body = known_body(document, message, found, ids, policy)
    budget = WorkBudget(len(message), int if document is None else document.count_elements)
    budget.spend_namespaces(template.namespace_work)
    parts = tuple([_digested(reference, body, values, budget) for reference in template.references])
    body.learn()
    # 12
    timestamp, fresh_until = None, None
    keys: tuple[str, ...] = ()
    if template.timestamp is not None:
        timestamp = template.timestamp.read(values)
        fresh_until = check_freshness(timestamp, policy, at)
        if fresh_until is not None:
            keys = (replay_key(octets, trial.verified_by),)
    # 13
    bound = expects is None or addressing.is_bound(expects, values)
    # 14
    signed_by = signature.signed_by(trial, conditions)
    signed_at = None if timestamp is None else timestamp.created
    return Verdict(
        outcome=Outcome.ACCEPTED,
        reason=None,
        detail=signed_by.detail,
        verified_by=signed_by.verified_by,
        signers=signature.signers(trial, value, signed_by, signed_at, conditions),
        signatures=(
            SignatureReport(
                id=signature.shown_id(values),
                signature_algorithm=signature.algorithm.uri,
                canonicalization=signature.canonicalization,
                hint=signed_by.hint,
                parts=parts,
                checks=trial.checks,
                verified_by=trial.verified_by,
                reason=None,
                detail="",
                receipt=SignatureReceipt(octets, value),
            ),
        ),
        timestamp=timestamp,
        soap_version=template.envelope.version,
        encoding="utf-8",
        operation=shown_operation(body.operation),
        is_fault=is_fault(body.operation, template.envelope.fault, body.children),
        message_id=addressing.shown_message_id(values),
        relates_to=addressing.shown_relates_to(values),
        warnings=with_type_warning(about_type, () if bound else (UNBOUND,)),
        replay_keys=keys,
        fresh_until=fresh_until,
    )


def _digested(reference: KnownReference, body: KnownBody, values: Values, budget: WorkBudget) -> SignedPart:
    """The part that a Reference names, whose digest agrees."""
    grammar = reference.grammar
    method, algorithm = grammar.canonicalization, grammar.digest_algorithm
    form = reference.pattern.filled(values)
    if reference.body is not None:
        form = body.form(reference.body, method, form, budget)
    budget.spend_form(form, copied=method.method is not Canonicalization.EXCLUSIVE)
    digest = algorithm.digest(form)
    if not is_base64_of(values[reference.digest], digest):
        raise Differs
    uri = printable("#" + values[reference.fragment].decode())
    return SignedPart(reference.name, reference.shown_path, uri, algorithm.uri, digest.hex(), intact=True)
