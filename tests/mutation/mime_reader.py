"""Multipart messages as others read them: by Python's `email`, and what that reading means in XOP by lxml."""

import base64
import email
import email.policy
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final
from urllib.parse import unquote

from lxml import etree

from gateway.attachments import Unpacked, plain_message

_POLICIES: Final[tuple[Any, ...]] = (email.policy.compat32, email.policy.HTTP)
_INCLUDE: Final = "{http://www.w3.org/2004/08/xop/include}Include"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader takes a multipart message for."""

    root: bytes
    parts: tuple[tuple[str, str, bytes], ...]
    """All but the root: Content-ID, Content-Type, octets."""
    infoset: bytes | None
    """The SOAP message with what it includes, as lxml writes it; None where it is no XML."""


def reading_of(unpacked: Unpacked) -> Reading:
    """Ours."""
    attachments = unpacked.attachments
    return Reading(
        attachments.by_name,
        tuple((part.content_id, part.content_type, b"".join(part.octets())) for part in attachments.parts),
        _written(plain_message(unpacked.root, attachments)),
    )


def readings_by_email(body: bytes, content_type: str) -> list[Reading]:
    """Those of `email`, by its old policy and by that for HTTP.

    Raises:
        AssertionError: It finds something wrong with the message, and goes on all the same.
    """
    return [_by_email(body, content_type, policy) for policy in _POLICIES]


def _by_email(body: bytes, content_type: str, policy: Any) -> Reading:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message: Message = email.message_from_bytes(head + body, policy=policy)
    assert message.is_multipart(), "email reads no multipart message"
    parts: list[Message] = message.get_payload()  # type: ignore[assignment] # a list where it is multipart
    for part in (message, *parts):
        assert not part.defects, f"email finds {part.defects}"
        assert part is message or not part.is_multipart(), "email finds parts in a part"
    start = _content_id(str(message.get_param("start", ""))) if message.get_param("start") else None
    root = parts[0] if start is None else next(part for part in parts if _id_of(part) == start)
    others = tuple((_id_of(part), _unfolded(part, "Content-Type"), _octets(part)) for part in parts if part is not root)
    return Reading(_octets(root), others, _expanded(_octets(root), {name: octets for name, _, octets in others}))


def _id_of(part: Message) -> str:
    return _content_id(_unfolded(part, "Content-ID"))


def _content_id(value: str) -> str:
    return unquote(value.removeprefix("<").removesuffix(">"))


def _unfolded(part: Message, name: str) -> str:
    # As it came: the policy for HTTP gives a Content-Type in words of its own.
    value = next((value for known, value in part.raw_items() if known.lower() == name.lower()), "")
    return str(value).replace("\r\n", "").strip(" \t")


def _octets(part: Message) -> bytes:
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets


def _expanded(root: bytes, parts: dict[str, bytes]) -> bytes | None:
    try:
        tree = etree.fromstring(root, etree.XMLParser(resolve_entities=False, huge_tree=True, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return None
    for include in list(tree.iter(_INCLUDE)):
        around = include.getparent()
        assert around is not None
        octets = parts[unquote(str(include.get("href")).removeprefix("cid:"))]
        around.remove(include)
        around.text = base64.b64encode(octets).decode()
    try:
        return etree.tostring(tree, method="c14n")
    except etree.C14NError:  # a relative namespace
        return etree.tostring(tree)


def _written(message: bytes) -> bytes | None:
    return _expanded(message, {})
