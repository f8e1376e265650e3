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
        (workplace / "trust" / state / f"{name}.pem").write_bytes(b"# endpoints: orders\n" + pem(issue(name)[0]))
    plan = run("keystore", "sync", "trust")
    assert (plan.code, listed(run)) == (0, {})
    assert "This is the plan; nothing was changed (keystore revision 0). --apply carries it out." in plan.out
    shown = " ".join(plan.out.split())
    assert "state: - → staged" in shown
    assert "endpoints: - → orders" in shown
    assert "valid: - → 20" in shown
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
    forcing = ("keystore", "sync", "trust", "--apply", "--force")
    assert run(*forcing, "old").code == 2, "force needs a reason"
    assert run(*forcing).code == 2
    assert run(*forcing, "--reason", "agreed with Eva").code == 2, "force is for one entry"
    unknown = run(*forcing, "odl", "--reason", "agreed with Eva")
    assert (unknown.code, "there is no entry 'odl'" in unknown.err) == (2, True)
    assert run(*forcing, "new", "--reason", "agreed with Eva").code == 1, "the other one is not forced"
    forced = run(*forcing, "old", "--reason", "agreed with Eva")
    assert (forced.code, "Done: keystore revision 3." in forced.out) == (0, True)
    assert listed(run) == {"old": "retired", "new": "trusted"}


def test_the_wrong_folder_retires_nothing(run: Run, workplace: Path, signed_files: Path) -> None:
    assert run("keystore", "add", "old", signed_files / "old.pem").code == 0
    (workplace / "empty").mkdir()
    for folder in ("empty", "missing", "gateway.toml"):
        ran = run("keystore", "sync", folder, "--apply", "--force", "old", "--reason", "x")
        assert (ran.code, ran.out) == (2, "")
    (workplace / "flat").mkdir()
    shutil.copy(signed_files / "old.pem", workplace / "flat")
    assert "move it to staged/, trusted/ or retired/" in run("keystore", "sync", "flat", "--apply").err
    assert listed(run) == {"old": "trusted"}


def put(workplace: Path, path: str, *lines: str, certificate: bytes | None = None) -> None:
    file = workplace / "trust" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes("".join(f"{line}\n" for line in lines).encode() + (certificate or pem(issue(file.stem)[0])))


def test_the_plan_is_a_diff(run: Run, workplace: Path, signed_files: Path) -> None:
    certificate = (signed_files / "old.pem").read_bytes()
    put(workplace, "trusted/old.pem", "# endpoints: all", certificate=certificate)
    assert run("keystore", "sync", "trust", "--apply").code == 0
    lines = ("# endpoints: orders", "# trusted-until: 2099-12-31T00:00:00Z")
    put(workplace, "trusted/old.pem", *lines, certificate=certificate)
    plan = run("keystore", "sync", "trust", "--json")
    (step,) = json.loads(plan.out)["steps"]
    assert (step["move"], step["before"]["endpoints"], step["after"]["endpoints"]) == ("change", None, ["orders"])
    assert (step["before"]["trusted_until"], step["after"]["trusted_until"]) == (None, "2099-12-31T00:00:00Z")
    assert step["before"]["state"] == step["after"]["state"] == "trusted"
    shown = " ".join(run("keystore", "sync", "trust").out.split())
    assert "endpoints: all → orders" in shown
    assert "trusted until: - → 2099-12-31 00:00:00Z" in shown
    assert "state:" not in shown, "what stays is not shown"


def test_an_endpoint_that_there_is_not_is_an_error(run: Run, workplace: Path, signed_files: Path) -> None:
    put(workplace, "trusted/acme.pem", "# endpoints: order")
    refused = run("keystore", "sync", "trust", "--apply")
    assert (refused.code, listed(run)) == (2, {})
    assert "acme.pem" in refused.err
    assert "has no endpoint 'order'; did you mean orders?" in refused.err
    put(workplace, "trusted/acme.pem", "# endpoints: invoices")
    assert "the endpoints are: orders." in run("keystore", "sync", "trust", "--apply").err
    put(workplace, "trusted/acme.pem")
    assert "no line says for which endpoints it is" in run("keystore", "sync", "trust", "--apply").err
    assert listed(run) == {}


def test_an_endpoint_that_is_served_no_more_is_told(run: Run, workplace: Path, signed_files: Path) -> None:
    configuration = workplace / "gateway.toml"
    before = configuration.read_text()
    more = '[endpoint.more]\npath = "/more"\nupstream = "http://127.0.0.1:9/more"\nguaranteed_delivery_time = "1h"\n'
    configuration.write_text(f"{before}\n{more}")
    assert run("keystore", "add", "old", signed_files / "old.pem", "-e", "more", "-e", "orders").code == 0
    assert run("keystore", "export", "--all", "--to", "trust").code == 0
    configuration.write_text(before)
    synced = run("keystore", "sync", "trust")
    assert (synced.code, "old: there is no endpoint 'more' any more" in synced.err) == (0, True)


def test_who_restores_says_why(run: Run, workplace: Path, signed_files: Path) -> None:
    assert run("keystore", "add", "old", signed_files / "old.pem", "--stage").code == 0
    assert run("keystore", "retire", "old", "--reason", "x", "--force").code == 0
    put(workplace, "trusted/old.pem", "# endpoints: all", certificate=(signed_files / "old.pem").read_bytes())
    assert run("keystore", "sync", "trust").code == 0, "the plan alone needs no reason"
    without = run("keystore", "sync", "trust", "--apply")
    assert (without.code, "restores what was retired needs --reason" in without.err) == (2, True)
    assert run("keystore", "restore", "old").code == run("keystore", "restore", "old", "--reason", " ").code == 2
    assert listed(run) == {"old": "retired"}
    assert run("keystore", "sync", "trust", "--apply", "--reason", "it was too early").code == 0
    assert listed(run) == {"old": "trusted"}
