"""Renewals as they stand now, for the commands that show them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.cli.renewal.renewal_options import as_typed
from gateway.cli.terminal import warn
from gateway.cli.workplace import Workplace
from gateway.renewal import Renewal, Renewals, RenewalStatus, judge_renewal, measured_now, read_renewals


def renewals_in(workplace: Workplace) -> Renewals:
    """Every renewal that was started; statements that count for nothing are complained of."""
    found = read_renewals(workplace.engine)
    for problem in found.problems:
        warn(problem)
    return found


def judged(
    workplace: Workplace, renewals: Renewals, wanted: Sequence[Renewal], at: datetime, *, from_start: bool = False
) -> list[RenewalStatus]:
    """Where the `wanted` ones stand, with commands as they are typed here.

    Only with `from_start` what was watched is known since the first of them began.
    """
    engine, keystore = workplace.engine, workplace.keystore
    policies = renewals.policies
    measured = measured_now(engine, keystore, workplace.settings, wanted, policies, at, from_start=from_start)
    found = (judge_renewal(renewal, one) for renewal, one in zip(wanted, measured, strict=True))
    return [replace(status, run=tuple(as_typed(command, workplace) for command in status.run)) for status in found]
