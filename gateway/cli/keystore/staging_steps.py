"""Staging a certificate that a message brought along: what the ways to it have in common."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import typer

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.keystore.entry_display import print_warnings
from gateway.cli.terminal import plain, say
from gateway.cli.workplace import Workplace
from keystore import Alias, Terms
from keystore.store import Added, NewCertificate

_GOOD = (
    "The signature of the message is good under this certificate: whoever signed it holds the private key. "
    "Whether that is your partner, the fingerprint tells, not the message."
)
_BAD = "The signature of the message is NOT good under this certificate: the message proves nothing about it."


@dataclass(frozen=True, slots=True)
class StagingRequest:
    """What the command line asked for, from a message or from a record."""

    alias: str | None
    """None: one is made from the certificate."""
    endpoints: tuple[str, ...]
    every_endpoint: bool
    """With neither of them a person is asked; from a record it is the endpoint of the record."""
    replaces: tuple[str, ...]
    """The aliases of the entries whose successor it is."""
    who: str
    why: str
    at: datetime
    force: bool
    """Stage it although the signature is not good under it, or the certificate itself speaks against it."""
    confirmed: bool
    as_json: bool


def stage_certificates(
    request: StagingRequest,
    workplace: Workplace,
    certificates: Sequence[NewCertificate],
    meant: frozenset[str] | None,
    why: str,
    *,
    rehearse: bool = False,
) -> tuple[Added, ...]:
    """Stage `certificates`; with `rehearse` only find out whether the keystore would take them.

    `meant` names the endpoints that it is for, None is every one; `why` is the reason in the keystore's history where
    the command line gives none.

    Raises:
        KeystoreError: it would not.
    """
    with workplace.keystore.revising(who=request.who, why=request.why or why, at=request.at) as draft:
        terms = Terms(meant, replaces=draft.thumbprints_of(request.replaces))
        added = draft.add_many(certificates, terms, stage=True, force=request.force)
        if rehearse:
            draft.drop()
    return added


def print_proof(*, is_good: bool) -> None:
    """What the signature of the message says of the certificate."""
    say(f"  {_GOOD if is_good else _BAD}", style="green" if is_good else "bold red")


def ask_to_stage(aliases: Sequence[Alias], *, as_json: bool) -> None:
    """Ask the person before the terminal.

    Raises:
        WrongUse: nobody can be asked.
        ChangeRefused: the answer was no.
    """
    if as_json or not sys.stdin.isatty():
        raise WrongUse(
            "Nothing was changed, for nobody can be asked here: say --yes to stage what the message carries."
        )
    if not typer.confirm(f"Stage {', '.join(aliases)} (known, not trusted)?", err=True):
        raise ChangeRefused("Nothing was changed.")


def print_staged(added: Sequence[Added], workplace: Workplace, *, unproven: Sequence[Alias], remark: str) -> None:
    """What was staged, and the next command.

    `unproven`: the aliases under whose certificates no signature of the message is good: nobody is told to trust them.
    `remark`: what else has to be done before such messages pass, or nothing.
    """
    for one in added:
        say(
            f"Added {one.entry.alias} (staged: known, not trusted yet), keystore revision {one.revision}.",
            style="green",
        )
        print_warnings(one.warnings)
    if unproven:
        say(
            f"Next: ask the partner whose certificate {', '.join(unproven)} is, and do not trust it before that is "
            "known: no signature of the message is good under it."
        )
        return
    if remark:
        say(plain(remark))
    say("Next: compare the SHA-256 fingerprint with the certificate's owner, over the phone, then")
    for one in added:
        say(f"  wssgate keystore trust {one.entry.alias} --config {plain(workplace.shown_source)}")
