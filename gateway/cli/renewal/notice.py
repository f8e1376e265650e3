"""`wssgate renewal notice`: the message to the receiver administrator."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.new_files import new_file
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.renewal.judged_renewals import judged, renewals_in
from gateway.cli.renewal.renewal_options import RenewalArgument, WhoOption, author_of
from gateway.cli.terminal import print_json, say, write
from gateway.cli.workplace import open_workplace
from gateway.renewal import NOTICE_STEPS, WrittenNotice, notice_mail, record_notice, write_notice

EPILOG = epilog("the file exists already; nothing was written or recorded then")

_SUFFIXES = {".eml", ".md", ".txt"}


def command(
    step: Annotated[int, typer.Argument(metavar="STEP", help="Of which step: 2, 4, 7 or 8.")],
    name: RenewalArgument = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write it there: as plain text (.txt), as Markdown (.md), or as a draft that a mail program opens "
            "(.eml). Without it, plain text goes to standard output.",
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that exists.")] = False,
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write the message to the receiver administrator that belongs to a step.

    At step 2 that the new certificate came and has to be compared, at step 4 that the new key may be used, at step 7
    which operations and servers lag behind, at step 8 that the old certificate goes. It names both certificates with
    serial numbers and fingerprints, and what was measured, with times in UTC. Nothing is sent; that it was written is
    recorded, with the SHA-256 of what was written. Own texts go into the folder of the setting renewal_templates.
    """
    if step not in NOTICE_STEPS:
        raise WrongUse(f"There is no notice of step {step}: there are those of the steps 2, 4, 7 and 8.")
    if output is not None and output.suffix not in _SUFFIXES:
        raise WrongUse(f"{output}: name a file that ends in .txt, .md or .eml.")
    with open_workplace(config) as workplace:
        renewals = renewals_in(workplace)
        renewal = renewals.named(name)
        at, author = now(), author_of(who)
        (status,) = judged(workplace, renewals, [renewal], at)
        templates = workplace.settings.gateway.renewal_templates
        notice = write_notice(step, status, author.who, at, templates=templates)
        suffix = output.suffix if output is not None else ".md" if markdown else ".txt"
        written = _in_form(suffix, notice, at)
        if output is not None:
            with new_file(output, replace=replace) as stream:
                stream.write(written)
        record_notice(workplace.engine, renewal.name, step, written, author)
    if as_json:
        print_json(
            {
                "schema": "wssgate.renewal-notice/1",
                "step": step,
                "renewal": renewal.name,
                "subject": notice.subject,
                "to": list(notice.recipients),
                "text": notice.text,
                "markdown": notice.markdown,
                "file": None if output is None else str(output),
            }
        )
    elif output is not None:
        say(f"Wrote the notice of step {step} to {output}; that is recorded.")
    else:
        write(written.decode())


def _in_form(suffix: str, notice: WrittenNotice, at: datetime) -> bytes:
    match suffix:
        case ".eml":
            return notice_mail(notice, at)
        case ".md":
            return notice.markdown.encode()
        case _:
            return f"{notice.subject}\n\n{notice.text}".encode()
