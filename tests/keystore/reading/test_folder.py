"""A folder of PEM files as the truth: what is read, and what is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keystore import Alias, FolderUnreadable, State, Thumbprint
from keystore.reading.folder import MAX_FILE_BYTES, FolderEntry, read_folder
from keystore.terms import Terms
from tests.keystore.issuing import NOON, der_of, issue, pem_of, signing_key

BARE = pem_of(issue("acme")).decode()
PEM = f"# endpoints: all\n{BARE}"
OTHER = "# endpoints: all\n" + pem_of(issue("b")).decode()
KEY = signing_key("acme").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def held(alias: str, state: State, terms: Terms | None = None, *, compromised: bool = False) -> FolderEntry:
    certificate = issue(alias)
    thumbprint = Thumbprint.of(der_of(certificate))
    return FolderEntry(Alias(alias), state, terms or Terms(), compromised, certificate, thumbprint)


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    terms = Terms(frozenset({"orders", "invoices"}), NOON, NOON + timedelta(days=1, microseconds=5))
    entries = (
        held("bad", State.RETIRED, compromised=True),
        held("old", State.RETIRED),
        held("new", State.STAGED, terms),
        held("acme.2026", State.TRUSTED, Terms(replaces=frozenset(map(Thumbprint, ("cd" * 32, "ab" * 32))))),
    )
    put(tmp_path, {str(entry.path): entry.text for entry in entries})
    put(tmp_path, {"README.md": "ours", "trusted/README": "x", ".git/x.pem": "x", "trusted/.keep": "", "docs/a.md": ""})
    assert read_folder(tmp_path) == entries
    assert (
        (tmp_path / "staged/new.pem")
        .read_text()
        .startswith(
            "# endpoints: invoices, orders\n# trusted-from: 2026-06-01T12:00:00Z\n"
            "# trusted-until: 2026-06-02T12:00:00.000005Z\n-----BEGIN CERTIFICATE-----\n"
        )
    )
    assert (
        (tmp_path / "trusted/acme.2026.pem")
        .read_text()
        .startswith(f"# endpoints: all\n# replaces: sha256:{'ab' * 32}, sha256:{'cd' * 32}\n-----BEGIN")
    )


def test_whose_successor_it_is_may_be_named_by_a_file(tmp_path: Path) -> None:
    old = "# endpoints: all\n" + pem_of(issue("old")).decode()
    files = {"trusted/new.pem": f"# replaces: OLD, sha256:{'ab' * 32}\n{PEM}", "retired/old.pem": old}
    retired, trusted = sorted(read_folder(put(tmp_path, files)), key=lambda entry: entry.state)
    assert trusted.terms == Terms(replaces=frozenset({retired.thumbprint, Thumbprint("ab" * 32)}))
    assert retired.terms == Terms()


def test_remarks_are_free_where_they_do_not_look_like_settings(tmp_path: Path) -> None:
    free = "## endpoints: none\n# Fingerprint confirmed by Eva: yes\nsubject=CN = x\n"
    text = f"{free}#endpoints:  orders ,\n{BARE}# endpoints: x\n"
    (entry,) = read_folder(put(tmp_path, {"trusted/acme.pem": text}))
    assert entry.terms == Terms(frozenset({"orders"}))
    stated = f"# trusted-from: 2026-06-01T12:00:00Z\n# compromised: no\n{PEM}"
    (entry,) = read_folder(put(tmp_path, {"trusted/acme.pem": stated}))
    assert (entry.terms.trusted_from, entry.compromised) == (datetime(2026, 6, 1, 12, tzinfo=UTC), False)


def test_every_endpoint_is_told_from_one_that_is_called_all(tmp_path: Path) -> None:
    for endpoints, words in (
        (None, "all"),
        (frozenset({"all"}), '"all"'),
        (frozenset({"all", "orders"}), '"all", orders'),
        (frozenset({"All"}), "All"),
    ):
        written = held("acme", State.TRUSTED, Terms(endpoints))
        put(tmp_path, {"trusted/acme.pem": written.text})
        assert written.text.startswith(f"# endpoints: {words}\n-----BEGIN")
        assert read_folder(tmp_path) == (written,)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "is no folder"),
        ({"README.md": ""}, "holds no certificate in staged/, trusted/ or retired/, so all would be retired"),
        ({"acme.pem": PEM}, "move it to staged/, trusted/ or retired/"),
        ({"Trusted/acme.pem": PEM}, "elsewhere it would be taken for removed"),
        ({"trusted/more/acme.pem": PEM}, "elsewhere it would be taken for removed"),
        ({"trusted/acme.crt": PEM}, "let its name end in .pem"),
        ({"trusted/acme.PEM": PEM}, "let its name end in .pem"),
        ({"trusted/a b.pem": PEM}, "trusted/a b.pem: 'a b' cannot be an alias"),
        ({"trusted/acme.pem": PEM, "retired/ACME.pem": OTHER}, "have the same name"),
        ({"trusted/acme.pem": PEM, "retired/b.pem": PEM}, "have the same certificate"),
        ({"trusted/acme.pem": PEM + pem_of(issue("b")).decode()}, "one certificate in PEM, and nothing else"),
        ({"trusted/acme.pem": PEM + "-----BEGIN X-----\n-----END X-----\n"}, "one certificate in PEM"),
        ({"trusted/acme.pem": "rubbish"}, "trusted/acme.pem: this is no key file"),
        ({"trusted/acme.pem": PEM + KEY}, "private key"),
        ({"trusted/acme.pem": PEM + " " * MAX_FILE_BYTES}, "more than 262144 bytes"),
        ({"trusted/acme.pem": f"# endpoint: orders\n{PEM}"}, "'# endpoint: orders' is not understood"),
        ({"trusted/acme.pem": f"# endpoints: a\n# endpoints: b\n{BARE}"}, "or stands twice"),
        ({"trusted/acme.pem": f"# endpoints:\n{BARE}"}, "no endpoint is named"),
        ({"trusted/acme.pem": BARE}, "no line says for which endpoints it is: write # endpoints: "),
        ({"retired/acme.pem": BARE}, "no line says for which endpoints it is"),
        ({"trusted/acme.pem": f"# endpoints: orders, all\n{BARE}"}, "says all and names some"),
        ({"trusted/acme.pem": f"# trusted-until: 2026-06-31T12:00:00Z\n{PEM}"}, "is no instant"),
        ({"trusted/acme.pem": f"# trusted-until: tomorrow\n{PEM}"}, "is no instant"),
        ({"retired/acme.pem": f"# compromised: maybe\n{PEM}"}, "has to be yes or no"),
        ({"trusted/acme.pem": f"# compromised: yes\n{PEM}"}, "belongs in retired/"),
        ({"trusted/acme.pem": f"# replaces: old\n{PEM}"}, "replaces 'old', and the folder has no file of that name"),
        ({"trusted/acme.pem": f"# replaces: sha256:{'AB' * 32}\n{PEM}"}, "no file of that name: write sha256:"),
        ({"trusted/acme.pem": f"# replaces: ,\n{PEM}"}, "names nobody"),
    ],
)
def test_what_is_not_understood_is_refused_and_never_left_out(
    tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    folder = put(tmp_path / "trust", files)
    with pytest.raises(FolderUnreadable, match=sentence):
        read_folder(folder)


def test_the_wrong_folder_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keystore.reading.folder.MAX_FILES", 2)
    put(tmp_path, {"a": "", "b/c": "", "d/e": ""})
    with pytest.raises(FolderUnreadable, match="holds more than 2 files"):
        read_folder(tmp_path)
