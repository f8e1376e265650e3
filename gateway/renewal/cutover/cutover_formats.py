"""The cutover for programs: a JSON object with a schema, and CSV for spreadsheets."""

from gateway.present import csv_text, instant_json
from gateway.renewal.cutover.cells import Cell, KeySighting
from gateway.renewal.cutover.endpoints import CutoverReport, EndpointCutover
from gateway.renewal.cutover.sentences import cell_sentence, endpoint_sentence

CUTOVER_SCHEMA = "wssgate.cutover/1"


def cutover_json(report: CutoverReport) -> dict[str, object]:
    """The report as an object of the schema `wssgate.cutover/1`."""
    return {
        "schema": CUTOVER_SCHEMA,
        "generated": instant_json(report.generated),
        "since": instant_json(report.since),
        "keystore_revision": report.keystore_revision,
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
