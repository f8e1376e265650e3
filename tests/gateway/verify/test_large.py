"""Honest messages that are large: the budgets against hostile ones must let them pass (threat rules 28, 29)."""

import pytest

from bench.verification.messages import AT
from fixtures.generator.signing import sign
from fixtures.generator.soap import BODY, Envelope, direct, signature, token
from fixtures.manifest import entry
from gateway.verify import Policy, verify
from keystore import TrustSnapshot

_NAMESPACE = "urn:example:" + "namespace:" * 9


@pytest.mark.parametrize(
    "body",
    [
        f'<l xmlns="{_NAMESPACE}">' + "<i>1</i>" * 200_000 + "</l>",
        f'<l xmlns:p="{_NAMESPACE}">' + "<p:i>1</p:i>" * 200_000 + "</l>",
        "<a>" + "QUJD" * 2_500_000 + "</a>",
        "<l>" + '<i xmlns="">1</i>' * 50_000 + "</l>",
    ],
    ids=["small elements", "small elements that declare again", "ten megabytes of base64", "undeclared everywhere"],
)
def test_large_messages_pass(body: str) -> None:
    message = sign(Envelope(token("old") + signature(BODY, key_info=direct()), body=body).text(), "old")
    verdict = verify(message, TrustSnapshot.of(entry("old")), Policy(), AT)
    assert verdict.accepted, verdict.detail
