"""What a start has to find out: endpoints, a name, what breaks, and what is worth a warning."""

from collections.abc import Iterable, Sequence

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.renewal.certificates import NewEntry
from gateway.cli.terminal import say
from gateway.cli.workplace import Workplace
from gateway.ledger import Role
from gateway.present import count_text, instant_text
from gateway.renewal import Renewal, Renewals, measure, policy_warnings
from keystore import Alias
from keystore.store import StoredEntry

_MOST_NUMBERS = 100


def known_endpoint_names(workplace: Workplace) -> frozenset[str]:
    """Every endpoint that is configured, and every one that a gateway served and that has not ended."""
    recorded = measure(workplace.engine).recorded()
    return frozenset(workplace.settings.endpoints) | {name for name, found in recorded.items() if found.closing is None}


def need_endpoints(workplace: Workplace, names: Iterable[str]) -> None:
    """See to it that each of the names is that of an endpoint.

    Raises:
        WrongUse: There is none of one of them.
    """
    unknown = [name for name in names if name not in workplace.settings.endpoints]
    if not unknown:
        return
    known = known_endpoint_names(workplace)
    for name in unknown:
        if name not in known:
            raise WrongUse(f"There is no endpoint {name!r}; the endpoints are: {', '.join(sorted(known))}.")


def covered_endpoints(
    workplace: Workplace, old: Sequence[StoredEntry], new: NewEntry, asked: Sequence[str]
) -> list[str]:
    """Which endpoints the renewal is about.

    Raises:
        WrongUse: There is no such endpoint.
        ChangeRefused: None of the old entries is trusted there, or the new one is not meant for it.
    """
    need_endpoints(workplace, asked)
    names = sorted(set(asked)) or sorted(
        name for name in known_endpoint_names(workplace) if any(_is_meant_for(one, name) for one in old)
    )
    if not names:
        raise ChangeRefused(
            "None of the endpoints that are known trusts the old certificate: name the endpoint with --endpoint, or "
            "look at wssgate keystore show."
        )
    for name in names:
        if not any(_is_meant_for(one, name) for one in old):
            raise ChangeRefused(f"{', '.join(str(one.alias) for one in old)} is not trusted for the endpoint {name}.")
        if new.entry is not None and not _is_meant_for(new.entry, name):
            raise ChangeRefused(
                f"{new.entry.alias} is not meant for the endpoint {name}: change that first, with wssgate keystore "
                f"set {new.entry.alias} --endpoint {name} and those that it has."
            )
    for one in old:
        if not any(_is_meant_for(one, name) for name in names):
            raise ChangeRefused(f"{one.alias} is trusted for none of the endpoints {', '.join(names)}: leave it out.")
    return names


def renewal_name(renewals: Renewals, asked: str | None, alias: Alias) -> str:
    """What the renewal is called: as was asked for, else as the new entry, with a number where that is taken."""
    if asked is not None:
        return Alias(asked)
    taken = {name.casefold() for name in renewals.by_name}
    names = [str(alias), *(f"{alias[:60]}-{number}" for number in range(2, _MOST_NUMBERS))]
    return next((name for name in names if name.casefold() not in taken), str(alias))


def same_key_sentence(renewal: Renewal) -> str:
    """What a new certificate over an old key means for whoever runs the renewal."""
    same = ", ".join(str(old.alias) for old in renewal.old if old.key_id == renewal.new.key_id)
    so = ", so nothing has to switch, and steps 5 to 7 are not needed" if renewal.keeps_every_key else ""
    return (
        f"{renewal.new.alias} has the same key as {same}: what it signs verifies under both{so}. They are told apart "
        "only by the certificate that messages carry or name."
    )


def delivery_time_warnings(workplace: Workplace, renewal: Renewal, renewals: Renewals) -> list[str]:
    """Endpoints whose guaranteed delivery time nobody decided, or decided otherwise."""
    configured = workplace.settings.endpoints
    return [
        warning
        for name in renewal.endpoints
        if name in configured
        for warning in policy_warnings(name, configured[name].guaranteed_delivery_time, renewals.policies.get(name))
    ]


def broken_cells(workplace: Workplace, old: Sequence[StoredEntry]) -> list[str]:
    """Which operations of which servers needed the old keys, at whichever endpoint, as far as is on record."""
    evidence = measure(workplace.engine)
    found: dict[tuple[str, str, str], tuple[int, str]] = {}
    for entry in old:
        for use in evidence.uses_of(entry.key_id):
            if use.role in {Role.NEEDED, Role.EARLIER}:
                key = use.endpoint, use.operation or "", use.server
                count, last = found.get(key, (0, ""))
                found[key] = count + use.messages, max(last, instant_text(use.last_seen))
    lines = []
    for (endpoint, operation, server), (count, last) in sorted(found.items()):
        at_server = f" at {server}" if server else ""
        lines.append(
            f"breaks: {endpoint}, {operation or 'an unknown operation'}{at_server}: "
            f"{count_text(count, 'message')} needed it, the last at {last}"
        )
    return lines


def say_revoked(renewal: Renewal, broken: Sequence[str]) -> None:
    """Tell people that the old certificates are revoked, and what breaks by that, as `broken_cells` has it."""
    old = ", ".join(str(one.alias) for one in renewal.old)
    is_or_are = "is" if len(renewal.old) == 1 else "are"
    say(f"{old} {is_or_are} revoked: every gateway rejects its signatures within a second.", style="bold red")
    for line in broken or ["No message is on record that needed it: nothing is known to break."]:
        say(f"  {line}")


def _is_meant_for(entry: StoredEntry, endpoint: str) -> bool:
    return entry.endpoints is None or endpoint in entry.endpoints
