"""The plan of `wssgate keystore sync`: each entry as it is, and as it is to be."""

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from gateway.cli.keystore.entry_display import Names
from gateway.cli.keystore.gate_refusals import blocker_json
from gateway.cli.rich_output import cell, show, table
from gateway.present import day_text, instant_json, instant_text
from keystore import Alias, FolderEntry, GateClosed, Thumbprint, endpoints_words
from keystore.store import Step

_DIGITS = 16


def print_plan(steps: Sequence[Step], names: Names) -> None:
    """Print what each step changes, from what to what, and what there is to know about it."""
    shown = table("step", "alias", "from what to what")
    for step in steps:
        refusal = [] if step.refusal is None else str(step.refusal).splitlines()
        told = [cell(f"{what}: {old} → {new}", "bold") for what, old, new in _differences(step, names)]
        told += [cell(line) for line in step.remarks]
        told += [cell(line, "red") for line in refusal]
        shown.add_row(cell(step.move, "red" if refusal else "green"), cell(step.alias), Text("\n").join(told))
    show(shown)


def step_json(step: Step) -> dict[str, object]:
    """`step` as a JSON object."""
    blockers = step.refusal.blockers if isinstance(step.refusal, GateClosed) else ()
    return {
        "move": str(step.move),
        "alias": str(step.alias),
        "before": _standing_json(step.before),
        "after": _standing_json(step.after),
        "remarks": list(step.remarks),
        "refusal": None if step.refusal is None else str(step.refusal),
        "blockers": [blocker_json(blocker) for blocker in blockers],
    }


def _standing_json(held: FolderEntry | None) -> dict[str, object] | None:
    if held is None:
        return None
    terms = held.terms
    return {
        "alias": str(held.alias),
        "state": str(held.state),
        "compromised": held.compromised,
        "endpoints": None if terms.endpoints is None else sorted(terms.endpoints),
        "trusted_from": instant_json(terms.trusted_from),
        "trusted_until": instant_json(terms.trusted_until),
        "replaces": sorted(terms.replaces),
        "thumbprint": str(held.thumbprint),
    }


def _differences(step: Step, names: Mapping[Thumbprint, Alias]) -> Iterator[tuple[str, str, str]]:
    """What is different after the step: the name of it, and its old and its new value."""
    old = _values(step.before, names)
    new = _values(step.after, names)
    for name in old or new:
        before, after = old.get(name, "-"), new.get(name, "-")
        if before != after:
            yield name, before, after


def _values(held: FolderEntry | None, names: Mapping[Thumbprint, Alias]) -> dict[str, str]:
    if held is None:
        return {}
    terms = held.terms
    replaced = (str(names.get(old, f"SHA-256 {old[:_DIGITS]}…")) for old in sorted(terms.replaces))
    certificate = held.certificate
    return {
        "alias": str(held.alias),
        "state": f"{held.state}, compromised" if held.compromised else str(held.state),
        "endpoints": endpoints_words(terms.endpoints),
        "trusted from": instant_text(terms.trusted_from),
        "trusted until": instant_text(terms.trusted_until),
        "replaces": ", ".join(replaced) or "-",
        "SHA-256": f"{held.thumbprint[:_DIGITS]}…",
        "valid": f"{day_text(certificate.not_valid_before_utc)} until {day_text(certificate.not_valid_after_utc)}",
    }
