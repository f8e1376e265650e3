"""Sign-offs and retirement certificates: each figure comes out again, and what was altered is named."""

import hashlib
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, text

from gateway.ledger import EventKind, RecordNotFound, make_bundle, writing
from gateway.ledger.database.ledger_tables import checkpoints, messages
from gateway.ledger.proof.chain import digest
from gateway.renewal import (
    CheckedDocument,
    DocumentUnreadable,
    FigureState,
    claim_sentences,
    close_renewal,
    evidence_bundle,
    gates_now,
    make_signoff,
    signoff_markdown,
    verify_signoff,
)
from gateway.renewal.plan import Closure
from gateway.renewal.signoff import retirement, signing_off
from gateway.renewal.signoff.figures import canonical, read_document
from gateway.renewal.signoff.page_blocks import Grid
from gateway.renewal.signoff.renewal_figures import figures_of_each
from gateway.renewal.signoff.signing_off import Signoff
from gateway.renewal.signoff.signoff_check import difference
from gateway.renewal.signoff.signoff_page import signoff_page
from keystore import Refused
from tests.gateway.ledger.proof.bundles import KEY
from tests.gateway.ledger.watched_time import Watcher, served
from tests.gateway.renewal.signoff.signoff_scene import (
    DAY,
    GET,
    HOUR,
    NAME,
    NEW_MESSAGE,
    OLD_MESSAGE,
    PLACE,
    SignoffScene,
    record_of,
)


def checked(scene: SignoffScene, signoff: Signoff) -> CheckedDocument:
    return verify_signoff(signoff.text.encode(), scene.engine)


def differing(report: CheckedDocument) -> set[str]:
    return {one.name for one in report.figures if one.state is FigureState.DIFFERS}


def untold(report: CheckedDocument) -> set[str]:
    return {one.name for one in report.figures if one.state is FigureState.NOT_TOLD}


def tampered(scene: SignoffScene, statement: str, **values: Any) -> None:
    """Write past the triggers, as the owner of the file can."""
    with writing(scene.engine) as connection:
        triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for name in triggers:
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        assert connection.execute(text(statement), values).rowcount


def test_a_whole_renewal_is_signed_off_and_every_figure_comes_out_again(scene: SignoffScene) -> None:
    scene.play()
    digest = scene.retire()
    signoff = scene.sign_off()
    figures = {name: figure.value for name, figure in signoff.figures.items()}
    assert figures["orders/responses"] == 24 * 3 + 6 * 3 + 10 * 3 + 52 * 3 == 276
    assert figures["orders/unexamined"] == 0
    assert figures["orders/acme-2024/signed"]["messages"] == 24 * 3 + 6 * 3 + 10
    assert figures["orders/acme-2024/since/responses"] == 52 * 3
    assert figures["orders/acme-2024/since/signed"]["messages"] == 0
    cells = {(one["operation"], one["server"]): one["messages"] for one in figures["orders/acme-2024/cells"]}
    assert cells == {(GET, "app-1"): 30, (GET, "app-2"): 40, (PLACE, "app-1"): 30}
    assert sum(count for _, count in figures["orders/acme-2024/days"]) == 100
    watched = figures["orders/watched"]
    assert watched["seconds"] == timedelta(hours=24 + 6 + 10 + 52 - 0.5).total_seconds()
    assert watched["gaps"] == [["2026-06-03T04:00:00Z", "2026-06-03T07:30:00Z"]]
    assert figures["orders/delivery-times"] == [[2 * 86_400, 90 * 86_400]]
    assert figures["findings"] == []
    assert figures["said"]["policies"][0]["owner"] == "Olga Owner"
    assert figures["said"]["old"][0]["pem"].startswith("-----BEGIN CERTIFICATE-----")
    (claim,) = [one for one in claim_sentences(signoff) if "recorded responses" in one]
    assert claim == (
        "orders: among 156 recorded responses between 2026-06-03 04:00:00Z and 2026-06-05 11:00:00Z, with 93.6 % of "
        "the time watched, none carried a signature by the key of acme-2024."
    )
    report = checked(scene, signoff)
    assert (report.holds, report.findings, untold(report)) == (True, (), set())
    assert report.sha256 == hashlib.sha256(signoff.text.encode()).hexdigest()
    # The chains go on, and the figures stay what they were.
    scene.hours(3, (NEW_MESSAGE, GET, "app-1"), (NEW_MESSAGE, PLACE, "app-3"))
    scene.watcher.stop()
    assert checked(scene, signoff).holds
    (one,) = signoff.content["retirement_certificates"]
    assert one["sha256"] == digest
    assert verify_signoff(canonical(one["certificate"]).encode(), scene.engine).holds
    assert one["certificate"]["question"]["alias"] == "acme-2024"
    assert one["certificate"]["gate"]["schema"] == "wssgate.gate/1"
    (gate,) = json.loads(scene.store.history("acme-2024")[-1].gate)["answers"]
    assert gate["evidence"]["retirement_certificate"] == digest


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        (
            "UPDATE messages SET outcome = 'rejected' WHERE id = :old",
            {"orders/responses", "orders/acme-2024/signed", "orders/acme-2024/cells", "orders/acme-2024/days"},
        ),
        (
            "UPDATE messages SET body_sha256 = '0' || substr(body_sha256, 2) WHERE id = :new",
            {"orders/acme-2026/signed", "orders/acme-2024/since/responses", "records/:new"},
        ),
        ("UPDATE messages SET signers = '{' WHERE id = :new", {"orders/acme-2026/cells"}),
        (
            "UPDATE renewal_statements SET content = replace(content, 'Owner', 'Owned') WHERE kind = 'policy'",
            {"said"},
        ),
        ("UPDATE renewal_statements SET hash = replace(hash, substr(hash, 1, 1), 'f')", {"said/end"}),
    ],
)
def test_one_byte_that_was_altered_is_named_by_the_figures_that_rest_on_it(
    scene: SignoffScene, statement: str, names: set[str]
) -> None:
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.decide()
    scene.hours(3, (NEW_MESSAGE, GET, "app-1"))
    signoff = scene.sign_off()
    ids = {
        "old": signoff.figures["orders/acme-2024/signed"].value["last_record"],
        "new": signoff.figures["orders/acme-2026/signed"].value["first_record"],
    }
    used = {name: value for name, value in ids.items() if f":{name}" in statement}
    tampered(scene, statement, **used)
    report = checked(scene, signoff)
    assert not report.holds
    wanted = {one.replace(":new", ids["new"]) for one in names}
    assert wanted <= differing(report) | untold(report)
    if "messages" in statement:
        assert "findings" in differing(report)
        assert any("was altered" in finding for finding in report.findings)
        assert all(one.detail for one in report.figures if one.state is FigureState.DIFFERS)
        # What is made of it now says so first.
        again = make_signoff(scene.engine, scene.renewal, scene.status(), "eva")
        assert "does NOT hold together" in claim_sentences(again)[0]


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE events SET content = '{}' WHERE kind IN ('heartbeat', 'rollup-sealed')", "its event"),
        ("DELETE FROM messages WHERE sequence = 3", "its records 3 to 3 are missing"),
        ("DELETE FROM messages WHERE sequence >= 4", "its records from number 4 on are missing"),
        ("DELETE FROM messages", "its last records are missing"),
        ("DELETE FROM messages WHERE sequence <= 3", "its record 3 and perhaps others before are missing"),
        ("UPDATE messages SET time = time - 9e12 WHERE sequence <= 3", "its record 3 "),
        ("UPDATE messages SET time = time - 9e12", "its record 6 "),
        ("UPDATE messages SET previous_hash = hash WHERE sequence = 3", "record 3"),
        ("UPDATE keystore_revisions SET who = 'mallory' WHERE revision = 1", "the history of the keystore"),
    ],
)
def test_what_is_missing_or_does_not_follow_is_found(scene: SignoffScene, statement: str, finding: str) -> None:
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.hours(3, (NEW_MESSAGE, GET, "app-1"))
    signoff = scene.sign_off()
    tampered(scene, statement)
    report = checked(scene, signoff)
    assert not report.holds
    assert any(finding in one for one in report.findings), report.findings
    # Nor does one hold that is made of it now.
    again = make_signoff(scene.engine, scene.renewal, scene.status(), "eva")
    assert any(finding in one for one in checked(scene, again).findings)
    assert "does NOT hold together" in claim_sentences(again)[0]


@pytest.mark.parametrize(("last", "finding"), [(2, "its record 3 does not follow"), (99, "is not the one that was")])
def test_a_chain_that_was_written_anew_is_found(scene: SignoffScene, last: int, finding: str) -> None:
    """By what follows, or by the end that the document names."""
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.hours(3, (NEW_MESSAGE, GET, "app-1"))
    signoff = scene.sign_off()
    tampered(scene, "UPDATE messages SET server = 'app-9' WHERE sequence = 2")
    with writing(scene.engine) as connection:
        previous = ""
        for row in connection.execute(messages.select().order_by(messages.c.sequence)).mappings().all():
            if row["sequence"] <= last:
                values = {"previous_hash": previous or row["previous_hash"]}
                previous = digest(values["previous_hash"], dict(row) | values)
                change = messages.update().where(messages.c.id == row["id"])
                connection.execute(change.values(**values, hash=previous))
    report = checked(scene, signoff)
    assert any(finding in one for one in report.findings), report.findings
    assert {"orders/acme-2024/cells", "findings"} <= differing(report)
    assert f"chains/{signoff.content['window']['chains'][0]['writer']}" in differing(report)


def test_a_document_that_was_altered_is_found_by_its_digest(scene: SignoffScene) -> None:
    scene.hours(2, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.hours(2, (NEW_MESSAGE, GET, "app-1"))
    signoff = scene.sign_off()
    content = json.loads(signoff.text)
    content["judged"]["warnings"] = ["all is well"]
    report = verify_signoff(canonical(content).encode(), scene.engine)
    assert not report.holds
    assert "was recorded here" in report.findings[0]
    spelled = verify_signoff(json.dumps(json.loads(signoff.text), indent=1).encode(), scene.engine)
    assert "not spelled as it was written" in spelled.findings[0]
    content = json.loads(signoff.text)
    content["retirement_certificates"] = [{"sha256": "0" * 64, "certificate": {}}]
    found = verify_signoff(canonical(content).encode(), scene.engine).findings
    assert any("does not have that SHA-256" in one for one in found)
    assert any("does not stand in the keystore's history" in one for one in found)


def test_a_figure_that_says_less_than_the_ledger_differs(scene: SignoffScene) -> None:
    scene.hours(2, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    signoff = scene.sign_off()
    content = json.loads(signoff.text)
    for figure in content["figures"]:
        if figure["name"] == "orders/responses":
            figure["value"] = 1
        if figure["name"] == "orders/delivery-times":
            figure["question"]["ask"] = "the weather"
    report = verify_signoff(canonical(content).encode(), scene.engine)
    assert differing(report) == {"orders/responses"}
    assert untold(report) == {"orders/delivery-times"}
    found = {one.name: one.detail for one in report.figures}
    assert found["orders/responses"] == "it says 1, and what comes out is 2"
    assert found["orders/delivery-times"] == "this version does not know the question 'the weather'"


@pytest.mark.parametrize(
    ("said", "found", "detail"),
    [
        (1, True, "it says 1, and what comes out is true"),
        (1, 1.0, ""),
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": 1}, {"b": 2}, "a is not there any more"),
        ({"a": [1, 2]}, {"a": [1]}, "a: it says 2, and there are 1"),
        ({"a": [{"b": None}]}, {"a": [{"b": "x"}]}, "a[0].b: it says nothing, and what comes out is x"),
        ("x" * 200, "", f"it says {'x' * 99}…, and what comes out is "),
    ],
)
def test_the_difference_is_told_in_words(said: Any, found: Any, detail: str) -> None:
    assert difference(said, found) == detail


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"<html>", "it is no JSON"),
        (b"[" * 200_000, "it is no JSON"),
        (b'{"schema": "wssgate.signoff/2"}', "its schema is none of"),
        (b"[]", "its schema is none of"),
        (b'{"schema": "wssgate.signoff/1"}', "it has no figures"),
        (b'{"schema": "wssgate.signoff/1", "figures": [1]}', "a figure has no name, question and value"),
        (b'{"schema": "wssgate.signoff/1", "figures": []}', "over which time and chains"),
        (
            b'{"schema": "wssgate.signoff/1", "figures": [{"name": "a", "question": {"ask": "b"}, "value": 1},'
            b'{"name": "a", "question": {"ask": "b"}, "value": 1}]}',
            "two figures have the same name",
        ),
    ],
)
def test_what_is_no_document_is_refused(scene: SignoffScene, document: bytes, why: str) -> None:
    with pytest.raises(DocumentUnreadable, match=why):
        verify_signoff(document, scene.engine)


def test_a_document_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.renewal.signoff.figures.MAX_DOCUMENT_BYTES", 10)
    with pytest.raises(DocumentUnreadable, match="larger than 10 bytes"):
        read_document(b"x" * 11, ["a"])


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("window", "from"), "yesterday", "'yesterday' is no instant"),
        (("window", "from"), "2026-06-01T12:00:00", "is no instant with a time zone"),
        (("window", "chains", 0), {}, "an end of a chain"),
        (("figures", 0, "question"), {"ask": "responses"}, "a question has no endpoints"),
        (("figures", 0, "question"), {"ask": "record"}, "a question has no id"),
    ],
)
def test_a_document_that_lacks_something_is_refused(
    scene: SignoffScene, path: tuple[Any, ...], value: object, why: str
) -> None:
    scene.start()
    content: Any = json.loads(make_signoff(scene.engine, scene.renewal, scene.status(), "eva").text)
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(DocumentUnreadable, match=why):
        verify_signoff(canonical(content).encode(), scene.engine)


def test_a_bundle_proves_the_counts_without_the_database(scene: SignoffScene, monkeypatch: pytest.MonkeyPatch) -> None:
    idle = Watcher(scene.engine, scene.now, {"orders": served(2 * DAY)}, instance="host/2")
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    idle.watch(3 * HOUR, HOUR / 2)
    idle.stop()
    scene.start()
    scene.hours(2, (NEW_MESSAGE, GET, "app-1"), (OLD_MESSAGE, PLACE, "app-2"))
    signoff = scene.sign_off()
    (later,) = scene.messages((NEW_MESSAGE, GET, "app-1"))
    stream = io.BytesIO()
    make_bundle(scene.engine, [later.id], stream)
    other = verify_signoff(signoff.text.encode(), stream)
    assert (other.holds, "orders/responses" in untold(other)) == (True, True), other.figures
    stream = io.BytesIO()
    made, is_whole = evidence_bundle(scene.engine, signoff, stream)
    assert (is_whole, made.unsigned, made.without_receipt) == (True, (), ())
    report = verify_signoff(signoff.text.encode(), stream, {KEY.public: "host/1"})
    assert report.holds, report.findings
    told = {one.name for one in report.figures if one.state is FigureState.HOLDS}
    assert {"orders/responses", "orders/acme-2024/cells", "orders/acme-2026/days", "keystore/revision"} <= told
    assert "orders/watched" in untold(report)
    content = json.loads(signoff.text)
    for chain in content["window"]["chains"]:
        chain["hash"] = "0" * 64
    assert "orders/responses" in untold(verify_signoff(canonical(content).encode(), stream)), "of another chain"
    # Of another gateway, or of somebody who made one up.
    assert not verify_signoff(signoff.text.encode(), stream, {"A" * 43 + "=": "other"}).holds

    monkeypatch.setattr(signing_off, "MOST_BUNDLED", 3)
    stream = io.BytesIO()
    made, is_whole = evidence_bundle(scene.engine, signoff, stream)
    assert not is_whole
    report = verify_signoff(signoff.text.encode(), stream)
    assert report.holds
    told = {one.name for one in report.figures if one.state is FigureState.HOLDS}
    assert {f"records/{one}" for one in signoff.evidence_ids} <= told
    assert "orders/responses" in untold(report)

    stream = io.BytesIO()
    make_bundle(scene.engine, [signoff.evidence_ids[0]], stream)
    content = json.loads(signoff.text)
    for figure in content["figures"]:
        if figure["name"] == f"records/{signoff.evidence_ids[0]}":
            figure["value"]["operation"] = PLACE if figure["value"]["operation"] == GET else GET
    report = verify_signoff(canonical(content).encode(), stream)
    assert differing(report) == {f"records/{signoff.evidence_ids[0]}"}
    assert f"records/{signoff.evidence_ids[1]}" in untold(report)


def test_what_was_pruned_is_not_told_any_more_and_does_not_count_as_wrong(scene: SignoffScene) -> None:
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.hours(3, (NEW_MESSAGE, GET, "app-1"))
    signoff = scene.sign_off()
    with writing(scene.engine) as connection:
        row = connection.execute(text("SELECT writer, sequence, hash, time FROM messages WHERE sequence = 4")).one()
        values = {"writer": row.writer, "sequence": 4, "hash": row.hash, "time": row.time, "pruned_at": row.time}
        connection.execute(checkpoints.insert().values(**values))
        connection.execute(delete(messages).where(messages.c.sequence <= 4))
    report = checked(scene, signoff)
    assert (report.holds, report.findings) == (True, ())
    assert {"orders/responses", "orders/acme-2024/signed"} <= untold(report)
    last = signoff.figures["orders/acme-2026/signed"].value["last_record"]
    assert {one.name: one.state for one in report.figures}[f"records/{last}"] is FigureState.HOLDS
    # One that is made now begins behind what is gone.
    again = make_signoff(scene.engine, scene.renewal, scene.status(), "eva")
    assert again.content["window"]["from"] > signoff.content["window"]["from"]
    assert again.figures["orders/responses"].value == 2


def test_heartbeats_that_were_pruned_leave_watched_time_untold(scene: SignoffScene) -> None:
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.watcher.watch(HOUR / 4, HOUR / 4)
    signoff = scene.sign_off()
    scene.hours(2, (NEW_MESSAGE, GET, "app-1"))
    end = signoff.content["window"]["chains"][0]["event_number"]
    tampered(scene, "DELETE FROM events WHERE kind = 'heartbeat' AND number = :number", number=end)
    report = checked(scene, signoff)
    assert {"orders/watched", "orders/acme-2024/since/watched"} <= untold(report)


def test_a_delivery_time_comes_out_however_late_it_is_asked_for(scene: SignoffScene) -> None:
    """Long after what gates look at, with other times in use since, and the writer's last hours summed up."""
    scene.hours(2)
    scene.watcher.configure({"orders": served(3 * DAY)})  # what was in use before is over before the time that counts
    scene.watcher.watch(8 * DAY)
    other = Watcher(scene.engine, scene.now, {"orders": served(4 * DAY)}, instance="host/2")
    other.watch(HOUR, HOUR)
    other.stop()
    scene.start()
    scene.watcher.configure({"orders": served(5 * DAY), "invoices": served(9 * DAY)})
    scene.hours(3, (NEW_MESSAGE, GET, "app-1"))
    signoff = scene.sign_off()
    times = signoff.figures["orders/delivery-times"].value
    assert times == [[days * 86_400, 90 * 86_400] for days in (3, 4, 5)]
    for days in (6, 7):
        scene.watcher.configure({"orders": served(days * DAY)})
        scene.hours(1)
        assert checked(scene, signoff).holds
    scene.watcher.sleep(250 * DAY)
    scene.hours(1)
    report = checked(scene, signoff)
    assert (differing(report), untold(report), report.holds) == (set(), set(), True)


@pytest.mark.parametrize(
    ("statement", "is_altered"),
    [
        ("DELETE FROM events WHERE kind = 'configuration'", False),
        ("DELETE FROM events WHERE kind = 'configuration' AND number > 20", False),
        ("DELETE FROM events WHERE kind = 'configuration' AND number < 20", False),
        ("UPDATE events SET content = replace(content, '172800000000', '1') WHERE kind = 'configuration'", True),
        ("UPDATE events SET content = '{}' WHERE kind = 'configuration'", True),
        ("UPDATE events SET content = printf('%.*c', 100000, '[') WHERE kind = 'configuration'", True),
    ],
)
def test_policies_that_are_gone_leave_delivery_times_untold(
    scene: SignoffScene, statement: str, is_altered: bool
) -> None:
    scene.hours(30, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.watcher.configure({"orders": served(2 * DAY), "more": served(DAY)})
    scene.hours(30, (NEW_MESSAGE, GET, "app-1"))
    signoff = scene.sign_off()
    tampered(scene, statement)
    report = checked(scene, signoff)
    assert "orders/delivery-times" in untold(report)
    assert any("was altered" in finding for finding in report.findings) is is_altered
    if is_altered:
        (writer,) = (one["writer"] for one in signoff.content["window"]["chains"])
        assert f"chains/{writer}" in differing(report)


def test_a_broken_chain_is_told_of_its_own_writer_whatever_gateways_are_called(scene: SignoffScene) -> None:
    with writing(scene.engine) as connection:
        writer = connection.execute(text("SELECT writer FROM chains")).scalar_one()
    other = Watcher(scene.engine, scene.now, {"orders": served(2 * DAY)}, instance=f"host ({writer})")
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    other.watch(HOUR, HOUR)
    other.record(record_of(OLD_MESSAGE, time=scene.now))
    other.stop()
    scene.start()
    signoff = scene.sign_off()
    tampered(scene, "UPDATE messages SET outcome = 'rejected' WHERE writer != :writer", writer=writer)
    (altered,) = {name for name in differing(checked(scene, signoff)) if name.startswith("chains/")}
    assert altered != f"chains/{writer}"


def test_several_gateways_and_one_that_ended_count_together(scene: SignoffScene) -> None:
    other = Watcher(scene.engine, scene.now, {"orders": served(2 * DAY)}, instance="host/2")
    scene.hours(2, (OLD_MESSAGE, GET, "app-1"))
    other.watch(HOUR, HOUR / 2)
    other.stop()
    scene.start()
    scene.hours(5, (NEW_MESSAGE, GET, "app-1"), watched=False)
    signoff = scene.sign_off()
    assert len(signoff.content["window"]["chains"]) == 2
    assert checked(scene, signoff).holds


def test_a_refused_retirement_writes_no_certificate_into_the_history_and_a_forced_one_tells_so(
    scene: SignoffScene,
) -> None:
    scene.hours(2, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    with pytest.raises(Refused):
        scene.retire()
    digest = scene.retire(force=True)
    close_renewal(scene.engine, NAME, Closure.FINISHED, "done", scene.author)
    scene.hours(1)
    scene.messages((OLD_MESSAGE, GET, "app-1"), is_retired=True)
    signoff = scene.sign_off()
    (one,) = signoff.content["retirement_certificates"]
    assert one["sha256"] == digest
    assert one["certificate"]["exceptions"]
    # The late message repeats a signature that was there before: whoever saw that one could send it.
    assert signoff.figures["orders/acme-2024/reasons"].value == {}
    assert signoff.figures["orders/acme-2024/signed"].value["messages"] == 2
    (change,) = [one for one in signoff.figures["keystore/history"].value if one["action"] == "retired"]
    assert change["overrode"]
    assert change["gate"][0]["retirement_certificate"] == digest
    assert checked(scene, signoff).holds


def test_a_record_that_goes_while_the_sign_off_is_made_is_left_out(
    scene: SignoffScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> object:
        raise RecordNotFound("pruned")

    scene.hours(1, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    monkeypatch.setattr("gateway.renewal.signoff.renewal_figures.find_record", gone)
    assert make_signoff(scene.engine, scene.renewal, scene.status(), "eva").evidence_ids == ()


@pytest.mark.parametrize(
    "gate",
    [
        "nonsense",
        "[" * 100_000,
        "[]",
        '{"answers":[{"summary":"passed"}]}',
        '{"answers":[{"blockers":[],"evidence":{"retirement_certificate":[":sha256"]},"summary":""}]}',
        # The words that were looked for, in a place that tells nothing.
        '{"answers":[{"blockers":[],"evidence":{"x":{"retirement_certificate":":sha256"}},"summary":""}]}',
    ],
)
def test_a_history_that_was_written_over_is_told_and_raises_nothing(scene: SignoffScene, gate: str) -> None:
    scene.hours(1, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    digest = scene.retire(force=True)
    signoff = scene.sign_off()
    change = "UPDATE keystore_history SET gate = :gate WHERE gate IS NOT NULL"
    tampered(scene, change, gate=gate.replace(":sha256", digest))
    report = checked(scene, signoff)
    assert "keystore/history" in differing(report)
    assert f"the retirement certificate {digest} does not stand in the keystore's history" in report.findings
    certificate = canonical(signoff.content["retirement_certificates"][0]["certificate"])
    assert not verify_signoff(certificate.encode(), scene.engine).holds
    # One that is made now says so.
    again = signoff_markdown(scene.sign_off())
    assert "it does not stand in the keystore's history" in again
    assert ("what the gate saw was written over by somebody" in again) is ("evidence" not in gate)


def test_a_retirement_certificate_that_was_written_over_is_told(scene: SignoffScene) -> None:
    scene.hours(1, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.retire(force=True)
    change = "UPDATE renewal_statements SET content = json_set(content, '$.certificate', :text) WHERE kind = 'retired'"
    tampered(scene, change, text="{")
    report = checked(scene, scene.sign_off())
    assert any("does not have that SHA-256" in one for one in report.findings)


def test_gates_are_asked_for_other_entries_and_for_purging_as_before(scene: SignoffScene) -> None:
    scene.start()
    gates = gates_now(scene.engine, scene.settings, scene.now)
    certifying = retirement.certifying_gates(scene.engine, lambda: gates, scene.renewal, ())
    entry = scene.store.get("acme-2024")
    asked: dict[str, Any] = {"at": scene.now, "since": lambda _: scene.now}
    assert certifying.before_retiring(entry, (), **asked) == gates.before_retiring(entry, (), **asked)
    asked["since"] = scene.now
    assert certifying.before_purging(entry, **asked) == gates.before_purging(entry, **asked)
    assert certifying.made == []


def test_what_was_called_otherwise_since_counts_as_the_same_endpoint(scene: SignoffScene) -> None:
    """An endpoint that is renamed in the course of a renewal leaves no messages behind."""
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.hours(2, (NEW_MESSAGE, GET, "app-1"))
    renamed = {"endpoint": "orders", "new_name": "purchases", "who": "eva", "reason": "a better name"}
    scene.watcher.writer.tell(EventKind.RENAMED, renamed).result(10)
    scene.watcher.configure({"purchases": served(2 * DAY)})
    scene.watcher.watch(HOUR, HOUR / 2)
    (late,) = scene.messages((OLD_MESSAGE, GET, "app-1"), endpoint="purchases")
    scene.watcher.watch(HOUR, HOUR / 2)
    signoff = scene.sign_off()
    assert signoff.figures["orders/responses"].value == 6
    assert signoff.figures["orders/acme-2024/signed"].value["last_record"] == late.id
    assert signoff.figures["orders/acme-2024/since/watched"].value["seconds"] > 3599
    assert "orders (also called purchases): among 0 recorded responses" in claim_sentences(signoff)[-1]
    (row,) = next(block for block in signoff_page(signoff).sections[2].blocks if isinstance(block, Grid)).rows
    assert row[:2] == ["orders GetOrder at app-1", "both"]
    assert checked(scene, signoff).holds


def test_a_chain_that_a_document_leaves_out_is_found_in_the_bundle(scene: SignoffScene) -> None:
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    signoff = scene.sign_off()
    stream = io.BytesIO()
    evidence_bundle(scene.engine, signoff, stream)
    nothing = dict.fromkeys(("first", "first_record", "last", "last_record"))
    value = {"messages": 0, "accepted": 0, "rejected": 0, **nothing}
    figures = [
        {**one, "value": value} if one["name"] == "orders/acme-2024/signed" else one
        for one in signoff.content["figures"]
    ]
    forged = {**signoff.content, "window": {**signoff.content["window"], "chains": []}, "figures": figures}
    report = verify_signoff(canonical(forged).encode(), stream)
    assert not report.holds
    assert "holds 3 records of that time by the writer" in report.findings[0]
    assert "orders/acme-2024/signed" in untold(report)


def test_a_message_that_comes_while_figures_are_counted_keeps_the_gate_shut(
    scene: SignoffScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting millions of records takes long, and the gate must not go by what was so before."""
    scene.hours(1, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.hours(60, (NEW_MESSAGE, GET, "app-1"))
    assert scene.status().may_retire

    def slowly(*arguments: Any) -> Any:
        found = figures_of_each(*arguments)
        scene.messages((OLD_MESSAGE, GET, "app-1"))
        return found

    monkeypatch.setattr(retirement, "figures_of_each", slowly)
    with pytest.raises(Refused, match="it is the key that carries"):
        scene.retire()
