"""`wssgate keystore export`: certificates leave the keystore as PEM files, in the layout that sync reads."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import ChangeRefused, EnvironmentFailed, WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import print_json, say, warn, write
from gateway.cli.workplace import open_workplace
from gateway.present import count_text
from keystore import STATES, FolderEntry
from keystore.store import StoredEntry, folder_entry

EPILOG = epilog("a file exists already; nothing was written then")
STANDARD_OUTPUT = "-"


def command(
    aliases: Annotated[list[str] | None, typer.Argument(metavar="[ALIAS]...", help="The entries to export.")] = None,
    all_entries: Annotated[bool, typer.Option("--all", help="Every entry, of whatever state.")] = False,
    target: Annotated[
        str, typer.Option("--to", metavar="DIR", help="Folder for files STATE/ALIAS.pem; - is standard output.")
    ] = STANDARD_OUTPUT,
    replace: Annotated[bool, typer.Option("--replace", help="Replace files that exist.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write certificates as PEM, each with what else the keystore says of it in comments above.

    In a folder the state is the sub-folder, as in trusted/acme-2026.pem: keystore sync reads it back. Files that exist
    are never replaced unless asked for; with --replace a file of the same name leaves the other sub-folders.
    """
    if bool(aliases) == all_entries:
        raise WrongUse("Name the entries to export, or say --all.")
    with open_workplace(config) as workplace:
        store = workplace.keystore
        entries = [store.get(alias) for alias in aliases] if aliases else list(store.entries())
    readable = [entry for entry in entries if entry.certificate is not None]
    for entry in entries:
        if entry.problem:
            warn(f"{entry.alias} is left out: {entry.problem}")
    if target == STANDARD_OUTPUT:
        if as_json:
            print_json(
                {
                    "schema": "wssgate.keystore-export/1",
                    "entries": [
                        {"alias": entry.alias, "state": str(entry.state), "pem": _pem(entry)} for entry in readable
                    ],
                }
            )
            return
        write("".join(_pem(entry) for entry in readable))
        return
    files = _write_files(Path(target), readable, replace=replace)
    if as_json:
        print_json({"schema": "wssgate.keystore-export/1", "files": [str(file) for file in files]})
    else:
        say(f"Wrote {count_text(len(files), 'certificate')} to {target}.")


def _pem(entry: StoredEntry) -> str:
    return f"## {entry.alias} ({entry.state})\n{_written(entry).text}"


def _written(entry: StoredEntry) -> FolderEntry:
    written = folder_entry(entry)
    if written is None:
        raise WrongUse(f"{entry.alias} has no certificate to export.")
    return written


def _write_files(folder: Path, entries: list[StoredEntry], *, replace: bool) -> list[Path]:
    files = {folder / _written(entry).path: entry for entry in entries}
    in_other_states = [folder / state / file.name for file in files for state in STATES]
    existing = [file for file in in_other_states if file.exists()]
    if existing and not replace:
        raise ChangeRefused(f"{existing[0]} exists already and was left alone; use --replace, or name another folder.")
    try:
        for file, entry in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_written(entry).text, encoding="utf-8")
        for file in existing:
            if file not in files:
                file.unlink()
    except OSError as error:
        raise EnvironmentFailed(f"{folder} cannot be written: {error.strerror or error}.") from error
    return list(files)
