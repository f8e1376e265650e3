"""Steps 2 and 3: one hardened parse, and the budgets that must hold before anything is canonicalized.

The only parser of the gateway: others who need a document read ask here.
"""

import re
from collections.abc import Set as AbstractSet
from functools import cached_property, lru_cache
from typing import Any, Final, cast

from lxml import etree

from gateway.verify.document_encoding import as_utf8
from gateway.verify.element_content import printable
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection

# Attributes are ordered by C14N at quadratic cost: 100,000 on one element took 42 s. Namespaces in scope are walked by
# inclusive C14N at every element: 10,000 at depth 200 took 71 s. Both are refused before they can cost that.
MAX_NAMESPACE_NAME: Final = 1024
"""Octets of one namespace name: attributes are ordered by these names, comparing them octet by octet."""
MAX_NAMESPACE_OCTETS: Final = 8 * 1024 * 1024
_NAMESPACE_OCTETS_PER_OCTET: Final = 10
"""What namespace declarations may come to in a canonical form, by octets of the message: exclusive C14N repeats them
wherever the parent does not use the prefix, and 50,000 elements with a name of 100,000 octets would be 5 GB. At most so
many for each octet of the message, and MAX_NAMESPACE_OCTETS in a small one."""
_DECLARED: Final = re.compile(rb"xmlns(?::[^\s=<>\"'/:]+)?\s*=\s*(?=\"([^\"]*)\"|'([^']*)')")
"""A declaration, and whatever in a text looks like one.

The value is looked at and not consumed: what only looks like a declaration could end inside a real one, and hide it.
Linear all the same: a look goes no further than to the next quote of its kind, which the next look starts behind.
"""
_DECLARATION_STARTS: Final = (b"<?xml ", b"<?xml\t", b"<?xml\r", b"<?xml\n")
_SMALL: Final = 8192
"""Octets up to which a search costs less than avoiding it, and a namespace name less than looking for it."""
_MOST_QUOTES: Final = 20_000
_ELEMENT_COUNT: Final = etree.XPath("count(//*)")
# Elements that need a declaration of their own in a canonical form, and attributes that may need one.
_RENDERINGS: Final = etree.XPath(
    "count(/descendant::*[namespace-uri() != '' and substring-before(name(), ':') != substring-before(name(..), ':')])"
    " + count(//@*[contains(name(), ':')])"
)
_ORDINARY_OCTETS: Final = 10_000_000
"""Size up to which no text can meet libxml2's limit on one, so that its limit on the depth can be left in force."""
_ORDINARY_DEPTH: Final = 256
_HUGE_DEPTH: Final = 2048
"""How deep libxml2 itself lets elements be nested, with its limits on the size of things and without them."""
_PARSERS: Final[tuple[list[etree.XMLParser], list[etree.XMLParser]]] = ([], [])
"""Parsers at rest, for ordinary and for huge documents. A parser serves one call at a time (it would make others wait),
and making one costs a third of a small message's parse; taking from a list and giving back are atomic."""


class Document:
    """A document and the bytes that it was parsed from.

    What the bytes do not mention cannot be in the tree: a search in them spares many a walk.
    """

    __slots__ = (
        "_in_quotes",
        "_quoted_anywhere",
        "_tags",
        "as_it_came",
        "attributes_end",
        "encoding",
        "known",
        "root",
        "text",
    )

    def __init__(self, root: etree._Element, text: bytes, known: int = 0, tags: "_Tags | None" = None) -> None:
        """Hold `root` and the UTF-8 `text`, without a byte order mark, that it was parsed from.

        What the first `known` octets hold is known to whoever asks, and not searched again.
        """
        self.root = root
        self.text = text
        self.known = known
        self._tags = tags
        self.attributes_end = max(text.rfind(b'"'), text.rfind(b"'")) + 1
        """Where the last quote stands: behind it there is no attribute and no namespace declaration."""
        self._in_quotes: list[bytes] | None = None
        """Of what is not known; another range than `_quoted_anywhere`."""
        self._quoted_anywhere: list[bytes] | None = None
        self.encoding = "utf-8"
        """In which the message came, as a charset parameter names it."""
        self.as_it_came = True
        """`text` is the message itself, which would be UTF-8 whatever it held."""

    @property
    def may_hold_comments(self) -> bool:
        """Whether there may be comments, which can split a text."""
        # The single character is found much faster, and many messages hold none.
        return b"!" in self.text and b"<!--" in self.text

    @property
    def may_hold_instructions(self) -> bool:
        """Whether there may be processing instructions."""
        return holds_instructions(self.text)

    @property
    def spells_values_plainly(self) -> bool:
        """Whether every attribute value stands in the bytes as it reads: no character reference spells one."""
        return b"&" not in self.text or b"&#" not in self.text

    def may_declare(self, namespace: bytes) -> bool:
        """Whether some element may declare `namespace`."""
        return not self.spells_values_plainly or self.times_in_quotes(namespace) > 0

    def count_elements(self) -> int:
        """How many elements there are."""
        return int(cast(float, _ELEMENT_COUNT(self.root)))

    @property
    def tags(self) -> "_Tags":
        """What looks like tags in the octets."""
        if self._tags is None:
            self._tags = _Tags(self.text)
        return self._tags

    def may_quote(self, values: AbstractSet[bytes]) -> bool:
        """Whether an attribute or a declaration in what is not known may have one of `values`; they hold no quotes."""
        if self.attributes_end <= self.known:
            return False
        return not self.quoted or not values.isdisjoint(self.quoted)

    @property
    def quoted(self) -> list[bytes]:
        """Whatever stands in quotes in what is not known, and more; empty also where that is too much."""
        if self._in_quotes is None:
            self._in_quotes = _in_quotes(self.text[self.known : self.attributes_end])
        return self._in_quotes

    def times_in_quotes(self, value: bytes) -> int:
        """How often `value`, which holds no quotes, stands in quotes: no fewer times than attributes have it.

        This looks at the whole document, what is known included.
        """
        text, end = self.text, self.attributes_end
        if end > _SMALL:
            if self._quoted_anywhere is None:
                self._quoted_anywhere = _in_quotes(text[:end])
            if self._quoted_anywhere:
                return self._quoted_anywhere.count(value)
        count = text.count(b'"' + value + b'"', 0, end)
        return count + text.count(b"'" + value + b"'", 0, end) if b"'" in text else count


def _in_quotes(text: bytes) -> list[bytes]:
    """Whatever stands between two quotes of one kind that follow each other; empty where there are too many of them.

    Splitting costs a small part of a search where quotes are few, as they are in most large messages.
    """
    pieces = text.split(b'"', _MOST_QUOTES)
    if b"'" in text:
        pieces += text.split(b"'", _MOST_QUOTES)
    return pieces if len(pieces) <= _MOST_QUOTES else []


def read_document(data: bytes, policy: Policy, content_type: str | None = None) -> Document:
    """Parse `data`: no DOCTYPE, no entities, nothing fetched, within the budgets of `policy`.

    Raises:
        Rejection: `limits`, `encoding`, `dtd`, `malformed`.
    """
    decoded = as_utf8(data, policy, content_type)
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
    # The shortest element is <a/>. Half a million of them take 100 MB: where every tag is one, the octets count them
    # before they are made.
    tags = _Tags(text) if len(text) // 4 > policy.max_elements else None
    if tags is not None and tags.are_all and tags.elements_at_most > policy.max_elements:
        raise _too_many_elements(policy)
    document = Document(_parsed(text, huge=huge), text, known, tags)
    if tags is not None and not tags.are_all and document.count_elements() > policy.max_elements:
        raise _too_many_elements(policy)
    _check_budgets(document, policy, _HUGE_DEPTH if huge else _ORDINARY_DEPTH, len(text) if size is None else size)
    return document


class _Tags:
    """What looks like tags in the octets of a document, counted when it is asked for, and once."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    @cached_property
    def count(self) -> int:
        """How many there are at most."""
        return self._text.count(b"<")

    @cached_property
    def elements_at_most(self) -> int:
        """How many elements there are at most."""
        return self.count - self._text.count(b"</") if self.are_all else self.count

    @cached_property
    def are_all(self) -> bool:
        """Whether each `<` begins a tag: there are neither comments, CDATA sections nor processing instructions."""
        return _has_only_tags(self._text)


def _has_only_tags(text: bytes) -> bool:
    return not (b"!" in text and b"<!" in text) and not holds_instructions(text)


def holds_instructions(text: bytes) -> bool:
    """Whether the document `text` may hold processing instructions; an XML declaration at its beginning is none."""
    # A target may begin like the declaration: <?xml-stylesheet?>.
    start = text.find(b"?>") + 2 if text.startswith(_DECLARATION_STARTS) else 0
    return text.find(b"?", start) >= 0 and text.find(b"<?", start) >= 0


def _may_hold_huge_text(text: bytes) -> bool:
    """Whether a text, or whatever else libxml2 limits to that length, may be longer than it admits without `huge_tree`.

    A stretch of so many octets without a tag would stand around one of the multiples of that length.
    """
    if len(text) <= _ORDINARY_OCTETS:
        return False
    if not _has_only_tags(text):
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
            raise Rejection(Reason.LIMITS, "the elements are nested too deeply (max_depth)") from error
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


@lru_cache(maxsize=64)
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")


@lru_cache(maxsize=64)
def _more_attributes_than(count: int) -> etree.XPath:
    return etree.XPath(f"boolean(//@*[{count + 1}])")


def _check_budgets(document: Document, policy: Policy, parser_depth: int, size: int) -> None:
    """Count nodes, each count only where the bytes leave it open whether the budget could be exceeded."""
    root, text, end = document.root, document.text, document.attributes_end
    # No element can be deeper than there are elements that end with a tag of their own, itself apart.
    may_be_deeper = policy.max_depth < parser_depth and text.count(b"</") >= policy.max_depth
    if may_be_deeper and _deeper_than(policy.max_depth)(root):
        raise Rejection(Reason.LIMITS, f"elements are nested more than {policy.max_depth} deep (max_depth)")
    # Every attribute and every namespace declaration has an equals sign, and ends with a quote.
    equal_signs = text.count(b"=", 0, end)
    if equal_signs > policy.max_attributes and _more_attributes_than(policy.max_attributes)(root):
        raise Rejection(Reason.LIMITS, f"an element has more than {policy.max_attributes} attributes (max_attributes)")
    crowded = equal_signs > policy.max_namespaces and text.count(b"xmlns", 0, end) > policy.max_namespaces
    # In a message of that size the longest possible name, on as many attributes as fit, costs next to nothing.
    if crowded or size > _SMALL:
        _check_names(document, policy, crowded=crowded)


def _too_many_elements(policy: Policy) -> Rejection:
    return Rejection(Reason.LIMITS, f"the message has more than {policy.max_elements} elements (max_elements)")


def _check_names(document: Document, policy: Policy, *, crowded: bool) -> None:
    """Refuse by what is really declared, which takes another pass over the document, where the octets leave it open."""
    text, end = document.text, document.attributes_end
    longest = longest_namespace_name(text[:end])
    if not crowded and longest <= MAX_NAMESPACE_NAME and not _are_repeated_too_much(document, longest):
        return
    found = _declarations(text)
    if found.most_in_scope > policy.max_namespaces:
        raise Rejection(
            Reason.LIMITS,
            f"more than {policy.max_namespaces} namespace declarations are in scope at one element (max_namespaces)",
        )
    if found.longest > MAX_NAMESPACE_NAME:
        raise Rejection(Reason.LIMITS, f"a namespace name has more than {MAX_NAMESPACE_NAME} octets")
    if _are_repeated_too_much(document, found.longest):
        raise Rejection(Reason.LIMITS, "the namespace names are too long for so many elements")


def longest_namespace_name(text: bytes) -> int:
    """Octets of the longest namespace name that `text` declares, or seems to."""
    return max((max(len(m[1] or b""), len(m[2] or b"")) for m in _DECLARED.finditer(text)), default=0)


def _are_repeated_too_much(document: Document, longest: int) -> bool:
    """Whether declarations of names as long as `longest` may come to more than is admitted."""
    text = document.text
    admitted = max(MAX_NAMESPACE_OCTETS, _NAMESPACE_OCTETS_PER_OCTET * len(text))
    # An element takes four octets, an attribute five; then what the octets tell, then what the document does.
    return (
        len(text) // 4 * longest > admitted
        and (document.tags.count + text.count(b"=", 0, document.attributes_end)) * longest > admitted
        and cast(float, _RENDERINGS(document.root)) * longest > admitted
    )


class _Declarations:
    """Counts namespace declarations: a parser target, so that nothing but declarations costs anything."""

    def __init__(self) -> None:
        self.longest = 0
        self.most_in_scope = 0
        self._in_scope = 0

    def start_ns(self, prefix: str, uri: str) -> None:  # noqa: ARG002 - the parser's interface
        self.longest = max(self.longest, len(uri))
        self._in_scope += 1
        self.most_in_scope = max(self.most_in_scope, self._in_scope)

    def end_ns(self, prefix: str) -> None:  # noqa: ARG002 - the parser's interface
        self._in_scope -= 1

    def close(self) -> "_Declarations":
        return self


def _declarations(text: bytes) -> _Declarations:
    """The declarations in `text`, which has been parsed: a second pass for the few messages where they may matter."""
    parser = etree.XMLParser(
        target=cast(Any, _Declarations()), encoding="utf-8", resolve_entities=False, huge_tree=True
    )
    return cast(_Declarations, etree.fromstring(text, parser))
