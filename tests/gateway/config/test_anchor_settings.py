"""Where anchors go, and whose time stamps they get."""

import json
from pathlib import Path

import pytest

from gateway.config import ConfigurationError, handed_over, load_settings, taken_over

ENDPOINT = '[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/"\n'


def write(folder: Path, lines: str) -> Path:
    config = folder / "gateway.toml"
    config.write_text(f"[gateway]\n{lines}\n{ENDPOINT}")
    return config


@pytest.mark.parametrize("url", ["https://anchors.example/wssgate?of=1", "http://127.0.0.1:8000/a"])
def test_anchors_go_to_a_url(tmp_path: Path, url: str) -> None:
    assert load_settings(write(tmp_path, f'anchor_to = "{url}"')).gateway.anchor_to == url


@pytest.mark.parametrize(("written", "meant"), [("anchors", "{}/anchors"), ("/mnt/anchors", "/mnt/anchors")])
def test_anchors_go_to_a_folder_that_counts_from_that_of_the_file(tmp_path: Path, written: str, meant: str) -> None:
    settings = load_settings(write(tmp_path, f'anchor_to = "{written}"'))
    assert settings.gateway.anchor_to == Path(meant.format(tmp_path))
    again = taken_over(json.loads(json.dumps(handed_over(settings))))
    assert again.gateway == settings.gateway


def test_by_default_they_go_into_the_log_alone(tmp_path: Path) -> None:
    gateway = load_settings(write(tmp_path, "")).gateway
    assert (gateway.anchor_to, gateway.timestamp_authority, gateway.timestamp_authority_ca) == (None, None, None)


def test_an_authority_comes_with_its_root(tmp_path: Path) -> None:
    lines = 'timestamp_authority = "http://tsa.example/"\ntimestamp_authority_ca = "tsa.pem"'
    settings = load_settings(write(tmp_path, lines))
    assert settings.gateway.timestamp_authority_ca == tmp_path / "tsa.pem"
    assert taken_over(json.loads(json.dumps(handed_over(settings)))).gateway == settings.gateway


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ('anchor_to = ""', "must be a folder, or an http or https URL"),
        ("anchor_to = 7", "must be a folder, or an http or https URL"),
        ('anchor_to = "ftp://anchors.example/"', "must be an absolute http or https URL"),
        ('anchor_to = "https://user:secret@anchors.example/"', "must not hold a user name or password"),
        ('anchor_to = "https://user@anchors.example/"', "must not hold a user name or password"),
        ('anchor_to = "https://"', "must be an absolute http or https URL"),
        ('timestamp_authority = "http://tsa.example/"', "belong together"),
        ('timestamp_authority_ca = "tsa.pem"', "belong together"),
        ('timestamp_authority = "tsa"\ntimestamp_authority_ca = "tsa.pem"', "must be an absolute http or https URL"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, lines: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path, lines))
    assert sentence in " ".join(caught.value.problems)
