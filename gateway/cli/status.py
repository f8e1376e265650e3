"""`wssgate status`: configuration, trust, processes and traffic on one screen."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.table import Table
from sqlalchemy import Engine

from gateway.cli.exit_codes import PLAIN
from gateway.cli.keystore.due_end_display import due_json, due_sentence, ends_that_are_due
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.renewal.judged_renewals import judged
from gateway.cli.rich_output import cell, show, table
from gateway.cli.running_gateway import running_gateway
from gateway.cli.status_alerts import alerts_text, channel_states, channels_json
from gateway.cli.status_instances import instances_json, print_instances
from gateway.cli.status_trust import EndpointTrust, trust_json
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import Workplace, open_workplace
from gateway.config import EndpointSettings, ListenAddress
from gateway.ledger import (
    CLOCK_ALARM,
    InstanceState,
    RecordFilter,
    StoredRecord,
    known_instances,
    records,
    schema_state,
    shown_url,
    traffic,
)
from gateway.present import instant_json, instant_text
from gateway.renewal import (
    RenewalStatus,
    SwitchCriteria,
    cutover_report,
    endpoint_sentence,
    known_operations,
    read_renewals,
    switch_criteria,
    waiting_line,
)
from gateway.report import record_advice
from keystore import TrustSnapshot
from keystore.store import DueEnd

EPILOG = PLAIN


@dataclass(frozen=True, slots=True)
class _EndpointStatus:
    settings: EndpointSettings
    trust: EndpointTrust
    messages: dict[str, int]
    """By outcome."""
    last: StoredRecord | None
    last_rejected: StoredRecord | None
    last_failed: StoredRecord | None
    cutover: str
    """One sentence."""


def command(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show configuration, trust, processes and traffic.

    Configuration and database; whether a gateway is running; which processes there are on all machines, and whether
    each has loaded the newest keystore revision; for each endpoint its mode, what is dangerous in its policy, whom it
    trusts and until when, its last messages, its cutover; and each renewal that is open, on a line.
    """
    with open_workplace(config) as workplace:
        at = now()
        snapshot = workplace.keystore.snapshot()
        damaged = [entry for entry in workplace.keystore.entries() if entry.problem]
        criteria = switch_criteria(workplace.settings)
        expected = known_operations(workplace.engine, workplace.settings)
        endpoints = [
            _endpoint(workplace.engine, settings, snapshot, at, criteria[name], expected[name])
            for name, settings in workplace.settings.endpoints.items()
        ]
        schema = schema_state(workplace.engine).revision
        running = running_gateway(workplace.settings.gateway.admin)
        problems = [f"{entry.alias}: {entry.problem}" for entry in damaged]
        due = tuple(ends_that_are_due(workplace, at).values())
        instances = known_instances(workplace.engine)
        said = read_renewals(workplace.engine)
        problems += [f"renewals: {problem}" for problem in said.problems]
        renewals = judged(workplace, said, said.open, at)
        channels = channel_states(workplace, running)
        if as_json:
            found = _json(workplace, snapshot, endpoints, schema, running, problems, due, instances, at, renewals)
            print_json(found | {"alerts": channels_json(channels)})
        else:
            overview = _overview(workplace, snapshot, schema, running)
            overview.add_row(cell("alerts"), cell(*alerts_text(channels)))
            show(overview)
            _print(workplace, snapshot, endpoints, running, problems, due, instances)
            _print_renewals(renewals)


def _endpoint(
    engine: Engine,
    settings: EndpointSettings,
    snapshot: TrustSnapshot,
    at: datetime,
    criteria: SwitchCriteria,
    expected: Collection[str],
) -> _EndpointStatus:
    messages: dict[str, int] = {}
    seen: dict[str, datetime] = {}
    for row in traffic(engine, settings.name):
        messages[row.outcome] = messages.get(row.outcome, 0) + row.messages
        seen[row.outcome] = max(row.last_seen, seen.get(row.outcome, row.last_seen))
    last = _last_record(engine, settings.name, max(seen.values(), default=None))
    rejected = _last_record(engine, settings.name, seen.get("rejected"), "rejected")
    failed = _last_record(engine, settings.name, seen.get("failed"), "failed")
    judged = cutover_report(
        engine,
        snapshot,
        now=at,
        endpoint=settings.name,
        operations={settings.name: expected},
        criteria={settings.name: criteria},
    ).endpoints[0]
    return _EndpointStatus(
        settings=settings,
        trust=EndpointTrust.of(settings, snapshot, at),
        messages=messages,
        last=last[0] if last else None,
        last_rejected=rejected[0] if rejected else None,
        last_failed=failed[0] if failed else None,
        cutover=endpoint_sentence(judged, at),
    )


def _last_record(
    engine: Engine, endpoint: str, seen: datetime | None, outcome: str | None = None
) -> list[StoredRecord]:
    """The newest record of the endpoint, looked for where the roll-ups say it is: there may be millions before it."""
    return [] if seen is None else records(engine, RecordFilter(endpoint=endpoint, outcome=outcome, since=seen), 1)


def _loaded_revision(running: dict[str, Any]) -> object:
    keystore = running.get("keystore")
    return keystore.get("revision") if isinstance(keystore, dict) else None


def _configuration_problem(running: dict[str, Any] | None) -> str | None:
    """What the running gateway says of its configuration: why a newer one is not in use, or not all of it."""
    found = None if running is None else running.get("configuration")
    problem = found.get("problem") if isinstance(found, dict) else None
    return str(problem) if problem else None


def _evidence_of(running: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the running gateway says of the evidence that it writes; None where none runs, or it says nothing."""
    found = None if running is None else running.get("evidence")
    return found if isinstance(found, dict) else None


def _evidence_text(evidence: dict[str, Any] | None) -> tuple[str, str]:
    if evidence is None:
        return "nobody watches: time counts for a renewal only while a gateway serves", "yellow"
    recovered, clock = evidence.get("recovered"), evidence.get("clock_seconds")
    if recovered:
        return str(recovered), "red"
    if isinstance(clock, int | float) and abs(clock) > CLOCK_ALARM.total_seconds():
        return f"the clock of a gateway is off by {abs(clock):.0f} s against the ledger's: set it right", "red"
    if not evidence.get("watching"):
        return "it cannot be written at present: this time does not count as watched", "red"
    key = evidence.get("public_key")
    if not key:
        return "watched, and not signed: see the log for what is wrong with the signing key", "yellow"
    return f"watched, and signed with {key}", "green"


def _evidence_problems(evidence: dict[str, Any] | None) -> list[str]:
    """What the database has lost, and what keeps the next loss from being noticed or anchors from being kept."""
    if evidence is None:
        return []
    lost = evidence.get("lost")
    anchors = evidence.get("anchors")
    anchors = anchors if isinstance(anchors, dict) else {}
    found = [f"the database has lost {sentence}" for sentence in lost] if isinstance(lost, list) else []
    for problem, what in (
        (evidence.get("kept_ends_problem"), "a database that is put back would not be noticed"),
        (evidence.get("kept_uses_problem"), "keys that signed what a killed process had not recorded would go untold"),
        (anchors.get("problem"), f"{anchors.get('waiting')} anchors wait to be delivered"),
        (anchors.get("timestamp_problem"), "anchors get no time stamp"),
    ):
        if problem:
            found.append(f"{what}: {problem}")
    return found


def _json(
    workplace: Workplace,
    snapshot: TrustSnapshot,
    endpoints: list[_EndpointStatus],
    schema: str | None,
    running: dict[str, Any] | None,
    problems: list[str],
    due: Sequence[DueEnd],
    instances: Sequence[InstanceState],
    at: datetime,
    renewals: Sequence[RenewalStatus],
) -> dict[str, object]:
    gateway = workplace.settings.gateway
    return {
        "schema": "wssgate.status/1",
        "at": instant_json(at),
        "configuration": str(workplace.settings.source),
        "warnings": list(workplace.settings.warnings),
        "database": {"url": shown_url(gateway.database), "schema": schema},
        "keystore": {
            "revision": snapshot.revision,
            "entries": len(snapshot.entries),
            "problems": problems,
            "ends_due": [{"alias": str(end.entry.alias)} | (due_json(end) or {}) for end in due],
        },
        "gateway": {
            "listen": str(gateway.listen),
            "admin": str(gateway.admin),
            "running": running is not None,
            "status": None if running is None else running.get("status"),
            "keystore_revision": None if running is None else _loaded_revision(running),
            "evidence": _evidence_of(running),
            "configuration_problem": _configuration_problem(running),
        },
        "instances": instances_json(instances, snapshot.revision),
        "endpoints": [_endpoint_json(endpoint) for endpoint in endpoints],
        "renewals": [
            {
                "name": status.renewal.name,
                "step": None if status.step is None else status.step.number,
                "mark": None if status.step is None else str(status.step.mark),
                "waiting_for": status.waiting_for,
                "since": instant_json(status.since),
                "next_possible": instant_json(status.next_possible),
                "may_retire": status.may_retire,
            }
            for status in renewals
        ],
    }


def _endpoint_json(endpoint: _EndpointStatus) -> dict[str, object]:
    settings = endpoint.settings
    return {
        "name": settings.name,
        "path": settings.path,
        "upstream": settings.upstream,
        "mode": str(settings.mode),
        "dangers": list(settings.dangers),
        "response_headers": list(settings.response_headers),
        **trust_json(endpoint.trust),
        "messages": endpoint.messages,
        "last_message": _record_json(endpoint.last),
        "last_rejection": _record_json(endpoint.last_rejected),
        "last_failure": _record_json(endpoint.last_failed),
        "cutover": endpoint.cutover,
    }


def _record_json(stored: StoredRecord | None) -> dict[str, object] | None:
    if stored is None:
        return None
    record = stored.record
    return {
        "record": record.id,
        "time": instant_json(record.time),
        "operation": record.operation,
        "outcome": record.outcome,
        "reason": record.reason,
        "detail": record.detail,
        "advice": record_advice(record),
        "keys": [str(entry.alias) for entry in record.verified_by],
    }


def _overview(
    workplace: Workplace, snapshot: TrustSnapshot, schema: str | None, running: dict[str, Any] | None
) -> Table:
    gateway = workplace.settings.gateway
    overview = table("", "")
    overview.show_header = False
    overview.add_row(cell("configuration"), cell(workplace.settings.source))
    overview.add_row(cell("database"), cell(f"{shown_url(gateway.database)} (schema {schema})"))
    entries = "entry" if len(snapshot.entries) == 1 else "entries"
    overview.add_row(cell("keystore"), cell(f"revision {snapshot.revision}, {len(snapshot.entries)} {entries}"))
    overview.add_row(cell("gateway"), cell(*_running_text(gateway.admin, running, snapshot.revision)))
    overview.add_row(cell("evidence"), cell(*_evidence_text(_evidence_of(running))))
    return overview


def _print(
    workplace: Workplace,
    snapshot: TrustSnapshot,
    endpoints: list[_EndpointStatus],
    running: dict[str, Any] | None,
    problems: list[str],
    due: Sequence[DueEnd],
    instances: Sequence[InstanceState],
) -> None:
    for problem in (_configuration_problem(running) or "").splitlines():
        say(f"  configuration: {plain(problem)}", style="red")
    for problem in _evidence_problems(_evidence_of(running)):
        say(f"  evidence: {plain(problem)}", style="red")
    print_instances(instances, snapshot.revision)
    for danger in workplace.settings.gateway.dangers:
        say(f"danger: {danger}", style="red")
    for problem in problems:
        say(f"  keystore: {plain(problem)}", style="red")
    for end in due:
        say(f"  keystore: {plain(due_sentence(end))}", style="red")
    for endpoint in endpoints:
        _print_endpoint(endpoint)


def _print_renewals(renewals: Sequence[RenewalStatus]) -> None:
    if renewals:
        say("")
    for status in renewals:
        step = "" if status.step is None else f"step {status.step.number} of 8 {status.step.mark}; "
        relapsed = any(not one.is_over for one in status.relapses)
        say(f"renewal {plain(status.renewal.name)}: {step}{waiting_line(status)}", style="red" if relapsed else "")


def _running_text(admin: ListenAddress, running: dict[str, Any] | None, revision: int) -> tuple[str, str]:
    if running is None:
        return f"not running (nobody answers at {admin}); start it with wssgate serve", "yellow"
    loaded = _loaded_revision(running)
    state = str(running.get("status"))
    if loaded != revision:
        return f"{state}, has loaded keystore revision {loaded} and not yet {revision}", "yellow"
    return f"{state}, has loaded keystore revision {loaded}", "green" if state == "ready" else "yellow"


def _print_endpoint(endpoint: _EndpointStatus) -> None:
    settings = endpoint.settings
    say("")
    say(f"{settings.name}: {settings.path} -> {plain(settings.upstream)} ({settings.mode})", style="bold")
    for danger in settings.dangers:
        say(f"  danger: {danger}", style="red")
    if settings.response_headers:
        say(f"  passes on the header fields {', '.join(settings.response_headers)} as well")
    for line, style in endpoint.trust.lines():
        say(line, style=style)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(endpoint.messages.items()))
    say(f"  messages: {counted or 'none yet'}")
    if endpoint.last is not None:
        say(f"  last message: {_record_text(endpoint.last)}")
    for name, stored in (("last rejection", endpoint.last_rejected), ("last failure", endpoint.last_failed)):
        if stored is not None:
            say(f"  {name}: {_record_text(stored)}")
            say(f"    why: {plain(stored.record.detail)}", hang=9)
            if (advice := record_advice(stored.record)) is not None:
                say(f"    next: {advice}", hang=10)
    say(f"  cutover: {plain(endpoint.cutover)}")


def _record_text(stored: StoredRecord) -> str:
    record = stored.record
    keys = ", ".join(entry.alias for entry in record.verified_by)
    found = f"{record.outcome} ({record.reason})" if record.reason else record.outcome
    operation = "" if record.operation is None else f", {plain(record.operation)}"
    return f"{instant_text(record.time)}{operation}: {found}{f' by {keys}' if keys else ''}, record {record.id}"
