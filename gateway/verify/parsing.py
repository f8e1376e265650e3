"""Steps 2 and 3: one hardened parse, and the budgets that must hold before anything is canonicalized.

The only parser of the gateway: others who need a document read ask here.
"""

from typing import Final

from lxml import etree

from gateway.verify.document import Document, Tags, has_only_tags
from gateway.verify.document_encoding import Decoded, as_utf8
from gateway.verify.document_limits import check_limits, exceeded, may_have_too_many_elements, too_many_elements
from gateway.verify.policy import Policy
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection

_ORDINARY_OCTETS: Final = 10_000_000
"""Size up to which no text can meet libxml2's limit on one, so that its limit on the depth can be left in force."""
_ORDINARY_DEPTH: Final = 256
_HUGE_DEPTH: Final = 2048
"""How deep libxml2 itself lets elements be nested, with its limits on the size of things and without them."""
_PARSERS: Final[tuple[list[etree.XMLParser], list[etree.XMLParser]]] = ([], [])
"""Parsers at rest, for ordinary and for huge documents. A parser serves one call at a time (it would make others wait),
and making one costs a third of a small message's parse; taking from a list and giving back are atomic."""


def read_document(data: bytes, policy: Policy, content_type: str | None = None) -> Document:
    """Parse `data`: no DOCTYPE, no entities, nothing fetched, within the budgets of `policy`.

    Raises:
        Rejection: `limits`, `encoding`, `dtd`, `malformed`.
    """
    return parse_decoded(as_utf8(data, policy, content_type), policy)


def parse_decoded(decoded: Decoded, policy: Policy) -> Document:
    """Parse what step 1 has made of a message (steps 2 and 3).

    Raises:
        Rejection: `limits`, `encoding`, `dtd`, `malformed`.
    """
    document = parse_admitted(decoded.text, policy)
    document.encoding, document.as_it_came = decoded.encoding, decoded.as_it_came
    _refuse_dtd(document.root)
    return document


def parse_admitted(text: bytes, policy: Policy, known: int = 0, size: int | None = None) -> Document:
    """Parse `text`, which step 1 has admitted: UTF-8 without a byte order mark or a DOCTYPE.

    Args:
        text: the document.
        policy: its budgets hold.
        known: octets at its beginning of which it is known what they hold.
        size: octets of the message, where `text` is what is left of it without header blocks that are known.

    Raises:
        Rejection: `limits`, `encoding`, `malformed`.
    """
    huge = policy.max_depth > _ORDINARY_DEPTH or _may_hold_huge_text(text)
    # Half a million elements take 100 MB: where every tag is one, the octets count them before they are made.
    tags = Tags(text) if may_have_too_many_elements(len(text), policy) else None
    if tags is not None and tags.are_all and tags.elements_at_most > policy.max_elements:
        raise too_many_elements(policy)
    document = Document(_parsed(text, huge=huge), text, known, tags)
    if tags is not None and not tags.are_all and document.count_elements() > policy.max_elements:
        raise too_many_elements(policy)
    check_limits(document, policy, _HUGE_DEPTH if huge else _ORDINARY_DEPTH, len(text) if size is None else size)
    return document


def _may_hold_huge_text(text: bytes) -> bool:
    """Whether a text, or whatever else libxml2 limits to that length, may be longer than it admits without `huge_tree`.

    A stretch of so many octets without a tag would stand around one of the multiples of that length.
    """
    if len(text) <= _ORDINARY_OCTETS:
        return False
    if not has_only_tags(text):
        return True
    middles = range(_ORDINARY_OCTETS // 2, len(text), _ORDINARY_OCTETS // 2)
    return any(_without_tags(text, middle) >= _ORDINARY_OCTETS // 2 for middle in middles)


def _without_tags(text: bytes, position: int) -> int:
    """How many octets there are from the `<` before `position` to the one behind it."""
    before, behind = text.rfind(b"<", 0, position), text.find(b"<", position)
    return (len(text) if behind < 0 else behind) - before


def parse_document(data: bytes, policy: Policy, content_type: str | None = None) -> etree._Element:
    """The root element of `data`, read as `read_document` does.

    Raises:
        Rejection: `limits`, `encoding`, `dtd`, `malformed`.
    """
    return read_document(data, policy, content_type).root


def parse_own(text: bytes) -> etree._Element:
    """The root element of a canonical form, or another document, that this package made itself."""
    return _parsed(text, huge=True)


def parse_without_remarks(text: bytes) -> etree._Element:
    """The same without comments and processing instructions, so that each text is one; for whatever was admitted."""
    # Taking them out of a tree costs time by the square of their number, once texts are read.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(text, parser)


def serialize_document(root: etree._Element) -> bytes:
    """The root element in UTF-8 with an XML declaration: for documents the gateway rewrote, never for verified ones.

    What stands around it is left out: comments, and instructions such as those that name a stylesheet.
    """
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", with_tail=False)


def _parsed(text: bytes, *, huge: bool) -> etree._Element:
    at_rest = _PARSERS[huge]
    parser = at_rest.pop() if at_rest else _new_parser(huge=huge)
    try:
        root = etree.fromstring(text, parser)
        _refuse_hidden_errors(parser)
    except etree.XMLSyntaxError as error:
        try:
            text.decode()
        except UnicodeDecodeError:
            raise Rejection(Reason.ENCODING, "the message is not valid UTF-8") from error
        # The code alone stands for other limits too, the word alone for an element of that name.
        if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT and "depth" in str(error):
            raise exceeded("the elements are nested too deeply (max_depth)") from error
        page = " (an HTML page?)" if text.lstrip()[:5].lower() == b"<html" else ""
        cause = printable(" ".join((error.msg or "").split()))
        raise Rejection(Reason.MALFORMED, f"the message is not well-formed XML{page}: {cause}") from error
    finally:
        at_rest.append(parser)
    return root


def _refuse_hidden_errors(parser: etree.XMLParser) -> None:
    """Refuse what is not well-formed by Namespaces in XML: lxml goes by the last message of the parser.

    A warning behind it (a relative namespace name, an odd xml:space) would hide a prefix that nothing declares, or an
    attribute that stands twice.
    """
    errors = parser.error_log.filter_from_errors() if parser.error_log else ()
    if errors:
        raise Rejection(
            Reason.MALFORMED, f"the message is not namespace-well-formed XML: {printable(errors[0].message)}"
        )


def _refuse_dtd(root: etree._Element) -> None:
    """The scan of the prolog has refused it; should a parser ever see more in the bytes, this says so."""
    if root.getroottree().docinfo.internalDTD is not None:
        raise Rejection(Reason.DTD, "the message has a document type declaration")


def _new_parser(*, huge: bool) -> etree.XMLParser:
    # huge_tree lifts the 10 MB limit on a text node, which refuses honest attachments, and with it the limit on the
    # depth, which the budgets then bound; entities are bounded by the refused DTD.
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=huge,
        collect_ids=False,
        recover=False,
    )
