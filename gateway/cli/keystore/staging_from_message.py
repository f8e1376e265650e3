"""`wssgate keystore add --from-message FILE`: the certificate that a message brought along is staged, never trusted."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import typer

from gateway.cli.command_errors import ChangeRefused, EnvironmentFailed, WrongUse
from gateway.cli.key_files import numbered_aliases, read_key_file, suggested_alias
from gateway.cli.keystore.entry_display import entry_json, print_certificate, print_warnings
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

_GOOD = (
    "The signature of the message is good under this certificate: whoever signed it holds the private key. "
    "Whether that is your partner, the fingerprint tells, not the message."
)
_BAD = "The signature of the message is NOT good under this certificate: the message proves nothing about it."


@dataclass(frozen=True, slots=True)
class StagingRequest:
    """What the command line asked for."""

    file: Path
    alias: str | None
    """None: one is made from the certificate."""
    endpoints: tuple[str, ...]
    """Empty: for every endpoint."""
    replaces: tuple[str, ...]
    """The aliases of the entries whose successor it is."""
    who: str
    why: str
    at: datetime
    force: bool
    """Stage it although the signature is not good under it, or the certificate itself speaks against it."""
    confirmed: bool
    as_json: bool


def stage_from_message(request: StagingRequest, workplace: Workplace) -> None:
    """Show what the message carries and proves, ask, and stage it.

    Raises:
        WrongUse: the message carries no certificate, or nobody can be asked.
        EnvironmentFailed: the file cannot be read.
        ChangeRefused: the answer was no, or the signature is not good under the certificate.
        KeystoreError: the keystore refuses it.
    """
    policy = workplace.endpoint(request.endpoints[0]).policy if request.endpoints else Policy()
    try:
        carried = embedded_certificates(request.file, policy)
    except CaptureUnreadable as error:
        raise EnvironmentFailed(f"{request.file}: {error}") from error
    if not carried.certificates and not carried.verdict.signatures and _is_key_file(request.file):
        raise WrongUse(
            f"{request.file}: it is a key file and no message: add it without --from-message, as wssgate keystore add "
            "ALIAS FILE."
        )
    if not carried.certificates:
        raise WrongUse(f"{request.file}: {_why_none(carried.verdict, with_endpoint=bool(request.endpoints))}.")
    entries = [TrustedCertificate.from_der("carried", found.der) for found in carried.certificates]
    first = suggested_alias(entries[0]) if request.alias is None else Alias(request.alias)
    aliases = numbered_aliases(first, len(entries))
    if not request.as_json:
        _show(carried, entries, aliases)
    if not request.force and not all(found.signature_good for found in carried.certificates):
        raise ChangeRefused(
            f"{request.file}: the signature is not good under the certificate that the message carries, so it may be "
            "anybody's; nothing was changed. Ask the partner for the certificate, or use --force."
        )
    if not request.confirmed:
        _ask(request, aliases)
    added = workplace.keystore.add_many(
        [NewCertificate(alias, entry.certificate) for alias, entry in zip(aliases, entries, strict=True)],
        who=request.who,
        why=request.why or "carried by a message",
        at=request.at,
        endpoints=request.endpoints or None,
        stage=True,
        force=request.force,
        replaces=request.replaces,
    )
    if request.as_json:
        print_json(_json(request, carried, added))
    else:
        _print(added, workplace)


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
        say(f"  {_GOOD if found.signature_good else _BAD}", style="green" if found.signature_good else "bold red")
    at = f"at {instant_text(carried.instant.at)} ({carried.instant.source})"
    verdict = carried.verdict
    if verdict.accepted:
        say(f"  If it were trusted, this message would be accepted {at}.")
    else:
        why = f"{verdict.reason}, {plain(verdict.detail)}"
        say(f"  Even if it were trusted, this message would be rejected {at}: {why}.")


def _ask(request: StagingRequest, aliases: Sequence[Alias]) -> None:
    if request.as_json or not sys.stdin.isatty():
        raise WrongUse(
            "Nothing was changed, for nobody can be asked here: say --yes to stage what the message carries."
        )
    if not typer.confirm(f"Stage {', '.join(aliases)} (known, not trusted)?", err=True):
        raise ChangeRefused("Nothing was changed.")


def _json(request: StagingRequest, carried: EmbeddedCertificates, added: Sequence[Added]) -> dict[str, object]:
    return {
        "schema": "wssgate.keystore-change/1",
        "revision": added[0].revision,
        "entries": [
            entry_json(one.entry, request.at) | {"signature_good": found.signature_good}
            for one, found in zip(added, carried.certificates, strict=True)
        ],
        "warnings": [warning for one in added for warning in one.warnings],
        "message": verdict_json(carried.verdict, str(request.file)) | {"at": instant_json(carried.instant.at)},
    }


def _print(added: Sequence[Added], workplace: Workplace) -> None:
    for one in added:
        say(
            f"Added {one.entry.alias} (staged: known, not trusted yet), keystore revision {one.revision}.",
            style="green",
        )
        print_warnings(one.warnings)
    say("Next: compare the SHA-256 fingerprint with the certificate's owner, over the phone, then")
    for one in added:
        say(f"  wssgate keystore trust {one.entry.alias} --config {plain(workplace.shown_source)}")
