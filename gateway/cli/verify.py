"""`wssgate verify`: is this message good, and under which key? Needs no configuration and no database."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.attachments import open_body, saved_message
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
from gateway.present import attachment_text, explanation_json, instant_text, signer_lines, unreadable_json, verdict_json
from gateway.verify import Explanation, Policy, StepState, Verdict, Verifier, explain_message
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
_HEAD_ROOM: Final = 1024 * 1024
"""Octets that a file may have beside the message: the head of an HTTP response, and the framing of chunks."""
_STEP_WIDTH: Final = max(len(word) for word, _ in _STEP_STATES.values())


def command(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Files that hold one SOAP message each, a multipart one with or without its head, or a complete HTTP "
            "response; - is standard input.",
        ),
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
            body, saved_type = _read(file, demands.max_message_bytes)
        except OSError as error:
            unreadable += 1
            _report_unreadable(file, f"{error.strerror or error}.", as_json=as_json)
            continue
        except _UnreadableError as error:
            unreadable += 1
            _report_unreadable(file, str(error), as_json=as_json)
            continue
        explanation, opinion = None, None
        opened = open_body(body, saved_type if content_type is None else content_type, demands)
        if explained:
            explanation = explain_message(
                opened.message,
                trusted,
                demands,
                instant,
                content_type=opened.content_type,
                attachments=opened.attachments,
            )
            verdict = explanation.verdict
        else:
            verdict = Verifier(demands, fast_path=False).verify(
                opened.message, trusted, instant, content_type=opened.content_type, attachments=opened.attachments
            )
        if cross_check:
            from gateway.replay import with_second_opinion  # with all that reads captures

            verdict, opinion = with_second_opinion(verdict, opened, trusted, demands)
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


def _read(file: str, limit: int) -> tuple[bytes, str | None]:
    """The body in `file`, and the Content-Type that stands there with it.

    Raises:
        OSError: It cannot be read.
        _UnreadableError: It holds a broken HTTP response.
    """
    # Somewhat more than the limit is enough for the verifier to see that the message is too large.
    most = limit + _HEAD_ROOM
    if file == STANDARD_INPUT:
        data = sys.stdin.buffer.read(most)
    else:
        with Path(file).open("rb") as stream:
            data = stream.read(most)
    if data.startswith(b"HTTP/"):
        from gateway.replay import CaptureUnreadable, read_response  # with all that reads captures

        try:
            response = read_response(data, limit)
        except CaptureUnreadable as error:
            raise _UnreadableError(str(error)) from error
        return response.body, response.content_type
    return saved_message(data) or (data, None)


class _UnreadableError(Exception):
    """There is nothing to verify in a file; the message says why."""


def _report_unreadable(file: str, detail: str, *, as_json: bool) -> None:
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
    for attachment in verdict.attachments:
        name = attachment.content_id or "(no Content-ID)"
        say(f"  attachment {plain(name)}: {plain(attachment_text(attachment))}", style="dim", hang=4)
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
