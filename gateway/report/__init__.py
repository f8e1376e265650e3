"""Usage, cutover, rejections: one model each, many renderings."""

from gateway.report.cells import Cell, CellState, KeySighting, Role
from gateway.report.cutover import CutoverReport, EndpointCutover, cutover_report
from gateway.report.export import (
    cutover_csv,
    cutover_json,
    rejections_csv,
    rejections_json,
    usage_csv,
    usage_json,
)
from gateway.report.rejections import RejectionReport, rejection_report
from gateway.report.rendering import cutover_table, rejections_table, usage_table
from gateway.report.sentences import cell_sentence, endpoint_sentence
from gateway.report.usage import UsageReport, usage_report

__all__ = [
    # models
    "Cell",
    "CellState",
    "CutoverReport",
    "EndpointCutover",
    "KeySighting",
    "RejectionReport",
    "Role",
    "UsageReport",
    "cutover_report",
    "rejection_report",
    "usage_report",
    # renderings
    "cell_sentence",
    "cutover_csv",
    "cutover_json",
    "cutover_table",
    "endpoint_sentence",
    "rejections_csv",
    "rejections_json",
    "rejections_table",
    "usage_csv",
    "usage_json",
    "usage_table",
]
