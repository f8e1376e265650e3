"""`wssgate report cutover`: how far each operation has switched to the new key."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.instant_options import FromOption, ToOption, refuse_empty_time
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.report.formats import CsvOption, opened, print_report
from gateway.cli.terminal import warn, write
from gateway.ledger import KEPT_MICROSECONDS, end_of_hours, recent_signed_heads
from gateway.renewal import (
    BINDING_USES,
    CutoverReport,
    KeyUse,
    UntoldUses,
    cutover_csv,
    cutover_json,
    cutover_report,
    cutover_table,
    known_operations,
    switch_criteria,
    untold_uses,
)

EPILOG = epilog(
    "with --check: an operation has not switched, or has had no traffic, or nobody said which key is the new one; or a "
    "gateway on this machine has met messages that are not recorded yet"
)

SEES_EXTRA_ARGUMENTS = True
"""They are filters, most likely, and somebody should know why there is none here."""


def command(
    context: typer.Context,
    endpoint: EndpointOption = None,
    since: FromOption = None,
    until: ToOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="End with 1 unless every operation has switched to the new key.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """How far each operation of each endpoint has switched to the new key, and which one lags behind.

    The new key is the one that was declared to replace another. Switched means: enough messages with it since the last
    one with the old key, which has been quiet for longer than it ever was. An operation that is expected, by a WSDL or
    by `operations` of the endpoint, and never came has not switched. --since shows the traffic since then, exactly as
    long as all records of its hour are there; what has switched is judged by everything on record. With --until (or
    --to) it is judged by what was on record at the end of that hour, with the keystore as it was then.
    """
    if context.args:
        given = " ".join(context.args)
        raise WrongUse(
            f"report cutover takes no filter ({given}): what that leaves out may still use the old key. "
            "Choose with --endpoint NAME, --from and --to; wssgate report usage takes filters."
        )
    refuse_empty_time(since, until)
    with opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
        engine, keystore = workplace.engine, workplace.keystore
        # Before the ledger is read: what is recorded meanwhile is then in both.
        untold = untold_uses(workplace.settings.gateway.signing_key) if until is None else UntoldUses()
        met = untold.uses(engine)
        at = now() if until is None else min(now(), end_of_hours(until))
        report = cutover_report(
            engine,
            keystore.snapshot() if until is None else keystore.snapshot_at(at),
            now=at,
            endpoints=tuple(workplace.settings.endpoints),
            endpoint=endpoint,
            since=since,
            until=until,
            operations=known_operations(engine, workplace.settings),
            criteria=switch_criteria(workplace.settings),
            heads=lambda: [str(head) for head in recent_signed_heads(engine, KEPT_MICROSECONDS)],
        )
        missing = list(_missing(report, untold, met))
    if as_csv:
        write(cutover_csv(report))
    else:
        print_report(cutover_json(report), cutover_table(report), as_json=as_json)
    for sentence in missing:
        warn(sentence)
    if check and (missing or not all(cutover.switched for cutover in report.endpoints)):
        raise typer.Exit(ExitCode.FINDINGS)


def _missing(report: CutoverReport, untold: UntoldUses, met: Sequence[KeyUse]) -> Iterator[str]:
    """What processes on this machine know and the ledger may not."""
    for disturbance in untold.disturbances:
        yield f"{disturbance.sentence}."
    needed = [use for use in met if use.role in BINDING_USES]
    for one in report.endpoints:
        for alias in sorted({u.alias for u in needed if u.endpoint == one.endpoint and u.key_id in one.goal.old_keys}):
            yield (
                f"{one.endpoint}: within the last minute or two a gateway has met messages that need {alias}, and may "
                "not have recorded all of them yet."
            )
