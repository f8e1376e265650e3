"""`wssgate keystore sync`: a folder of PEM files, kept in git, says whom to trust."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.keystore.change_options import ReasonOption, WhoOption, need_reason, system_user
from gateway.cli.keystore.entry_display import Names, names_of
from gateway.cli.keystore.gate_refusals import gates_of, instant_of_revoking
from gateway.cli.keystore.sync_plan import print_plan, step_json
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import print_json, say, warn
from gateway.cli.workplace import Workplace, open_workplace
from gateway.present import count_text
from keystore import FolderEntry, read_folder
from keystore.store import Move, Step, StoredEntry, synchronise

EPILOG = epilog("a step of the plan is refused, or too early; nothing has changed then")


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with staged/, trusted/ and retired/, as export writes it.")
    ],
    apply: Annotated[
        bool, typer.Option("--apply", help="Carry the plan out, as one revision; else it is shown.")
    ] = False,
    reason: ReasonOption = "",
    who: WhoOption = None,
    force: Annotated[
        list[str] | None,
        typer.Option(
            "--force",
            metavar="ALIAS",
            help="Do with this entry, and no other, also what is refused or too early; may be repeated. Needs "
            "--reason; the history keeps both.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show what brings the keystore to what a folder says, and with --apply do it.

    The sub-folder is the state (staged/, trusted/, retired/), the file's name the alias: trusted/acme-2026.pem. A line
    above the certificate says for which endpoints it is: "# endpoints: orders, invoices", or "# endpoints: all". More
    lines narrow it: "# trusted-from: 2026-06-01T00:00:00Z", "# trusted-until: ...", and in retired/ "# compromised:
    yes". export --all --to DIR writes the same.

    The plan shows each entry from what to what. A file that is gone means retire, through the same gate as the command.
    What is retired and has no file stays recognised; nothing is ever purged. The whole plan is one revision, or
    nothing.
    """
    forced = force or ()
    need_reason(reason, force=bool(forced))
    wanted = read_folder(folder)
    with open_workplace(config) as workplace:
        present = workplace.keystore.entries()
        _refuse_unknown_endpoints(workplace, folder, wanted, present)
        at = instant_of_revoking(workplace, now()) if _revokes(workplace, wanted) else now()
        gates, purged = gates_of(workplace, at, anchored=apply), workplace.keystore.purged()
        author = who or system_user()
        with workplace.keystore.revising(who=author, why=reason, at=at, gates=gates) as draft:
            steps = synchronise(draft, wanted, purged, force=forced)
            if apply and any(step.move is Move.RESTORE for step in steps):
                need_reason(reason, force=False, always="a plan that restores what was retired")
            refused = any(step.refusal is not None for step in steps)
            if refused or not apply:
                draft.drop()
        revision = workplace.keystore.revision()
    if as_json:
        print_json(
            {
                "schema": "wssgate.keystore-sync/1",
                "revision": revision,
                "applied": apply and not refused,
                "steps": [step_json(step) for step in steps],
            }
        )
    else:
        names = {want.thumbprint: want.alias for want in wanted} | dict(names_of(present))
        _print(steps, names, revision, applied=apply and not refused)
    if refused and apply:
        raise ChangeRefused("Nothing was changed, because a step of the plan is refused.")
    if refused:
        raise typer.Exit(ExitCode.FINDINGS)


def _revokes(workplace: Workplace, wanted: tuple[FolderEntry, ...]) -> bool:
    """Whether a file says of a key that it is in wrong hands, of which the keystore does not know that yet."""
    known = {entry.thumbprint for entry in workplace.keystore.entries() if entry.revoked}
    return any(want.compromised and want.thumbprint not in known for want in wanted)


def _refuse_unknown_endpoints(
    workplace: Workplace, folder: Path, wanted: Sequence[FolderEntry], present: Sequence[StoredEntry]
) -> None:
    """Refuse a name that no endpoint has: who misspells one would take the trust from another.

    One that the entry has in the keystore already is only told: its endpoint is served no more.

    Raises:
        WrongUse: There is such a name.
    """
    held = {entry.thumbprint: entry.endpoints or frozenset() for entry in present}
    known = list(workplace.settings.endpoints)
    for want in wanted:
        for name in sorted((want.terms.endpoints or frozenset()).difference(known)):
            if name not in held.get(want.thumbprint, frozenset()):
                close = get_close_matches(name, known, n=1)
                meant = f"did you mean {close[0]}?" if close else f"the endpoints are: {', '.join(known)}."
                raise WrongUse(f"{folder / want.path}: {workplace.settings.source} has no endpoint {name!r}; {meant}")
            warn(f"{want.alias}: there is no endpoint {name!r} any more; what is trusted for it alone has no effect.")


def _print(steps: Sequence[Step], names: Names, revision: int, *, applied: bool) -> None:
    if not steps:
        say(f"Nothing to do: the keystore (revision {revision}) is what the folder says.")
        return
    print_plan(steps, names)
    unchanged = f"nothing was changed (keystore revision {revision})"
    refused = sum(step.refusal is not None for step in steps)
    if applied:
        say(f"Done: keystore revision {revision}.", style="green")
    elif refused:
        say(f"This is the plan; {unchanged}. With {count_text(refused, 'step')} refused it cannot be carried out.")
    else:
        say(f"This is the plan; {unchanged}. --apply carries it out.")
