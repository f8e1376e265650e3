"""What leaves of a message that was changed on the way, so that its signature still agrees."""

from base64 import b64decode
from collections.abc import Sequence

import pytest

from fixtures.manifest import trust
from gateway.attachments import open_body, what_leaves
from gateway.verify import Policy, Verifier
from keystore import TrustSnapshot
from tests.gateway.verify.multipart_messages import CASE, Part, made, signed_part

POLICY = Policy()


def package(root: bytes, parts: Sequence[tuple[str, bytes]]) -> bytes:
    heads = ["Content-Type: text/xml", *(f"Content-ID: <a@x>\r\nContent-Type: {kind}" for kind, _ in parts)]
    contents = [root, *(content for _, content in parts)]
    written = [f"--b\r\n{head}\r\n\r\n".encode() + content for head, content in zip(heads, contents, strict=True)]
    return b"\r\n".join([*written, b"--b--"])


@pytest.mark.parametrize("came", [b"1;2\n3;4\r", b"1;2\r\n3;4\r\n"])
def test_text_leaves_with_the_line_ends_that_were_signed(came: bytes) -> None:
    """Signed as a file of whatever octets, and called a text on the way, so that each line end may be written anew."""
    signed = Part("a@x", (b"1;2\r\n3;4\r\n",))
    opened = open_body(
        package(made(signed_part(signed)), [("text/csv", came)]),
        'multipart/related; type="text/xml"; boundary=b',
        POLICY,
    )
    verdict = Verifier(POLICY).verify(
        opened.message,
        TrustSnapshot.of(*trust("old")),
        CASE.at,
        content_type=opened.content_type,
        attachments=opened.attachments,
    )
    assert verdict.accepted
    leaving = what_leaves(opened, verdict, POLICY)
    again = open_body(leaving.body, (leaving.content_type or b"").decode(), POLICY)
    (part,) = again.attachments.parts
    assert b"".join(part.octets()) == b"1;2\r\n3;4\r\n"


@pytest.mark.parametrize(("text", "is_part"), [("true", False), ("4711", False), ("A" * 132, False), ("A" * 136, True)])
def test_a_short_text_is_none_that_can_be_sent_as_an_attachment(text: str, is_part: bool) -> None:
    """The signature is over the text or the octets that it is the base64 of, and a client that reads texts would find
    none: it is put back."""
    policy = Policy(attachments="rebuild")
    whole = made(body=f"<a>{text}</a>")
    include = b'<a><x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:a@x"/></a>'
    body = package(whole.replace(f"<a>{text}</a>".encode(), include), [("text/html", b64decode(text))])
    opened = open_body(
        body.replace(b"text/xml", b'application/xop+xml; type="text/xml"'),
        'multipart/related; type="application/xop+xml"; start-info="text/xml"; boundary=b',
        policy,
    )
    verdict = Verifier(policy).verify(
        opened.message,
        TrustSnapshot.of(*trust("old")),
        CASE.at,
        content_type=opened.content_type,
        attachments=opened.attachments,
    )
    assert verdict.accepted, verdict.detail
    leaving = what_leaves(opened, verdict, policy)
    assert (leaving.content_type is not None) is is_part
    assert (leaving.body == whole) is not is_part
