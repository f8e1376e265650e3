"""`wssgate verify`: is this message good, and under which key? Needs no configuration and no database."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.instant_options import AtOption
from gateway.cli.key_files import STANDARD_INPUT
from gateway.cli.options import JsonOption, now
from gateway.cli.terminal import complain, plain, print_json, say
from gateway.cli.trust_option import TrustOption, trust_from_options
from gateway.cli.verification_options import (
    ContentTypeOption,
    CrossCheckOption,
    PolicyOption,
    policy_from_file,
    require_cross_check,
)
from gateway.present import explanation_json, instant_text, signer_lines, unreadable_json, verdict_json
from gateway.verify import Explanation, Policy, StepState, Verdict, explain_message, verify
from keystore import TrustSnapshot

if TYPE_CHECKING:  # only where a cross-check is asked for
    from gateway.cross_check import CrossCheck

EPILOG = epilog("a message was rejected")

_STEP_STATES: Final = {
    StepState.PASSED: ("passed", "green"),
    StepState.FAILED: ("FAILED", "bold red"),
    StepState.NOT_REACHED: ("not reached", "dim"),
    StepState.NOT_ASKED: ("not asked", "dim"),
}
_STEP_WIDTH: Final = max(len(word) for word, _ in _STEP_STATES.values())


def command(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Files that hold one SOAP message each; - is standard input.")
    ],
    trust: TrustOption = None,
    policy: PolicyOption = None,
    at: AtOption = None,
    content_type: ContentTypeOption = None,
    cross_check: CrossCheckOption = False,
    explained: Annotated[
        bool, typer.Option("--explain", help="Walk through the steps of the verification: what was found at each.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Verify SOAP messages in files, without configuration or database.

    Says for each message whether it is accepted and under which of the trusted keys, or why it is rejected. With
    --json, one object a line in the order of the files. A file that cannot be read is named in its place, the others
    are verified all the same, and the exit code is 3. With --explain, the numbered steps of the verification stand
    before each verdict: what was found, which one decided, what follows.
    """
    trusted = trust_from_options(trust or [])
    demands = policy_from_file(policy)
    instant = at or now()
    if cross_check:
        require_cross_check()
    unreadable = rejected = 0
    for file in files:
        try:
            message = _read(file, demands.max_message_bytes)
        except OSError as error:
            unreadable += 1
            _report_unreadable(file, error, as_json=as_json)
            continue
        explanation, opinion = None, None
        if explained:
            explanation = explain_message(message, trusted, demands, instant, content_type=content_type)
            verdict = explanation.verdict
        else:
            verdict = verify(message, trusted, demands, instant, content_type=content_type)
        if cross_check:
            from gateway.replay import with_second_opinion  # with all that reads captures

            verdict, opinion = with_second_opinion(verdict, message, trusted, demands, content_type)
        rejected += not verdict.accepted
        if as_json and explanation is not None:
            print_json(explanation_json(explanation, verdict, file, opinion))
        elif as_json:
            print_json(verdict_json(verdict, file, opinion))
        else:
            if explanation is not None:
                _print_steps(explanation, file)
            _print(file, verdict, trusted, demands, instant)
            if opinion is not None:
                _print_opinion(opinion)
    raise typer.Exit(ExitCode.ENVIRONMENT if unreadable else ExitCode.FINDINGS if rejected else ExitCode.DONE)


def _read(file: str, limit: int) -> bytes:
    # One byte beyond the limit is enough for the verifier to see that the message is too large.
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read(limit + 1)
    with Path(file).open("rb") as stream:
        return stream.read(limit + 1)


def _report_unreadable(file: str, error: OSError, *, as_json: bool) -> None:
    detail = f"{error.strerror or error}."
    if as_json:
        print_json(unreadable_json(file, detail))
    complain(f"{file}: {detail}")


def _print(file: str, verdict: Verdict, trust: TrustSnapshot, policy: Policy, instant: datetime) -> None:
    if verdict.accepted:
        aliases = ", ".join(entry.alias for entry in verdict.verified_by)
        say(f"{plain(file)}: accepted, verified by {aliases}", style="green")
    else:
        say(f"{plain(file)}: rejected, {verdict.reason}", style="red")
    say(f"  {plain(verdict.detail)}", hang=2)
    if verdict.reason is not None:
        say(f"  next: {verdict.advice}", style="bold", hang=8)
    for signature in verdict.signatures:
        parts = ", ".join(plain(part.name) for part in signature.parts)
        # What an unknown signer signed, or nobody, is not looked at.
        over = f"over {parts}" if parts else "over parts that were not looked at"
        algorithm = _short(signature.signature_algorithm)
        say(f"  signature {over}, {algorithm}, key named by {signature.hint.kind}", style="dim")
    for line in signer_lines(verdict):
        say(f"  {plain(line)}", style="dim")
    for warning in verdict.warnings:
        say(f"  warning: {plain(warning)}", style="yellow")
    for danger in policy.dangers:
        say(f"  policy: {danger}", style="yellow")
    if not verdict.accepted:
        known = ", ".join(entry.alias for entry in trust.entries) or "none (give --trust ALIAS=FILE)"
        say(f"  trusted: {known}; instant: {instant_text(instant)}", style="dim")


def _print_steps(explanation: Explanation, file: str) -> None:
    """Each step for the message in `file` with how it ended and what was found, then what follows."""
    say(f"{plain(file)}: step by step", style="bold")
    for step in explanation.steps:
        word, style = _STEP_STATES[step.state]
        specification = f" ({step.specification})" if step.specification else ""
        say(f"  {step.number:2} {word:{_STEP_WIDTH}}  {step.title}{specification}", style=style)
        for found in step.found:
            failing = step.state is StepState.FAILED and found is step.found[-1]
            say(f"     {'':{_STEP_WIDTH}}  {'!' if failing else '-'} {plain(found)}", style="red" if failing else "")
    say(f"  {explanation.consequence}")


def _print_opinion(opinion: "CrossCheck") -> None:
    from gateway.cross_check import Opinion

    if opinion.opinion is Opinion.AGREES:
        say("  second opinion: libxmlsec agrees", style="green")
    else:
        style = "yellow" if opinion.opinion is Opinion.NOT_JUDGED else "bold red"
        say(f"  second opinion: {opinion.opinion}, {plain(opinion.detail)}", style=style)


def _short(algorithm: str) -> str:
    return plain(algorithm.rpartition("#")[2] or algorithm or "unknown")
