"""Text that CDATA sections split (threat rule 13).

To canonicalization `1<![CDATA[0]]>` is the text 10; to a consumer that takes the first text node it is 1. Trees do not
tell quickly where a section ends and text begins, but the bytes of a well-formed document do.
"""

import re
from typing import Final

_TOKENS: Final = re.compile(
    rb"<!\[CDATA\[(?P<section>.*?)\]\]>"
    rb"|(?P<aside><!--.*?-->|<\?.*?\?>)"
    rb"|(?P<tag><[^<>\"']*(?:\"[^\"]*\"[^<>\"']*|'[^']*'[^<>\"']*)*>)"
    rb"|(?P<text>[^<]+)",
    re.DOTALL,
)
_SPACE: Final = b" \t\r\n"


def splits_text(text: bytes) -> bool:
    """Whether a CDATA section of the well-formed document `text` stands beside other text, with no tag between.

    White space around a section is in honest messages, and no text. An empty section is one more piece: in the trees
    of Java's DOM it is a node of its own, and the first text of `47<![CDATA[]]>11` is 47.
    """
    # A single character is found much faster, and many messages do not hold it.
    if b"!" not in text or b"<![CDATA[" not in text:
        return False
    pieces, has_section = 0, False
    for token in _TOKENS.finditer(text):
        kind = token.lastgroup
        if kind == "tag":
            pieces, has_section = 0, False
            continue
        if kind == "aside" or (kind == "text" and not token["text"].strip(_SPACE)):
            continue
        pieces += 1
        has_section = has_section or kind == "section"
        if has_section and pieces > 1:
            return True
    return False
