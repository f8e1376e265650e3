"""`wssgate ledger show`: one record, with everything that is known of it."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import typer

from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import open_workplace
from gateway.ledger import (
    ProofState,
    ReceiptDamaged,
    SignerProof,
    StoredRecord,
    find_record,
    prove_signers,
    receipts_of,
)
from gateway.present import attachment_text, count_text, instant_text
from gateway.report import record_advice, record_json
from gateway.verify import SignatureReceipt
from keystore import serial_text

EPILOG = epilog("a receipt does not prove what the record says")

_STYLES: Final = {ProofState.GOOD: "green", ProofState.BAD: "bold red"}


def command(
    record_id: Annotated[
        str, typer.Argument(metavar="ID", help="The record's id, or its beginning: 8 characters or more.")
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show one record with everything that is known of it, and check its receipts.

    A receipt is checked with the certificate as the keystore has it, or had it when the message came. Whether the
    record itself is as it was written, ledger verify tells.
    """
    with open_workplace(config) as workplace:
        stored = find_record(workplace.engine, record_id)
        damage = None
        try:
            receipts = receipts_of(workplace.engine, stored)
        except ReceiptDamaged as error:
            receipts, damage = {}, str(error)
        revision = stored.record.keystore_revision
        proofs = prove_signers(
            stored.record, receipts, lambda thumbprint: workplace.keystore.certificate(thumbprint, revision)
        )
        source = plain(workplace.shown_source)
    if as_json:
        print_json(_json(stored, receipts, proofs, damage))
    else:
        _print(stored, receipts, proofs, damage, source)
    if damage is not None or any(proof.state is ProofState.BAD for proof in proofs):
        raise typer.Exit(ExitCode.FINDINGS)


def _json(
    stored: StoredRecord,
    receipts: Mapping[int, SignatureReceipt],
    proofs: Sequence[SignerProof],
    damage: str | None,
) -> dict[str, object]:
    shown = record_json(stored)
    for signer, proof in zip(shown["signers"] or (), proofs, strict=True):
        signer["proof"] = {"state": str(proof.state), "detail": proof.detail}
    return shown | {
        "advice": record_advice(stored.record),
        "receipts": [
            {
                "signature": number,
                "signed_info": b64encode(receipt.signed_info).decode(),
                "value": b64encode(receipt.value).decode(),
            }
            for number, receipt in sorted(receipts.items())
        ],
        "receipts_problem": damage,
    }


def _print(
    stored: StoredRecord,
    receipts: Mapping[int, SignatureReceipt],
    proofs: Sequence[SignerProof],
    damage: str | None,
    source: str,
) -> None:
    record = stored.record
    say(f"Record {record.id}", style="bold")
    _section(
        "What came",
        ("time", instant_text(record.time)),
        ("endpoint", f"{record.endpoint}, mode {record.mode}"),
        ("kind", record.kind),
        ("operation", record.operation),
        ("response element", record.response_element),
        ("server", record.server),
        ("SOAP version", record.soap_version),
        ("message id", record.message_id),
        ("relates to", record.relates_to),
        ("HTTP status", record.upstream_status),
        ("bytes", f"request {record.request_bytes:,}, response {record.response_bytes:,}"),
        ("took", f"receiver {record.upstream_ms:,.1f} ms, verification {record.verify_ms:,.2f} ms"),
        ("SHA-256 of body", record.body_sha256),
    )
    released = "and was let through" if record.released else "and was not let through"
    _section(
        "What became of it",
        ("outcome", f"{record.outcome}, {released}"),
        ("reason", record.reason),
        ("detail", record.detail),
        *(("warning", warning) for warning in record.warnings),
        ("cross-check", record.second_opinion and f"{record.second_opinion.opinion}: {record.second_opinion.detail}"),
        ("what to do", record_advice(record)),
    )
    if record.attachments:
        _section(
            "Attachments", *((one.content_id or "(no Content-ID)", attachment_text(one)) for one in record.attachments)
        )
    _print_signers(stored, proofs)
    _print_receipts(stored, receipts, damage)
    if record.embedded is not None:
        certificate = record.embedded
        _section(
            "The certificate that the message carried",
            ("subject", certificate.subject),
            ("issuer", certificate.issuer),
            ("serial", serial_text(certificate.serial)),
            ("valid", f"{instant_text(certificate.not_before)} until {instant_text(certificate.not_after)}"),
            ("SHA-256", certificate.thumbprint),
            ("its key signed", "yes" if certificate.signature_good else "no"),
        )
        say("  To stage it:")
        say(f"  wssgate keystore add ALIAS --from-record {record.id} --config {source}")
    offset = record.clock_offset
    _section(
        "Where it stands",
        ("written by", f"{record.instance}, keystore revision {record.keystore_revision}"),
        ("clock", "not compared" if offset is None else f"the ledger's was {offset.total_seconds():+.6f} s ahead"),
        ("chain", f"writer {stored.writer}, record {stored.sequence:,}"),
        ("hash", stored.hash),
    )


def _print_signers(stored: StoredRecord, proofs: Sequence[SignerProof]) -> None:
    if stored.record.signers is None:
        _section("Who signed", ("", "not known: the record is from before signers were looked for"))
        return
    if not proofs:
        _section("Who signed", ("", "no key that the keystore knows"))
        return
    say("Who signed", style="bold")
    shown = table("  key", "state", "signature", "covers", "needed", "signed at", "receipt", numbers=("signature",))
    for proof in proofs:
        signer = proof.signer
        shown.add_row(
            cell(f"  {signer.entry.alias}"),
            cell(signer.state),
            cell(signer.signature + 1),
            cell(", ".join(signer.covers) or "-"),
            cell("repeated" if signer.repeated else "yes" if signer.needed else "no"),
            cell(instant_text(signer.signed_at)),
            cell(proof.detail, _STYLES.get(proof.state, "yellow")),
        )
    show(shown)
    for thumbprint, alias in {proof.signer.entry.thumbprint: proof.signer.entry.alias for proof in proofs}.items():
        say(f"  {alias}: SHA-256 {thumbprint}")


def _print_receipts(stored: StoredRecord, receipts: Mapping[int, SignatureReceipt], damage: str | None) -> None:
    if damage is not None:
        say(f"Receipts: they cannot be read: {damage}.", style="bold red")
    elif receipts:
        signatures = count_text(len(stored.record.signatures), "signature")
        say(f"Receipts: {len(receipts)} of {signatures}; with --json in base64.")
    elif stored.record.signers:
        say('Receipts: none were kept (receipts = "off", or a record from before there were any).', style="yellow")


def _section(title: str, *rows: tuple[str, object]) -> None:
    say(title, style="bold")
    listed = table("", "")
    listed.show_header = False
    for name, value in rows:
        if value not in {None, ""}:
            listed.add_row(cell(f"  {name}"), cell(value))
    show(listed)
