"""The renewal: what was measured of every key, how far the cutover is, and the gates before a key goes."""

from gateway.renewal.cutover import (
    Cell,
    CellState,
    CutoverReport,
    EndpointCutover,
    KeySighting,
    Role,
    cell_sentence,
    cutover_csv,
    cutover_json,
    cutover_report,
    cutover_table,
    endpoint_sentence,
)
from gateway.renewal.delays import Delays, delays_of
from gateway.renewal.evidence import Evidence, measure
from gateway.renewal.gates import MeasuredGates
from gateway.renewal.kept_records import UNCONFIGURED_RETENTION, Keep, keep

__all__ = [
    # gates
    "Delays",
    "Evidence",
    "MeasuredGates",
    "delays_of",
    "measure",
    # records
    "Keep",
    "UNCONFIGURED_RETENTION",
    "keep",
    # the cutover
    "Cell",
    "CellState",
    "CutoverReport",
    "EndpointCutover",
    "KeySighting",
    "Role",
    "cell_sentence",
    "cutover_csv",
    "cutover_json",
    "cutover_report",
    "cutover_table",
    "endpoint_sentence",
]
