"""A document whose figures come out, each by its own question, does not hold where it asks other questions."""

import json
from datetime import timedelta
from typing import Any

import pytest

from gateway.ledger import EventKind
from gateway.renewal import (
    DocumentUnreadable,
    NewRenewal,
    Signoff,
    change_renewal,
    make_signoff,
    start_renewal,
    verify_signoff,
)
from gateway.renewal.evidence import measure
from gateway.renewal.plan import RenewalChange
from gateway.renewal.signoff import FigureState, certifying_gates, signing_off
from gateway.renewal.signoff.answers import LedgerSource
from gateway.renewal.signoff.figures import canonical, sha256_of
from tests.gateway.ledger.receipt_samples import certificate
from tests.gateway.ledger.watched_time import served
from tests.gateway.renewal.signoff.forging import (
    SINCE,
    Content,
    Forgery,
    answered,
    checked_as_recorded,
    comes_out,
    copy_of,
    figure,
    play_two_endpoints,
    questions,
    whole_bundle,
    without,
)
from tests.gateway.renewal.signoff.signoff_scene import (
    DAY,
    GET,
    HOUR,
    NAME,
    NEW_MESSAGE,
    OLD_MESSAGE,
    SignoffScene,
)

ANOTHER = "answers another question than its name says"


@pytest.fixture
def signoff(scene: SignoffScene) -> Signoff:
    """Of two endpoints, with a rejected message and a waiver."""
    play_two_endpoints(scene)
    return scene.sign_off()


def another_question(content: Content) -> None:
    figure(content, "orders/acme-2024/signed")["question"]["key_id"] = "0" * 64
    for question in questions(content, SINCE):
        question["from"] = content["window"]["from"]
        if question["ask"] == "signed":
            question["key_id"] = "0" * 64


def another_ask(content: Content) -> None:
    figure(content, "orders/responses")["question"]["ask"] = "unexamined"


def a_shorter_time(content: Content) -> None:
    question = figure(content, f"{SINCE}watched")["question"]
    question["from"] = question["until"]


def a_later_start(content: Content) -> None:
    """All that is counted since the last use begins an hour later: the gap that lay there is in no figure."""
    for question in questions(content, SINCE):
        question["from"] = "2026-06-01T16:00:00Z"


def an_end_before_the_last_use(content: Content) -> None:
    figure(content, "orders/acme-2024/signed")["question"]["until"] = "2026-06-01T13:30:00Z"


def another_endpoint(content: Content) -> None:
    figure(content, f"{SINCE}signed")["question"]["endpoints"] = ["invoices"]


def another_name_for_all(content: Content) -> None:
    for question in questions(content, "orders/"):
        question["endpoints"] = ["purchases"]


def no_endpoint_at_all(content: Content) -> None:
    for question in questions(content, "orders/"):
        question["endpoints"] = []


def an_endpoint_left_out(content: Content) -> None:
    without(content, "invoices/")


def a_figure_left_out(content: Content) -> None:
    without(content, "orders/acme-2024/reasons")


def what_was_said_left_out(content: Content) -> None:
    without(content, "said")


def findings_left_out(content: Content) -> None:
    without(content, "findings", "keystore/")


def a_figure_more(content: Content) -> None:
    extra = {**figure(content, f"{SINCE}signed"), "name": "orders/acme-2024/ever/signed"}
    content["figures"].append(extra)


def said_before_the_waiver(content: Content) -> None:
    figure(content, "said")["question"]["number"] = 1


def said_of_another_renewal(content: Content) -> None:
    figure(content, "said")["question"]["renewal"] = "other"


def another_revision(content: Content) -> None:
    figure(content, "keystore/history")["question"]["revision"] = 1


def fewer_certificates(content: Content) -> None:
    figure(content, "keystore/history")["question"]["thumbprints"].pop()


def a_truth_value_for_a_number(content: Content) -> None:
    (end,) = content["window"]["chains"]
    figure(content, "keystore/revision")["question"]["revision"] = 2.0
    figure(content, f"chains/{end['writer']}")["question"]["more"] = None


@pytest.mark.parametrize(
    ("forge", "finding"),
    [
        (another_question, f"the figure orders/acme-2024/signed {ANOTHER}: key_id"),
        (another_ask, f"the figure orders/responses {ANOTHER}: ask"),
        (a_shorter_time, f"the figure {SINCE}watched {ANOTHER}: from"),
        (a_later_start, f"the figure {SINCE}signed {ANOTHER}: from"),
        (an_end_before_the_last_use, f"the figure orders/acme-2024/signed {ANOTHER}: until"),
        (another_endpoint, f"the figure {SINCE}signed {ANOTHER}: endpoints"),
        (another_name_for_all, "the figures of orders are about purchases"),
        (no_endpoint_at_all, "the figures of orders are about no endpoint"),
        (an_endpoint_left_out, "left out that belong to such a document: invoices/responses, invoices/unexamined"),
        (a_figure_left_out, "left out that belong to such a document: orders/acme-2024/reasons"),
        (what_was_said_left_out, "figures are about: it does not tell 'said'"),
        (findings_left_out, "left out that belong to such a document: keystore/history, keystore/revision, findings"),
        (a_figure_more, "the figure orders/acme-2024/ever/signed does not belong to such a document"),
        (said_before_the_waiver, f"the figure said {ANOTHER}: number"),
        (said_of_another_renewal, "it is of the renewal 'acme', and what was said is of 'other'"),
        (another_revision, f"the figure keystore/history {ANOTHER}: revision"),
        (fewer_certificates, f"the figure keystore/history {ANOTHER}: thumbprints"),
        (a_truth_value_for_a_number, f"the figure keystore/revision {ANOTHER}: spelling"),
    ],
)
def test_figures_that_come_out_by_another_question_are_found(scene: SignoffScene, forge: Forgery, finding: str) -> None:
    play_two_endpoints(scene)
    old, new = scene.planned("acme-2024"), scene.planned("acme-2026")
    start_renewal(scene.engine, NewRenewal(name="other", endpoints=["more"], old=(old,), new=new), scene.author)
    signoff = scene.sign_off()
    bundle = whole_bundle(scene, signoff)
    assert verify_signoff(signoff.text.encode(), bundle).findings == ()
    content = copy_of(signoff)
    forge(content)
    if forge is not a_truth_value_for_a_number:
        content = answered(scene, content)
    report = checked_as_recorded(scene, content)
    assert comes_out(report), [one for one in report.figures if one.state is not FigureState.HOLDS]
    assert any(finding in one for one in report.findings), report.findings
    assert not report.holds
    report = verify_signoff(canonical(content).encode(), bundle)
    assert comes_out(report), "nor does a bundle tell another thing"
    assert any(finding in one for one in report.findings), report.findings


def test_a_record_that_stands_for_no_cell_does_not_belong_to_a_document(scene: SignoffScene, signoff: Signoff) -> None:
    rows = [row for one in signoff.figures.values() if one.question["ask"] == "cells" for row in one.value]
    named = {row[name] for row in rows for name in ("first_record", "last_record")}
    assert {f"records/{one}" for one in named} <= signoff.figures.keys()
    (more,) = scene.messages((NEW_MESSAGE, GET, "app-1"))
    signoff = scene.sign_off()
    content = copy_of(signoff)
    second = next(one for one in content["figures"] if one["name"].startswith("records/"))
    content["figures"].append({**second, "name": "records/other", "question": {"ask": "record", "id": more.id}})
    (finding,) = checked_as_recorded(scene, answered(scene, content)).findings
    assert finding == "the figure records/other does not belong to such a document"


def said_without_waivers(content: Content) -> str:
    del figure(content, "said")["value"]["waivers"]
    return "said: it leaves out waivers"


def said_without_the_name_of_a_policy(content: Content) -> str:
    del figure(content, "said")["value"]["policies"][0]["owner"]
    return "said: policies[0]: it leaves out owner"


def no_rejections(content: Content) -> str:
    assert figure(content, "orders/acme-2024/reasons")["value"] == {"stale": 1}
    figure(content, "orders/acme-2024/reasons")["value"] = {}
    return "orders/acme-2024/reasons: it leaves out stale"


@pytest.mark.parametrize("forge", [said_without_waivers, said_without_the_name_of_a_policy, no_rejections])
def test_a_value_that_leaves_something_out_differs(scene: SignoffScene, signoff: Signoff, forge: Any) -> None:
    content = copy_of(signoff)
    wanted = forge(content)
    report = checked_as_recorded(scene, content)
    assert [f"{one.name}: {one.detail}" for one in report.figures if one.detail] == [wanted]


def swapped(content: Content, **values: Any) -> None:
    figure(content, "said")["value"]["old"][0] |= values


def pem_of_another(content: Content) -> None:
    swapped(content, pem=figure(content, "said")["value"]["new"]["pem"])


def more_behind_the_pem(content: Content) -> None:
    swapped(content, pem=figure(content, "said")["value"]["old"][0]["pem"] + "and it was never used\n")


def two_of_one_alias(content: Content) -> None:
    """The figures of the second would be in the place of those of the first."""
    said = figure(content, "said")["value"]
    said["old"].append({**said["new"], "alias": "acme-2024"})
    said["same_key"] = True


def said_value(value: Any) -> Forgery:
    return lambda content: figure(content, "said").update(value=value)


def said_part(**values: Any) -> Forgery:
    return lambda content: figure(content, "said")["value"].update(values)


def old_part(**values: Any) -> Forgery:
    return lambda content: swapped(content, **values)


def value_of(name: str, value: Any) -> Forgery:
    return lambda content: figure(content, name).update(value=value)


@pytest.mark.parametrize(
    ("forge", "finding"),
    [
        (pem_of_another, "the certificate of acme-2024 is another one than is said of it: thumbprint"),
        (more_behind_the_pem, "the certificate of acme-2024 is another one than is said of it: pem"),
        (old_part(thumbprint="0" * 64), "is another one than is said of it: thumbprint"),
        (old_part(key_id="0" * 64), "is another one than is said of it: key_id"),
        (old_part(serial="00"), "is another one than is said of it: serial"),
        (old_part(not_after="2099-01-01T00:00:00Z"), "is another one than is said of it: not_after"),
        (two_of_one_alias, "two certificates have one alias"),
        (said_part(same_key=True), "whether the new certificate is over the key of an old one is not as it says"),
        (said_part(endpoints=["orders"]), "the figure invoices/responses does not belong"),
        (said_part(endpoints=["invoices", "orders", "more"]), "belong to such a document: more/responses"),
        # What nobody writes is told as well, and raises nothing.
        (old_part(pem="\ud800"), "no PEM certificate can be read"),
        (old_part(pem=None), "no PEM certificate can be read"),
        (old_part(alias="../a"), "cannot be an alias"),
        (said_part(old=None), "figures are about: 'NoneType' object"),
        (said_part(old=[]), "the certificate that was asked about is not one of the old ones"),
        (said_part(old=["acme"]), "figures are about: string indices"),
        (said_part(endpoints=None), "figures are about: 'NoneType' object"),
        (said_value(None), "figures are about: 'NoneType' object"),
        (said_value({}), "figures are about: it does not tell 'name'"),
        (value_of("orders/acme-2024/signed", []), "figures are about: list indices"),
        (value_of("orders/acme-2024/signed", {"last": "9999-12-31T23:59:59.999999Z"}), "figures are about: date value"),
        (value_of("orders/acme-2024/signed", {"last": 1}), "'1' is no instant with a time zone"),
        (value_of("orders/acme-2024/cells", [1]), "figures are about: 'int' object"),
        (value_of("orders/acme-2024/cells", [{"last_record": []}]), "figures are about: "),
    ],
)
def test_what_a_document_says_of_itself_has_to_fit_together(
    scene: SignoffScene, signoff: Signoff, forge: Forgery, finding: str
) -> None:
    """In a bundle, which does not tell what people said."""
    bundle = whole_bundle(scene, signoff)
    content = copy_of(signoff)
    forge(content)
    report = verify_signoff(canonical(content).encode(), bundle)
    assert any(finding in one for one in report.findings), report.findings
    assert not report.holds


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (("window", "from"), "0001-01-01T00:00:00+05:00", "is no instant with a time zone"),
        (("window", "until"), "9999-12-31T23:59:59-05:00", "is no instant with a time zone"),
        (("figures", 0, "question", "from"), "0001-01-01T00:00:00+05:00", "is no instant with a time zone"),
        (("window", "keystore_revision"), True, "over which time and chains"),
        (("window", "keystore_revision"), -1, "over which time and chains"),
        (("window", "statement"), 2**63, "over which time and chains"),
        (("window", "statement"), 1.0, "over which time and chains"),
        (("window", "chains", 0, "sequence"), 2**63, "an end of a chain"),
        (("window", "chains", 0, "sequence"), True, "an end of a chain"),
        (("window", "chains", 0, "event_number"), -1, "an end of a chain"),
        (("window", "chains", 0, "event_number"), "1", "an end of a chain"),
        (("window", "chains", 0, "writer"), "a\0b", "an end of a chain"),
        (("renewal",), None, "of which renewal it is"),
        (("schema",), "wssgate.retirement/1", "of which renewal it is"),
    ],
)
def test_what_no_database_can_be_asked_for_is_refused(
    scene: SignoffScene, place: tuple[Any, ...], value: object, why: str
) -> None:
    scene.start()
    content: Any = copy_of(make_signoff(scene.engine, scene.renewal, scene.status(), "eva"))
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(DocumentUnreadable, match=why):
        verify_signoff(canonical(content).encode(), scene.engine)


def test_a_chain_that_is_named_twice_counts_nothing_twice(scene: SignoffScene, signoff: Signoff) -> None:
    content = copy_of(signoff)
    content["window"]["chains"] *= 2
    with pytest.raises(DocumentUnreadable, match="two ends are of the chain of one writer"):
        verify_signoff(canonical(content).encode(), scene.engine)


def test_a_chain_that_is_cut_before_the_end_of_the_time_is_found_in_a_bundle(scene: SignoffScene) -> None:
    """It tells of a time whose last messages it does not count."""
    scene.start()
    first = scene.sign_off()
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.watcher.watch(timedelta(minutes=4))
    signoff = scene.sign_off()
    bundle = whole_bundle(scene, signoff)
    content = copy_of(first)
    content["made"]["at"] = content["window"]["until"] = signoff.content["window"]["until"]
    for question in questions(content):
        if "until" in question:
            question["until"] = content["window"]["until"]
    report = checked_as_recorded(scene, answered(scene, content))
    assert figure(content, f"{SINCE}signed")["value"]["messages"] == 0
    report = verify_signoff(canonical(content).encode(), bundle)
    assert comes_out(report)
    (finding,) = report.findings
    assert finding.startswith("the bundle holds 2 records of that time by the writer"), "one may have been under way"
    assert finding.endswith("that lie behind the end which the document names")
    content["window"] |= {"from": "0001-01-01T00:00:00Z", "until": "0001-01-01T00:00:00Z"}
    assert not verify_signoff(canonical(content).encode(), bundle).holds, "and raises nothing"
    # An older sign-off holds in a later bundle: it tells of its own time only.
    assert verify_signoff(first.text.encode(), bundle).holds


def retired(scene: SignoffScene) -> tuple[Signoff, Content]:
    """A sign-off, and the retirement certificate in it."""
    play_two_endpoints(scene)
    scene.retire(force=True)
    signoff = scene.sign_off()
    (one,) = signoff.content["retirement_certificates"]
    return signoff, json.loads(json.dumps(one["certificate"]))


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({"alias": "acme-2026"}, "the certificate that was asked about is not one of the old ones"),
        ({"thumbprint": "0" * 64}, "the certificate that was asked about is not one of the old ones"),
        ({"key_id": None}, "the certificate that was asked about is not one of the old ones"),
        ({"may": "purge"}, "it was not asked whether a certificate may be retired"),
        ({"endpoints": ["orders"]}, "other endpoints were asked about than those of the renewal"),
        ({"renewal": "other"}, "it is of the renewal 'other', and what was said is of 'acme'"),
    ],
)
def test_a_retirement_certificate_that_asks_about_another_thing_is_found(
    scene: SignoffScene, values: Content, finding: str
) -> None:
    signoff, certified = retired(scene)
    bundle = whole_bundle(scene, signoff)
    for source in (scene.engine, bundle):
        assert verify_signoff(canonical(certified).encode(), source).holds
    certified["question"] |= values
    report = verify_signoff(canonical(certified).encode(), bundle)
    assert (comes_out(report), len(report.findings)) == (True, 1)
    assert finding in report.findings[0]
    # Nor within a sign-off, where it has the SHA-256 that stands beside it.
    content = copy_of(signoff)
    content["retirement_certificates"] = [{"sha256": sha256_of(certified), "certificate": certified}]
    report = verify_signoff(canonical(content).encode(), bundle)
    assert comes_out(report)
    assert any(finding in one for one in report.findings), report.findings
    *inner, outer = report.findings
    assert all(sha256_of(certified) in one for one in inner)
    assert outer == "the retirement certificates in it are not those of which was said that they were written"


def test_a_retirement_certificate_that_was_left_out_of_a_sign_off_is_found(scene: SignoffScene) -> None:
    """The page would say that the command was interrupted."""
    signoff, _ = retired(scene)
    content = copy_of(signoff)
    content["retirement_certificates"] = []
    wanted = ("the retirement certificates in it are not those of which was said that they were written",)
    assert checked_as_recorded(scene, content).findings == wanted
    assert verify_signoff(canonical(content).encode(), whole_bundle(scene, signoff)).findings == wanted


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"figures": []}, "it does not tell 'said'"),
        ({"figures": None}, "cannot be read: it has no figures"),
        ({"question": {}}, "cannot be read: it does not say of which renewal it is"),
        ({"window": {}}, "cannot be read: it does not say over which time"),
        ({"schema": "wssgate.signoff/1", "renewal": NAME}, "is none of this renewal"),
    ],
)
def test_what_stands_in_the_place_of_a_retirement_certificate_is_told(
    scene: SignoffScene, change: Content, finding: str
) -> None:
    signoff, certified = retired(scene)
    bundle = whole_bundle(scene, signoff)
    content = copy_of(signoff)
    certified |= change
    content["retirement_certificates"] = [{"sha256": sha256_of(certified), "certificate": certified}]
    report = verify_signoff(canonical(content).encode(), bundle)
    assert any(finding in one and sha256_of(certified) in one for one in report.findings), report.findings
    # In a retirement certificate there are none; whoever writes some gets an answer as well.
    odd = {**signoff.content["retirement_certificates"][0]["certificate"], **content["retirement_certificates"][0]}
    odd["retirement_certificates"] = content["retirement_certificates"]
    assert not verify_signoff(canonical(odd).encode(), bundle).holds


def test_several_old_certificates_over_one_key_hold_together_and_each_by_itself(scene: SignoffScene) -> None:
    scene.store.add("acme-2025", certificate("renewed"), who="eva", why="same key", at=scene.now, force=True)
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    olds = (scene.planned("acme-2024"), scene.planned("acme-2025"))
    assert olds[0].key_id == olds[1].key_id
    scene.start(old=olds)
    scene.hours(2, (NEW_MESSAGE, GET, "app-1"))
    gates = certifying_gates(scene.engine, scene.gates, scene.renewal, olds)
    with scene.store.revising(who="eva", why="renewed", at=scene.now, gates=gates) as draft:
        for one in olds:
            draft.retire(one.alias, force=True)
    signoff = scene.sign_off()
    assert checked_as_recorded(scene, copy_of(signoff)).holds
    bundle = whole_bundle(scene, signoff)
    assert verify_signoff(signoff.text.encode(), bundle).holds
    assert len(gates.made) == 2
    for made in gates.made:
        for source in (scene.engine, bundle):
            report = verify_signoff(made.text.encode(), source)
            assert report.holds, report.findings


def test_a_new_certificate_over_the_old_key_holds(scene: SignoffScene) -> None:
    scene.store.add("acme-2025", certificate("renewed"), who="eva", why="same key", at=scene.now, force=True)
    scene.start(new=scene.planned("acme-2025"))
    scene.hours(2, (OLD_MESSAGE, GET, "app-1"))
    scene.retire(force=True)
    signoff = scene.sign_off()
    report = checked_as_recorded(scene, copy_of(signoff))
    assert report.holds, report.findings
    (one,) = signoff.content["retirement_certificates"]
    assert verify_signoff(canonical(one["certificate"]).encode(), scene.engine).holds


@pytest.mark.parametrize("endpoint", ["records", "keystore", "said", "chains"])
def test_an_endpoint_that_is_called_as_a_figure_begins_holds(scene: SignoffScene, endpoint: str) -> None:
    scene.watcher.configure({endpoint: served(2 * DAY)})
    scene.watcher.watch(HOUR, HOUR / 2)
    scene.messages((OLD_MESSAGE, GET, "app-1"), endpoint=endpoint)
    scene.start(endpoints=(endpoint,))
    signoff = scene.sign_off()
    assert f"{endpoint}/responses" in signoff.figures
    report = checked_as_recorded(scene, copy_of(signoff))
    assert report.holds, report.findings


def test_an_endpoint_that_was_renamed_holds_under_either_name(scene: SignoffScene) -> None:
    scene.hours(2, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    renamed = {"endpoint": "orders", "new_name": "purchases", "who": "eva", "reason": "a better name"}
    scene.watcher.writer.tell(EventKind.RENAMED, renamed).result(10)
    scene.watcher.configure({"purchases": served(2 * DAY)})
    scene.watcher.watch(HOUR, HOUR / 2)
    scene.messages((OLD_MESSAGE, GET, "app-1"), endpoint="purchases")
    scene.retire(force=True)
    signoff = scene.sign_off()
    assert signoff.figures[f"{SINCE}signed"].question["endpoints"] == ["orders", "purchases"]
    assert verify_signoff(signoff.text.encode(), whole_bundle(scene, signoff)).holds
    assert verify_signoff(signoff.text.encode(), scene.engine).holds
    content = copy_of(signoff)
    figure(content, f"{SINCE}signed")["question"]["endpoints"] = ["orders"]
    (finding,) = checked_as_recorded(scene, answered(scene, content)).findings
    assert finding == f"the figure {SINCE}signed {ANOTHER}: endpoints"


@pytest.mark.parametrize("is_watched_told", [True, False])
def test_what_could_not_be_told_when_it_was_made_is_not_asked_for(
    scene: SignoffScene, monkeypatch: pytest.MonkeyPatch, is_watched_told: bool
) -> None:
    """Where records were pruned while it was made, it has no counts; but then none of them."""
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.hours(1, (NEW_MESSAGE, GET, "app-1"))
    answers = LedgerSource._answer

    def pruned(self: Any, question: Any, tally: Any) -> Any:
        self._walk.missing = ["its records were pruned"]
        if not is_watched_told:
            self._walk.unwatched = ["host/1"]
            self._walk.unconfigured = ["host/1"]
        return answers(self, question, tally)

    monkeypatch.setattr(LedgerSource, "_answer", pruned)
    signoff = scene.sign_off()
    monkeypatch.undo()
    assert "orders/responses" not in signoff.figures
    assert (f"{SINCE}watched" in signoff.figures) is is_watched_told
    report = verify_signoff(signoff.text.encode(), scene.engine)
    assert report.holds, report.findings
    if is_watched_told:
        since = signoff.figures[f"{SINCE}watched"].question["from"]
        assert since > signoff.content["window"]["from"], "from the last use on, as the evidence tells it"
        content = copy_of(signoff)
        figure(content, f"{SINCE}watched")["question"]["from"] = "2027-01-01T00:00:00Z"
        (finding,) = checked_as_recorded(scene, answered(scene, content)).findings
        assert "it counts from 2027-01-01T00:00:00Z on, which lies outside of its window" in finding


def test_a_use_while_the_evidence_is_taken_moves_the_beginning_to_what_is_counted(
    scene: SignoffScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the evidence tells of a use that lies behind the window, in the place of the last one within."""
    scene.hours(3, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    scene.hours(1, (NEW_MESSAGE, GET, "app-1"))

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        scene.hours(1, (OLD_MESSAGE, GET, "app-1"))
        return measure(*arguments, **options)

    monkeypatch.setattr(signing_off, "measure", meanwhile)
    signoff = scene.sign_off()
    monkeypatch.undo()
    assert signoff.figures["orders/acme-2024/signed"].value["last"] == "2026-06-01T15:00:00Z"
    assert signoff.figures[f"{SINCE}responses"].question["from"] == "2026-06-01T15:00:00.000001Z"
    assert verify_signoff(signoff.text.encode(), scene.engine).holds


@pytest.mark.parametrize("made", ["sign-off", "retirement"])
def test_what_is_said_while_a_document_is_made_belongs_to_it(
    scene: SignoffScene, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """The figures are about the endpoints that the document itself tells of."""
    scene.hours(1, (OLD_MESSAGE, GET, "app-1"))
    scene.start()
    status, renewal = scene.status(), scene.renewal
    change_renewal(scene.engine, NAME, RenewalChange(reason="as well", further_endpoints=("invoices",)), scene.author)
    if made == "sign-off":
        signoff = make_signoff(scene.engine, renewal, status, "eva")
        assert "invoices/responses" in signoff.figures
        content = copy_of(signoff)
        assert checked_as_recorded(scene, content).holds
        return
    gates = certifying_gates(scene.engine, scene.gates, renewal, renewal.old)
    scene.store.retire("acme-2024", who="eva", why="renewed", at=scene.now, gates=gates, force=True)
    assert verify_signoff(gates.made[-1].text.encode(), scene.engine).holds
