"""Usage, rejections, failures and unknown keys: one model each, many renderings; and records, shown and exported."""

from gateway.report.failure_kinds import FAILURE_ADVICE, FailureKind, failure_kind, record_advice
from gateway.report.receiver_failures import (
    FailureReport,
    failure_report,
    failures_csv,
    failures_json,
    failures_table,
)
from gateway.report.record_export import (
    CSV_COLUMNS,
    anchor_json,
    history_anchor_json,
    record_csv,
    record_json,
    statements_anchor_json,
)
from gateway.report.record_lines import RecordLines
from gateway.report.recorded_what_if import WhatIf, what_if_trusted
from gateway.report.rejections import MOST_ROWS, RejectionReport, rejection_report
from gateway.report.report_formats import rejections_csv, rejections_json, usage_csv, usage_json
from gateway.report.report_tables import rejections_table, usage_table
from gateway.report.resemblance import Resemblance, UnknownKey, UnknownKeysReport, unknown_keys_report
from gateway.report.unknown_key_formats import unknown_keys_csv, unknown_keys_json, unknown_keys_table
from gateway.report.usage import UsageReport, usage_report
from gateway.report.wanted_rows import REJECTION_NAMES, USAGE_NAMES

__all__ = [
    # models
    "FAILURE_ADVICE",
    "MOST_ROWS",
    "REJECTION_NAMES",
    "USAGE_NAMES",
    "FailureKind",
    "FailureReport",
    "RejectionReport",
    "Resemblance",
    "UnknownKey",
    "UnknownKeysReport",
    "UsageReport",
    "WhatIf",
    "failure_kind",
    "failure_report",
    "record_advice",
    "rejection_report",
    "unknown_keys_report",
    "usage_report",
    "what_if_trusted",
    # renderings
    "failures_csv",
    "failures_json",
    "failures_table",
    "rejections_csv",
    "rejections_json",
    "rejections_table",
    "unknown_keys_csv",
    "unknown_keys_json",
    "unknown_keys_table",
    "usage_csv",
    "usage_json",
    "usage_table",
    # records
    "CSV_COLUMNS",
    "RecordLines",
    "anchor_json",
    "history_anchor_json",
    "record_csv",
    "record_json",
    "statements_anchor_json",
]
