"""Whether the figures of a document are those that such a document has, each with the question that its name promises.

A figure comes out by its question alone. Whoever asks another question under the same name, or leaves a figure out, has
a document in which everything comes out and that claims something else; so names and questions are held against what
the document itself says of its renewal, its certificates and its window.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from gateway.present import instant_json
from gateway.renewal.plan import certificate_json, planned
from gateway.renewal.signoff.document_errors import DocumentUnreadable
from gateway.renewal.signoff.figures import Figure, Question, Window, canonical, read_instant
from gateway.renewal.signoff.renewal_figures import Subject, named_by, questions_about, since_last_use
from gateway.renewal.signoff.tallies import endpoints_of
from keystore import KeystoreError, TrustedCertificate

_RECORD: Final = "records/"
_SHOWN: Final = 5
_MICROSECOND: Final = timedelta(microseconds=1)
_TOLD_TOGETHER: Final = (
    {"responses", "unexamined", "signed", "cells", "days", "reasons"},
    {"watched"},
    {"delivery-times"},
)
"""What is told of everything or of nothing, for it rests on the same records or events; by `ask`."""
_ALWAYS_TOLD: Final = {"keystore-history", "keystore-revision", "said", "statement", "findings"}


def findings_of_questions(
    renewal: str, question: Mapping[str, Any], figures: Sequence[Figure], window: Window
) -> Iterator[str]:
    """What does not fit, a sentence each without its full stop.

    Args:
        renewal: Of which renewal the document is.
        question: What a retirement certificate asked; empty in a sign-off.
        figures: Those of the document.
        window: Over which it counts.
    """
    by_name = {one.name: one for one in figures}
    try:
        subject = _subject(renewal, question, by_name, window)
        records = named_by(row for one in figures if one.question["ask"] == "cells" for row in one.value)
    # Whatever somebody else wrote in the place of what this program writes.
    except (LookupError, TypeError, ValueError, ArithmeticError, KeystoreError, DocumentUnreadable) as error:
        what = f"it does not tell {error}" if isinstance(error, KeyError) else str(error)
        yield f"the document does not tell which certificates and endpoints its figures are about: {what}"
        return
    expected = dict(questions_about(subject, window))
    allowed = {f"{_RECORD}{one}": {"ask": "record", "id": one} for one in records} | expected
    known = {one["ask"] for one in allowed.values()}
    for name, figure in by_name.items():
        asked = allowed.get(name)
        if asked is None and figure.question["ask"] in known:
            yield f"the figure {name} does not belong to such a document"
        elif asked is not None and canonical(figure.question) != canonical(asked):
            where = _difference(figure.question, asked)
            yield f"the figure {name} answers another question than its name says: {where}"
    yield from _left_out(by_name, expected)


def _difference(said: Question, asked: Question) -> str:
    nothing = object()
    names = {*said, *asked}
    return (
        ", ".join(sorted(name for name in names if said.get(name, nothing) != asked.get(name, nothing))) or "spelling"
    )


def _left_out(by_name: Mapping[str, Figure], expected: Mapping[str, Question]) -> Iterator[str]:
    """What could not be told when the document was made is not in it; but then nothing of that kind is."""
    told = {one.question["ask"] for one in by_name.values()}
    all_told = _ALWAYS_TOLD.union(*(kinds for kinds in _TOLD_TOGETHER if kinds & told))
    left = [name for name, asked in expected.items() if name not in by_name and asked["ask"] in all_told]
    if left:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        yield f"figures are left out that belong to such a document: {', '.join(left[:_SHOWN])}{more}"


def _subject(renewal: str, question: Mapping[str, Any], by_name: Mapping[str, Figure], window: Window) -> Subject:
    """What the figures have to be about, by what the document says."""
    said = by_name["said"].value
    if said["name"] != renewal:
        raise ValueError(f"it is of the renewal {renewal!r}, and what was said is of {said['name']!r}")
    old, new = [_key_of(one) for one in said["old"]], _key_of(said["new"])
    if len({alias for alias, _ in (*old, new)}) <= len(old):
        raise ValueError("two certificates have one alias")
    about = [one for one, certificate in zip(old, said["old"], strict=True) if _is_meant(certificate, question)]
    if not about:
        raise ValueError("the certificate that was asked about is not one of the old ones")
    if question and question.get("may") != "retire":
        raise ValueError("it was not asked whether a certificate may be retired")
    if question and question.get("endpoints") != said["endpoints"]:
        raise ValueError("other endpoints were asked about than those of the renewal")
    if said.get("same_key") is not any(key_id == new[1] for _, key_id in old):
        raise ValueError("whether the new certificate is over the key of an old one is not as it says")
    endpoints = {name: _names_of(name, by_name) for name in map(str, said["endpoints"])}
    return Subject(
        renewal=renewal,
        endpoints=endpoints,
        old=about,
        new=new,
        thumbprints=[one["thumbprint"] for one in (*said["old"], said["new"])],
        since={
            (endpoint, alias): _since(f"{endpoint}/{alias}", by_name, window)
            for endpoint in endpoints
            for alias, _ in about
        },
    )


def _key_of(certificate: Mapping[str, Any]) -> tuple[str, str]:
    """Alias and key id; what is said of a certificate has to be what it says itself.

    But for its names: how those are written is up to the library.
    """
    read = planned(TrustedCertificate.from_pem(str(certificate["alias"]), str(certificate["pem"])))
    itself = certificate_json(read) | {"pem": read.pem}
    for name, value in itself.items():
        if name not in {"subject", "issuer"} and certificate[name] != value:
            raise ValueError(f"the certificate of {read.alias} is another one than is said of it: {name}")
    return str(read.alias), str(read.key_id)


def _is_meant(certificate: Mapping[str, Any], question: Mapping[str, Any]) -> bool:
    names = ("alias", "thumbprint", "key_id")
    return not question or all(certificate[name] == question.get(name) for name in names)


def _names_of(endpoint: str, by_name: Mapping[str, Figure]) -> Sequence[str]:
    """Every name that the endpoint had, by the first figure that tells."""
    for ask in ("responses", "watched", "delivery-times"):
        if figure := by_name.get(f"{endpoint}/{ask}"):
            names = endpoints_of(figure.question)
            if endpoint not in names:
                raise ValueError(f"the figures of {endpoint} are about {', '.join(names) or 'no endpoint'}")
            return names
    return [endpoint]


def _since(stem: str, by_name: Mapping[str, Figure], window: Window) -> str:
    """From when on uses of an old key are counted once more."""
    if signed := by_name.get(f"{stem}/signed"):
        return since_last_use(signed.value, window)
    # Where the records were gone when it was made, it tells of watched time only.
    watched = by_name.get(f"{stem}/since/watched")
    since = instant_json(window.since) if watched is None else str(watched.question.get("from"))
    if not window.since <= read_instant(since) <= max(window.since, window.until + _MICROSECOND):
        raise ValueError(f"it counts from {since} on, which lies outside of its window")
    return since
