"""The argument FILTER: which messages a command is about. Its language is described at `wssgate ledger list`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.cli.options import now
from gateway.cli.workplace import Workplace
from gateway.ledger import RecordFilter, parse_filter, traffic

FilterArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILTER]...",
        help="Which messages: terms such as key:acme-2024 outcome:rejected since:2h (see wssgate ledger list --help).",
        show_default=False,
    ),
]


def wanted_records(
    filter_words: Sequence[str] | None,
    workplace: Workplace,
    *,
    beside: RecordFilter | None = None,
    names: Sequence[str] | None = None,
) -> RecordFilter:
    """The records that the command line asks for, by FILTER and by what options said already.

    Only `names` may be used, where they are given.

    Raises:
        FilterUnreadable: FILTER is not written in the language of filters.
        WrongUse: There is no such endpoint, and never was.
    """
    wanted = parse_filter(filter_words or (), now(), beside=beside, names=names)
    names = wanted.endpoint
    for endpoint in [names] if isinstance(names, str) else names or ():
        # An endpoint that was taken out of the configuration still has its records.
        if not traffic(workplace.engine, endpoint):
            workplace.endpoint(endpoint)
    return wanted
