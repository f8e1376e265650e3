"""The Content-Type of a multipart message, and whether that of its root agrees with it.

RFC 2387, XOP 1.0 4.1, SOAP 1.2 MTOM 3.2, WS-I Attachments Profile 1.0.
"""

import re
from dataclasses import dataclass
from typing import Final

from gateway.attachments.content_ids import read_content_id
from gateway.attachments.mime_fields import MediaType, read_media_type
from gateway.verify import Reason, Rejection, may_be_multipart, printable

XOP_TYPE: Final = "application/xop+xml"
SOAP_TYPES: Final = frozenset({"text/xml", "application/soap+xml"})

_LONGEST: Final = 2048
_WHAT: Final = "the Content-Type of the message"
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=?]{1,70}")
"""Without the space that RFC 2046 admits inside: no stack writes one, and some readers end there."""
_START_INFO: Final = ("start-info", "startinfo")
"""The second is how XOP 1.0 writes it in its examples, and some stacks after it."""
_READ: Final = frozenset({"action", "boundary", "charset", "start", "type", *_START_INFO})
_LOOKS_LIKE_A_PARAMETER: Final = re.compile(
    r"boundary[*0-9 \t]*=|(?<![\w?&./-])(?:start|start-?info|type)[*0-9 \t]*=", re.IGNORECASE
)
"""What readers would find that search the value for a parameter's name; an address with a query may have such."""


@dataclass(frozen=True, slots=True)
class PackageType:
    """The Content-Type of a multipart message."""

    boundary: str
    root_type: str
    """The media type of the root: text/xml, application/soap+xml or application/xop+xml."""
    start: str | None
    """The root's Content-ID, decoded; None where it is the first part."""
    start_info: str | None
    """The media type of the SOAP message that a root in XOP stands for."""
    charset: str | None
    """It says nothing by its own, and may not contradict that of the root."""


def package_type(content_type: str) -> PackageType | None:
    """The Content-Type of a message; None where no reader takes it for multipart.

    Raises:
        Rejection: `structure`, where some reader could, and it is none that is read here.
    """
    if not may_be_multipart(content_type):
        return None
    content_type = content_type.replace("\t", " ")  # which stacks fold long values with
    if len(content_type) > _LONGEST or not content_type.isascii() or not content_type.isprintable():
        raise Rejection(
            Reason.STRUCTURE, f"{_WHAT} is multipart, and not one line of at most {_LONGEST} printable characters"
        )
    media_type = read_media_type(content_type.strip(" "), _WHAT)
    if media_type.name != "multipart/related":
        raise Rejection(
            Reason.STRUCTURE,
            f"{_WHAT} is {printable(media_type.name, 60)} with something in it that readers could take for multipart: "
            "of such messages only multipart/related is read",
        )
    parameters = media_type.parameters
    _refuse_hidden_parameters(parameters)
    boundary = parameters.get("boundary", "")
    if _BOUNDARY.fullmatch(boundary) is None or "=?" in boundary:
        raise Rejection(
            Reason.STRUCTURE,
            f"{_WHAT} has no boundary that is read here: {printable(boundary, 80) or '(none)'}; it must be 1 to 70 "
            "letters, digits or signs of '()+_,-./:=?",
        )
    root_type = _bare(parameters.get("type"), "type")
    if root_type is None or root_type not in SOAP_TYPES | {XOP_TYPE}:
        raise Rejection(
            Reason.STRUCTURE,
            f"{_WHAT} has the parameter type={printable(root_type or '(none)', 60)}: it must be text/xml, "
            "application/soap+xml or application/xop+xml",
        )
    start = parameters.get("start")
    return PackageType(
        boundary,
        root_type,
        None if start is None else read_content_id(start, f"the parameter start of {_WHAT[4:]}")[1],
        _bare(_start_info(parameters), "start-info"),
        parameters.get("charset"),
    )


def message_type(root: str, package: PackageType) -> str:
    """The Content-Type of the plain SOAP message that the root stands for.

    Args:
        root: the Content-Type of the root part.
        package: that of the message.

    Raises:
        Rejection: `structure`, `encoding`.
    """
    what = "the Content-Type of the root part"
    media_type = read_media_type(root, what)
    if media_type.name != package.root_type:
        raise Rejection(
            Reason.STRUCTURE,
            f"{what} is {printable(media_type.name, 60)}, and that of the message says type={package.root_type}: "
            "both must be the same",
        )
    _refuse_hidden_parameters(media_type.parameters)
    if media_type.name == XOP_TYPE:
        named = {_bare(media_type.parameters.get("type"), "type"), package.start_info} - {None}
        expected = "the parameter type of the root's Content-Type and start-info"
    else:
        named = {media_type.name, package.start_info} - {None}
        expected = "the root's Content-Type and start-info"
    if len(named) != 1 or not named <= SOAP_TYPES:
        shown = ", ".join(sorted(printable(name, 60) for name in named if name is not None)) or "nothing"
        raise Rejection(
            Reason.STRUCTURE,
            f"{expected} name {shown}: they must name one of text/xml and application/soap+xml, and the same one",
        )
    return f"{named.pop()}{_charset(media_type, package)}"


def _charset(media_type: MediaType, package: PackageType) -> str:
    charsets = {
        charset.lower(): charset
        for charset in (package.charset, media_type.parameters.get("charset"))
        if charset is not None
    }
    if len(charsets) > 1:
        raise Rejection(
            Reason.ENCODING, "the Content-Types of the message and of its root part name different charsets"
        )
    for charset in charsets.values():
        if re.fullmatch(r"[A-Za-z0-9._:+\-']{1,60}", charset) is None:
            raise Rejection(Reason.ENCODING, f"{printable(charset, 60) or '(nothing)'} is no charset")
        return f"; charset={charset}"
    return ""


def _start_info(parameters: dict[str, str]) -> str | None:
    given = [parameters[name] for name in _START_INFO if name in parameters]
    if len(given) > 1:
        raise Rejection(Reason.STRUCTURE, f"{_WHAT} has start-info twice, once written startinfo")
    return given[0] if given else None


def _bare(value: str | None, parameter: str) -> str | None:
    """The media type that a parameter's value is, without the action that SOAP 1.2 may have with it."""
    if value is None:
        return None
    what = f"the parameter {parameter} of a Content-Type"
    media_type = read_media_type(value, what)
    if not media_type.parameters.keys() <= {"action", "charset"}:
        raise Rejection(
            Reason.STRUCTURE, f"{what} has parameters of its own: {printable(value, 80)}; it may have action alone"
        )
    return media_type.name


def _refuse_hidden_parameters(parameters: dict[str, str]) -> None:
    for name, value in parameters.items():
        if name not in _READ and any(known in name for known in _READ):
            raise Rejection(
                Reason.STRUCTURE,
                f"a Content-Type has the parameter {printable(name, 60)}, which readers that search the value could "
                "take for another one: it must be left out",
            )
        if _LOOKS_LIKE_A_PARAMETER.search(value) is not None:
            raise Rejection(
                Reason.STRUCTURE,
                f"the parameter {printable(name, 60)} of a Content-Type holds what looks like another parameter: "
                f"{printable(value, 80)}; readers that search the value could take it for that",
            )
