"""How far the switch from the old key to the new one has got: one model, many renderings."""

from gateway.renewal.cutover.cells import BINDING_USES, USES, Cell, CellState, CellUsage, KeySighting, judge_cell
from gateway.renewal.cutover.cutover_formats import cutover_csv, cutover_json
from gateway.renewal.cutover.declared_goal import Goal, RenewalRole, goal_of
from gateway.renewal.cutover.endpoints import CutoverReport, EndpointCutover, cutover_report, judge_endpoint
from gateway.renewal.cutover.sentences import cell_sentence, endpoint_sentence
from gateway.renewal.cutover.silent_operations import known_operations, without_traffic
from gateway.renewal.cutover.switch_rule import SwitchCriteria, SwitchEvidence, switch_criteria, switch_evidence
from gateway.renewal.cutover.table import cutover_table

__all__ = [
    "BINDING_USES",
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
    "USES",
    "cell_sentence",
    "cutover_csv",
    "cutover_json",
    "cutover_report",
    "cutover_table",
    "endpoint_sentence",
    "goal_of",
    "judge_cell",
    "judge_endpoint",
    "known_operations",
    "switch_criteria",
    "switch_evidence",
    "without_traffic",
]
