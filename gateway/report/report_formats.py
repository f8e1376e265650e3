"""The reports for programs: JSON objects with a schema, and CSV for spreadsheets."""

from gateway.ledger import RejectionRow, UsageRow
from gateway.present import csv_text, instant_json
from gateway.report.rejections import RejectionReport
from gateway.report.usage import UsageReport
from gateway.verify import advice_on
from gateway.vocabulary import RecordedOutcome

USAGE_SCHEMA = "wssgate.usage/1"
REJECTIONS_SCHEMA = "wssgate.rejections/1"


def usage_json(report: UsageReport) -> dict[str, object]:
    """The report as an object of the schema `wssgate.usage/1`."""
    return {
        "schema": USAGE_SCHEMA,
        "generated": instant_json(report.generated),
        "since": instant_json(report.since),
        "until": instant_json(report.until),
        "endpoint": report.endpoint,
        "filter": report.only or None,
        "rows": [_usage(row) for row in report.rows],
        "recognised": [_usage(row) for row in report.recognised],
        "repeated": [_usage(row) for row in report.repeated],
        "rejections": None if report.rejections is None else [_rejection(row) for row in report.rejections.rows],
    }


def rejections_json(report: RejectionReport) -> dict[str, object]:
    """The report as an object of the schema `wssgate.rejections/1`."""
    return {
        "schema": REJECTIONS_SCHEMA,
        "generated": instant_json(report.generated),
        "since": instant_json(report.since),
        "until": instant_json(report.until),
        "endpoint": report.endpoint,
        "filter": report.only or None,
        "messages": report.messages,
        "released": report.released,
        "more": report.more,
        "rows": [_rejection(row) for row in report.rows],
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
            "server",
            "role",
            "outcome",
            "last_signed",
        ),
        (
            (
                row.endpoint,
                row.operation,
                row.alias,
                row.thumbprint,
                row.key_id,
                "verified" if row.outcome is RecordedOutcome.ACCEPTED else "recognised",
                row.messages,
                f"{row.share:.4f}",
                instant_json(row.first_seen),
                instant_json(row.last_seen),
                row.server,
                str(row.role),
                str(row.outcome),
                instant_json(row.last_signed),
            )
            for row in (*report.rows, *report.recognised, *report.repeated)
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
        "server": row.server or None,
        "role": str(row.role),
        "outcome": str(row.outcome),
        "last_signed": instant_json(row.last_signed),
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
