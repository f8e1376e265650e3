"""`wssgate keystore sync`: a folder of PEM files, kept in git, says whom to trust."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from gateway.cli.command_errors import ChangeRefused
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.keystore.change_options import ReasonOption, WhoOption, need_reason, system_user
from gateway.cli.keystore.gate_refusals import blocker_json, gates_of, instant_of_revoking
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import print_json, say, warn
from gateway.cli.workplace import Workplace, open_workplace
from gateway.present import count_text
from keystore import FolderEntry, GateClosed, read_folder
from keystore.store import Step, synchronise

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
        bool,
        typer.Option("--force", help="Do also what is too early. Needs --reason; the history keeps both."),
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show what brings the keystore to what a folder says, and with --apply do it.

    The sub-folder is the state (staged/, trusted/, retired/), the file's name the alias: trusted/acme-2026.pem. Lines
    above the certificate narrow it: "# endpoints: orders, invoices", "# trusted-from: 2026-06-01T00:00:00Z",
    "# trusted-until: ...", and in retired/ "# compromised: yes". export --all --to DIR writes the same.

    A file that is gone means retire, through the same gate as the command. What is retired and has no file stays
    recognised; nothing is ever purged. The whole plan is one revision, or nothing.
    """
    need_reason(reason, force=force)
    wanted = read_folder(folder)
    with open_workplace(config) as workplace:
        at = instant_of_revoking(workplace, now()) if _revokes(workplace, wanted) else now()
        gates, purged = gates_of(workplace, at, anchored=apply), workplace.keystore.purged()
        author = who or system_user()
        with workplace.keystore.revising(who=author, why=reason, at=at, gates=gates) as draft:
            steps = synchronise(draft, wanted, purged, force=force)
            refused = any(step.refusal is not None for step in steps)
            if refused or not apply:
                draft.drop()
        revision = workplace.keystore.revision()
        _warn_of_unknown_endpoints(workplace, wanted)
    if as_json:
        print_json(
            {
                "schema": "wssgate.keystore-sync/1",
                "revision": revision,
                "applied": apply and not refused,
                "steps": [_step_json(step) for step in steps],
            }
        )
    else:
        _print(steps, revision, applied=apply and not refused)
    if refused and apply:
        raise ChangeRefused("Nothing was changed, because a step of the plan is refused.")
    if refused:
        raise typer.Exit(ExitCode.FINDINGS)


def _revokes(workplace: Workplace, wanted: tuple[FolderEntry, ...]) -> bool:
    """Whether a file says of a key that it is in wrong hands, of which the keystore does not know that yet."""
    known = {entry.thumbprint for entry in workplace.keystore.entries() if entry.revoked}
    return any(want.compromised and want.thumbprint not in known for want in wanted)


def _warn_of_unknown_endpoints(workplace: Workplace, wanted: tuple[FolderEntry, ...]) -> None:
    named = {name for want in wanted for name in want.terms.endpoints or ()}
    for name in sorted(named - set(workplace.settings.endpoints)):
        warn(f"{workplace.settings.source}: there is no endpoint {name!r}; what is trusted for it alone has no effect.")


def _step_json(step: Step) -> dict[str, object]:
    blockers = step.refusal.blockers if isinstance(step.refusal, GateClosed) else ()
    return {
        "move": str(step.move),
        "alias": str(step.alias),
        "remarks": list(step.remarks),
        "refusal": None if step.refusal is None else str(step.refusal),
        "blockers": [blocker_json(blocker) for blocker in blockers],
    }


def _print(steps: tuple[Step, ...], revision: int, *, applied: bool) -> None:
    if not steps:
        say(f"Nothing to do: the keystore (revision {revision}) is what the folder says.")
        return
    shown = table("step", "alias", "remark")
    for step in steps:
        refusal = [] if step.refusal is None else str(step.refusal).splitlines()
        remarks = Text("\n").join(cell(line) for line in (*step.remarks, *refusal))
        shown.add_row(cell(step.move, "red" if refusal else "green"), cell(step.alias), remarks)
    show(shown)
    unchanged = f"nothing was changed (keystore revision {revision})"
    refused = sum(step.refusal is not None for step in steps)
    if applied:
        say(f"Done: keystore revision {revision}.", style="green")
    elif refused:
        say(f"This is the plan; {unchanged}. With {count_text(refused, 'step')} refused it cannot be carried out.")
    else:
        say(f"This is the plan; {unchanged}. --apply carries it out.")
