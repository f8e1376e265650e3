"""The reports for programs: JSON objects with a schema, and CSV for spreadsheets."""

from gateway.ledger import RejectionRow, UsageRow
from gateway.report.cells import Cell, KeySighting
from gateway.report.cutover import CutoverReport, EndpointCutover
from gateway.report.rejections import RejectionReport
from gateway.report.sentences import cell_sentence, endpoint_sentence
from gateway.report.spreadsheet import csv_text
from gateway.report.text import instant_json
from gateway.report.usage import UsageReport
from gateway.verify import advice_on

USAGE_SCHEMA = "wssgate.usage/1"
REJECTIONS_SCHEMA = "wssgate.rejections/1"
CUTOVER_SCHEMA = "wssgate.cutover/1"


def usage_json(report: UsageReport) -> dict[str, object]:
    """The report as an object of the schema `wssgate.usage/1`."""
    return {
        "schema": USAGE_SCHEMA,
        "generated": instant_json(report.generated),
        "since": instant_json(report.since),
        "endpoint": report.endpoint,
        "rows": [_usage(row) for row in report.rows],
        "recognised": [_usage(row) for row in report.recognised],
        "rejections": [_rejection(row) for row in report.rejections.rows],
    }


def rejections_json(report: RejectionReport) -> dict[str, object]:
    """The report as an object of the schema `wssgate.rejections/1`."""
    return {
        "schema": REJECTIONS_SCHEMA,
        "generated": instant_json(report.generated),
        "since": instant_json(report.since),
        "endpoint": report.endpoint,
        "messages": report.messages,
        "released": report.released,
        "more": report.more,
        "rows": [_rejection(row) for row in report.rows],
    }


def cutover_json(report: CutoverReport) -> dict[str, object]:
    """The report as an object of the schema `wssgate.cutover/1`."""
    return {
        "schema": CUTOVER_SCHEMA,
        "generated": instant_json(report.generated),
        "since": instant_json(report.since),
        "keystore_revision": report.keystore_revision,
        "endpoints": [_endpoint(cutover, report) for cutover in report.endpoints],
    }


def usage_csv(report: UsageReport) -> str:
    """The key usage, one line a certificate and cell, with a header."""
    return csv_text(
        (
            "endpoint",
            "operation",
            "alias",
            "thumbprint",
            "key_id",
            "how",
            "messages",
            "share",
            "first_seen",
            "last_seen",
        ),
        (
            (
                row.endpoint,
                row.operation,
                row.alias,
                row.thumbprint,
                row.key_id,
                str(row.how),
                row.messages,
                f"{row.share:.4f}",
                instant_json(row.first_seen),
                instant_json(row.last_seen),
            )
            for row in (*report.rows, *report.recognised)
        ),
    )


def rejections_csv(report: RejectionReport) -> str:
    """The rejections, one line a reason and cell, with a header."""
    return csv_text(
        ("endpoint", "operation", "reason", "messages", "released", "first_seen", "last_seen"),
        (
            (
                row.endpoint,
                row.operation,
                row.reason,
                row.messages,
                row.released,
                instant_json(row.first_seen),
                instant_json(row.last_seen),
            )
            for row in report.rows
        ),
    )


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
            )
            for cutover in report.endpoints
            for cell in cutover.cells
        ),
    )


def _usage(row: UsageRow) -> dict[str, object]:
    return {
        "endpoint": row.endpoint,
        "operation": row.operation,
        "alias": row.alias,
        "key_id": row.key_id,
        "thumbprint": row.thumbprint,
        "messages": row.messages,
        "share": round(row.share, 6),
        "first_seen": instant_json(row.first_seen),
        "last_seen": instant_json(row.last_seen),
    }


def _rejection(row: RejectionRow) -> dict[str, object]:
    return {
        "endpoint": row.endpoint,
        "operation": row.operation,
        "reason": row.reason,
        "messages": row.messages,
        "released": row.released,
        "first_seen": instant_json(row.first_seen),
        "last_seen": instant_json(row.last_seen),
        "advice": advice_on(row.reason),
    }


def _endpoint(cutover: EndpointCutover, report: CutoverReport) -> dict[str, object]:
    newest = cutover.newest
    return {
        "endpoint": cutover.endpoint,
        "summary": endpoint_sentence(cutover, report.generated),
        "switched": cutover.switched,
        "switched_since": instant_json(cutover.switched_since),
        "newest": None
        if newest is None
        else {
            "alias": newest.alias,
            "key_id": newest.key_id,
            "thumbprint": newest.thumbprint,
            "state": None if cutover.newest_state is None else str(cutover.newest_state),
            "not_before": instant_json(newest.not_before),
        },
        "laggards": [cell.operation for cell in cutover.laggards],
        "cells": [_cell(cell, report) for cell in cutover.cells],
    }


def _cell(cell: Cell, report: CutoverReport) -> dict[str, object]:
    return {
        "operation": cell.operation,
        "state": str(cell.state),
        "summary": cell_sentence(cell, report.generated),
        "first_new": instant_json(cell.first_new),
        "last_new": instant_json(cell.last_new),
        "last_old": instant_json(cell.last_old),
        "new_since": instant_json(cell.new_since),
        "messages_since": cell.messages_since,
        "messages_needed": cell.messages_needed,
        "exact": cell.exact,
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
        "first_seen": instant_json(key.first_seen),
        "last_seen": instant_json(key.last_seen),
    }
