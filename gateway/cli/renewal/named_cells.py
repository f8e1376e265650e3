"""The cells of a renewal as they are named on the command line: ENDPOINT:OPERATION, or ENDPOINT:OPERATION@SERVER."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.workplace import Workplace
from gateway.renewal import Renewal, cell_text, known_operations, measure, without_traffic

_SHOWN = 10
"""How many cells a message lists."""


@dataclass(frozen=True, slots=True, order=True)
class NamedCell:
    """An operation of an endpoint, at one server or at all."""

    endpoint: str
    operation: str
    """As in records; empty for messages without one."""
    server: str = ""

    @property
    def text(self) -> str:
        """As it is written in commands."""
        return cell_text(self.endpoint, self.operation, self.server)

    def is_spelled(self, text: str) -> bool:
        """Whether `text` is the cell, with the operation as in records or by its local name."""
        local = NamedCell(self.endpoint, self.operation.rpartition("}")[2], self.server)
        return text in {self.text, local.text}


def find_cell(workplace: Workplace, renewal: Renewal, text: str) -> NamedCell:
    """The cell that `text` names, of those that are on record or expected.

    Raises:
        WrongUse: It is not written as a cell, or stands for several.
        ChangeRefused: Nothing is known of such a cell.
    """
    if ":" not in text:
        raise WrongUse(f"{text!r} is no cell: write ENDPOINT:OPERATION, or ENDPOINT:OPERATION@SERVER.")
    cells = sorted(_known(workplace, renewal))
    found = [cell for cell in cells if cell.is_spelled(text)]
    if len(found) > 1:
        raise WrongUse(
            f"{text!r} stands for several cells, so write the operation with its namespace: {_listed(found)}."
        )
    if not found:
        known = _listed(cells) or "no message came yet, and no operation is expected"
        raise ChangeRefused(f"Nothing is known of a cell {text!r} in the renewal {renewal.name}: {known}.")
    return found[0]


def _known(workplace: Workplace, renewal: Renewal) -> set[NamedCell]:
    evidence = measure(workplace.engine)
    expected = known_operations(workplace.engine, workplace.settings)
    found: set[NamedCell] = set()
    for endpoint in renewal.endpoints:
        names = evidence.names_of(endpoint)
        uses = [use for use in evidence.uses if use.endpoint in names]
        found |= {NamedCell(endpoint, use.operation or "", use.server) for use in uses}
        found |= {NamedCell(endpoint, use.operation or "") for use in uses}
        announced = {one for name in names for one in expected.get(name, ())}
        found |= {NamedCell(endpoint, one) for one in without_traffic(announced, [use.operation for use in uses])}
    return found


def _listed(cells: Iterable[NamedCell]) -> str:
    texts = [cell.text for cell in cells]
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"those that are known: {', '.join(texts[:_SHOWN])}{more}" if texts else ""
