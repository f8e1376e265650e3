"""The renewal: what was measured of every key, how far the cutover is, and the gates before a key goes."""

from gateway.renewal.cutover import (
    Cell,
    CellState,
    CellUsage,
    CutoverReport,
    EndpointCutover,
    Goal,
    KeySighting,
    RenewalRole,
    SwitchCriteria,
    SwitchEvidence,
    cell_sentence,
    cutover_csv,
    cutover_json,
    cutover_report,
    cutover_table,
    endpoint_sentence,
    goal_of,
    judge_cell,
    known_operations,
    switch_criteria,
)
from gateway.renewal.delays import Delays, delays_of
from gateway.renewal.evidence import (
    Closing,
    Disturbance,
    Evidence,
    KeyUse,
    RecordedEndpoint,
    RecordedPolicy,
    Span,
    measure,
)
from gateway.renewal.gates import MeasuredGates, gates_now
from gateway.renewal.kept_records import UNCONFIGURED_RETENTION, Keep, keep

__all__ = [
    # gates
    "Closing",
    "Delays",
    "Disturbance",
    "Evidence",
    "KeyUse",
    "MeasuredGates",
    "RecordedEndpoint",
    "RecordedPolicy",
    "Span",
    "delays_of",
    "gates_now",
    "measure",
    # records
    "Keep",
    "UNCONFIGURED_RETENTION",
    "keep",
    # the cutover
    "Cell",
    "CellState",
    "CellUsage",
    "CutoverReport",
    "EndpointCutover",
    "Goal",
    "KeySighting",
    "RenewalRole",
    "SwitchCriteria",
    "SwitchEvidence",
    "cell_sentence",
    "cutover_csv",
    "cutover_json",
    "cutover_report",
    "cutover_table",
    "endpoint_sentence",
    "goal_of",
    "judge_cell",
    "known_operations",
    "switch_criteria",
]
