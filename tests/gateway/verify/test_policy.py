"""The policy: what may be demanded, and what of it is dangerous."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.verify import Policy


def test_the_default_is_what_a_careful_operator_would_choose() -> None:
    policy = Policy()

    assert policy.dangers == ()
    assert policy.required_parts == ("Body",)
    assert policy.signatures == "all"
    assert not policy.allow_sha1
    assert policy.minimum_rsa_bits == 2048
    assert policy.expired_certificate == "reject"
    assert policy.encodings == ("UTF-8",)


@pytest.mark.parametrize(
    ("settings", "danger"),
    [
        ({"allow_sha1": True}, "SHA-1 is admitted"),
        ({"minimum_rsa_bits": 1024}, "RSA keys from 1024 bits are admitted"),
        ({"expired_certificate": "accept"}, "expired certificates are admitted"),
        ({"coverage": "together"}, "parts that different signatures cover are taken for one message"),
        ({"split_text": "accept"}, "signed texts may be split by CDATA sections"),
        ({"signatures": "any"}, "signatures that fail are tolerated beside one that verifies"),
        ({"required_parts": ["Timestamp"]}, "the Body need not be signed"),
    ],
)
def test_each_danger_is_named(settings: dict[str, Any], danger: str) -> None:
    assert Policy(**settings).dangers == (danger,)


@pytest.mark.parametrize(
    "settings",
    [
        {"required_parts": ["Body", "Timestamp", "{urn:example}Header"]},
        {"required_parts": ["{http://www.w3.org/2005/08/addressing}RelatesTo"]},
        {"minimum_rsa_bits": 4096},
        {"actor": "urn:gateway"},
    ],
)
def test_stricter_policies_are_no_danger(settings: dict[str, Any]) -> None:
    policy = Policy(**settings)

    assert set(policy.dangers) <= {"the Body need not be signed"}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["utf-8"], ("UTF-8",)),
        (["iso-8859-1", "WINDOWS-1252"], ("ISO-8859-1", "windows-1252")),
        (["us-ascii", "UTF-16"], ("US-ASCII", "UTF-16")),
        ([], ()),
    ],
)
def test_encodings_are_spelled_one_way(given: list[str], read: tuple[str, ...]) -> None:
    assert Policy.model_validate({"encodings": given}).encodings == read


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"required_parts": []}, "at least 1 item"),
        ({"required_parts": ["Body"] * 17}, "at most 16 items"),
        ({"required_parts": ["body"]}, 'a required part is "Body", "Timestamp", "Attachments"'),
        ({"required_parts": ["Attachments"]}, 'name another part beside "Attachments"'),
        ({"attachments": "pass"}, "'inline', 'rebuild', 'references' or 'refuse'"),
        ({"unsigned_attachments": "keep"}, "'refuse', 'drop' or 'pass'"),
        ({"required_parts": ["Header"]}, "a required part is"),
        ({"required_parts": ["{urn:x}"]}, "a required part is"),
        ({"required_parts": ["{}x"]}, "a required part is"),
        ({"required_parts": ["{urn:x}a b"]}, "a required part is"),
        ({"required_parts": ["{urn:x}Body\n"]}, "a required part is"),
        ({"encodings": ["UTF-7"]}, "allowed are UTF-8, US-ASCII"),
        ({"encodings": ["UTF-32"]}, "allowed are"),
        ({"encodings": [""]}, "allowed are"),
        ({"signatures": "some"}, "'all' or 'any'"),
        ({"expired_certificate": "ignore"}, "'reject' or 'accept'"),
        ({"unprotected_prefix": "ignore"}, "'warn' or 'reject'"),
        ({"minimum_rsa_bits": 1023}, "greater than or equal to 1024"),
        ({"minimum_rsa_bits": 16385}, "less than or equal to 16384"),
        ({"clock_skew_seconds": -1}, "greater than or equal to 0"),
        ({"clock_skew_seconds": 3601}, "less than or equal to 3600"),
        ({"timestamp_max_age_seconds": 0}, "greater than or equal to 1"),
        ({"max_message_bytes": 1023}, "greater than or equal to 1024"),
        ({"max_depth": 1001}, "less than or equal to 1000"),
        ({"max_attributes": 7}, "greater than or equal to 8"),
        ({"max_namespaces": 15}, "greater than or equal to 16"),
        ({"max_elements": 15}, "greater than or equal to 16"),
        ({"allow_md5": True}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_no_policy_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Policy.model_validate(settings)

    assert message in str(caught.value)
    assert next(iter(settings)) in str(caught.value), "the error names the key"


def test_a_policy_does_not_change() -> None:
    with pytest.raises(ValidationError):
        Policy().allow_sha1 = True
