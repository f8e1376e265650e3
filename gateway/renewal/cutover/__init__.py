"""How far the switch from the old key to the new one has got: one model, many renderings."""

from gateway.renewal.cutover.cells import Cell, CellState, KeySighting, Role
from gateway.renewal.cutover.cutover_formats import cutover_csv, cutover_json
from gateway.renewal.cutover.endpoints import CutoverReport, EndpointCutover, cutover_report
from gateway.renewal.cutover.sentences import cell_sentence, endpoint_sentence
from gateway.renewal.cutover.table import cutover_table

__all__ = [
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
