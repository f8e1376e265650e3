"""`wssgate ledger verify-bundle`: evidence that somebody handed over, checked with nothing else at hand."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.options import JsonOption
from gateway.cli.terminal import print_json, say
from gateway.ledger import (
    BundleRefused,
    BundleReport,
    ProofState,
    RecordProof,
    SignedEnd,
    find_pinned_keys,
    opened_bundle,
    verify_bundle,
)
from gateway.present import count_text, instant_json, instant_text

EPILOG = epilog("something in the bundle does not hold, or is not signed with a pinned key")

_MAX_PINNED_BYTES = 64 * 1024 * 1024


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle.")],
    pinned: Annotated[
        Path | None,
        typer.Option(
            "--pinned",
            metavar="FILE",
            help="Public keys of gateways that came to you another way: in base64, one a line, or as words "
            "wssgate.key/1,INSTANCE,BASE64 in any text, such as a log.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a bundle that ledger prove wrote, without configuration or database.

    Every hash, every signature under its certificate, every signed end of a chain. A bundle names the public key that
    its chain is signed with, and whoever made it up could have made a key as well: what that key is worth, only
    --pinned can tell.
    """
    keys = None if pinned is None else read_pinned(pinned)
    try:
        with opened_bundle(file) as stream:
            report = verify_bundle(stream, keys)
    except BundleRefused as error:
        raise BundleRefused(f"{file} is no bundle that can be verified: {error}.") from error
    if as_json:
        print_json(_json(report, file, is_pinned=keys is not None))
    else:
        _print(report, is_pinned=keys is not None)
    if not report.holds:
        raise typer.Exit(ExitCode.FINDINGS)


def read_pinned(file: Path) -> dict[str, str]:
    """The public keys in a file, with their instances.

    Raises:
        WrongUse: It cannot be read, or holds none.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(_MAX_PINNED_BYTES + 1)
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}.") from error
    if len(text) > _MAX_PINNED_BYTES:
        raise WrongUse(f"{file} is larger than {_MAX_PINNED_BYTES} bytes: copy the lines with the keys out of it.")
    keys = find_pinned_keys(text.decode("utf-8", "replace"))
    if not keys:
        raise WrongUse(
            f"There is no public key in {file}: write keys in base64, one a line, or as wssgate.key/1,INSTANCE,BASE64."
        )
    return keys


def _json(report: BundleReport, file: Path, *, is_pinned: bool) -> dict[str, object]:
    return {
        "schema": "wssgate.bundle-report/1",
        "file": str(file),
        "holds": report.holds,
        "findings": list(report.findings),
        "pinned": is_pinned,
        "records": [_proof_json(proof) for proof in report.proofs],
        "keystore_anchor": None if report.history_end is None else str(report.history_end),
    }


def _proof_json(proof: RecordProof) -> dict[str, object]:
    record, end = proof.record, proof.end
    return {
        "id": record.id,
        "time": instant_json(record.time),
        "instance": record.instance,
        "endpoint": record.endpoint,
        "operation": record.operation,
        "outcome": str(record.outcome),
        "reason": record.reason,
        "body_sha256": record.body_sha256,
        "writer": proof.writer,
        "sequence": proof.sequence,
        "hash": proof.hash,
        "signers": [
            {
                "alias": str(one.signer.entry.alias),
                "thumbprint": str(one.signer.entry.thumbprint),
                "state": str(one.signer.state),
                "signature": one.signer.signature,
                "covers": list(one.signer.covers),
                "proof": str(one.state),
                "detail": one.detail,
            }
            for one in proof.signers
        ],
        "end": None
        if end is None
        else {
            "what": end.what,
            "at": instant_json(end.at),
            "sequence": end.sequence,
            "instance": end.instance,
            "public_key": end.public_key,
            "pinned_as": end.pinned_as,
            "records": proof.records_between,
        },
    }


def _print(report: BundleReport, *, is_pinned: bool) -> None:
    for proof in report.proofs:
        record = proof.record
        reason = "" if record.reason is None else f" ({record.reason})"
        say(f"Record {record.id}", style="bold")
        say(f"  {instant_text(record.time)}, {record.endpoint}, {record.operation or '-'}: {record.outcome}{reason}")
        for one in proof.signers:
            covers = ", ".join(one.signer.covers) or "no part that is intact"
            style = {ProofState.GOOD: "green", ProofState.NO_RECEIPT: "yellow"}.get(one.state, "bold red")
            say(f"  {one.signer.entry.alias} ({one.signer.state}), {covers}: {one.detail}", style=style)
        if not proof.signers:
            say("  no signer is known to the record")
        if proof.end is not None:
            say(f"  in the chain up to {proof.end.what}, {count_text(proof.records_between, 'record')}")
    for end in {(p.end.writer, p.end.public_key): p.end for p in report.proofs if p.end is not None}.values():
        say(_said_of_key(end, is_pinned=is_pinned), style="green" if end.pinned_as is not None else "yellow")
    if report.history_end is not None:
        say("The keystore's history is signed by nobody; compare its end with an anchor from elsewhere:")
        say(f"  {report.history_end}")
    for finding in report.findings:
        say(f"NOT proven: {finding}.", style="bold red")
    if report.holds:
        say(f"Everything in it holds: {count_text(len(report.proofs), 'record')}.", style="green")


def _said_of_key(end: SignedEnd, *, is_pinned: bool) -> str:
    said = f"Signed by {end.instance} with the key {end.public_key}, "
    if end.pinned_as is not None:
        return f"{said}which is pinned{f' as that of {end.pinned_as}' if end.pinned_as else ''}."
    if is_pinned:
        return f"{said}which is NOT among those that are pinned."
    return f"{said}which only the bundle itself names: compare it with one from elsewhere (--pinned)."
