"""Bundles of evidence: what is in them holds without a database, and whatever is changed in them is found."""

import io
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, text

from gateway.ledger import (
    BundleRefused,
    EventKind,
    LedgerWriter,
    ProofState,
    RecordNotFound,
    find_pinned_keys,
    key_word,
    make_bundle,
    migrate,
    open_database,
    verify_bundle,
)
from gateway.ledger.database.ledger_tables import chains
from gateway.ledger.proof import bundle_archive, bundle_making
from keystore.store import KeystoreStore
from tests.gateway.ledger.proof.bundles import (
    HEARTBEAT,
    KEY,
    OTHER_KEY,
    Files,
    Scene,
    changed,
    packed,
    play,
    rehashed,
    unpacked,
    verified,
)
from tests.gateway.ledger.receipt_samples import AT, certificate, record_of_message

FORTY_LINES = Path(__file__).parents[4] / "docs" / "evidence.md"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('bundles')}/wssgate.db")
    migrate(engine)
    yield play(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def bundle(scene: Scene) -> bytes:
    """About the first record, one with two signatures, and one behind the heartbeat."""
    return scene.bundle(0, 2, 6)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The auditor's own program, out of the documentation."""
    text = FORTY_LINES.read_text()
    start = text.index("```python\n", text.index("## A program of your own")) + len("```python\n")
    file = tmp_path_factory.mktemp("auditor") / "check.py"
    file.write_text(text[start : text.index("```", start)])
    return file


def audited(program: Path, data: bytes, *keys: str) -> subprocess.CompletedProcess[str]:
    """What the auditor's program says, which knows nothing of this one."""
    file = program.with_name("bundle.zip")
    file.write_bytes(data)
    return subprocess.run(
        [sys.executable, "-I", program, file, *keys], capture_output=True, text=True, check=False, timeout=60
    )


def is_found(data: bytes) -> bool:
    """Whether verification finds something, or refuses to read it."""
    try:
        return not verified(data).holds
    except BundleRefused:
        return True


def test_a_bundle_proves_who_signed_what(engine: Engine) -> None:
    scene = play(engine)
    report = verified(scene.bundle(0, 2, 6), {KEY.public: "host:1"})
    assert report.findings == ()
    assert [proof.record.id for proof in report.proofs] == [scene.ids[place] for place in (0, 2, 6)]
    assert [[one.signer.entry.alias for one in proof.signers] for proof in report.proofs] == [
        ["old"],
        ["old", "new"],
        ["p256"],
    ]
    assert {one.state for proof in report.proofs for one in proof.signers} == {ProofState.GOOD}
    assert [proof.records_between for proof in report.proofs] == [5, 3, 1]
    assert {proof.end.pinned_as for proof in report.proofs if proof.end} == {"host:1"}
    assert report.history_end is not None
    assert report.history_end.revision == 4
    assert scene.bundle(0, 2, 6) == scene.bundle(0, 2, 6), "the same content makes the same file"


def test_a_record_behind_the_last_event_is_covered_by_the_head(engine: Engine, program: Path) -> None:
    store = KeystoreStore(engine)
    store.add("new", certificate("new"), who="alice", why="", at=AT)
    writer = LedgerWriter(engine, "host:1", key=KEY)
    record = record_of_message("new-key", "new")
    writer.submit(record).result(10)
    stream = io.BytesIO()
    made = make_bundle(engine, [record.id], stream)
    report = verified(stream.getvalue())
    assert (made.unsigned, report.findings) == ((), ())
    assert report.proofs[0].end is not None
    assert report.proofs[0].end.what == "head"
    assert audited(program, stream.getvalue()).returncode == 0
    for change in (
        lambda lines: lines[0].update(head=lines[0]["head"].replace(",1,", ",2,", 1)),
        lambda lines: lines[0].update(head="wssgate.head/1,x"),
        lambda lines: lines[0].update(head=1),
        lambda lines: lines[0].update(head=lines[0]["head"].replace("head/1,", "head/1,9999999999999")),
        lambda lines: lines[0].update(signature=None),
        lambda lines: lines.clear(),
    ):
        assert is_found(changed(stream.getvalue(), "heads.jsonl", change))
    assert writer.close(10)


def test_without_a_signed_end_it_is_said_that_nothing_is_signed(engine: Engine) -> None:
    scene = play(engine, key=None)
    stream = io.BytesIO()
    made = make_bundle(engine, scene.ids[:1], stream)
    assert (made.records, made.unsigned) == (1, (scene.ids[0],))
    report = verified(stream.getvalue())
    assert report.proofs[0].signers[0].state is ProofState.GOOD
    assert f"nothing that is signed stands behind the record {scene.ids[0]}" in report.findings


def test_what_cannot_be_proven_is_told_when_the_bundle_is_made(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = play(engine)
    writer = LedgerWriter(engine, "host:2", key=KEY)
    record = record_of_message("new-key", "new", keystore_revision=99)
    bare = replace(record, signatures=tuple(replace(one, receipt=None) for one in record.signatures))
    writer.submit(bare).result(10)
    unknown = record_of_message("ecdsa-p384-sha384", "p384", keystore_revision=3)
    writer.submit(unknown).result(10)
    assert writer.close(10)
    stream = io.BytesIO()
    made = make_bundle(engine, [bare.id, unknown.id], stream)
    assert made.without_receipt == (bare.id,)
    assert len(made.missing_certificates) == 1
    report = verified(stream.getvalue())
    assert [one.state for proof in report.proofs for one in proof.signers] == [
        ProofState.NO_RECEIPT,
        ProofState.NO_CERTIFICATE,
    ]
    assert any("its certificate is not there" in finding for finding in report.findings)
    assert any("history does not tell" in finding for finding in report.findings)
    with pytest.raises(RecordNotFound):
        make_bundle(engine, ["0" * 8], io.BytesIO())
    monkeypatch.setattr(bundle_making, "MAX_RECORDS", 4)
    with pytest.raises(BundleRefused, match="5 records"):
        scene.bundle(0)


def test_pinned_keys_tell_ours_from_one_that_somebody_made(bundle: bytes, program: Path) -> None:
    assert not verified(bundle, {OTHER_KEY.public: "host:1"}).holds
    assert audited(program, bundle, OTHER_KEY.public).returncode != 0
    assert audited(program, bundle, OTHER_KEY.public, KEY.public).returncode == 0
    ran = audited(program, bundle)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "was signed with p256" in ran.stdout


def test_somebody_elses_whole_chain_is_found_by_its_key_alone(tmp_path: Path, program: Path) -> None:
    """Who can write everything can make everything, but for our key and the receipts."""
    engine = open_database(f"sqlite:///{tmp_path}/forged.db")
    migrate(engine)
    forged = play(engine, key=OTHER_KEY).bundle(0)
    engine.dispose()
    assert verified(forged).holds
    assert not verified(forged, {KEY.public: ""}).holds
    assert audited(program, forged).returncode == 0
    assert audited(program, forged, KEY.public).returncode != 0


def test_pinned_keys_are_found_in_any_text() -> None:
    word = key_word("host 1, of Acme", KEY.public)
    found = find_pinned_keys(f"# {OTHER_KEY.public}\nlog line {word}.\n  {OTHER_KEY.public}  \nno key: {KEY.public}x\n")
    assert found == {KEY.public: "host_1__of_Acme", OTHER_KEY.public: ""}
    assert find_pinned_keys(f"{KEY.public}\n{word}") == {KEY.public: "host_1__of_Acme"}
    assert find_pinned_keys(f"wssgate.key/1,,{KEY.public} wssgate.key/1,a,{KEY.public[:-2]}") == {}


# Every file, and every field of every object in it.


def _altered(value: Any) -> Any:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str() if value[:1] == "{" or value[:1] == "[":
            return value + " "
        case str():
            return ("A" if value[:1] not in {"A", "a"} else "B") + value[1:]
        case None:
            return "A"
        case list():
            return value[:-1] or [0]
        case _:
            return {}


def _fields(files: Files) -> Iterator[tuple[str, int, tuple[Any, ...]]]:
    """Each field: file, line, and the way to it."""

    def walk(value: Any, way: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        yield way
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for name, one in items:
            yield from walk(one, (*way, name))

    for name in sorted(files):
        if name.endswith(".jsonl"):
            for number, line in enumerate(files[name].splitlines()):
                yield from ((name, number, way) for way in walk(json.loads(line), ()) if way)


def _alter(lines: list[Any], number: int, way: tuple[Any, ...]) -> None:
    *path, last = way
    holder = lines[number]
    for step in path:
        holder = holder[step]
    holder[last] = _altered(holder[last])


def test_every_field_that_is_altered_is_found(bundle: bytes) -> None:
    fields = list(_fields(unpacked(bundle)))
    assert len(fields) > 300
    unseen = [
        (name, number, way)
        for name, number, way in fields
        if not is_found(changed(bundle, name, lambda lines, n=number, w=way: _alter(lines, n, w)))  # type: ignore[misc]
    ]
    assert unseen == []


def test_every_field_that_is_altered_with_all_hashes_behind_it_is_found(bundle: bytes) -> None:
    def forge(lines: list[Any], number: int, way: tuple[Any, ...]) -> None:
        _alter(lines, number, way)
        rehashed(lines)

    unseen = []
    for name, number, way in _fields(unpacked(bundle)):
        # Who writes the history of the keystore anew is found by an anchor alone: nobody has signed it.
        if way[0] != "content" or name == "keystore.jsonl":
            continue
        try:
            forged = changed(bundle, name, lambda lines, n=number, w=way: forge(lines, n, w))  # type: ignore[misc]
        except (ValueError, TypeError, AttributeError):
            continue  # the forger's own program fails
        if not is_found(forged):
            unseen.append((name, number, way))
    assert unseen == []


def test_a_hash_has_one_spelling(bundle: bytes) -> None:
    def in_capitals(lines: list[Any]) -> None:
        lines[0]["previous_hash"] = lines[0]["previous_hash"].upper().replace("0", "A", 1)

    for name in ("records.jsonl", "events.jsonl", "keystore.jsonl"):
        with pytest.raises(BundleRefused, match="has no content with its hash"):
            verified(changed(bundle, name, in_capitals))


def test_a_link_with_a_hash_of_its_own_does_not_follow_the_others(bundle: bytes) -> None:
    """The next one still says what it followed."""

    def forge(lines: list[Any]) -> None:
        first = next(one for one in lines if one["content"].get("sequence", one["content"].get("revision")) == 2)
        first["content"] |= {"detail": "forged"} if "detail" in first["content"] else {"who": "mallory"}
        rehashed([first])

    for name, sentence in (
        ("records.jsonl", "does not follow the record"),
        ("keystore.jsonl", "does not follow the one"),
    ):
        findings = verified(changed(bundle, name, forge)).findings
        assert [one for one in findings if sentence in one]
        assert not [one for one in findings if "does not match its hash" in one]


@pytest.mark.parametrize("column", ["signers", "signatures", "receipts", "verified_by", "embedded", "time", "id"])
def test_whatever_stands_in_a_record_it_is_found_or_refused(bundle: bytes, column: str) -> None:
    """A forger who signs with a key of his own can put anything there: it must not end in an error."""
    line = next(json.loads(one) for one in unpacked(bundle)["records.jsonl"].splitlines())
    strange: list[Any] = [None, 0, -1, 1.5, True, [], {}, "", "x", "[]", "{}", "[1]", "[[]]", '[{"entry":1}]', 10**30]
    if isinstance(line["content"].get(column), str) and column in {"signers", "signatures"}:
        good = json.loads(line["content"][column])
        for name in good[0]:
            others: list[Any] = [None, -1, "x", [], [[]], {}, [1], 10**30]
            strange += [json.dumps([good[0] | {name: one}]) for one in others]

    for value in strange:

        def put(lines: list[Any], value: Any = value) -> None:
            lines[0]["content"][column] = value
            rehashed(lines)

        assert is_found(changed(bundle, "records.jsonl", put)), value


def _one_of_each(bundle: bytes) -> list[tuple[str, int, tuple[Any, ...]]]:
    """One field of each name: each is a process of its own for the auditor's program."""
    return list({(name, way): (name, number, way) for name, number, way in _fields(unpacked(bundle))}.values())


def test_the_auditors_program_finds_what_is_altered(bundle: bytes, program: Path) -> None:
    assert audited(program, bundle).returncode == 0
    unseen = []
    for name, number, way in _one_of_each(bundle):
        if len(way) > 2 or way[-1] in {"detail", "instance", "mode", "soap_version", "upstream_ms", "verify_ms"}:
            continue  # hashed like the others, and each takes a process
        data = changed(bundle, name, lambda lines, n=number, w=way: _alter(lines, n, w))  # type: ignore[misc]
        if audited(program, data).returncode == 0:
            unseen.append((name, way))
    assert unseen == []
    for change in CHANGES.values():
        assert audited(program, packed(change(unpacked(bundle)))).returncode != 0
    files = unpacked(bundle)
    for name in files:
        if name != "bundle.json":
            assert audited(program, packed(files | {name: files[name] + b" "}, digests=False)).returncode != 0


def _other_layout(files: Files) -> Files:
    layouts = json.loads(files["layouts.json"])
    return files | {
        "layouts.json": json.dumps({one: text.replace("ds:", "dx:") for one, text in layouts.items()}).encode()
    }


def _swapped_certificates(files: Files) -> Files:
    names = sorted(name for name in files if name.endswith(".der"))
    return files | {names[0]: files[names[1]], names[1]: files[names[0]]}


def _without(name: str) -> Callable[[Files], Files]:
    return lambda files: {one: data for one, data in files.items() if not one.endswith(name)}


def _without_line(name: str, number: int) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        lines = files[name].splitlines(keepends=True)
        del lines[number]
        return files | {name: b"".join(lines)}

    return change


def _asking(ids: list[Any]) -> Callable[[Files], Files]:
    return lambda files: (
        files | {"bundle.json": json.dumps(json.loads(files["bundle.json"]) | {"records": ids}).encode()}
    )


CHANGES: dict[str, Callable[[Files], Files]] = {
    "a layout": _other_layout,
    "no layouts": lambda files: files | {"layouts.json": b"{}"},
    "swapped certificates": _swapped_certificates,
    "no certificates": _without(".der"),
    "a record less in between": _without_line("records.jsonl", 3),
    "the last record less": _without_line("records.jsonl", 5),
    "a revision less": _without_line("keystore.jsonl", 1),
    "no first event": _without_line("events.jsonl", 0),
    "no signed end": _without_line("events.jsonl", 1),
    "another record": _asking(["0" * 36]),
    "no record": _asking([]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_parts_that_are_gone_or_exchanged_are_found(bundle: bytes, what: str) -> None:
    files = unpacked(bundle)
    assert not is_found(packed(files))
    assert is_found(packed(CHANGES[what](files)))


def test_every_file_that_is_altered_without_its_digest_or_gone_is_found(bundle: bytes) -> None:
    files = unpacked(bundle)
    for name, content in files.items():
        if name != "bundle.json":
            assert is_found(packed(files | {name: content + b" "}, digests=False)), name
            assert is_found(packed({one: files[one] for one in files if one != name}, digests=False)), name
    assert is_found(packed(_without("bundle.json")(files), digests=False))
    (pem,) = [name for name in files if name.endswith(".pem")][:1]
    assert is_found(packed(files | {pem: files[pem] + b"\n"}))
    assert is_found(packed(_without(pem.replace(".pem", ".der"))(files)))
    assert is_found(packed(files | {pem.replace(".pem", ".der"): b"no certificate"}))


STRANGE: dict[str, Callable[[Files], Files]] = {
    "no json": lambda files: files | {"layouts.json": b"{"},
    "layouts in a list": lambda files: files | {"layouts.json": b"[]"},
    "a layout that is no text": lambda files: files | {"layouts.json": b'{"a":1}'},
    "nested without end": lambda files: files | {"layouts.json": b"[" * 100_000},
    "a line that is no object": lambda files: files | {"events.jsonl": b"1\n"},
    "a line that is cut off": lambda files: files | {"events.jsonl": files["events.jsonl"][:-1]},
    "an empty line": lambda files: files | {"events.jsonl": b"\n"},
    "an event that is none": lambda files: files | {"events.jsonl": b'{"content":{},"hash":"","previous_hash":""}\n'},
    "a link that is none": lambda files: files | {"records.jsonl": b"{}\n"},
    "a record without a place": lambda files: (
        files | {"records.jsonl": b'{"content":{"id":"a"},"hash":"","previous_hash":""}\n'}
    ),
    "records twice": lambda files: files | {"records.jsonl": files["records.jsonl"] * 2},
    "a revision that is none": lambda files: (
        files | {"keystore.jsonl": b'{"content":{},"hash":"","previous_hash":""}\n'}
    ),
    "a change that is none": lambda files: (
        files | {"keystore.jsonl": b'{"content":{"revision":1,"time":1,"changes":[1]},"hash":"","previous_hash":""}\n'}
    ),
    "an instant that no calendar has": lambda files: (
        files
        | {
            "keystore.jsonl": b'{"content":{"revision":1,"time":99999999999999999999,"changes":[]},"hash":"",'
            b'"previous_hash":""}\n'
        }
    ),
    "a name twice": lambda files: files | {"records.jsonl": b'{"content":{},"content":{}}\n'},
    "no number of JSON": lambda files: files | {"records.jsonl": b'{"content":NaN}\n'},
    "a number without end": lambda files: files | {"records.jsonl": b'{"content":' + b"9" * 5000 + b"}\n"},
    "another kind of bundle": lambda files: files | {"bundle.json": b'{"schema":"wssgate.bundle/2"}'},
    "a manifest that is none": lambda files: files | {"bundle.json": b"[]"},
    "a record asked for twice": _asking(["a", "a"]),
    "a record that is no text": _asking([1]),
}


@pytest.mark.parametrize("what", STRANGE)
def test_strange_content_is_refused_with_a_sentence(bundle: bytes, what: str) -> None:
    strange = STRANGE[what](unpacked(bundle))
    with pytest.raises(BundleRefused) as refused:
        verified(packed(strange, digests=what not in {"another kind of bundle", "a manifest that is none"}))
    assert len(str(refused.value)) < 400
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "records.jsonl/", "certificates/../x.der", "a.txt", "C:\\x"]
)
def test_names_that_no_bundle_has_are_refused(bundle: bytes, name: str) -> None:
    with pytest.raises(BundleRefused, match=r"a file that no bundle has|can be read"):
        verified(packed(unpacked(bundle) | {name: b"x"}))


def test_a_name_with_something_hidden_behind_its_end_is_refused(bundle: bytes) -> None:
    files = unpacked(bundle)
    del files["README.txt"]
    data = packed(files | {"README.txt0evil": b"x"}, digests=False).replace(b"README.txt0evil", b"README.txt\0evil")
    with pytest.raises(BundleRefused, match="no bundle has"):
        verified(data)


def test_bombs_and_other_archives_are_refused(bundle: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    files = unpacked(bundle)
    for data in (b"", b"x" * 100, b"PK" * 100, bundle[:-1], bundle[: len(bundle) // 2], bundle + b"x"):
        with pytest.raises(BundleRefused):
            verified(data)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("README.txt", b"a")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("README.txt", b"b")
    with pytest.raises(BundleRefused, match="two files"):
        verified(stream.getvalue())
    with pytest.raises(BundleRefused, match="directory"):
        verified(bundle[:-22] + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 2**31, 0, 0))
    encrypted = bytearray(bundle)
    place = bundle.index(b"PK\x01\x02")
    encrypted[place + 8] |= 1
    with pytest.raises(BundleRefused, match="encrypted"):
        verified(bytes(encrypted))
    odd = bytearray(bundle)
    odd[place + 10] = 12
    with pytest.raises(BundleRefused, match="compressed in a way"):
        verified(bytes(odd))
    for place in range(0, len(bundle) - 22, 97):  # whatever is flipped, it is refused or found, and never an error
        flipped = bytearray(bundle)
        flipped[place] ^= 0xFF
        is_found(bytes(flipped))
    for name, limit in (
        ("MAX_FILE_BYTES", len(bundle) - 1),
        ("MAX_CONTENT_BYTES", sum(map(len, files.values())) - 1),
        ("MAX_FILES", len(files) - 1),
        ("MAX_LINES", 3),
        ("MAX_LINE_BYTES", 1000),
        ("MAX_DOCUMENT_BYTES", 100),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(bundle_archive, name, limit)
            with pytest.raises(BundleRefused):
                verified(bundle)
    with monkeypatch.context() as patch:
        patch.setattr(bundle_archive, "MAX_CONTENT_BYTES", 3000)
        with pytest.raises(BundleRefused, match="fewer records"):
            make_bundle_again()


def make_bundle_again() -> None:
    writer = bundle_archive.BundleWriter(io.BytesIO())
    writer.add("records.jsonl", [b"x" * 4000])


def test_a_bomb_is_not_unpacked_beyond_its_bound(bundle: bytes) -> None:
    bomb = packed(unpacked(bundle) | {"layouts.json": b" " * (40 * 1024 * 1024)})
    assert len(bomb) < 200_000
    with pytest.raises(BundleRefused, match=r"layouts\.json is larger"):
        verified(bomb)


def test_a_record_whose_neighbours_are_gone_is_not_proven(engine: Engine) -> None:
    scene = play(engine)
    with engine.begin() as connection:
        for trigger in ("messages_are_only_pruned",):
            table = "" if engine.dialect.name == "sqlite" else " ON messages"
            connection.execute(text(f"DROP TRIGGER {trigger}{table}"))
        connection.execute(text("DELETE FROM messages WHERE sequence = 3"))
    assert any("nothing that is signed" in finding for finding in verified(scene.bundle(0)).findings)
    assert verified(scene.bundle(3)).holds


def test_events_of_the_same_end_are_joined(engine: Engine) -> None:
    scene = play(engine)
    assert len(unpacked(scene.bundle(0, 1, 2))["records.jsonl"].splitlines()) == 5
    assert len(unpacked(scene.bundle(4, 0))["records.jsonl"].splitlines()) == 5
    assert len(unpacked(scene.bundle(6, 4))["records.jsonl"].splitlines()) == 2


def test_each_writer_has_a_chain_of_its_own(engine: Engine) -> None:
    scene = play(engine)
    writer = LedgerWriter(engine, "host:2", key=OTHER_KEY)
    record = record_of_message("new-key", keystore_revision=3)
    writer.submit(record).result(10)
    writer.tell(EventKind.HEARTBEAT, HEARTBEAT).result(10)
    assert writer.close(10)
    stream = io.BytesIO()
    make_bundle(engine, [scene.ids[0], record.id], stream)
    report = verify_bundle(io.BytesIO(stream.getvalue()), {KEY.public: "host:1"})
    assert [proof.end.instance for proof in report.proofs if proof.end] == ["host:1", "host:2"]
    assert len(report.findings) == 1
    assert OTHER_KEY.public in report.findings[0]


def test_a_chain_without_a_head_is_proven_by_its_events(engine: Engine) -> None:
    scene = play(engine)
    with engine.begin() as connection:
        table = "" if engine.dialect.name == "sqlite" else " ON chains"
        connection.execute(text(f"DROP TRIGGER chains_stay{table}"))
        connection.execute(delete(chains))
    assert verified(scene.bundle(0, 6)).holds
