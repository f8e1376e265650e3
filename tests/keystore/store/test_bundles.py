"""A whole key file, and what becomes of each of its parts."""

from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from keystore import Alias, State
from keystore.certificate_decoding import load_certificate
from keystore.reading import KeyFileFormat, LeftOut, ReadCertificate, ReadResult
from keystore.store import Fate, Imported, KeystoreStore, Terms, import_bundle
from tests.keystore.issuing import NOON, der_of, issue, name, signing_key, with_bytes_changed
from tests.keystore.store.authoring import BY, later

MARK = x509.BasicConstraints(ca=True, path_length=None)
AUTHORITY = issue("ca", key="root", issuer=name("root"), extensions=[MARK])
EXPIRED = issue("expired", not_after=NOON - timedelta(hours=1))
NAMELESS = issue("x", subject=x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ACME")]))
UNREADABLE = load_certificate(with_bytes_changed(issue("hello"), b"\x0c\x05hello", b"\x0c\x05\xff\xffllo"))
ODD = issue("odd", subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME Österreich / Bestellung")]))


def held(certificate: x509.Certificate, alias: str | None = None, *, in_chain: bool = False) -> ReadCertificate:
    return ReadCertificate(None if alias is None else Alias(alias), certificate, der_of(certificate), in_chain)


def bundle(*certificates: ReadCertificate) -> ReadResult:
    return ReadResult(
        KeyFileFormat.JKS, certificates, (LeftOut("entry 'sealed'", "It is a secret key."),), ("unchecked",)
    )


def taken_in(store: KeystoreStore, read: ReadResult, *, stage: bool = False, force: bool = False) -> list[Imported]:
    with store.revising(**later(1)) as draft:
        return list(import_bundle(draft, read, Terms(frozenset({"orders"})), stage=stage, force=force))


def test_each_part_has_its_fate_and_what_is_added_is_one_revision(store: KeystoreStore) -> None:
    store.add("there", issue("there"), **BY)
    store.add("gone", issue("gone"), **BY)
    store.retire("gone", **BY)
    read = bundle(
        held(issue("new"), "my-new"),
        held(issue("there"), "again"),
        held(issue("gone")),
        held(AUTHORITY),
        held(issue("issuer"), in_chain=True),
        held(EXPIRED),
    )
    found = taken_in(store, read)
    assert [(one.fate, None if one.entry is None else str(one.entry.alias)) for one in found] == [
        (Fate.ADDED, "my-new"),
        (Fate.KEPT, "there"),
        (Fate.KEPT, "gone"),
        (Fate.SKIPPED, None),
        (Fate.SKIPPED, None),
        (Fate.REFUSED, None),
        (Fate.SKIPPED, None),
    ]
    assert "it expired on" in found[5].remarks[0]
    assert found[6] == Imported("entry 'sealed'", Fate.SKIPPED, None, ("It is a secret key.",))
    assert store.revision() == 4
    new = store.get("my-new")
    assert (new.state, new.endpoints, new.revision) == (State.TRUSTED, frozenset({"orders"}), 4)
    assert store.get("gone").state is State.RETIRED, "what was retired is not trusted again by the way"
    assert [one.fate for one in taken_in(store, bundle(held(issue("new"))))] == [Fate.KEPT, Fate.SKIPPED]
    assert store.revision() == 4, "nothing new is no revision"


def test_staged_and_by_force(store: KeystoreStore) -> None:
    taken_in(store, bundle(held(issue("new"))), stage=True)
    assert store.get("new").state is State.STAGED
    forced = taken_in(store, bundle(held(AUTHORITY), held(EXPIRED)), force=True)
    assert [one.fate for one in forced[:2]] == [Fate.ADDED, Fate.ADDED]
    assert "it is the certificate of an authority" in forced[0].remarks[0]


def test_a_self_signed_mark_of_a_ca_is_taken_in_unless_it_issued_another_one(store: KeystoreStore) -> None:
    marked = issue("marked", extensions=[MARK])
    leaf = issue("leaf", key="marked", public_key=signing_key("leaf").public_key(), issuer=name("marked"))
    found = taken_in(store, bundle(held(marked), held(leaf)))
    assert [one.fate for one in found[:2]] == [Fate.SKIPPED, Fate.ADDED]
    alone = taken_in(store, bundle(held(issue("alone", extensions=[MARK]))))
    assert (alone[0].fate, "is marked as a CA certificate" in alone[0].remarks[0]) == (Fate.ADDED, True)
    after = taken_in(store, bundle(held(marked)))
    assert after[0].fate is Fate.REFUSED, "what it issued is in the keystore"


def test_names_are_made_valid_and_are_free(store: KeystoreStore) -> None:
    store.add("ACME-sterreich-Bestellung", issue("first"), **BY)
    long = "a" * 64
    read = bundle(
        held(ODD),
        held(NAMELESS),
        held(issue("y", subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "注文")]))),
        held(issue("l1"), long),
        held(issue("l2"), long),
        held(issue("l3"), long.upper()),
    )
    names = [str(one.entry.alias) for one in taken_in(store, read) if one.entry]
    assert names == [
        "ACME-sterreich-Bestellung-2",
        "certificate",
        "certificate-2",
        long,
        "a" * 58 + "-2",
        "A" * 58 + "-3",
    ]


def test_a_subject_that_cannot_be_read_is_said_so(store: KeystoreStore) -> None:
    found = taken_in(store, bundle(held(NAMELESS), held(UNREADABLE)))
    assert [one.what for one in found[:2]] == ["O=ACME", "(unreadable)"]
    assert [one.entry.alias for one in found if one.entry] == ["certificate", "certificate-2"]
