"""The commands that write and check sign-offs, and that write notices."""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.ledger import open_database, writing
from gateway.renewal import read_renewals
from tests.gateway.cli.running import Run
from tests.gateway.ledger.proof.bundles import KEY
from tests.gateway.renewal.signoff.signoff_scene import GET, NEW_MESSAGE, OLD_MESSAGE, SignoffScene, days_pass


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_file: str) -> Iterator[SignoffScene]:
    """A renewal that is under way, in the current folder."""
    monkeypatch.chdir(tmp_path)
    engine = open_database(migrated_file)
    with days_pass():
        made = SignoffScene(engine, tmp_path)
        made.hours(3, (OLD_MESSAGE, GET, "app-1"))
        made.start()
        made.hours(2, (NEW_MESSAGE, GET, "app-1"))
        made.watcher.stop()
        yield made
    engine.dispose()


def test_a_sign_off_is_written_in_every_form_and_checked(run: Run, scene: SignoffScene) -> None:
    files = ["--json", "a.json", "--html", "a.html", "--pdf", "a.pdf", "--markdown", "a.md", "--bundle", "a.zip"]
    ran = run("renewal", "signoff", *files)
    assert ran.code == 0, ran.err
    assert "among 2 recorded responses" in " ".join(ran.out.split())
    assert "wssgate renewal verify-signoff a.json" in ran.out
    digest = json.loads(run("renewal", "verify-signoff", "a.json", "--json").out)["sha256"]
    assert read_renewals(scene.engine).named("acme").sign_offs == (digest,)
    ran = run("renewal", "verify-signoff", "a.json")
    assert (ran.code, ran.err) == (0, "")
    Path("keys.txt").write_text(KEY.public)
    ran = run("renewal", "verify-signoff", "a.json", "--bundle", "a.zip", "--pinned", "keys.txt")
    assert ran.code == 0, ran.out
    assert "Not told: orders/watched" in ran.err
    again = run("renewal", "signoff", *files)
    assert again.code == 1
    assert "exists already" in again.err
    assert run("renewal", "signoff", *files, "--replace").code == 0
    Path("printed.json").write_text(run("renewal", "signoff", "--json", "-").out)
    assert run("renewal", "verify-signoff", "printed.json").code == 0, "what is printed is the document, to the octet"
    assert "The file that can be checked is that of --json" in run("renewal", "signoff").out


def test_one_byte_of_the_ledger_that_was_changed_is_told_by_the_figures_that_do_not_hold(
    run: Run, scene: SignoffScene
) -> None:
    assert run("renewal", "signoff", "--json", "a.json").code == 0
    with writing(scene.engine) as connection:
        for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        connection.execute(text("UPDATE messages SET server = 'app-2' WHERE sequence = 4"))
    ran = run("renewal", "verify-signoff", "a.json")
    assert ran.code == 1
    assert "DOES NOT HOLD: orders/responses: it says 5, and what comes out is 4." in ran.out
    assert "orders/acme-2026/cells" in ran.out
    assert "its record 4" in ran.out
    report = json.loads(run("renewal", "verify-signoff", "a.json", "--json").out)
    assert not report["holds"]


def test_what_cannot_be_checked_is_said_in_a_sentence(run: Run, scene: SignoffScene) -> None:
    assert scene.path.exists()
    Path("page.html").write_text("<html>")
    ran = run("renewal", "verify-signoff", "page.html")
    assert (ran.code, "made for people" in " ".join(ran.err.split())) == (2, True)
    assert run("renewal", "verify-signoff", "nowhere.json").code == 2
    assert run("renewal", "verify-signoff", "a.json", "--pinned", "keys.txt").code == 2
    assert run("renewal", "signoff", "--json", "a.json").code == 0
    Path("b.zip").write_bytes(b"PK")
    ran = run("renewal", "verify-signoff", "a.json", "--bundle", "b.zip")
    assert (ran.code, "is no bundle" in ran.err) == (2, True)


def test_without_the_libraries_a_table_stands_for_the_chart_and_no_pdf_is_made(
    run: Run, scene: SignoffScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    ran = run("renewal", "signoff", "--pdf", "a.pdf")
    assert ran.code == 3
    assert "pip install 'wssgate[documents]'" in " ".join(ran.err.split())
    assert (Path("a.pdf").exists(), read_renewals(scene.engine).named("acme").sign_offs) == (False, ())
    ran = run("renewal", "signoff", "--html", "a.html")
    assert ran.code == 0
    assert "a table in the place of the chart" in " ".join(ran.err.split())


def test_too_many_records_for_a_bundle_are_told(run: Run, scene: SignoffScene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scene.path.exists()
    monkeypatch.setattr("gateway.renewal.signoff.signing_off.MOST_BUNDLED", 2)
    ran = run("renewal", "signoff", "--bundle", "a.zip")
    assert (ran.code, "they are too many" in " ".join(ran.err.split())) == (0, True)


def test_a_notice_is_printed_or_written_and_recorded(run: Run, scene: SignoffScene) -> None:
    ran = run("renewal", "notice", 4)
    assert ran.code == 0
    assert ran.out.startswith("The new signing key may be used from now on (acme)\n\nHello,")
    assert run("renewal", "notice", 4, "acme", "--markdown").out.startswith("# The new signing key")
    for file in ("a.txt", "a.md", "a.eml"):
        assert run("renewal", "notice", 7, "--output", file).code == 0
    assert b"Rita Receiver <rita@receiver.example>" in Path("a.eml").read_bytes()
    digests = [one.sha256 for one in read_renewals(scene.engine).named("acme").notices]
    assert digests[0] == hashlib.sha256(ran.out.encode()).hexdigest(), "of what was printed"
    assert digests[2:] == [hashlib.sha256(Path(f"a{end}").read_bytes()).hexdigest() for end in (".txt", ".md", ".eml")]
    assert run("renewal", "notice", 7, "-o", "a.txt").code == 1
    assert json.loads(run("renewal", "notice", 2, "--json").out)["step"] == 2
    assert [one.step for one in read_renewals(scene.engine).named("acme").notices] == [4, 4, 7, 7, 7, 2]
    assert run("renewal", "notice", 3).code == 2
    assert run("renewal", "notice", 4, "-o", "a.doc").code == 2


def test_own_texts_of_the_site_are_used(run: Run, scene: SignoffScene) -> None:
    configuration = scene.path.read_text()
    scene.path.write_text(configuration.replace("[gateway]", '[gateway]\nrenewal_templates = "texts"'))
    ran = run("renewal", "notice", 4)
    assert (ran.code, "the folder of renewal_templates is not there" in " ".join(ran.err.split())) == (2, True)
    Path("texts").mkdir()
    Path("texts/notice-4.txt").write_text("Subject: Hallo\n\nServus\n")
    assert run("renewal", "notice", 4).out == "Hallo\n\nServus\n"
    Path("texts/notice-4.txt").write_text("Subject: Hallo\n{{ who.nothing }}\n")
    assert run("renewal", "notice", 4).code == 2


def test_retiring_writes_a_certificate_that_can_be_checked(run: Run, scene: SignoffScene) -> None:
    ran = run("renewal", "retire", "--force", "--reason", "for the test", "--json")
    assert ran.code == 0, ran.err
    assert run("renewal", "signoff", "acme", "--json", "a.json").code == 0
    (one,) = json.loads(Path("a.json").read_text())["retirement_certificates"]
    Path("retirement.json").write_text(
        json.dumps(one["certificate"], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    )
    for file in ("a.json", "retirement.json"):
        ran = run("renewal", "verify-signoff", file)
        assert ran.code == 0, ran.out
    assert scene.store.history("acme-2024")[-1].gate.count(one["sha256"]) == 1


def test_a_figure_that_asks_another_question_is_named_and_a_bundle_tells_what_it_does_not_tell(
    run: Run, scene: SignoffScene
) -> None:
    assert scene.path.exists()
    assert run("renewal", "signoff", "--json", "a.json", "--bundle", "a.zip").code == 0
    ran = run("renewal", "verify-signoff", "a.json", "--bundle", "a.zip")
    assert (ran.code, "compare its SHA-256 with the one that you were given" in " ".join(ran.err.split())) == (0, True)
    content = json.loads(Path("a.json").read_text())
    for figure in content["figures"]:
        if figure["name"] == "orders/acme-2024/signed":
            nothing = dict.fromkeys(("first", "first_record", "last", "last_record"))
            figure["question"]["key_id"] = "0" * 64
            figure["value"] = {"messages": 0, "accepted": 0, "rejected": 0, **nothing}
    Path("b.json").write_text(json.dumps(content, sort_keys=True, separators=(",", ":")))
    for options in ([], ["--bundle", "a.zip"]):
        ran = run("renewal", "verify-signoff", "b.json", *options)
        assert ran.code == 1
        told = "DOES NOT HOLD: the figure orders/acme-2024/signed answers another question than its name says: key_id."
        assert told in " ".join(ran.out.split())
        assert "DOES NOT HOLD: orders/acme-2024/signed" not in ran.out, "it comes out all the same"
