"""The unknown keys for people, as JSON and as CSV."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from gateway.present import (
    age_text,
    bare_table,
    csv_text,
    endpoint_heading,
    indented,
    instant_in_table,
    instant_json,
    instant_text,
    plain,
)
from gateway.report.resemblance import UnknownKey, UnknownKeysReport
from keystore import describe

UNKNOWN_KEYS_SCHEMA: Final = "wssgate.unknown-keys/1"
_LONGEST_NAME: Final = 200
_GOOD: Final = "good: whoever signed holds the private key"
_BAD: Final = "NOT good in any message: nobody has shown that they hold the private key"
_NOTHING_ALIKE: Final = "to nothing in the keystore by name or key"


def unknown_keys_table(report: UnknownKeysReport) -> RenderableType:
    """A block for each certificate, those that a good signature backs first."""
    window = "all that are kept" if report.since is None else f"seen since {instant_in_table(report.since)}"
    title = f"\n{window}, as of {instant_in_table(report.generated)}; times in UTC"
    parts: list[RenderableType] = [Text.assemble(("Certificates of unknown signers", "bold"), title)]
    if report.only:
        parts.append(Text(f"only {plain(report.only)}: counted over such records", style="yellow"))
    if not report.keys:
        parts.append(Text("None.", style="green"))
    for endpoint, keys in groupby(report.keys, key=lambda key: key.kept.endpoint):
        parts.append(endpoint_heading(endpoint))
        parts += [indented(_block(key, report)) for key in keys]
    return Group(*parts)


def _block(key: UnknownKey, report: UnknownKeysReport) -> RenderableType:
    listed = bare_table(("", ""), numbers=set())
    listed.show_header = False
    for name, value, style in _lines(key, report):
        listed.add_row(Text(name, style="dim"), Text(plain(value), style=style))
    return Group(listed, Text(""))


def _lines(key: UnknownKey, report: UnknownKeysReport) -> Iterable[tuple[str, str, str]]:
    kept, described = key.kept, describe(key.certificate)
    for name, line in zip(("SHA-256", ""), described.sha256.colon_pairs, strict=True):
        yield name, line, "bold"
    # As long as a stranger wishes: on the screen the beginning has to do.
    yield "subject", _cut(described.subject), ""
    issuer = "the same, self-signed" if described.self_signed else _cut(described.issuer)
    yield "issuer", issuer, ""
    yield "valid", f"{instant_text(described.not_before)} until {instant_text(described.not_after)}", ""
    if report.generated > described.not_after:
        yield "", "it has expired", "red"
    elif report.generated < described.not_before:
        yield "", "it is not valid yet", "yellow"
    yield "key", described.key, ""
    yield "signature", _GOOD if kept.good_messages else _BAD, "green" if kept.good_messages else "bold red"
    good = f", {kept.good_messages:,} with a good signature" if kept.good_messages < kept.messages else ""
    yield "messages", f"{kept.messages:,}{good}", ""
    yield "first", instant_text(kept.first_seen), ""
    age = age_text(kept.last_seen, report.generated)
    yield "last", f"{instant_text(kept.last_seen)} ({age if age == 'now' else f'{age} ago'})", ""
    yield "record", kept.record, ""
    if not key.nearest:
        yield "related", _NOTHING_ALIKE, "yellow"
    for number, one in enumerate(key.nearest):
        yield "" if number else "related", one.sentence, "cyan"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def unknown_keys_json(report: UnknownKeysReport) -> dict[str, object]:
    """The report as an object of the schema `wssgate.unknown-keys/1`."""
    return {
        "schema": UNKNOWN_KEYS_SCHEMA,
        "generated": instant_json(report.generated),
        "since": instant_json(report.since),
        "endpoint": report.endpoint,
        "filter": report.only or None,
        "keys": [_key(key) for key in report.keys],
    }


def _key(key: UnknownKey) -> dict[str, object]:
    kept, described = key.kept, describe(key.certificate)
    return {
        "endpoint": kept.endpoint,
        "thumbprint": str(kept.thumbprint),
        "thumbprint_sha1": described.sha1.digest.hex(),
        "key_id": described.key_id,
        "subject": described.subject,
        "issuer": described.issuer,
        "serial": described.serial,
        "not_before": instant_json(described.not_before),
        "not_after": instant_json(described.not_after),
        "key": described.key,
        "signature_good": kept.good_messages > 0,
        "messages": kept.messages,
        "good_messages": kept.good_messages,
        "first_seen": instant_json(kept.first_seen),
        "last_seen": instant_json(kept.last_seen),
        "record": kept.record,
        "known_by_now": key.is_known_by_now,
        "nearest": [
            {
                "alias": str(one.alias),
                "state": str(one.state),
                "revoked": one.revoked,
                "common": one.common.rstrip(","),
                "only_for": list(one.only_for),
            }
            for one in key.nearest
        ],
    }


_COLUMNS: Final = (
    "endpoint",
    "thumbprint",
    "thumbprint_sha1",
    "key_id",
    "subject",
    "issuer",
    "serial",
    "not_before",
    "not_after",
    "key",
    "signature_good",
    "messages",
    "good_messages",
    "first_seen",
    "last_seen",
    "record",
    "known_by_now",
)


def unknown_keys_csv(report: UnknownKeysReport) -> str:
    """One line a certificate and endpoint, with a header."""
    return csv_text((*_COLUMNS, "nearest"), (_line(key) for key in report.keys))


def _line(key: UnknownKey) -> list[Any]:
    values: dict[str, Any] = _key(key) | {
        "signature_good": _yes_or_no(key.kept.good_messages > 0),
        "known_by_now": _yes_or_no(key.is_known_by_now),
        "nearest": " | ".join(one.sentence for one in key.nearest),
    }
    return [values[name] for name in (*_COLUMNS, "nearest")]


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
