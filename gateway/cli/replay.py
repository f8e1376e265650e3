"""`wssgate replay`: captured responses, verified again."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gateway.cli.command_errors import EnvironmentFailed, WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.instant_options import AtOption
from gateway.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    EndpointOption,
    JsonOption,
)
from gateway.cli.rich_output import cell, may_redraw, show, stderr_console, table
from gateway.cli.terminal import complain, print_json, say
from gateway.cli.trust_option import TrustOption, trust_from_options
from gateway.cli.verification_options import (
    ContentTypeOption,
    CrossCheckOption,
    PolicyOption,
    policy_from_file,
    require_cross_check,
)
from gateway.cli.workplace import open_workplace
from gateway.present import instant_text, unreadable_json
from gateway.replay import CaptureUnreadable, Replayed, Totals, find_files, replay_file, replayed_json, totals_json
from gateway.verify import ADVICE, Policy, Verifier
from keystore import TrustSnapshot

EPILOG = epilog("a response was rejected")


def command(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Files, and folders with all that is below them."),
    ],
    trust: TrustOption = None,
    policy: PolicyOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    endpoint: EndpointOption = None,
    at: AtOption = None,
    content_type: ContentTypeOption = None,
    cross_check: CrossCheckOption = False,
    only_totals: Annotated[bool, typer.Option("--totals", help="Print the totals alone.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Verify captured responses again, against any trust and policy.

    A file holds a bare SOAP message or a complete HTTP response (as curl -i writes it); which of them is told by its
    content. Trust comes from --trust, or from the keystore of a configured gateway with --endpoint, whose policy then
    holds too. The instant of each verification is --at; else the Date header; else the Created of the message's own
    Timestamp; else the file's time. With --json, one object a line, the totals last.
    """
    trusted, demands = _trust_and_policy(trust or [], policy, config, endpoint)
    files = list(_found(paths))
    if not files:
        raise WrongUse("There is no file in the given folders; name files or folders with captured responses.")
    totals = Totals()
    if cross_check:
        require_cross_check()
    replay = partial(
        replay_file, trust=trusted, verifier=Verifier(demands), at=at, content_type=content_type, ask_again=cross_check
    )
    results = _replay_all(files, replay, totals)
    if as_json:
        for result in results:
            if not only_totals:
                print_json(replayed_json(result) if isinstance(result, Replayed) else unreadable_json(*result))
        print_json(totals_json(totals))
    else:
        _print_table(results, only_totals=only_totals)
        _print_totals(totals)
    raise typer.Exit(
        ExitCode.ENVIRONMENT if totals.unreadable else ExitCode.FINDINGS if totals.rejected else ExitCode.DONE
    )


def _trust_and_policy(
    trust: list[str], policy: Path | None, config: Path, endpoint: str | None
) -> tuple[TrustSnapshot, Policy]:
    if endpoint is None:
        if not trust:
            raise WrongUse("Say whom to trust: --trust ALIAS=FILE, or --endpoint NAME for what a gateway trusts.")
        return trust_from_options(trust), policy_from_file(policy)
    with open_workplace(config) as workplace:
        settings = workplace.endpoint(endpoint)
        # An explicit option stands above what is configured: that is how "what if" is asked.
        trusted = trust_from_options(trust) if trust else workplace.keystore.snapshot().for_endpoint(endpoint)
        return trusted, settings.policy if policy is None else policy_from_file(policy)


def _found(paths: list[Path]) -> Iterator[Path]:
    try:
        yield from find_files(paths)
    except OSError as error:
        raise EnvironmentFailed(f"{error.filename}: {error.strerror or error}.") from error


def _replay_all(
    files: list[Path], replay: Callable[[Path], Replayed], totals: Totals
) -> Iterator[Replayed | tuple[str, str]]:
    console = stderr_console()
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not may_redraw(console)) as progress:
        for file in progress.track(files):
            try:
                replayed = replay(file)
            except CaptureUnreadable as error:
                totals.add_unreadable()
                yield str(file), str(error)
            else:
                totals.add(replayed)
                yield replayed


def _print_table(results: Iterator[Replayed | tuple[str, str]], *, only_totals: bool) -> None:
    listed = table("file", "verdict", "key or reason", "at", "from")
    for result in results:
        if not isinstance(result, Replayed):
            complain(f"{result[0]}: {result[1]}")
        elif not only_totals:
            _add_row(listed, result)
    if listed.row_count:
        show(listed)
        say("")


def _add_row(listed: Table, replayed: Replayed) -> None:
    verdict = replayed.verdict
    if verdict.accepted:
        found, style = ", ".join(entry.alias for entry in verdict.verified_by), "green"
    else:
        found, style = str(verdict.reason), "red"
    listed.add_row(
        cell(replayed.file),
        cell(verdict.outcome, style),
        cell(found),
        cell(instant_text(replayed.instant.at)),
        cell(replayed.instant.source),
    )


def _print_totals(totals: Totals) -> None:
    say(
        f"{totals.files} files: {totals.accepted} accepted, {totals.rejected} rejected"
        + (f", {totals.unreadable} unreadable" if totals.unreadable else "")
    )
    for alias, count in totals.by_key.most_common():
        say(f"  verified by {alias}: {count}")
    for reason, count in totals.by_reason.most_common():
        say(f"  {reason}: {count}")
        say(f"    next: {ADVICE[reason]}", style="dim", hang=10)
