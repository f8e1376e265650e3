"""An entry in columns and in JSON."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keystore.certificate import State, TrustedCertificate
from keystore.store.stored_entry import StoredEntry
from tests.keystore.issuing import NOON, entry

WHOLE = replace(
    StoredEntry.of_certificate(
        replace(
            entry("acme-2026"),
            endpoints=frozenset({"orders", "ä b"}),
            trusted_from=NOON - timedelta(days=1),
            trusted_until=NOON + timedelta(microseconds=1),
            note="added by «eva»",
        ),
        at=NOON,
        who="eva",
    ),
    id=3,
    revision=4,
)
PURGED = replace(WHOLE, state=State.PURGED, der=None, certificate=None)


@pytest.mark.parametrize("stored", [WHOLE, PURGED, replace(WHOLE, endpoints=None, revoked=True, trusted_from=None)])
def test_an_entry_comes_back_whole(stored: StoredEntry) -> None:
    assert StoredEntry.from_row({"id": stored.id} | stored.columns()) == stored
    assert StoredEntry.from_json(stored.to_json()) == stored


def test_a_purged_entry_has_nothing_to_trust() -> None:
    assert PURGED.trusted() is None
    assert PURGED.problem is None
    assert PURGED.state_at(NOON) is State.PURGED
    assert isinstance(WHOLE.trusted(), TrustedCertificate)
    assert WHOLE.state_at(NOON + timedelta(days=9)) is State.TRUSTED, "somebody has to end it"
    assert WHOLE.end_is_due(NOON + timedelta(microseconds=1))
    assert not WHOLE.end_is_due(NOON)
    by_itself = replace(WHOLE, ends_by_itself=True)
    assert by_itself.state_at(NOON + timedelta(microseconds=1)) is State.RETIRED
    assert not by_itself.end_is_due(NOON + timedelta(days=9))
