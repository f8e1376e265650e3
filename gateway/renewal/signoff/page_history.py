"""The sections of a sign-off that tell what happened, who said what, and what was passed over."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.present import OperationNames, instant_text
from gateway.renewal.signoff.page_blocks import Block, Facts, Grid, Paragraph, Section, Tone
from gateway.renewal.signoff.page_values import figure_value, instant_of, operation_of
from gateway.renewal.signoff.signing_off import Signoff, retirement_certificates
from keystore.store import WRITTEN_OVER, Action

_MEASURED: Final = "measured"
_SAID: Final = "said"
_KEYSTORE: Final = "keystore"
_ENDS_TRUST: Final = frozenset({Action.RETIRED, Action.REVOKED})
_NO_OTHER_TRUST: Final = frozenset({Action.CHANGED, Action.PURGED})


def step_section(content: Mapping[str, Any]) -> Section:
    """The eight steps, as the program judged them."""
    rows = [
        [
            str(step["number"]),
            f"{step['title']} ({step['actor']})",
            str(step["mark"]).replace("-", " "),
            " ".join(filter(None, [_at(step["at"]), f"by {step['who']}" if step["who"] else ""])),
            "; ".join(step["evidence"]),
        ]
        for step in content["judged"]["steps"]
    ]
    columns = [("Step", 0.5), ("What, and who does it", 2.2), ("Mark", 0.9), ("When, by whom", 1.7), ("Evidence", 4)]
    return Section("The eight steps, as they were judged", [Grid(columns, rows)])


def time_line_section(signoff: Signoff, said: Mapping[str, Any]) -> Section:
    """What happened when: what was measured, what was said, what the keystore's history says."""
    rows = sorted(_time_line(signoff, said))
    grid = Grid(
        [("Time (UTC)", 1.6), ("What", 4.4), ("Who", 1), ("Source", 0.9)],
        [[instant_text(instant_of(at)), what, who, source] for at, what, who, source in rows],
    )
    return Section("Time line", [grid])


def _time_line(signoff: Signoff, said: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    yield said["started_at"], f"the renewal was started{_because(said['reason'])}", said["started_by"], _SAID
    for change in figure_value(signoff, "keystore/history") or []:
        forced = f", by force, against: {change['overrode']}" if change["overrode"] else ""
        what = f"{change['alias']} {change['action']}{_because(change['why'])}{forced}"
        yield change["time"], what, change["who"], _KEYSTORE
    for endpoint in said.get("endpoints", []):
        for old in said.get("old", []):
            found = figure_value(signoff, f"{endpoint}/{old['alias']}/signed")
            if found and found["last"]:
                yield found["last"], f"{endpoint}: last use of the key of {old['alias']}", "", _MEASURED
        new = said["new"]["alias"]
        found = figure_value(signoff, f"{endpoint}/{new}/signed")
        if found and found["first"]:
            yield found["first"], f"{endpoint}: first use of the key of {new} in this time", "", _MEASURED
    for one in said.get("confirmations", []):
        yield one["at"], f"step {one['step']} confirmed{_because(one['note'])}", one["by"], _SAID
    for one in said.get("rehearsals", []):
        result = "accepted" if one["accepted"] else f"not accepted ({one['reason']})"
        yield one["at"], f"rehearsed with {one['file']} at {one['endpoint']}: {result}", one["who"], _MEASURED
    for one in said.get("waivers", []):
        yield one["at"], f"waived: {_cell(one)}: {one['reason']}", one["by"], _SAID
    for one in said.get("notices", []):
        yield one["at"], f"notice on step {one['step']} written", one["who"], _SAID
    closed = said.get("closed")
    if closed:
        yield closed["at"], f"the renewal was {closed['how']}{_because(closed['reason'])}", closed["who"], _SAID


def confirmation_section(said: Mapping[str, Any]) -> Section:
    """Who confirmed what."""
    rows = [
        [
            str(one["step"]),
            instant_text(instant_of(one["at"])),
            one["by"] + (f" (typed by {one['who']})" if one["who"] != one["by"] else ""),
            ". ".join(filter(None, [one["note"], f"fingerprint {one['fingerprint']}" if one["fingerprint"] else ""])),
        ]
        for one in said.get("confirmations", [])
    ]
    columns = [("Step", 0.5), ("When", 1.5), ("Who", 1.5), ("What was said", 3.5)]
    blocks: list[Block] = [Grid(columns, rows)] if rows else [Paragraph("Nobody confirmed any step.")]
    fingerprints = {one["fingerprint"] for one in said.get("confirmations", []) if one["fingerprint"]}
    if fingerprints - {said["new"]["thumbprint"]}:
        blocks.append(Paragraph("A fingerprint that was read out is NOT that of the new certificate.", Tone.WARNING))
    return Section("Who confirmed what", blocks)


def exception_section(signoff: Signoff, said: Mapping[str, Any]) -> Section:
    """What was forced, waived, contradicted or is not as it should be."""
    texts = [
        f"By force: {change['alias']} {change['action']} at {_at(change['time'])} by {change['who']}, against: "
        f"{change['overrode']} Reason: {change['why'] or 'none given'}."
        for change in figure_value(signoff, "keystore/history") or []
        if change["overrode"]
    ]
    texts += [
        f"{change['alias']} {change['action']} at {_at(change['time'])}: {WRITTEN_OVER}."
        for change in figure_value(signoff, "keystore/history") or []
        if change["gate"] is None
    ]
    texts += [
        f"Waived by {one['by']} at {_at(one['at'])}: {_cell(one)}. Reason: {one['reason']}."
        for one in said.get("waivers", [])
    ]
    judged = signoff.content["judged"]
    texts += [f"{text}." for text in (*judged["warnings"], *judged["blockers"])]
    if not texts:
        return Section("Exceptions", [Paragraph("None: nothing was forced or waived, and nothing is contradicted.")])
    return Section("Exceptions", [Paragraph(text, Tone.WARNING) for text in texts])


def retirement_section(signoff: Signoff, said: Mapping[str, Any]) -> Section:
    """The retirement certificates, what the gates said, and what was retired without one."""
    blocks: list[Block] = []
    gates = {
        gate["retirement_certificate"]: (change, gate)
        for change in figure_value(signoff, "keystore/history") or []
        for gate in change["gate"] or ()
        if gate["retirement_certificate"]
    }
    for one in retirement_certificates(signoff.content):
        certificate = one["certificate"] or {}
        question = certificate.get("question", {})
        change, gate = gates.get(one["sha256"], ({}, {}))
        rows = [
            ("Retirement of", str(question.get("alias", "?"))),
            ("When, by whom", f"{_at(change.get('time'))} by {change.get('who', '?')}"),
            ("Gate", str(gate.get("summary", "it does not stand in the keystore's history"))),
            ("Against it", "; ".join(certificate.get("exceptions", [])) or "nothing"),
            ("SHA-256", str(one["sha256"])),
        ]
        blocks.append(Facts(rows, frozenset({"SHA-256"})))
    without = list(_retired_without_one(signoff, said))
    if not blocks and not without:
        blocks.append(Paragraph("No old certificate was retired within this renewal yet."))
    elif blocks:
        blocks.append(
            Paragraph(
                "Each is in the file in JSON in full, with figures of its own, and its SHA-256 stands in the history "
                "of the keystore, in the revision that retired the certificate."
            )
        )
    return Section("Retirement certificates", [*blocks, *(Paragraph(text, Tone.WARNING) for text in without)])


def _retired_without_one(signoff: Signoff, said: Mapping[str, Any]) -> Iterator[str]:
    """Of the old certificates that are not trusted any more those of which no retirement certificate is here."""
    certificates = [one["certificate"] or {} for one in retirement_certificates(signoff.content)]
    certified = {certificate.get("question", {}).get("thumbprint") for certificate in certificates}
    changes = figure_value(signoff, "keystore/history") or []
    for old in said.get("old", []):
        last = None
        for one in changes:
            if one["thumbprint"] == old["thumbprint"] and one["action"] not in _NO_OTHER_TRUST:
                last = (last or one) if one["action"] in _ENDS_TRUST else None
        if last is None or old["thumbprint"] in certified:
            continue
        digests = [gate["retirement_certificate"] for gate in last["gate"] or () if gate["retirement_certificate"]]
        why = (
            f"the one that was written, with the SHA-256 {digests[0]}, was not kept: the command was interrupted"
            if digests
            else "that was not done with wssgate renewal retire, or no gate was asked"
        )
        yield (
            f"{last['alias']} was {last['action']} at {_at(last['time'])} by {last['who']}, and there is no retirement "
            f"certificate: {why}."
        )


def _cell(waiver: Mapping[str, Any]) -> str:
    operation = operation_of(waiver["operation"], OperationNames([waiver["operation"] or None]))
    return f"{waiver['endpoint']}, {operation}{' at ' + waiver['server'] if waiver['server'] else ''}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _at(text: str | None) -> str:
    return "" if text is None else instant_text(instant_of(text))
