"""Which counts of a report are wanted, in the language of filters: only what is counted apart can be asked for."""

from typing import Final

from gateway.ledger import RecordFilter, RejectionRow, UsageRow, several

USAGE_NAMES: Final = ("endpoint", "op", "key", "server", "since", "until")
"""The names of terms on key usage."""
REJECTION_NAMES: Final = ("endpoint", "op", "reason", "since", "until")
"""The same on rejections."""


def sole_endpoint(wanted: RecordFilter) -> str | None:
    """The one endpoint that is asked for; None where it is none, or several."""
    return wanted.endpoint if isinstance(wanted.endpoint, str) else None


def is_wanted_use(row: UsageRow, wanted: RecordFilter) -> bool:
    """Whether a row of key usage fits every name of the filter that is counted apart."""
    return (
        _is_of_cell(row, wanted)
        and (wanted.server is None or row.server in several(wanted.server))
        and (wanted.key is None or not {row.alias, row.key_id, row.thumbprint}.isdisjoint(several(wanted.key)))
    )


def is_wanted_rejection(row: RejectionRow, wanted: RecordFilter) -> bool:
    """The same of a row of rejections."""
    return _is_of_cell(row, wanted) and (wanted.reason is None or row.reason in several(wanted.reason))


def _is_of_cell(row: UsageRow | RejectionRow, wanted: RecordFilter) -> bool:
    return (wanted.endpoint is None or row.endpoint in several(wanted.endpoint)) and (
        wanted.operation is None or any(_is_operation(row.operation or "", name) for name in several(wanted.operation))
    )


def _is_operation(operation: str, name: str) -> bool:
    """Whether `name` is the operation in Clark notation, or its name alone: as for records."""
    return operation == name or (not name.startswith("{") and operation.endswith(f"}}{name}"))
