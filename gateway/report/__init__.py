"""Usage and rejections: one model each, many renderings; and the records as they are exported."""

from gateway.report.record_export import (
    CSV_COLUMNS,
    anchor_json,
    history_anchor_json,
    record_csv,
    record_json,
    statements_anchor_json,
)
from gateway.report.rejections import MOST_ROWS, RejectionReport, rejection_report
from gateway.report.report_formats import rejections_csv, rejections_json, usage_csv, usage_json
from gateway.report.report_tables import rejections_table, usage_table
from gateway.report.usage import UsageReport, usage_report

__all__ = [
    # models
    "MOST_ROWS",
    "RejectionReport",
    "UsageReport",
    "rejection_report",
    "usage_report",
    # renderings
    "rejections_csv",
    "rejections_json",
    "rejections_table",
    "usage_csv",
    "usage_json",
    "usage_table",
    # records
    "CSV_COLUMNS",
    "anchor_json",
    "history_anchor_json",
    "record_csv",
    "record_json",
    "statements_anchor_json",
]
