"""`wssgate keystore sync`: a folder in git says whom to trust."""

import json
import shutil
from pathlib import Path

from tests.gateway.cli.keystore.test_keystore_commands import issue, listed, pem
from tests.gateway.cli.running import Run


def test_what_export_writes_is_what_sync_reads(run: Run, workplace: Path, signed_files: Path) -> None:
    assert run("keystore", "add", "old", signed_files / "old.pem", "-e", "orders").code == 0
    assert (
        run("keystore", "add", "new", signed_files / "new.pem", "--stage", "--until", "2030-01-01T00:00:00Z").code == 0
    )
    assert run("keystore", "export", "--all", "--to", "trust").code == 0
    for arguments in ((), ("--apply",)):
        ran = run("keystore", "sync", "trust", *arguments)
        assert (ran.code, ran.err) == (0, "")
        assert "Nothing to do: the keystore (revision 2) is what the folder says." in ran.out


def test_the_plan_is_shown_and_applied_as_one_revision(run: Run, workplace: Path) -> None:
    for state, name in (("trusted", "acme-2024"), ("staged", "acme-2026")):
        (workplace / "trust" / state).mkdir(parents=True)
        (workplace / "trust" / state / f"{name}.pem").write_bytes(
            b"# endpoints: orders, old-one\n" + pem(issue(name)[0])
        )
    plan = run("keystore", "sync", "trust")
    assert (plan.code, listed(run)) == (0, {})
    assert "This is the plan; nothing was changed (keystore revision 0). --apply carries it out." in plan.out
    assert "there is no endpoint 'old-one'" in plan.err
    applied = run("keystore", "sync", "trust", "--apply", "--reason", "commit 4711", "--who", "pipeline", "--json")
    assert applied.code == 0
    answer = json.loads(applied.out)
    assert (answer["revision"], answer["applied"]) == (1, True)
    assert [(step["move"], step["alias"]) for step in answer["steps"]] == [("add", "acme-2026"), ("add", "acme-2024")]
    assert listed(run) == {"acme-2024": "trusted", "acme-2026": "staged"}
    history = [json.loads(line) for line in run("keystore", "history", "--json").out.splitlines()]
    assert {(line["revision"], line["who"], line["why"]) for line in history} == {(1, "pipeline", "commit 4711")}


def test_a_file_that_is_gone_waits_for_the_gate(run: Run, workplace: Path, signed_files: Path) -> None:
    for name in ("old", "new"):
        assert run("keystore", "add", name, signed_files / f"{name}.pem").code == 0
    assert run("keystore", "export", "--all", "--to", "trust").code == 0
    (workplace / "trust" / "trusted" / "old.pem").unlink()
    plan = run("keystore", "sync", "trust")
    assert (plan.code, plan.err) == (1, "")
    assert "silence is no evidence" in " ".join(plan.out.split())
    assert "With 1 step refused it cannot be carried out." in " ".join(plan.out.split())
    assert "--apply carries it out" not in plan.out
    refused = run("keystore", "sync", "trust", "--apply", "--json")
    assert (refused.code, "Nothing was changed" in refused.err) == (1, True)
    (step,) = json.loads(refused.out)["steps"]
    assert (step["move"], step["alias"], step["blockers"][0]["endpoint"]) == ("retire", "old", "orders")
    assert listed(run) == {"old": "trusted", "new": "trusted"}
    assert run("keystore", "sync", "trust", "--apply", "--force").code == 2, "force needs a reason"
    forced = run("keystore", "sync", "trust", "--apply", "--force", "--reason", "agreed with Eva")
    assert (forced.code, "Done: keystore revision 3." in forced.out) == (0, True)
    assert listed(run) == {"old": "retired", "new": "trusted"}


def test_the_wrong_folder_retires_nothing(run: Run, workplace: Path, signed_files: Path) -> None:
    assert run("keystore", "add", "old", signed_files / "old.pem").code == 0
    (workplace / "empty").mkdir()
    for folder in ("empty", "missing", "gateway.toml"):
        ran = run("keystore", "sync", folder, "--apply", "--force", "--reason", "x")
        assert (ran.code, ran.out) == (2, "")
    (workplace / "flat").mkdir()
    shutil.copy(signed_files / "old.pem", workplace / "flat")
    assert "move it to staged/, trusted/ or retired/" in run("keystore", "sync", "flat", "--apply").err
    assert listed(run) == {"old": "trusted"}
