"""Sign-offs as people get them: nothing that came from a message is read as markup, and nothing is fetched."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from lxml import html as lxml_html

from gateway.ledger import migrate, open_database
from gateway.renewal import (
    Closure,
    DocumentsUnavailable,
    Signoff,
    certifying_gates,
    claim_sentences,
    close_renewal,
    confirm_step,
    record_notice,
    record_rehearsal,
    signoff_html,
    signoff_markdown,
    signoff_pdf,
)
from gateway.renewal.signoff.key_chart import key_chart
from gateway.renewal.signoff.page_blocks import Paragraph, Tone
from gateway.renewal.signoff.page_values import watched_text
from gateway.renewal.signoff.signoff_page import signoff_page
from tests.gateway.ledger.load import NOON
from tests.gateway.renewal.signoff.signoff_scene import (
    DAY,
    GET,
    HOUR,
    NAME,
    NEW_MESSAGE,
    OLD_MESSAGE,
    SignoffScene,
    days_pass,
    record_of,
)

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
"""Names, and nothing that anything is fetched from."""
HOSTILE = "{urn:x}<script>alert(1)</script>|`*_[x](http://x.example)#typst(\n\u202e"


@pytest.fixture(scope="module")
def signoff(tmp_path_factory: pytest.TempPathFactory) -> Signoff:
    """Of a story with everything in it that a page tells of."""
    folder = tmp_path_factory.mktemp("signoff")
    engine = open_database(f"sqlite:///{folder}/wssgate.db")
    migrate(engine)
    with days_pass():
        scene = SignoffScene(engine, folder)
        scene.play()
        scene.messages((NEW_MESSAGE, HOSTILE, "<b>s</b>"))
        for file, reason in (("new.xml", ""), ("b.xml", "dtd")):
            record_rehearsal(
                engine,
                NAME,
                scene.author,
                endpoint="orders",
                file=file,
                sample=b"x",
                accepted=not reason,
                reason=reason,
                sentence="",
            )
        record_notice(engine, NAME, 4, b"text", scene.author)
        confirm_step(engine, NAME, 2, scene.author, by="Mallory", fingerprint="ab" * 32)
        scene.messages((OLD_MESSAGE, GET, "app-1"))
        scene.retire(force=True)
        close_renewal(engine, NAME, Closure.FINISHED, "all done", scene.author)
        scene.hours(5)
        scene.messages((OLD_MESSAGE, GET, "app-2"), is_retired=True, signers=_unrepeated())
        scene.hours(1)
        made = scene.sign_off()
        scene.watcher.stop()
    engine.dispose()
    return made


def _unrepeated() -> Any:
    """The old key, under a signature that was not there before."""
    (one,) = record_of(OLD_MESSAGE, is_retired=True).signers or ()
    return (replace(one, signature_id="77" * 32),)


def changed(signoff: Signoff, change: Callable[[Any], object]) -> Signoff:
    content = json.loads(signoff.text)
    change(content)
    return Signoff(content)


def value_of(content: Any, name: str) -> Any:
    return next(one for one in content["figures"] if one["name"] == name)


def test_the_page_stands_alone_and_tells_everything(signoff: Signoff) -> None:
    page = signoff_html(signoff)
    assert page == signoff_html(signoff)
    tree = lxml_html.document_fromstring(page)
    assert not tree.xpath("//script | //link | //img | //iframe | //b | //*[@href or @src]")
    assert {value for value in tree.xpath("//@*") if "http" in str(value)} <= NAMESPACES
    assert "url(" not in page
    text = " ".join(tree.text_content().split())
    for said in (
        signoff.sha256,
        "Waived by Olga Owner",
        "by force, against",
        "retired-key",
        "The old key came back after the old certificate was retired",
        "A fingerprint that was read out is NOT that of the new certificate.",
        "rehearsed with new.xml at orders: accepted",
        "not accepted (dtd)",
        "-----BEGIN CERTIFICATE-----",
        "finished at",
        "notice on step 4 written",
        "wssgate renewal verify-signoff acme.json",
    ):
        assert said in text, said
    assert len(tree.xpath("//figure//*[local-name() = 'svg']")) == 2


def test_markdown_and_pdf_say_the_same_and_read_nothing_of_it(signoff: Signoff) -> None:
    text = signoff_markdown(signoff)
    assert "<script>" not in text
    assert "\\<script\\>" in text
    assert signoff.sha256 in text
    assert "| 2026-06-02 | 62 | 10 |" in text
    pdf = signoff_pdf(signoff)
    assert pdf.startswith(b"%PDF-")
    assert pdf == signoff_pdf(signoff)


def test_characters_that_no_font_has_are_escaped_in_a_pdf_and_a_page_that_cannot_be_set_is_told(
    signoff: Signoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    def foreign(content: Any) -> None:
        value_of(content, "said")["value"]["reason"] = "\u65e5\u672c \u0627\u0644 \U0001f600 \u03b1 é"

    assert signoff_pdf(changed(signoff, foreign)).startswith(b"%PDF-")
    assert "\u65e5\u672c" in signoff_html(changed(signoff, foreign), with_charts=False)
    monkeypatch.setattr("gateway.renewal.signoff.renderings._template", lambda _: "#nothing-of-the-kind")
    with pytest.raises(DocumentsUnavailable, match="the PDF cannot be set"):
        signoff_pdf(signoff)


def test_claims_say_when_the_old_key_came_back(signoff: Signoff) -> None:
    def came_back(content: Any) -> None:
        value_of(content, "orders/acme-2024/since/signed")["value"]["messages"] = 3
        value_of(content, "orders/acme-2024/since/unexamined")["value"] = 2

    claim, *relapses = claim_sentences(changed(signoff, came_back))
    assert [one.partition(", 1 message")[0] for one in relapses] == [
        "The old key came back after the cell had switched: orders, GetOrder at app-1",
        "The old key came back after the old certificate was retired: orders, GetOrder at app-2",
    ]
    assert "3 carried a signature by the key of acme-2024. Of 2 of them nobody looked who signed." in claim


def test_of_one_key_in_two_certificates_and_of_an_emergency_the_page_says_so(signoff: Signoff) -> None:
    def same(content: Any) -> None:
        said = value_of(content, "said")["value"]
        said["same_key"] = said["compromised"] = True
        said["endpoints"].append("invoices")

    text = signoff_markdown(changed(signoff, same))
    assert "a signature does not tell which of the two it goes with" in text
    assert "emergency: the old key is in wrong hands" in text
    assert "invoices: no message carried a signature" in text


def test_each_endpoint_has_its_own_policy(signoff: Signoff) -> None:
    def elsewhere(content: Any) -> None:
        value_of(content, "said")["value"]["policies"][0]["endpoint"] = "invoices"

    assert "Olga Owner decided on" not in signoff_markdown(changed(signoff, elsewhere))


def test_without_exceptions_the_page_says_so(signoff: Signoff) -> None:
    def clean(content: Any) -> None:
        value_of(content, "said")["value"]["waivers"] = []
        content["judged"]["warnings"] = content["judged"]["blockers"] = []
        for change in value_of(content, "keystore/history")["value"]:
            change["overrode"] = ""

    assert "None: nothing was forced or waived" in signoff_markdown(changed(signoff, clean))


def test_what_cannot_be_told_is_not_claimed(signoff: Signoff) -> None:
    def lacks(content: Any) -> None:
        left_out = {
            "orders/watched",
            "orders/acme-2024/since/watched",
            "orders/delivery-times",
            "orders/acme-2024/days",
        }
        content["figures"] = [one for one in content["figures"] if one["name"] not in left_out]
        value_of(content, "orders/acme-2024/signed")["value"]["last"] = None

    page = signoff_markdown(changed(signoff, lacks))
    assert "with an unknown part of the time watched" in page
    assert "what was watched cannot be told" in page
    assert "No use of the key of acme-2024 is on record" in page


def test_of_an_open_renewal_without_a_message_the_page_says_so(scene: SignoffScene) -> None:
    scene.start(announced=scene.now + DAY, announced_text="2026-06-02 14:00 +02:00", downtime=True)
    text = signoff_markdown(scene.sign_off())
    for said in (
        "The renewal is still open",
        "announced for 2026-06-02 14:00 +02:00, switched in a downtime",
        "no message carried a signature by any of these keys",
        "Nobody confirmed any step",
        "No old certificate was retired within this renewal yet",
        "among 0 recorded responses",
        "No cell is known",
    ):
        assert said in text.replace("\\", ""), said


def test_of_many_cells_and_gaps_the_first_are_shown_and_the_rest_is_counted(signoff: Signoff) -> None:
    def many(content: Any) -> None:
        gap = ["2026-06-03T04:00:00Z", "2026-06-03T07:30:00Z"]
        value_of(content, "orders/watched")["value"]["gaps"] = [gap] * 150
        cell = value_of(content, "orders/acme-2024/cells")["value"][0]
        value_of(content, "orders/acme-2024/cells")["value"] = [{**cell, "server": f"s{n}"} for n in range(450)]

    text = signoff_markdown(changed(signoff, many))
    assert "And 50 gaps more, in the figures." in text
    assert "cells more, in the figures." in text


def test_gaps_within_a_second_are_left_to_the_figures(signoff: Signoff) -> None:
    def short(content: Any) -> None:
        value_of(content, "orders/watched")["value"]["gaps"] = [["2026-06-03T04:00:00.1Z", "2026-06-03T04:00:00.9Z"]]

    text = signoff_markdown(changed(signoff, short))
    assert "without a gap of a second or more" in text
    assert "Nobody watched in these times" not in text


def test_a_day_is_labelled_once() -> None:
    one_day = key_chart({"new": [("2026-04-02", 3)]}, width=880, height=250)
    assert one_day.count("02 Apr 2026</text>") == 1
    assert "<svg" in key_chart({"new": []}, width=880, height=250)


def test_without_a_library_it_is_said_what_installs_it(signoff: Signoff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(DocumentsUnavailable, match=r"a PDF needs typst: pip install 'wssgate\[documents\]'"):
        signoff_pdf(signoff)
    with pytest.raises(DocumentsUnavailable, match="the chart of messages per key needs vl-convert-python"):
        signoff_html(signoff)
    assert "<svg" not in signoff_html(signoff, with_charts=False)


def test_long_times_are_drawn_by_week() -> None:
    days = {"old": [("2026-01-01", 5), ("2026-04-01", 5)], "new": [("2026-04-02", 3)]}
    assert "messages per week" in key_chart(days, width=880, height=250)
    assert "messages per day" in key_chart({"new": [("2026-04-02", 3)]}, width=360, height=250)


@pytest.mark.parametrize(
    ("seconds", "text"), [(3599.9, "99.9 %"), (3600, "100 %"), (0, "0.0 %"), (1, "0.0 %"), (1800, "50.0 %")]
)
def test_what_is_less_than_all_is_never_called_all(seconds: float, text: str) -> None:
    assert watched_text({"seconds": seconds}, NOON, NOON + HOUR) == f"{text} of the time watched"


def test_every_section_has_something_in_it(signoff: Signoff) -> None:
    assert all(section.blocks for section in signoff_page(signoff).sections)


def test_without_a_response_or_with_a_finding_nothing_is_claimed(scene: SignoffScene) -> None:
    def told(made: Signoff) -> dict[Tone, str]:
        blocks = signoff_page(made).sections[0].blocks
        return {one.tone: one.text for one in blocks if isinstance(one, Paragraph) and "among" in one.text}

    scene.start()
    scene.hours(1)
    assert told(scene.sign_off())[Tone.WARNING].endswith("Silence is no evidence.")
    scene.hours(1, (NEW_MESSAGE, GET, "app-1"))
    made = scene.sign_off()
    assert told(made).keys() == {Tone.CLAIM}
    doubtful = changed(made, lambda content: value_of(content, "findings").update(value=["record 3 was altered"]))
    assert told(doubtful).keys() == {Tone.WARNING}


def test_what_was_retired_without_a_certificate_is_told(scene: SignoffScene) -> None:
    """By another command, or by one that was interrupted between the keystore and what is kept with the renewal."""

    def told() -> str:
        (section,) = (one for one in signoff_page(scene.sign_off()).sections if one.title == "Retirement certificates")
        return " ".join(one.text for one in section.blocks if isinstance(one, Paragraph))

    scene.start()
    scene.hours(3, (NEW_MESSAGE, GET, "app-1"))
    assert told() == "No old certificate was retired within this renewal yet."
    values: dict[str, Any] = {"who": "eva", "why": "by hand", "force": True}
    scene.store.retire("acme-2024", at=scene.now, gates=scene.gates(), **values)
    assert "acme-2024 was retired at" in told()
    assert "not done with wssgate renewal retire" in told()
    scene.store.restore("acme-2024", at=scene.now, **values)
    assert told() == "No old certificate was retired within this renewal yet."
    gates = certifying_gates(scene.engine, scene.gates, scene.renewal, scene.renewal.old)
    scene.store.retire("acme-2024", at=scene.now, gates=gates, **values)
    assert f"with the SHA-256 {gates.made[-1].sha256}, was not kept: the command was interrupted" in told()


def test_a_retirement_of_which_somebody_wrote_over_what_the_gate_saw_is_told(scene: SignoffScene) -> None:
    def write_over(content: dict[str, Any]) -> None:
        for change in value_of(content, "keystore/history")["value"]:
            change["gate"] = None

    scene.start()
    scene.hours(3, (NEW_MESSAGE, GET, "app-1"))
    scene.store.retire("acme-2024", who="eva", why="by hand", at=scene.now, gates=scene.gates(), force=True)
    text = " ".join(
        block.text
        for section in signoff_page(changed(scene.sign_off(), write_over)).sections
        for block in section.blocks
        if isinstance(block, Paragraph)
    )
    assert "acme-2024 was retired at" in text
    assert "what the gate saw was written over by somebody" in text
