"""The tables [alerts.NAME]: what they may say, and that nobody sees the secrets in them."""

import json
from pathlib import Path

import pytest

from gateway.config import AlertChannel, ConfigurationError, handed_over, load_settings, taken_over

ENDPOINT = '[endpoint.orders]\npath = "/orders"\nupstream = "https://receiver.example/ws"\n'
PASSWORD = "tr0ub4dor-and-more"
GOOD = f"""
[alerts.mail]
apprise = "mailtos://gate:{PASSWORD}@mail.example?to=ops@example"
[alerts.pager]
webhook = "https://hooks.example/{PASSWORD}?token={PASSWORD}"
secret = "{PASSWORD}"
[alerts.script]
command = ["/usr/local/bin/page", "--token={PASSWORD}"]
"""


def load(folder: Path, text: str) -> dict[str, AlertChannel]:
    (folder / "gateway.toml").write_text(ENDPOINT + text)
    return dict(load_settings(folder / "gateway.toml").alerts)


def test_there_are_three_kinds(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD)
    assert {name: channel.kind for name, channel in found.items()} == {
        "mail": "apprise",
        "pager": "webhook",
        "script": "command",
    }
    assert found["script"].command == ("/usr/local/bin/page", f"--token={PASSWORD}")
    assert load(tmp_path, "") == {}


def test_nothing_that_prints_the_settings_shows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(ENDPOINT + GOOD)
    settings = load_settings(tmp_path / "gateway.toml")
    assert PASSWORD not in repr(settings)
    assert PASSWORD not in str(settings)
    assert PASSWORD not in " ".join(settings.warnings)
    for name in ("apprise", "webhook", "secret"):
        dumped = [channel.model_dump(mode="json")[name] for channel in settings.alerts.values()]
        assert PASSWORD not in json.dumps(dumped)


def test_another_process_of_the_gateway_gets_them_whole(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(ENDPOINT + GOOD)
    settings = load_settings(tmp_path / "gateway.toml")
    assert taken_over(json.loads(json.dumps(handed_over(settings)))).alerts == settings.alerts


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('apprise = "{0}"', "must be a URL of apprise"),
        ("apprise = 7", "must be a valid string"),
        ('webhook = "https://h.example/{0}"', "webhook and secret belong together"),
        ('secret = "{0}"', "must have exactly one of apprise, webhook and command"),
        ('webhook = "ftp://{0}"\nsecret = "{0}{0}"', "must be an absolute http or https URL"),
        ('webhook = "https://user:{0}@h.example/"\nsecret = "{0}{0}"', "must not hold a user name or password"),
        ('webhook = "https://h.example/"\nsecret = "tr0ub4dor"', "must have 16 characters at least"),
        ('command = ["page", "{0}"]', "must begin with the absolute path of a program"),
        ("command = []", "at least 1"),
        ('command = "/bin/page {0}"', "must be a valid tuple"),
        ('command = ["/bin/page"]\napprise = "json://{0}"', "must have exactly one of"),
        ('comand = ["/bin/page", "{0}"]', "did you mean command?"),
        ("", "must have exactly one of"),
    ],
)
def test_what_is_wrong_is_said_without_what_was_written(tmp_path: Path, table: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        load(tmp_path, "[alerts.ops]\n" + table.format(PASSWORD))
    assert sentence in str(failure.value)
    assert "alerts.ops" in str(failure.value)
    assert PASSWORD not in str(failure.value)
    assert "tr0ub4dor" not in str(failure.value)


def test_a_value_in_the_place_of_a_table_is_not_shown_either(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as failure:
        load(tmp_path, f'[alerts]\nwebhook = "https://h.example/{PASSWORD}"\n')
    assert PASSWORD not in str(failure.value)
    with pytest.raises(ConfigurationError, match="1 to 64 letters"):
        load(tmp_path, '[alerts."a b"]\napprise = "json://127.0.0.1"\n')


def test_an_environment_variable_gives_what_shall_not_stand_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSSGATE_ALERTS__MAIL__APPRISE", "json://127.0.0.1/token")
    found = load(tmp_path, "")["mail"].apprise
    assert found is not None
    assert found.get_secret_value() == "json://127.0.0.1/token"


def test_a_webhook_that_is_not_encrypted_is_a_danger(tmp_path: Path) -> None:
    text = '[alerts.ops]\nwebhook = "http://{}/x"\nsecret = "0123456789abcdef"\n'
    assert load(tmp_path, text.format("h.example"))["ops"].dangers == ("alerts go to the webhook unencrypted",)
    assert load(tmp_path, text.format("127.0.0.1"))["ops"].dangers == ()
