"""How instants, durations, names, figures and verdicts are written, for people and for programs.

Nothing is decided here: every other package hands in what it knows, and gets text, JSON, CSV or a table.
"""

from gateway.present.csv_lines import csv_line, csv_text
from gateway.present.durations import DURATION_UNITS, duration_text, span_text
from gateway.present.instant_reading import read_instant, read_instant_or_age, read_length
from gateway.present.instants import age_text, day_text, instant_in_table, instant_json, instant_text
from gateway.present.operation_names import OTHER_OPERATIONS, OperationNames
from gateway.present.plain_text import count_text, markdown_text, no_escapes, plain, share_text
from gateway.present.text_tables import bare_table, endpoint_heading, heading, indented, unbroken
from gateway.present.verdicts import attachment_text, explanation_json, signer_lines, unreadable_json, verdict_json

__all__ = [
    # instants and lengths of time
    "DURATION_UNITS",
    "age_text",
    "day_text",
    "duration_text",
    "span_text",
    "instant_in_table",
    "instant_json",
    "instant_text",
    "read_instant",
    "read_instant_or_age",
    "read_length",
    # texts, figures and names
    "OTHER_OPERATIONS",
    "OperationNames",
    "count_text",
    "markdown_text",
    "no_escapes",
    "plain",
    "share_text",
    "unbroken",
    # tables and spreadsheets
    "bare_table",
    "csv_line",
    "csv_text",
    "endpoint_heading",
    "heading",
    "indented",
    # verdicts
    "attachment_text",
    "explanation_json",
    "signer_lines",
    "unreadable_json",
    "verdict_json",
]
