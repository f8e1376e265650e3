"""Distinguished names as messages spell them, compared with the names inside certificates.

The same name is written in many ways: RFC 2253 and RFC 4514, RFC 1779 and Microsoft's variants, OpenSSL's one line,
in either order. Two names are the same when their structure is (RFC 5280, 7.1), so the text is parsed and never
compared as text. A name only orders candidates: reading leniently costs nothing, failing to read must cost nothing.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from cryptography import x509

MAX_NAME_CHARACTERS = 4096
"""Longer texts match nothing: the text comes from an unauthenticated message, real names stay below 500 characters."""
MAX_ATTRIBUTES = 64
"""Names with more attributes match nothing: it bounds the comparison of multi-valued RDNs, real names stay below 15."""

_SERIAL_NUMBER, _SURNAME = "2.5.4.5", "2.5.4.4"
_STATE, _COUNTRY, _LOCALITY = "2.5.4.8", "2.5.4.6", "2.5.4.7"
_EMAIL = "1.2.840.113549.1.9.1"

# Keywords in lower case. Some mean different things to different stacks: all meanings stand here, any may match.
_KEYWORDS: dict[str, frozenset[str]] = {
    keyword: frozenset(oids.split())
    for keywords, oids in (
        ("cn commonname", "2.5.4.3"),
        ("surname", _SURNAME),
        ("sn", f"{_SURNAME} {_SERIAL_NUMBER}"),  # RFC 4519 says surname; BouncyCastle and others mean serialNumber
        ("serialnumber", _SERIAL_NUMBER),
        ("c country countryname", _COUNTRY),
        ("l locality localityname", _LOCALITY),
        ("st stateorprovince stateorprovincename state sp", _STATE),
        ("s", f"{_STATE} {_SURNAME}"),  # Microsoft: state; RFC 1779's ancestors: surname
        ("street streetaddress", "2.5.4.9"),
        ("o org organization organizationname", "2.5.4.10"),
        ("ou organizationalunit organizationalunitname orgunit", "2.5.4.11"),
        ("t title", "2.5.4.12"),
        ("description", "2.5.4.13"),
        ("businesscategory", "2.5.4.15"),
        ("postaladdress", "2.5.4.16"),
        ("postalcode", "2.5.4.17"),
        ("pobox postofficebox", "2.5.4.18"),
        ("phone telephonenumber", "2.5.4.20"),
        ("x121address", "2.5.4.24"),
        ("name", "2.5.4.41"),
        ("g gn givenname", "2.5.4.42"),
        ("i initials", "2.5.4.43"),
        ("generation generationqualifier", "2.5.4.44"),
        ("uniqueidentifier x500uniqueidentifier", "2.5.4.45"),
        ("dnq dnqualifier dn", "2.5.4.46"),
        ("pseudonym", "2.5.4.65"),
        ("organizationidentifier orgid oi", "2.5.4.97"),
        ("e email emailaddress mail", _EMAIL),
        ("unstructuredname", "1.2.840.113549.1.9.2"),
        ("unstructuredaddress", "1.2.840.113549.1.9.8"),
        ("dc domaincomponent", "0.9.2342.19200300.100.1.25"),
        ("uid userid", "0.9.2342.19200300.100.1.1"),
        ("jurisdictionl jurisdictionlocalityname", "1.3.6.1.4.1.311.60.2.1.1"),
        ("jurisdictionst jurisdictionstateorprovincename", "1.3.6.1.4.1.311.60.2.1.2"),
        ("jurisdictionc jurisdictioncountryname", "1.3.6.1.4.1.311.60.2.1.3"),
    )
    for keyword in keywords.split()
}

_ATTRIBUTE = re.compile(
    r"""
    \s*+ (?:OID\.)? ( [A-Z][A-Z0-9-]*+ | [0-9]++(?:\.[0-9]++)++ ) \s*+ = \s*+
    (?: " ( (?: [^"\\] | \\. | "" )* ) " \s*+      # quoted, as RFC 2253 (backslash) and Microsoft (doubled) escape
      |   ( (?: [^,;+"\\] | \\. )*+ )
    ) (?= [,;+] | \Z )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE | re.ASCII,
)
_ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})++)|\\(.)", re.DOTALL)
_HEX_VALUE = re.compile(r"#((?:[0-9A-Fa-f]{2})++)\s*+")
_ONE_LINE_SLASH = re.compile(r"/(?=[A-Za-z][A-Za-z0-9-]*+=|[0-9]++(?:\.[0-9]++)++=)")

# Universal tags of the string types of DirectoryString and IA5String (X.680, 8.4), and how their octets are read.
_STRING_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1A: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_LONG_FORM = 0x80

_Attribute = tuple[frozenset[str], str]
_Rdn = tuple[_Attribute, ...]


def distinguished_name_matches(text: str, name: x509.Name) -> bool:
    """Whether `text`, a distinguished name as spelled in a message, is the name `name`.

    Compared are the sequences of RDNs, forward or reversed, attribute by attribute: types by object identifier, values
    without regard to case, width and white space (RFC 5280, 7.1; RFC 4518, 2). Text that cannot be read matches none.
    """
    spelled = _parse(text)
    if spelled is None:
        return False
    actual = _rdns_of(name)
    return len(spelled) == len(actual) and (_same(spelled, actual) or _same(spelled[::-1], actual))


def values_of_text(text: str) -> frozenset[str] | None:
    """The normalised attribute values in `text`, None where it cannot be read: a dictionary key for a name.

    Names that match have equal values; names with equal values need not match.
    """
    spelled = _parse(text)
    return None if spelled is None else _values(spelled)


def values_of_name(name: x509.Name) -> frozenset[str]:
    """The normalised attribute values of `name`: the counterpart of `values_of_text`."""
    return _values(_rdns_of(name))


def _values(rdns: Iterable[_Rdn]) -> frozenset[str]:
    return frozenset(value for rdn in rdns for _, value in rdn)


def _same(spelled: Sequence[_Rdn], actual: Sequence[_Rdn]) -> bool:
    return all(_same_rdn(left, right) for left, right in zip(spelled, actual, strict=True))


def _same_rdn(spelled: _Rdn, actual: _Rdn) -> bool:
    if len(spelled) != len(actual):
        return False
    left = list(actual)  # a set in X.501, 9.3: order does not count
    for types, value in spelled:
        for position, (actual_types, actual_value) in enumerate(left):
            if value == actual_value and actual_types <= types:
                del left[position]
                break
        else:
            return False
    return True


@lru_cache(maxsize=4096)
def _rdns_of(name: x509.Name) -> tuple[_Rdn, ...]:
    return tuple(
        tuple((frozenset((attribute.oid.dotted_string,)), _normalised(attribute.value)) for attribute in rdn)
        for rdn in name.rdns
    )


def _normalised(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return "#" + value.hex()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return " ".join(folded.split())


@lru_cache(maxsize=1024)
def _parse(text: str) -> tuple[_Rdn, ...] | None:
    """The RDNs of `text` in its own order; None where it is no distinguished name."""
    if len(text) > MAX_NAME_CHARACTERS:
        return None
    # Only the left side is stripped: at the right end, a space may belong to a backslash before it.
    start = text.lstrip()
    return _parse_one_line(start) if start.startswith("/") else _parse_separated(start)


def _parse_separated(text: str) -> tuple[_Rdn, ...] | None:
    rdns: list[list[_Attribute]] = [[]]
    position = 0
    for _ in range(MAX_ATTRIBUTES):
        attribute = _ATTRIBUTE.match(text, position)
        types = attribute and _types(attribute[1])
        if not attribute or not types:
            return None
        rdns[-1].append((types, _value(attribute[2], attribute[3])))
        position = attribute.end()
        if position == len(text):
            return tuple(tuple(rdn) for rdn in rdns)
        if text[position] in ",;":
            rdns.append([])
        position += 1
    return None


def _parse_one_line(text: str) -> tuple[_Rdn, ...] | None:
    """OpenSSL's `/C=DE/O=Acme/CN=acme`: nothing is escaped, so a slash only separates where a type follows."""
    rdns: list[_Rdn] = []
    for part in _ONE_LINE_SLASH.split(text[1:]):
        keyword, equals, value = part.partition("=")
        types = _types(keyword)
        if not equals or not types or len(rdns) == MAX_ATTRIBUTES:
            return None
        rdns.append(((types, _normalised(value)),))
    return tuple(rdns)


def _types(keyword: str) -> frozenset[str] | None:
    if keyword[:1].isdigit():
        return frozenset((keyword,))
    return _KEYWORDS.get(keyword.lower())


def _value(quoted: str | None, unquoted: str) -> str:
    if quoted is not None:
        return _normalised(_unescaped(quoted.replace('""', '"')))
    if encoded := _HEX_VALUE.fullmatch(unquoted):
        return _decoded(bytes.fromhex(encoded[1]))
    return _normalised(_unescaped(unquoted))


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(_unescape, value) if "\\" in value else value


def _unescape(escaped: re.Match[str]) -> str:
    if escaped[1] is None:
        return escaped[2]
    octets = bytes.fromhex(escaped[1].replace("\\", ""))
    try:
        return octets.decode()
    except UnicodeDecodeError:  # RFC 4514, 3 wants UTF-8; what predates it is mostly Latin-1
        return octets.decode("latin-1")


def _decoded(der: bytes) -> str:
    """The normalised value in a `#hex` form (RFC 4514, 2.4): DER of any type, of which strings can be compared."""
    tag, length_octet = der[0], der[1] if len(der) > 1 else 0
    start = 2
    if length_octet > _LONG_FORM:
        start += length_octet - _LONG_FORM
    content = der[start:]
    encoding = _STRING_ENCODINGS.get(tag)
    if encoding is None:
        return _normalised(content[1:])  # a BIT STRING (x500UniqueIdentifier): its first octet counts unused bits
    try:
        return _normalised(content.decode(encoding))
    except UnicodeDecodeError:
        return _normalised(content)
