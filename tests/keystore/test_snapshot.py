"""The view of one revision: every trusted key is a candidate, whatever the hint says."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from hypothesis import given
from hypothesis import strategies as st

from keystore import NO_HINT, Alias, HintKind, KeyHint, State, TrustedCertificate, TrustSnapshot
from keystore.certificate import TrustedCertificate as Entry
from tests.keystore.issuing import NOON, entry, issue, with_bytes_changed

OLD = entry("acme-2024", issue("acme", key="old", serial=24))
NEW = entry("acme-2026", issue("acme", key="new", serial=26))
RENEWED = entry("acme-2026-renewed", issue("acme", key="new", serial=27))
RETIRED = entry("gone", issue("gone"), State.RETIRED)
STAGED = entry("coming", issue("coming"), State.STAGED)
PURGED = entry("purged", issue("purged"), State.PURGED)
UNUSABLE = entry("unusable", issue("unusable", public_key=x25519.X25519PrivateKey.generate().public_key()))
ODD_NAME = Entry.from_der("odd", with_bytes_changed(issue("hello"), b"\x0c\x05hello", b"\x02\x05hello"))
EVERYTHING = TrustSnapshot.of(OLD, NEW, RENEWED, RETIRED, STAGED, PURGED, UNUSABLE, ODD_NAME, revision=7)


def _aliases(found: object) -> list[list[str]]:
    return [[e.alias for e in candidate.entries] for candidate in found]  # type: ignore[attr-defined]  # any iterator


HINTS: dict[str, Callable[[TrustedCertificate], KeyHint]] = {
    "none": lambda _: NO_HINT,
    "thumbprint": lambda e: KeyHint(HintKind.X509_DATA, thumbprints=frozenset({e.thumbprint})),
    "sha1": lambda e: KeyHint(HintKind.THUMBPRINT_SHA1, thumbprint_sha1=e.thumbprint_sha1),
    "key-id": lambda e: KeyHint(HintKind.KEY_VALUE, key_id=e.key_id),
    "ski": lambda e: KeyHint(HintKind.SUBJECT_KEY_IDENTIFIER, subject_key_identifier=e.subject_key_identifier),
    "issuer-serial": lambda e: KeyHint(HintKind.ISSUER_SERIAL, issuer=e.issuer, serial=e.serial),
    "wrong-issuer": lambda e: KeyHint(HintKind.ISSUER_SERIAL, issuer="CN=somebody", serial=e.serial),
    "subject": lambda e: KeyHint(HintKind.SUBJECT_NAME, subject=e.subject),
    "alias": lambda e: KeyHint(HintKind.KEY_NAME, name=e.alias.upper()),
    "subject-as-name": lambda e: KeyHint(HintKind.KEY_NAME, name=e.subject),
    "everything": lambda e: KeyHint(
        HintKind.X509_DATA,
        thumbprints=frozenset({e.thumbprint}),
        thumbprint_sha1=e.thumbprint_sha1,
        key_id=e.key_id,
        subject_key_identifier=e.subject_key_identifier,
        issuer=e.issuer,
        serial=e.serial,
        subject=e.subject,
        name=e.alias,
    ),
}


def test_every_trusted_key_is_a_candidate_once_with_all_its_entries() -> None:
    assert EVERYTHING.revision == 7
    assert _aliases(EVERYTHING.candidates(NO_HINT, NOON)) == [
        ["acme-2024"],
        ["acme-2026", "acme-2026-renewed"],
        ["odd"],
    ]
    assert _aliases(EVERYTHING.recognised(NO_HINT, NOON)) == [["gone"], ["coming"]]


@pytest.mark.parametrize("hint", ["thumbprint", "sha1", "key-id", "ski", "issuer-serial", "alias", "everything"])
def test_a_right_hint_comes_first_and_limits_nothing(hint: str) -> None:
    first, *rest = EVERYTHING.candidates(HINTS[hint](NEW), NOON)
    assert first.key_id == NEW.key_id
    assert first.public_key == NEW.public_key
    assert len(rest) == 2
    assert next(EVERYTHING.recognised(HINTS[hint](STAGED), NOON)).entries == (STAGED,)


@given(
    st.sampled_from(sorted(HINTS)),
    st.sampled_from(EVERYTHING.entries),
    st.sampled_from([-400, -2, 0, 2, 400]),
    st.lists(st.sampled_from(EVERYTHING.entries), unique_by=lambda e: e.alias),
    st.booleans(),
)
def test_the_index_finds_what_asking_every_entry_finds(
    kind: str, named: TrustedCertificate, days: int, held: list[TrustedCertificate], windowed: bool
) -> None:
    if windowed:
        window = {"trusted_from": NOON - timedelta(days=1), "trusted_until": NOON + timedelta(days=1)}
        held = [replace(e, **window) if e in {NEW, RETIRED, OLD} else e for e in held]  # type: ignore[arg-type]  # both are instants
    snapshot = TrustSnapshot(held)
    hint, at = HINTS[kind](named), NOON + timedelta(days=days)
    assert snapshot.named_by(hint) == tuple(e for e in held if e.agrees_with(hint))

    usable = [e for e in held if e.public_key is not None and e.state is not State.PURGED]
    trusted = {e.key_id for e in usable if e.state_at(at) is State.TRUSTED}
    for found, expected in (
        (list(snapshot.candidates(hint, at)), trusted),
        (list(snapshot.recognised(hint, at)), {e.key_id for e in usable} - trusted),
    ):
        assert [c.key_id for c in found] == list(dict.fromkeys(c.key_id for c in found)), "each key once"
        assert {c.key_id for c in found} == expected, "a hint never limits"
        agreeing = [any(e.agrees_with(hint) for e in usable if e.key_id == c.key_id) for c in found]
        assert agreeing == sorted(agreeing, reverse=True), "what the hint names comes first"
        for candidate in found:
            holders = tuple(e for e in usable if e.key_id == candidate.key_id)
            now = tuple(e for e in holders if e.state_at(at) is State.TRUSTED)
            assert candidate.entries == (now or holders)


def test_a_retired_certificate_over_a_trusted_key_is_not_among_its_entries() -> None:
    snapshot = TrustSnapshot.of(NEW, RENEWED.with_state(State.RETIRED))
    (candidate,) = snapshot.candidates(NO_HINT, NOON)
    assert candidate.entries == (NEW,)
    assert list(snapshot.recognised(NO_HINT, NOON)) == []


def test_an_empty_snapshot_has_no_candidates() -> None:
    empty = TrustSnapshot.of()
    assert list(empty.candidates(NO_HINT, NOON)) == list(empty.recognised(NO_HINT, NOON)) == []
    assert empty.named_by(HINTS["everything"](NEW)) == ()


def test_an_endpoint_sees_the_entries_meant_for_it() -> None:
    orders = TrustedCertificate(Alias("orders"), issue("orders"), endpoints=frozenset({"orders"}))
    nowhere = TrustedCertificate(Alias("nowhere"), issue("nowhere"), endpoints=frozenset())
    snapshot = TrustSnapshot.of(OLD, orders, nowhere, revision=3)
    assert snapshot.for_endpoint("orders").entries == (OLD, orders)
    assert snapshot.for_endpoint("orders").revision == 3
    assert snapshot.for_endpoint("invoices").entries == (OLD,)
    assert snapshot.for_endpoint("orders") is snapshot.for_endpoint("orders"), "asked for with every message"
    whole = TrustSnapshot.of(OLD, NEW)
    assert whole.for_endpoint("orders") is whole


def test_a_right_hint_among_a_thousand_entries_costs_no_more_than_among_ten() -> None:
    key = issue("many", key="many").public_key()

    def cost(number: int) -> float:
        held = [entry(f"e{i}", issue(f"e{i}", key="many", serial=i + 1)) for i in range(number)]
        others = [replace(e) for e in held]
        for position, other in enumerate(others):  # one key each, without the cost of making a thousand
            other.__dict__["key_id"] = type(other.key_id)(f"{position:064x}")
            other.__dict__["public_key"] = key
        snapshot = TrustSnapshot(others)
        hint = HINTS["thumbprint"](others[-1])
        assert next(snapshot.candidates(hint, NOON)).entries == (others[-1],)
        best = 1.0
        for _ in range(50):
            start = time.perf_counter()
            next(snapshot.candidates(hint, NOON))
            best = min(best, time.perf_counter() - start)
        return best

    assert cost(1000) < 20 * cost(10)


def test_candidates_change_with_time_where_an_entry_is_trusted_for_a_time_only() -> None:
    for_a_while = replace(OLD, trusted_until=NOON + timedelta(days=1))
    assert not EVERYTHING.changes_with_time
    assert TrustSnapshot.of(for_a_while, NEW).changes_with_time
    assert not TrustSnapshot.of(replace(for_a_while, state=State.RETIRED), NEW).changes_with_time


def test_an_entry_of_another_endpoint_explains_and_is_no_candidate() -> None:
    other = replace(NEW, endpoints=frozenset({"invoices"}))
    whole = TrustSnapshot.of(OLD, other)
    narrowed = whole.for_endpoint("orders")
    hint = KeyHint(HintKind.X509_DATA, thumbprints=frozenset({other.thumbprint}))
    assert narrowed.elsewhere_named_by(hint) == (other,)
    assert whole.elsewhere_named_by(hint) == ()
    assert _aliases(narrowed.candidates(hint, NOON)) == [["acme-2024"]]
    assert (whole.key_count, narrowed.key_count) == (2, 1)


def test_every_entry_over_a_key_is_found_by_it_whatever_its_state() -> None:
    retired = entry("acme-2026-retired", issue("acme", key="new", serial=28), State.RETIRED)
    purged = entry("acme-2026-purged", issue("acme", key="new", serial=29), State.PURGED)
    snapshot = TrustSnapshot.of(OLD, NEW, retired, RENEWED, purged, UNUSABLE)

    assert snapshot.entries_of(NEW.key_id) == (NEW, retired, RENEWED)
    assert snapshot.entries_of(OLD.key_id) == (OLD,)
    assert snapshot.entries_of(STAGED.key_id) == snapshot.entries_of(UNUSABLE.key_id) == ()
