"""The cutover for programs: a JSON object with a schema, and CSV for spreadsheets."""

from gateway.present import csv_text, instant_json
from gateway.renewal.cutover.cells import Cell, KeySighting
from gateway.renewal.cutover.endpoints import CutoverReport, EndpointCutover
from gateway.renewal.cutover.sentences import cell_sentence, endpoint_sentence
from gateway.renewal.cutover.switch_rule import NOT_WEIGHED
from keystore import TrustedCertificate

CUTOVER_SCHEMA = "wssgate.cutover/1"


def cutover_json(report: CutoverReport) -> dict[str, object]:
    """The report as an object of the schema `wssgate.cutover/1`."""
    return {
        "schema": CUTOVER_SCHEMA,
        "generated": instant_json(report.generated),
        "since": instant_json(report.since),
        "until": instant_json(report.until),
        "keystore_revision": report.keystore_revision,
        "roll_ups": {"from": instant_json(report.first_use), "until": instant_json(report.last_use)},
        "heads": list(report.heads),
        "endpoints": [_endpoint(cutover, report) for cutover in report.endpoints],
    }


def cutover_csv(report: CutoverReport) -> str:
    """The cutover, one line a cell, with a header."""
    return csv_text(
        (
            "endpoint",
            "operation",
            "newest",
            "state",
            "first_new",
            "last_new",
            "last_old",
            "new_since",
            "messages_since",
            "messages_needed",
            "rejected_new",
            "rejected_old",
            "server",
            "first_new_seen",
            "last_old_signed",
            "quiet_seconds",
            "quiet_needed_seconds",
            "longest_quiet_seconds",
            "dispensable_old",
            "repeated",
        ),
        (
            (
                cell.endpoint,
                cell.operation,
                None if cutover.newest is None else cutover.newest.alias,
                str(cell.state),
                instant_json(cell.first_new),
                instant_json(cell.last_new),
                instant_json(cell.last_old),
                instant_json(cell.new_since),
                cell.messages_since,
                cell.messages_needed,
                cell.rejected_new,
                cell.rejected_old,
                cell.server,
                instant_json(cell.first_new_seen),
                instant_json(cell.last_old_signed),
                *_quiet(cell).values(),
                cell.dispensable_old,
                cell.repeated,
            )
            for cutover in report.endpoints
            for cell in cutover.cells
        ),
    )


def _endpoint(cutover: EndpointCutover, report: CutoverReport) -> dict[str, object]:
    newest = cutover.newest
    return {
        "endpoint": cutover.endpoint,
        "summary": endpoint_sentence(cutover, report.generated),
        "switched": cutover.switched,
        "switched_since": instant_json(cutover.switched_since),
        "declared": cutover.goal.is_declared,
        "undeclared": cutover.undeclared,
        "newest": None if newest is None else _entry(newest, report),
        "successors": [_entry(entry, report) for entry in cutover.goal.successors],
        "rivals": [_entry(entry, report) for entry in cutover.goal.rivals],
        "criteria": {
            "fewest_messages": cutover.criteria.fewest_messages,
            "smallest_share": cutover.criteria.smallest_share,
            "quiet_seconds": cutover.criteria.quiet_time.total_seconds(),
        },
        "laggards": list(dict.fromkeys(cell.operation for cell in cutover.laggards)),
        "lagging_cells": [{"operation": cell.operation, "server": cell.server} for cell in cutover.laggards],
        "expected_operations": list(report.operations.get(cutover.endpoint, ())),
        "never_seen": [cell.operation for cell in cutover.never_seen],
        "cells": [_cell(cell, report) for cell in cutover.cells],
    }


def _entry(entry: TrustedCertificate, report: CutoverReport) -> dict[str, object]:
    return {
        "alias": entry.alias,
        "key_id": entry.key_id,
        "thumbprint": entry.thumbprint,
        "state": str(entry.state_at(report.generated)),
        "not_before": instant_json(entry.not_before),
    }


def _quiet(cell: Cell) -> dict[str, float | None]:
    found, weighed = cell.evidence, cell.evidence is not NOT_WEIGHED
    return {
        "quiet_seconds": found.quiet.total_seconds() if weighed else None,
        "quiet_needed_seconds": found.quiet_needed.total_seconds() if weighed else None,
        "longest_quiet_seconds": found.longest_quiet.total_seconds() if weighed else None,
    }


def _cell(cell: Cell, report: CutoverReport) -> dict[str, object]:
    return {
        "operation": cell.operation,
        "server": cell.server,
        "state": str(cell.state),
        "summary": cell_sentence(cell, report.generated),
        "first_new": instant_json(cell.first_new),
        "first_new_seen": instant_json(cell.first_new_seen),
        "last_new": instant_json(cell.last_new),
        "last_old": instant_json(cell.last_old),
        "last_old_signed": instant_json(cell.last_old_signed),
        "new_since": instant_json(cell.new_since),
        "messages_since": cell.messages_since,
        "messages_needed": cell.messages_needed,
        "exact": cell.exact,
        **_quiet(cell),
        "share_missed": None if cell.evidence is NOT_WEIGHED else round(cell.evidence.share_missed, 6),
        "last_traffic": instant_json(cell.last_traffic),
        "keys": [_sighting(key) for key in cell.keys],
    }


def _sighting(key: KeySighting) -> dict[str, object]:
    return {
        "alias": key.alias,
        "key_id": key.key_id,
        "thumbprint": key.thumbprint,
        "role": str(key.role),
        "state": None if key.state is None else str(key.state),
        "accepted": key.accepted,
        "rejected": key.rejected,
        "dispensable": key.dispensable,
        "repeated": key.repeated,
        "first_seen": instant_json(key.first_seen),
        "last_seen": instant_json(key.last_seen),
        "last_signed": instant_json(key.last_signed),
    }
