"""`wssgate renewal signoff`: what a renewal rests on, on a page that somebody can sign."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.command_errors import ChangeRefused
from gateway.cli.exit_codes import epilog
from gateway.cli.new_files import new_file
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, now
from gateway.cli.renewal.judged_renewals import judged, renewals_in
from gateway.cli.renewal.renewal_options import RenewalArgument, WhoOption, author_of
from gateway.cli.terminal import say, warn, write
from gateway.cli.workplace import open_workplace
from gateway.renewal import (
    SIGNOFF_SCHEMA,
    DocumentsUnavailable,
    Signoff,
    claim_sentences,
    evidence_bundle,
    make_signoff,
    record_sign_off,
    signoff_html,
    signoff_markdown,
    signoff_pdf,
)

EPILOG = epilog("a file exists already; nothing was written then")


def _file(option: str, what: str) -> Any:
    return typer.Option(option, metavar="FILE", help=f"Write it as {what}.", show_default=False)


def command(
    name: RenewalArgument = None,
    html: Annotated[Path | None, _file("--html", "one HTML file that needs nothing else")] = None,
    pdf: Annotated[Path | None, _file("--pdf", "PDF (needs the extra wssgate[documents])")] = None,
    markdown: Annotated[Path | None, _file("--markdown", "Markdown")] = None,
    json_file: Annotated[
        Path | None,
        _file("--json", "JSON: the file that counts, and that renewal verify-signoff checks; - for standard output"),
    ] = None,
    bundle: Annotated[Path | None, _file("--bundle", "a bundle of evidence, to check it without the database")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace files that exist.")] = False,
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write the sign-off of a renewal: which key signed what, when somebody watched, and who said what.

    It says how to check it, and no more than it knows: of recorded responses and of watched time. Every figure names
    the question to the ledger that recomputes it; the records are counted again one by one, which takes a while where
    they are many. That it was written is recorded, with its SHA-256. An open renewal can be signed off as it stands;
    the page says so.
    """
    printed = json_file is not None and str(json_file) == "-"
    renderings: list[tuple[Path | None, Callable[[Signoff], bytes]]] = [
        (None if printed else json_file, lambda one: one.text.encode("ascii")),
        (html, _html),
        (pdf, signoff_pdf),
        (markdown, lambda one: signoff_markdown(one).encode()),
    ]
    wanted = [(file, rendering) for file, rendering in renderings if file is not None]
    for file in (*(file for file, _ in wanted), *([] if bundle is None else [bundle])):
        if file.exists() and not replace:
            raise ChangeRefused(f"{file} exists already: name another file, or say --replace.")
    with open_workplace(config) as workplace:
        renewals = renewals_in(workplace)
        renewal = renewals.named(name)
        author = author_of(who)
        (status,) = judged(workplace, renewals, [renewal], now())
        signoff = make_signoff(workplace.engine, renewal, status, author.who)
        made = [(file, rendering(signoff)) for file, rendering in wanted]
        # Recorded first: a file that was not recorded would be called a forgery later.
        record_sign_off(workplace.engine, renewal.name, signoff.text.encode("ascii"), SIGNOFF_SCHEMA, author)
        for file, content in made:
            with new_file(file, replace=replace) as stream:
                stream.write(content)
        is_whole = True
        if bundle is not None:
            with new_file(bundle, replace=replace) as stream:
                _, is_whole = evidence_bundle(workplace.engine, signoff, stream)
    if not is_whole:
        warn(
            "The bundle holds the records that stand for the cells and not every record of that time, for they are too "
            "many: counts can be recomputed from the database only."
        )
    files = [str(file) for file in (*(file for file, _ in wanted), bundle) if file is not None]
    if printed:
        write(signoff.text)
        return
    for sentence in claim_sentences(signoff):
        say(sentence)
    say(f"SHA-256 {signoff.sha256}, recorded.", style="green")
    for one in files:
        say(f"  Wrote {one}.")
    if json_file is not None:
        say(f"Check it with: wssgate renewal verify-signoff {json_file}")
    else:
        say("The file that can be checked is that of --json.")


def _html(signoff: Signoff) -> bytes:
    """The page; without the library that draws charts there are tables in their place."""
    try:
        return signoff_html(signoff).encode()
    except DocumentsUnavailable as error:
        warn(f"{str(error).removesuffix('.')}; without it there is a table in the place of the chart.")
        return signoff_html(signoff, with_charts=False).encode()
