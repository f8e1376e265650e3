"""Notices to the receiver administrator: what they name, and templates of a site's own."""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.ledger import open_database
from gateway.renewal import NOTICE_STEPS, RenewalStatus, TemplateRefused, notice_mail, write_notice
from gateway.renewal.progress import CoverageState
from tests.gateway.ledger.load import NOON
from tests.gateway.renewal.signoff.signoff_scene import (
    DAY,
    GET,
    NEW_MESSAGE,
    OLD_MESSAGE,
    PLACE,
    SignoffScene,
    days_pass,
)


@pytest.fixture
def scene(tmp_path: Path, migrated_file: str) -> Iterator[SignoffScene]:
    engine = open_database(migrated_file)
    with days_pass():
        made = SignoffScene(engine, tmp_path)
        yield made
        made.watcher.stop()
    engine.dispose()


@pytest.fixture
def status(scene: SignoffScene) -> RenewalStatus:
    """One server has switched, and another one lags behind."""
    scene.hours(5, (OLD_MESSAGE, GET, "app-1"), (OLD_MESSAGE, PLACE, "app-2"))
    scene.start(announced=scene.now + DAY, announced_text="2026-06-02T19:00+02:00", downtime=True)
    scene.hours(5, (NEW_MESSAGE, GET, "app-1"), (OLD_MESSAGE, PLACE, "app-2"))
    return scene.status()


@pytest.mark.parametrize("step", NOTICE_STEPS)
def test_each_notice_names_both_certificates_and_ends_with_who_wrote_it(status: RenewalStatus, step: int) -> None:
    notice = write_notice(step, status, "Eva", NOON)
    for one in (*status.renewal.old, status.renewal.new):
        pairs = ":".join(one.thumbprint[n : n + 2] for n in range(0, 64, 2)).upper()
        assert f"SHA-256 fingerprint: {pairs}" in notice.text
        assert f"SHA-256 fingerprint: `{pairs}`" in notice.markdown
    assert "Serial number: 10:01" in notice.text
    assert notice.text.endswith("Kind regards\nEva, 2026-06-01 12:00:00 UTC\n")
    assert "\n\n\n" not in notice.text
    assert notice.markdown.startswith(f"# {notice.subject.split('(')[0]}")
    assert notice.subject.endswith("(acme)")


def test_laggards_are_named_by_operation_and_server(status: RenewalStatus) -> None:
    text = write_notice(7, status, "Eva", NOON).text
    assert "- PlaceOrder at app-2: only the old key: 10 messages, the last one at 2026-06-01 22:00:00 UTC" in text
    assert "GetOrder" not in text
    assert "100 % of the time since the renewal began was watched" in text


def test_what_is_not_certain_yet_is_called_so(status: RenewalStatus) -> None:
    moved = tuple(cell for cell in status.coverage if cell.server == "app-1")
    notice = write_notice(7, replace(status, coverage=moved), "Eva", NOON)
    assert notice.subject.startswith("All responses are signed with the new key")
    assert "It is not certain yet of GetOrder at app-1: we want to see more messages." in notice.text
    nothing = write_notice(7, replace(status, coverage=()), "Eva", NOON)
    assert nothing.subject.startswith("We have not seen any response")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (CoverageState.BOTH, "both keys: 10 messages with the old one, the last at"),
        (CoverageState.SILENT, "no message since the renewal began, the last one came at"),
        (CoverageState.WAIVED, "it need not switch, as was agreed"),
        (CoverageState.NEVER_SEEN, "no message ever came"),
        (CoverageState.OTHER, "signed with neither of the two keys"),
        (CoverageState.SAME_KEY, "the key is the same: "),
    ],
)
def test_each_state_of_a_cell_is_told(status: RenewalStatus, state: CoverageState, told: str) -> None:
    (cell,) = [replace(one, state=state) for one in status.coverage if one.server == "app-2"]
    assert told in write_notice(7, replace(status, coverage=(cell,)), "Eva", NOON).text


def test_a_waived_cell_lags_no_more(scene: SignoffScene) -> None:
    scene.play()
    notice = write_notice(7, scene.status(), "Eva", NOON)
    assert notice.subject.startswith("All responses are signed with the new key")
    assert "only the new key now" in notice.text


def test_with_several_endpoints_each_cell_names_its_own(status: RenewalStatus) -> None:
    two = replace(status, renewal=replace(status.renewal, endpoints=("invoices", "orders"), announced=None))
    assert "- orders PlaceOrder at app-2: " in write_notice(7, two, "Eva", NOON).text
    assert "You announced" not in write_notice(4, two, "Eva", NOON).text


def test_once_retired_the_notice_says_since_when(scene: SignoffScene) -> None:
    scene.play()
    assert "about to be retired" in write_notice(8, scene.status(), "Eva", NOON).subject
    scene.retire()
    notice = write_notice(8, scene.status(), "Eva", NOON)
    assert "since 2026-06-05 11:00:00 UTC we do not accept" in notice.text


def test_a_mail_is_a_draft_to_the_contacts(status: RenewalStatus) -> None:
    contacts = (
        "Rita Receiver <rita@receiver.example>",
        "nobody",
        "Mallory\r\nBcc: x@x.example <m@x.example>",
        "<@>",
        "a <b@c> d",
    )
    notice = write_notice(2, replace(status, renewal=replace(status.renewal, contacts=contacts)), "Eva", NOON)
    mail = email.message_from_bytes(notice_mail(notice, NOON), policy=email.policy.default)
    assert mail["Bcc"] is None
    assert "rita@receiver.example" in str(mail["To"])
    assert mail["X-Unsent"] == "1"
    assert mail["Subject"] == notice.subject
    assert mail.get_body().get_content().replace("\r\n", "\n") == notice.text  # type: ignore[union-attr]
    alone = replace(notice, recipients=("nobody",))
    assert email.message_from_bytes(notice_mail(alone, NOON))["To"] is None


def test_a_name_from_a_message_is_no_markup(scene: SignoffScene) -> None:
    scene.start()
    scene.hours(1, (OLD_MESSAGE, "{urn:x}a_b*<i>", "`s`"))
    notice = write_notice(7, scene.status(), "Eva", NOON)
    assert "a\\_b\\*\\<i\\>" in notice.markdown
    assert "a_b*<i>" in notice.text


def test_a_site_has_its_own_texts_and_the_others_stay(status: RenewalStatus, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "notice-4.txt").write_text(
        "Subject: Neuer Schlüssel {{ new.alias }}\n\n{% for one in old %}{{ one.alias }}{% endfor %}\n"
    )
    own = write_notice(4, status, "Eva", NOON, templates=folder)
    assert (own.subject, own.text) == ("Neuer Schlüssel acme-2026", "acme-2024\n")
    assert write_notice(2, status, "Eva", NOON, templates=folder) == write_notice(2, status, "Eva", NOON)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("Subject: x\n{{ nothing }}", "'nothing' is undefined"),
        ("Subject: x\n{% for %}", "line 2"),
        ("Subject: x\n{{ name.__class__.__mro__ }}", "does not work"),
        ("Subject: x\n{{ old.append(1) }}", "does not work"),
        ("Subject: x\n{{ 1 // 0 }}", "does not work"),
        ("Subject: x\n{{ range(10 ** 9) | list }}", "does not work"),
        ("Subject: x\n{% include '../../../etc/passwd' %}", "does not work"),
        ("Hello", "does not begin with a line Subject"),
        ("Subject:  \n", "does not begin with a line Subject"),
    ],
)
def test_a_template_that_does_not_work_is_refused(
    status: RenewalStatus, tmp_path: Path, template: str, why: str
) -> None:
    (tmp_path / "notice-2.txt").write_text(template)
    with pytest.raises(TemplateRefused, match=why):
        write_notice(2, status, "Eva", NOON, templates=tmp_path)


def test_a_template_that_is_no_text_or_a_folder_that_is_not_there_is_refused(
    status: RenewalStatus, tmp_path: Path
) -> None:
    (tmp_path / "notice-2.txt").write_bytes(b"Subject: \xff\n")
    with pytest.raises(TemplateRefused, match="does not work"):
        write_notice(2, status, "Eva", NOON, templates=tmp_path)
    with pytest.raises(TemplateRefused, match="the folder of renewal_templates is not there"):
        write_notice(2, status, "Eva", NOON, templates=tmp_path / "nowhere")


def test_of_other_steps_there_is_none(status: RenewalStatus) -> None:
    with pytest.raises(ValueError, match="no notice of step 3"):
        write_notice(3, status, "Eva", NOON)
