"""What a sign-off tells people: claims first, then what they rest on, then how to check it.

Every sentence is made from the figures, and says no more than they do.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.present import OperationNames, count_text, instant_text, span_text
from gateway.renewal.signoff.page_blocks import Block, Chart, Code, Facts, Grid, Page, Paragraph, Section, Tone
from gateway.renewal.signoff.page_history import (
    confirmation_section,
    exception_section,
    retirement_section,
    step_section,
    time_line_section,
)
from gateway.renewal.signoff.page_values import figure_value, instant_of, operation_of, watched_text
from gateway.renewal.signoff.signing_off import Signoff

_MOST_GAPS: Final = 100
_SHORTEST_GAP: Final = timedelta(seconds=1)
_MOST_CELLS: Final = 400
_LONGEST_VALUE: Final = 300


def signoff_page(signoff: Signoff) -> Page:
    """The page of a sign-off.

    Raises:
        KeyError: It was not made by this program; or TypeError, ValueError, IndexError.
    """
    content = signoff.content
    said = signoff.figures["said"].value
    made, window = content["made"], content["window"]
    closed = said.get("closed")
    state = "still open" if closed is None else f"{closed['how']} at {instant_text(instant_of(closed['at']))}"
    return Page(
        title=f"Renewal {content['renewal']}",
        subtitle="Sign-off: which key signed what, and what that rests on",
        facts=Facts(
            [
                ("State", state),
                ("Kind", _kind(said)),
                ("Endpoints", ", ".join(said.get("endpoints", []))),
                (
                    "Counted",
                    f"from {instant_text(instant_of(window['from']))} until {instant_text(instant_of(window['until']))}"
                    ", by the ledger's clock",
                ),
                ("Made by", f"{made['by']}, with wssgate {made['version']}"),
                ("SHA-256", signoff.sha256),
            ],
            frozenset({"SHA-256"}),
        ),
        sections=[
            Section("What is signed off", list(_claims(signoff, said))),
            Section("Messages per key and day", list(_charts(signoff, said))),
            Section("Coverage", list(_coverage(signoff, said))),
            Section("Time that was watched", list(_watched(signoff, said))),
            Section("Uses of the old key that were rejected", list(_rejected(signoff, said))),
            step_section(content),
            time_line_section(signoff, said),
            confirmation_section(said),
            exception_section(signoff, said),
            retirement_section(signoff, said),
            Section("The certificates", list(_certificates(said))),
            Section("What the figures rest on", list(_heads(signoff))),
            Section("How to check it", list(_checking(signoff))),
            Section("Every figure, and the question that recomputes it", list(_figures(signoff)), is_appendix=True),
        ],
        footer=f"Renewal {content['renewal']} · sign-off SHA-256 {signoff.sha256}",
    )


def _kind(said: Mapping[str, Any]) -> str:
    words = ["new certificate over the same key" if said.get("same_key") else "new key"]
    if said.get("announced"):
        words.append(f"announced for {said.get('announced_text') or instant_text(instant_of(said['announced']))}")
    if said.get("downtime"):
        words.append("switched in a downtime")
    if said.get("compromised"):
        words.append("emergency: the old key is in wrong hands")
    return ", ".join(words)


def _claims(signoff: Signoff, said: Mapping[str, Any]) -> Iterator[Block]:
    findings = figure_value(signoff, "findings") or []
    if findings:
        yield Paragraph(
            f"What this rests on does NOT hold together: {'; '.join(findings)}. The figures leave out what was "
            "altered, and prove nothing.",
            Tone.WARNING,
        )
    if said.get("closed") is None:
        yield Paragraph("The renewal is still open: this is where it stands, and not its end.", Tone.WARNING)
    for endpoint in said.get("endpoints", []):
        for old in said.get("old", []):
            stem = f"{endpoint}/{old['alias']}"
            if f"{stem}/since/signed" in signoff.figures:
                yield from _claims_of(signoff, said, endpoint, str(old["alias"]))
    if said["same_key"]:
        yield Paragraph(
            "The new certificate is over the same key as an old one: a signature does not tell which of the two it "
            "goes with, and each use of that key counts as a use of both.",
            Tone.WARNING,
        )
    for one in signoff.content["judged"]["relapses"]:
        yield Paragraph(_relapse_text(one), Tone.WARNING)
    yield Paragraph(
        "This tells of recorded responses, and of time in which a gateway watched. Of messages that did not pass a "
        "gateway, or came while nobody watched, it says nothing."
    )


def _claims_of(signoff: Signoff, said: Mapping[str, Any], endpoint: str, alias: str) -> Iterator[Block]:
    stem = f"{endpoint}/{alias}"
    question = signoff.figures[f"{stem}/since/signed"].question
    since, until = instant_of(question["from"]), instant_of(question["until"])
    signed = figure_value(signoff, f"{stem}/since/signed")
    responses = figure_value(signoff, f"{stem}/since/responses")
    unexamined = figure_value(signoff, f"{stem}/since/unexamined")
    watched = figure_value(signoff, f"{stem}/since/watched")
    carried = "none carried" if not signed["messages"] else f"{signed['messages']:,} carried"
    others = sorted(set(question["endpoints"]) - {endpoint})
    also = f" (also called {', '.join(others)})" if others else ""
    text = (
        f"{endpoint}{also}: among {count_text(responses, 'recorded response')} between {instant_text(since)} and "
        f"{instant_text(until)}, with {watched_text(watched, since, until)}, {carried} a signature by the key of "
        f"{alias}."
    )
    if unexamined:
        text += f" Of {unexamined:,} of them nobody looked who signed."
    if not responses:
        text += " Silence is no evidence."
    is_claim = responses and not signed["messages"] and not figure_value(signoff, "findings")
    yield Paragraph(text, Tone.CLAIM if is_claim else Tone.WARNING)
    whole = figure_value(signoff, f"{stem}/signed")
    last = (
        f"The key of {alias} was used last at {_text_of(whole['last'])} (record {whole['last_record']})."
        if whole and whole["last"]
        else f"No use of the key of {alias} is on record since {instant_text(since)}."
    )
    times = figure_value(signoff, f"{endpoint}/delivery-times") or []
    if times:
        longest = timedelta(seconds=max(one[0] for one in times))
        last += f" The guaranteed delivery time was {span_text(longest)}"
        last += "." if watched is None else f"; watched since then: {span_text(timedelta(seconds=watched['seconds']))}."
        if watched is not None and watched["seconds"] < longest.total_seconds():
            last += " That is less: messages with the old key may still be under way."
    for policy in said.get("policies", []):
        if policy["endpoint"] == endpoint:
            length = span_text(timedelta(seconds=policy["guaranteed_delivery_seconds"]))
            last += f" {policy['owner']} decided on {length}: {policy['reason']}."
    yield Paragraph(last)


def _charts(signoff: Signoff, said: Mapping[str, Any]) -> Iterator[Block]:
    for endpoint in said.get("endpoints", []):
        days = {}
        for certificate in (*said.get("old", []), said["new"]):
            found = figure_value(signoff, f"{endpoint}/{certificate['alias']}/days")
            if found is not None:
                days[str(certificate["alias"])] = [(str(day), int(count)) for day, count in found]
        if any(days.values()):
            yield Chart(endpoint, days)
        else:
            yield Paragraph(f"{endpoint}: no message carried a signature by any of these keys.")


def _coverage(signoff: Signoff, said: Mapping[str, Any]) -> Iterator[Block]:
    named = {
        name: endpoint
        for endpoint in said.get("endpoints", [])
        if f"{endpoint}/responses" in signoff.figures
        for name in signoff.figures[f"{endpoint}/responses"].question["endpoints"]
    }
    judged = {
        (named.get(cell["endpoint"], cell["endpoint"]), cell["operation"], cell["server"]): cell
        for cell in signoff.content["judged"]["coverage"]
    }
    names = OperationNames(operation or None for _, operation, _ in judged)
    old_aliases = [str(one["alias"]) for one in said.get("old", [])]
    cells: dict[tuple[str, str, str], dict[str, Mapping[str, Any]]] = {key: {} for key in judged}
    for endpoint in said.get("endpoints", []):
        for alias in (*old_aliases, str(said["new"]["alias"])):
            for row in figure_value(signoff, f"{endpoint}/{alias}/cells") or []:
                cells.setdefault((endpoint, row["operation"], row["server"]), {})[alias] = row
    rows = []
    for (endpoint, operation, server), found in sorted(cells.items()):
        olds = [found[alias] for alias in old_aliases if alias in found]
        cell = judged.get((endpoint, operation, server))
        rows.append(
            [
                " ".join(filter(None, [endpoint, operation_of(operation, names), server and f"at {server}"])),
                "" if cell is None else str(cell["state"]),
                _seen(olds, "last", "last_record"),
                _seen([found[a] for a in found if a not in old_aliases], "first", "first_record"),
            ]
        )
    yield Paragraph(
        "Each operation, at each server that a field of the response tells: how many messages each key signed, and the "
        "record that proves the last use of the old key and the first of the new one."
    )
    columns = [("Cell", 2.4), ("State", 1.1), ("Old key: messages, last", 3.2), ("New key: messages, first", 3.2)]
    yield Grid(columns, rows[:_MOST_CELLS])
    if len(rows) > _MOST_CELLS:
        yield Paragraph(f"And {count_text(len(rows) - _MOST_CELLS, 'cell')} more, in the figures.")
    if not rows:
        yield Paragraph("No cell is known: no message came, and none is expected.")


def _seen(rows: Sequence[Mapping[str, Any]], when: str, record: str) -> str:
    if not rows:
        return "none"
    row = (max if when == "last" else min)(rows, key=lambda one: str(one[when]))
    rejected = sum(one["rejected"] for one in rows)
    also = f", {rejected:,} of them rejected" if rejected else ""
    total = sum(one["messages"] for one in rows)
    return f"{total:,}{also}; {when} {instant_text(instant_of(row[when]))}, record {row[record]}"


def _watched(signoff: Signoff, said: Mapping[str, Any]) -> Iterator[Block]:
    window = signoff.content["window"]
    since, until = instant_of(window["from"]), instant_of(window["until"])
    for endpoint in said.get("endpoints", []):
        watched = figure_value(signoff, f"{endpoint}/watched")
        if watched is None:
            yield Paragraph(f"{endpoint}: what was watched cannot be told.", Tone.WARNING)
            continue
        # What is shown to the second has no gaps within one; the figures have them all.
        gaps = [gap for gap in watched["gaps"] if instant_of(gap[1]) - instant_of(gap[0]) >= _SHORTEST_GAP]
        text = f"{endpoint}: {watched_text(watched, since, until)}"
        yield Paragraph(
            f"{text}, without a gap of a second or more." if not gaps else f"{text}. Nobody watched in these times:"
        )
        if gaps:
            yield Grid([("From", 1), ("Until", 1), ("Length", 1)], [_gap(*gap) for gap in gaps[:_MOST_GAPS]])
        if len(gaps) > _MOST_GAPS:
            yield Paragraph(f"And {count_text(len(gaps) - _MOST_GAPS, 'gap')} more, in the figures.")


def _gap(start: str, end: str) -> list[str]:
    begin, until = instant_of(start), instant_of(end)
    return [instant_text(begin), instant_text(until), span_text(until - begin)]


def _rejected(signoff: Signoff, said: Mapping[str, Any]) -> Iterator[Block]:
    rows = [
        [endpoint, str(old["alias"]), reason, f"{count:,}"]
        for endpoint in said.get("endpoints", [])
        for old in said.get("old", [])
        for reason, count in (figure_value(signoff, f"{endpoint}/{old['alias']}/reasons") or {}).items()
    ]
    if rows:
        yield Grid([("Endpoint", 1), ("Key of", 1), ("Reason", 1), ("Messages", 1)], rows)
    else:
        yield Paragraph("None: no message with a signature by the old key was rejected in this time.")


def _relapse_text(one: Mapping[str, Any]) -> str:
    server = f" at {one['server']}" if one["server"] else ""
    operation = operation_of(one["operation"], OperationNames([one["operation"] or None]))
    after = "after the old certificate was retired" if one["was_retired"] else "after the cell had switched"
    return (
        f"The old key came back {after}: {one['endpoint']}, {operation}{server}, "
        f"{count_text(one['messages'], 'message')} from {_text_of(one['first'])} until {_text_of(one['last'])}."
    )


def _certificates(said: Mapping[str, Any]) -> Iterator[Block]:
    for what, one in (*(("Old", old) for old in said.get("old", [])), ("New", said["new"])):
        yield Facts(
            [
                (f"{what} certificate", str(one["alias"])),
                ("Subject", one["subject"]),
                ("Issuer", one["issuer"]),
                ("Serial", one["serial"]),
                ("Valid", f"{_text_of(one['not_before'])} to {_text_of(one['not_after'])}"),
                ("SHA-256 fingerprint", one["thumbprint"]),
                ("SHA-256 of its public key", one["key_id"]),
            ],
            frozenset({"Serial", "SHA-256 fingerprint", "SHA-256 of its public key"}),
        )
        yield Code(str(one["pem"]).strip())


def _text_of(instant: str) -> str:
    return instant_text(instant_of(instant))


def _heads(signoff: Signoff) -> Iterator[Block]:
    window = signoff.content["window"]
    yield Paragraph(
        "The figures were counted up to these ends of the gateways' hash chains. Compare them with anchors that were "
        "kept elsewhere, and the public keys with those that you know."
    )
    for end in window["chains"]:
        yield Facts(
            [
                ("Gateway", f"{end['instance']}, writer {end['writer']}"),
                ("Public key (Ed25519)", end["public_key"] or "none: nothing is signed"),
                ("Record", f"{end['sequence']}, {end['hash']}"),
                ("Event", f"{end['event_number']}, {end['event_hash']}"),
            ],
            frozenset({"Public key (Ed25519)", "Record", "Event"}),
        )
    rows = [
        ("Keystore", f"revision {window['keystore_revision']}, {figure_value(signoff, 'keystore/revision')}"),
        ("What people said", f"statement {window['statement']}, {figure_value(signoff, 'said/end')}"),
    ]
    yield Facts(rows, frozenset({"Keystore", "What people said"}))


def _checking(signoff: Signoff) -> Iterator[Block]:
    name = signoff.content["renewal"]
    yield Paragraph(
        "What counts is the file in JSON; its SHA-256 stands above. With the database at hand, this recomputes every "
        "figure and names those that do not come out:"
    )
    yield Code(f"sha256sum {name}.json\nwssgate renewal verify-signoff {name}.json")
    ids = signoff.evidence_ids
    if ids:
        yield Paragraph(
            "Without the database: a bundle of evidence, which is written together with the sign-off (--bundle), holds "
            "the records, the signatures themselves, and the chain up to an end that the gateway signed. It can be "
            "checked on any machine, with the gateway's public key:"
        )
        yield Code(f"wssgate renewal verify-signoff {name}.json --bundle {name}.zip --pinned KEYS")
    yield Paragraph(
        "docs/evidence.md of wssgate describes each format, and has a program that checks a bundle by itself."
    )


def _figures(signoff: Signoff) -> Iterator[Block]:
    rows = []
    for figure in signoff.figures.values():
        question = {name: value for name, value in figure.question.items() if name != "ask"}
        told = ", ".join(f"{name} {_short(value)}" for name, value in question.items())
        rows.append([figure.name, f"{figure.question['ask']} {told}".strip(), _short(figure.value)])
    yield Grid([("Figure", 1.6), ("Question", 3), ("Value", 2)], rows)


def _short(value: object) -> str:
    match value:
        case str():
            return value
        case list() if all(isinstance(one, str) for one in value):
            return ", ".join(value) or "none"
        case list():
            return count_text(len(value), "item")
        case {"messages": messages}:
            return count_text(int(messages), "message")
        case {"seconds": seconds}:
            return f"{seconds:,.0f} s"
        case dict():
            told = [f"{name} {_short(one)}" for name, one in value.items() if one and not isinstance(one, dict)]
            return ", ".join(told)[:_LONGEST_VALUE] or "none"
        case _:
            return str(value)


def claim_sentences(signoff: Signoff) -> list[str]:
    """The claims alone, for a terminal."""
    said = signoff.figures["said"].value
    return [one.text for one in _claims(signoff, said) if isinstance(one, Paragraph) and one.tone is not Tone.USUAL]


def counted_until(signoff: Signoff) -> datetime:
    """The last commit before the sign-off was made, by the ledger's clock."""
    return instant_of(signoff.content["window"]["until"])
