"""What all statements add up to: the renewals, and what the site decided."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from sqlalchemy import Engine

from gateway.ledger import Statement, read_statements
from gateway.renewal.plan.plan_errors import UnknownRenewal
from gateway.renewal.plan.renewal import Renewal, SitePolicy, StatementKind
from gateway.renewal.plan.statement_contents import (
    read_change,
    read_closing,
    read_confirmation,
    read_notice,
    read_policy,
    read_rehearsal,
    read_sha256,
    read_start,
    read_waiver,
)
from keystore import KeystoreError

_LATER_TOO: Final = frozenset(
    {
        StatementKind.CONFIRMED,
        StatementKind.NOTICED,
        StatementKind.RETIRED,
        StatementKind.SIGNED_OFF,
    }
)
"""What may be said of a renewal that was closed already."""


@dataclass(frozen=True, slots=True)
class Renewals:
    """Every renewal that was ever started, and every policy that stands."""

    by_name: Mapping[str, Renewal]
    """In the order in which they were started."""
    policies: Mapping[str, SitePolicy]
    """The latest of each endpoint, by its name."""
    problems: tuple[str, ...] = ()
    """Statements that count for nothing, one sentence each: this program never wrote them."""

    @property
    def open(self) -> tuple[Renewal, ...]:
        """Those that somebody still follows."""
        return tuple(renewal for renewal in self.by_name.values() if renewal.is_open)

    def named(self, name: str | None) -> Renewal:
        """The renewal of that name, in whatever case it is spelled; without a name the only open one.

        Raises:
            UnknownRenewal: There is none, or several are open.
        """
        if name is not None:
            found = self._spelled(name)
            if found is None:
                known = ", ".join(self.by_name) or "none yet"
                raise UnknownRenewal(f"there is no renewal {name!r}; those that were started: {known}.")
            return found
        if len(self.open) == 1:
            return self.open[0]
        if not self.open:
            raise UnknownRenewal("no renewal is open: wssgate renewal start begins one; a closed one has to be named.")
        names = ", ".join(renewal.name for renewal in self.open)
        raise UnknownRenewal(f"several renewals are open, so say which one is meant: {names}.")

    def _spelled(self, name: str) -> Renewal | None:
        folded = name.casefold()
        return next((one for spelled, one in self.by_name.items() if spelled.casefold() == folded), None)


def read_renewals(engine: Engine) -> Renewals:
    """What was said until now.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    return renewals_of(read_statements(engine))


def renewals_of(statements: Iterable[Statement]) -> Renewals:
    """What `statements` add up to, in their order. A statement that cannot be read is told, and counts for nothing."""
    renewals: dict[str, Renewal] = {}
    policies: dict[str, SitePolicy] = {}
    problems: list[str] = []
    for statement in statements:
        try:
            _add(statement, renewals, policies)
        except (LookupError, TypeError, ValueError, ArithmeticError, KeystoreError) as error:
            what = f"it does not tell {error}" if isinstance(error, KeyError) else str(error)
            problems.append(f"statement {statement.number} ({statement.kind}) counts for nothing: {what}")
    return Renewals(MappingProxyType(renewals), MappingProxyType(policies), tuple(problems))


def _add(statement: Statement, renewals: dict[str, Renewal], policies: dict[str, SitePolicy]) -> None:
    kind = StatementKind(statement.kind)
    if kind is StatementKind.POLICY:
        policy = read_policy(statement)
        policies[policy.endpoint] = policy
        return
    renewal = renewals.get(statement.renewal)
    if kind is StatementKind.STARTED:
        if renewal is not None:
            raise ValueError("a renewal of this name was started before")
        renewals[statement.renewal] = read_start(statement)
        return
    if renewal is None:
        raise ValueError(f"no renewal {statement.renewal!r} was started")
    if not renewal.is_open and kind not in _LATER_TOO:
        raise ValueError("the renewal was closed before")
    renewals[statement.renewal] = _WITH[kind](renewal, statement)


_WITH: Final[Mapping[StatementKind, Callable[[Renewal, Statement], Renewal]]] = {
    StatementKind.CHANGED: lambda renewal, one: replace(renewal, **read_change(one.content)),
    StatementKind.CONFIRMED: lambda renewal, one: replace(
        renewal, confirmations=(*renewal.confirmations, read_confirmation(one))
    ),
    StatementKind.REHEARSED: lambda renewal, one: replace(
        renewal, rehearsals=(*renewal.rehearsals, read_rehearsal(one))
    ),
    StatementKind.WAIVED: lambda renewal, one: replace(renewal, waivers=(*renewal.waivers, read_waiver(one))),
    StatementKind.NOTICED: lambda renewal, one: replace(renewal, notices=(*renewal.notices, read_notice(one))),
    StatementKind.RETIRED: lambda renewal, one: replace(
        renewal, retirement_certificates=(*renewal.retirement_certificates, read_sha256(one.content))
    ),
    StatementKind.SIGNED_OFF: lambda renewal, one: replace(
        renewal, sign_offs=(*renewal.sign_offs, read_sha256(one.content))
    ),
    StatementKind.CLOSED: lambda renewal, one: replace(renewal, closed=read_closing(one)),
}
