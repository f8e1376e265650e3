"""What leaves of a multipart message, as far as the messages of other stacks do not show it."""

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
