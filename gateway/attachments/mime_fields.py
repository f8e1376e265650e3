"""Header fields of a part, and media types with their parameters, read by their grammar and no other way (RFC 2045).

What readers are known to take differently is refused instead of chosen: comments, values that need quotes and have
none, parameters in pieces (RFC 2231), a field or a parameter that is there twice.
"""

import re
from dataclasses import dataclass
from typing import Final

from gateway.verify import Reason, Rejection, printable

MAX_HEAD_OCTETS: Final = 8192
"""Of one part. Stacks write three or four fields; a file name is what makes a head long."""

MAX_HEAD_LINES: Final = 100
"""Of one part: what a line costs is more than what its octets do."""

_FIELD_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_PRINTABLE: Final = re.compile(r"[\t -~]*")
_NOT_FOLDED: Final = "content-transfer-encoding"
_NOT_PADDED: Final = frozenset({_NOT_FOLDED, "content-id"})
_WORD: Final = r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+"
_NAME: Final = re.compile(rf"{_WORD}/{_WORD}")
_PARAMETER: Final = re.compile(rf"[ \t]*;[ \t]*({_WORD})=(?:({_WORD})|\"((?:[\t !#-\[\]-~]|\\[\\\"])*+)\")")
"""Of quoted pairs only those that are needed: about any other backslash readers disagree."""
_END: Final = re.compile(r"[ \t]*;?[ \t]*")
"""Old stacks end the value with a semicolon, which every reader skips."""
_DECIDING: Final = frozenset({"action", "boundary", "charset", "start", "start-info", "startinfo", "type"})


@dataclass(frozen=True, slots=True)
class MediaType:
    """A Content-Type, read."""

    name: str
    """Type and subtype in lower case: "text/xml"."""
    parameters: dict[str, str]
    """By name in lower case, without quotes."""


def read_fields(head: bytes, where: str) -> tuple[tuple[str, str], ...]:
    """The header fields in `head`, which ends before the CRLF of its last line: name and unfolded value.

    Args:
        head: the octets.
        where: which head it is, for the sentence.

    Raises:
        Rejection: `structure`, `limits`.
    """
    if not head:
        return ()
    if head.count(b"\r\n") >= MAX_HEAD_LINES:
        raise Rejection(Reason.LIMITS, f"the head of {where} has more than {MAX_HEAD_LINES} lines")
    fields: list[tuple[str, str]] = []
    for octets in head.split(b"\r\n"):
        line = octets.decode("latin-1")
        if _PRINTABLE.fullmatch(line) is None:
            raise Rejection(
                Reason.STRUCTURE,
                f"the head of {where} holds a character that is neither printable ASCII nor a tab: other characters "
                "must be encoded there, and its lines must end with CR LF",
            )
        if line[:1] in {" ", "\t"}:
            # Obsolete, and written by honest stacks around long values. A line of white space ends the head for some.
            if not fields or not line.strip(" \t"):
                raise Rejection(
                    Reason.STRUCTURE, f"the head of {where} holds a continuation line that continues no field"
                )
            if fields[-1][0].lower() == _NOT_FOLDED:
                raise _unseen(fields[-1][0], where)
            fields[-1] = (fields[-1][0], fields[-1][1] + line)
            continue
        name, colon, value = line.partition(":")
        if not colon or _FIELD_NAME.fullmatch(name) is None:
            raise Rejection(
                Reason.STRUCTURE,
                f"the head of {where} holds a line that is no header field: {printable(line, 60)}; a field is its "
                "name, a colon without white space before it, and the value",
            )
        if any(name.lower() == other.lower() for other, _ in fields):
            raise Rejection(
                Reason.STRUCTURE,
                f"{where} has the header field {printable(name, 60)} twice, of which readers take different ones: "
                "it must be there once",
            )
        fields.append((name, value))
    for name, value in fields:
        if name.lower() in _NOT_PADDED and value[-1:] in {" ", "\t"}:
            raise _unseen(name, where)
    return tuple((name, value.strip(" \t")) for name, value in fields)


def _unseen(name: str, where: str) -> Rejection:
    return Rejection(
        Reason.STRUCTURE,
        f"{where} has its {name} on a continuation line or with white space behind it, where some readers do not "
        "recognise it: it must stand alone on its line",
    )


def read_media_type(value: str, what: str) -> MediaType:
    """The media type that `value` is; `what` says whose, for the sentence.

    Raises:
        Rejection: `structure`.
    """
    name = _NAME.match(value)
    if name is None:
        raise Rejection(
            Reason.STRUCTURE, f"{what} does not begin with a type and a subtype, as in text/xml: {printable(value, 60)}"
        )
    position, parameters = name.end(), dict[str, str]()
    while (found := _PARAMETER.match(value, position)) is not None:
        parameter = found[1].lower()
        if parameter in parameters:
            raise Rejection(
                Reason.STRUCTURE, f"{what} has the parameter {printable(parameter, 60)} twice: it must be there once"
            )
        if "*" in parameter and parameter.partition("*")[0] in _DECIDING:
            raise Rejection(
                Reason.STRUCTURE,
                f"{what} has the parameter {printable(parameter, 60)} in the form of RFC 2231, which not every reader "
                "reads: it must be written in one piece, without an asterisk",
            )
        parameters[parameter] = re.sub(r"\\(.)", r"\1", found[3]) if found[2] is None else found[2]
        position = found.end()
    if _END.fullmatch(value, position) is None:
        raise Rejection(
            Reason.STRUCTURE,
            f"{what} cannot be read from here on: {printable(value[position:].strip(), 60)}; parameters are name=value "
            'or name="value", with nothing around the equals sign, and values with any of ()<>@,;:\\"/[]?= need quotes',
        )
    return MediaType(name[0].lower(), parameters)
