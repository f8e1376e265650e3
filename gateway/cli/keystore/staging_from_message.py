"""`wssgate keystore add --from-message FILE`: the certificate that a message brought along is staged, never trusted."""

from collections.abc import Sequence
from pathlib import Path

from gateway.cli.command_errors import ChangeRefused, EnvironmentFailed, WrongUse
from gateway.cli.key_files import numbered_aliases, read_key_file, suggested_alias
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
from gateway.present import instant_json, instant_text, verdict_json
from gateway.replay import CaptureUnreadable, EmbeddedCertificates, embedded_certificates
from gateway.verify import Policy, Verdict
from keystore import Alias, HintKind, KeystoreError, TrustedCertificate, WrongPassword
from keystore.store import Added, NewCertificate

_CERTIFICATE_KINDS = {
    HintKind.BINARY_SECURITY_TOKEN,
    HintKind.PKI_PATH,
    HintKind.EMBEDDED_CERTIFICATE,
    HintKind.X509_DATA,
}

_WHY = "carried by a message"


def stage_from_message(file: Path, request: StagingRequest, workplace: Workplace) -> None:
    """Show what the message carries and proves, ask, and stage it.

    Raises:
        WrongUse: the message carries no certificate, or nobody can be asked; for which endpoints is not said.
        EnvironmentFailed: the file cannot be read.
        ChangeRefused: the answer was no, or the signature is not good under the certificate.
        KeystoreError: the keystore refuses it.
    """
    choice = endpoint_choice(workplace, request.endpoints, every=request.every_endpoint, can_ask=not request.as_json)
    policy = workplace.endpoint(request.endpoints[0]).policy if request.endpoints else Policy()
    try:
        carried = embedded_certificates(file, policy)
    except CaptureUnreadable as error:
        raise EnvironmentFailed(f"{file}: {error}") from error
    if not carried.certificates and not carried.verdict.signatures and _is_key_file(file):
        raise WrongUse(
            f"{file}: it is a key file and no message: add it without --from-message, as wssgate keystore add "
            "ALIAS FILE."
        )
    if not carried.certificates:
        raise WrongUse(f"{file}: {_why_none(carried.verdict, with_endpoint=bool(request.endpoints))}.")
    entries = [TrustedCertificate.from_der("carried", found.der) for found in carried.certificates]
    first = suggested_alias(entries[0]) if request.alias is None else Alias(request.alias)
    aliases = numbered_aliases(first, len(entries))
    if not request.as_json:
        _show(carried, entries, aliases)
    if not request.force and not all(found.signature_good for found in carried.certificates):
        raise ChangeRefused(
            f"{file}: the signature is not good under the certificate that the message carries, so it may be "
            "anybody's; nothing was changed. Ask the partner for the certificate, or use --force."
        )
    certificates = [NewCertificate(alias, entry.certificate) for alias, entry in zip(aliases, entries, strict=True)]
    stage_certificates(request, workplace, certificates, choice.named, _WHY, rehearse=True)
    if not request.as_json:
        _foretell(carried)
    meant = choice.settle()
    if not request.confirmed:
        ask_to_stage(aliases, as_json=request.as_json)
    added = stage_certificates(request, workplace, certificates, meant, _WHY)
    if request.as_json:
        print_json(_json(file, request, carried, added))
    else:
        proofs = zip(aliases, carried.certificates, strict=True)
        unproven = [alias for alias, found in proofs if not found.signature_good]
        print_staged(added, workplace, unproven=unproven, remark=_remark(carried.verdict))


def _is_key_file(file: Path) -> bool:
    """Whether what was given for a message is a certificate, or a file that holds some."""
    try:
        return bool(read_key_file(file, allow_private_key=True).certificates)
    except WrongPassword:
        return True
    except KeystoreError:
        return False


def _why_none(verdict: Verdict, *, with_endpoint: bool) -> str:
    if not verdict.signatures:
        return f"the message carries no certificate of a signer: {verdict.detail}"
    report = verdict.signatures[0]
    if not report.signature_algorithm:
        advice = "" if with_endpoint else "; if the endpoint's policy admits that, name it with --endpoint"
        return f"the signature of the message cannot be examined: {report.detail}{advice}"
    if report.hint.kind in _CERTIFICATE_KINDS:
        return "the certificate that the message carries cannot be read: ask its owner for a fresh copy"
    if not report.hint.named:
        return "the message carries no certificate, and names no key: ask the partner for the certificate"
    if report.hint.kind is HintKind.UNRESOLVED:
        return f"the message carries no certificate that can be used ({report.hint.named}): ask the partner for it"
    return f"the message carries no certificate, it only names one ({report.hint.named}): ask the partner for it"


def _show(carried: EmbeddedCertificates, entries: Sequence[TrustedCertificate], aliases: Sequence[Alias]) -> None:
    for alias, entry, found in zip(aliases, entries, carried.certificates, strict=True):
        say(alias, style="bold")
        print_certificate(entry)
        print_proof(is_good=found.signature_good)


def _foretell(carried: EmbeddedCertificates) -> None:
    """What the message would be worth if its certificates were trusted: told once it is clear that they may be."""
    at = f"at {instant_text(carried.instant.at)} ({carried.instant.source})"
    verdict = carried.verdict
    if verdict.accepted:
        say(f"  If it were trusted, this message would be accepted {at}.")
    else:
        why = f"{verdict.reason}, {plain(verdict.detail)}"
        say(f"  Even if it were trusted, this message would be rejected {at}: {why}.")


def _remark(verdict: Verdict) -> str:
    """What else the message needs, where trust alone does not let it pass."""
    if verdict.accepted or not verdict.advice:
        return ""
    return f"Trusting it alone does not let this message pass. {verdict.advice}"


def _json(
    file: Path, request: StagingRequest, carried: EmbeddedCertificates, added: Sequence[Added]
) -> dict[str, object]:
    return {
        "schema": "wssgate.keystore-change/1",
        "revision": added[0].revision,
        "entries": [
            entry_json(one.entry, request.at) | {"signature_good": found.signature_good}
            for one, found in zip(added, carried.certificates, strict=True)
        ],
        "warnings": [warning for one in added for warning in one.warnings],
        "message": verdict_json(carried.verdict, str(file)) | {"at": instant_json(carried.instant.at)},
    }
