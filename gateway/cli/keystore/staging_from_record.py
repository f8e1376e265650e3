"""`wssgate keystore add --from-record ID`: the certificate that a rejected message carried is staged, never trusted."""

from dataclasses import replace

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.key_files import suggested_alias
from gateway.cli.keystore.endpoint_choice import endpoint_choice
from gateway.cli.keystore.entry_display import entry_json, print_certificate
from gateway.cli.keystore.staging_steps import (
    StagingRequest,
    ask_to_stage,
    print_proof,
    print_staged,
    stage_certificates,
)
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import Workplace
from gateway.ledger import MessageRecord, find_kept_certificate, find_record
from gateway.present import instant_text
from gateway.report import WhatIf, what_if_trusted
from gateway.verify import Policy
from keystore import Alias, TrustedCertificate
from keystore.store import Added, NewCertificate


def stage_from_record(record_id: str, request: StagingRequest, workplace: Workplace) -> None:
    """Show the certificate that a recorded message carried and what the record proves, ask, and stage it.

    It is meant for the endpoint that the message came from, unless others are named.

    Raises:
        WrongUse: the message carried no certificate, or that is not kept; or nobody can be asked.
        RecordNotFound: there is no such record.
        ChangeRefused: the answer was no, or the signature is not good under the certificate.
        KeystoreError: the keystore refuses it.
    """
    record = find_record(workplace.engine, record_id).record
    entry = _certificate(record, workplace)
    meant = _endpoints(record, request, workplace)
    policy = _policy(record, request, workplace)
    what_if = what_if_trusted(record, entry, workplace.keystore.snapshot(), policy)
    if meant is not None and record.endpoint not in meant:
        elsewhere = (
            f"it came at {record.endpoint}, and the certificate is to be trusted for {', '.join(sorted(meant))} alone"
        )
        what_if = replace(what_if, against=(*what_if.against, elsewhere))
    alias = suggested_alias(entry) if request.alias is None else Alias(request.alias)
    is_good = record.embedded is not None and record.embedded.signature_good
    if not request.as_json:
        say(alias, style="bold")
        print_certificate(entry)
        print_proof(is_good=is_good)
        if not what_if.would_pass:
            _print_what_if(record, what_if)
    if not request.force and not is_good:
        raise ChangeRefused(
            f"record {record.id}: the signature is not good under the certificate that the message carried, so it may "
            "be anybody's; nothing was changed. Ask the partner for the certificate, or use --force."
        )
    certificates = [NewCertificate(alias, entry.certificate)]
    why = f"carried by the message of record {record.id}"
    stage_certificates(request, workplace, certificates, meant, why, rehearse=True)
    if what_if.would_pass and not request.as_json:  # promised only once it is clear that the keystore takes it
        _print_what_if(record, what_if)
    if not request.confirmed:
        ask_to_stage([alias], as_json=request.as_json)
    added = stage_certificates(request, workplace, certificates, meant, why)
    if request.as_json:
        print_json(_json(request, record, what_if, added[0]))
    else:
        print_staged(added, workplace, unproven=() if is_good else (alias,), remark=_remark(what_if))


def _certificate(record: MessageRecord, workplace: Workplace) -> TrustedCertificate:
    if record.embedded is None:
        raise WrongUse(
            f"record {record.id}: the message carried no certificate of an unknown signer; what became of it: wssgate "
            f"ledger show {record.id}."
        )
    kept = find_kept_certificate(workplace.engine, record.endpoint, record.embedded.thumbprint)
    if kept is None:
        raise WrongUse(
            f"record {record.id}: the certificate that the message carried (SHA-256 {record.embedded.thumbprint}) is "
            "not kept: it was longer than 64 KB, came before certificates were kept, or gave way to newer ones. See "
            "wssgate report unknown-keys, or ask the partner for it."
        )
    return TrustedCertificate.from_der("carried", kept.der)


def _endpoints(record: MessageRecord, request: StagingRequest, workplace: Workplace) -> frozenset[str] | None:
    """Those that are named, every one where that is said, and else that of the record."""
    if request.endpoints or request.every_endpoint:
        return endpoint_choice(workplace, request.endpoints, every=request.every_endpoint, can_ask=False).named
    if record.endpoint not in workplace.settings.endpoints:
        raise WrongUse(
            f"record {record.id}: its endpoint {plain(record.endpoint)} is not in the configuration any more; say with "
            "--endpoint for which one the certificate is meant."
        )
    return frozenset({record.endpoint})


def _policy(record: MessageRecord, request: StagingRequest, workplace: Workplace) -> Policy:
    """Of its own endpoint, where the certificate is meant for that; else of the first one that it is meant for."""
    configured = workplace.settings.endpoints
    meant = request.endpoints or tuple(configured)
    return configured[record.endpoint if record.endpoint in meant else meant[0]].policy


def _remark(what_if: WhatIf) -> str:
    if what_if.would_pass:
        return ""
    return f"Trusting it alone does not let such a message pass: {'; '.join(what_if.against)}."


def _print_what_if(record: MessageRecord, what_if: WhatIf) -> None:
    came = f"of {instant_text(record.time)} at {plain(record.endpoint)}"
    if what_if.would_pass:
        say(f"  If it were trusted, the message {came} would have passed, as far as its record tells.", style="green")
    else:
        against = "; ".join(map(plain, what_if.against))
        say(f"  Even if it were trusted, the message {came} would have been rejected: {against}.", style="yellow")
    say(f"  The record does not tell: {'; '.join(what_if.not_in_record)}.")


def _json(request: StagingRequest, record: MessageRecord, what_if: WhatIf, added: Added) -> dict[str, object]:
    is_good = record.embedded is not None and record.embedded.signature_good
    return {
        "schema": "wssgate.keystore-change/1",
        "revision": added.revision,
        "entries": [entry_json(added.entry, request.at) | {"signature_good": is_good}],
        "warnings": list(added.warnings),
        "record": {
            "id": record.id,
            "endpoint": record.endpoint,
            "would_pass": what_if.would_pass,
            "against": list(what_if.against),
            "not_in_record": list(what_if.not_in_record),
        },
    }
