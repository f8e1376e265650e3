"""Public keys of instances as somebody wrote them down elsewhere: what a signed end is worth depends on them.

Whoever writes the database can name a key there. A pinned key came another way: from the log or the screen of the first
start, by mail, over the phone. Each stands on a line of its own, in base64, or anywhere as one word:

    wssgate.key/1,INSTANCE,BASE64
"""

import base64
import re
from typing import Final

_BASE64: Final = r"[A-Za-z0-9+/]{43}="
"""32 octets (RFC 8032, 5.1.5)."""
_LINE: Final = re.compile(rf"(?P<key>{_BASE64})\s*(#.*)?")
_WORD: Final = re.compile(rf"wssgate\.key/1,(?P<instance>[^,\s]{{1,128}}),(?P<key>{_BASE64})(?![A-Za-z0-9+/=])")


def key_word(instance: str, public: str) -> str:
    """The public key of an instance as one word, to be pinned."""
    name = re.sub(r"[,\s]", "_", instance)[:128] or "-"
    return f"wssgate.key/1,{name},{public}"


def find_pinned_keys(text: str) -> dict[str, str]:
    """The keys that stand in `text`, each with the instance that it is said to be of, which may be empty.

    A line that begins with # is a comment, and so is what follows a key behind a #.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        plain = line.strip()
        if plain.startswith("#"):
            continue
        alone = _LINE.fullmatch(plain)
        if alone is not None:
            found.setdefault(_spelled(alone["key"]), "")
        for match in _WORD.finditer(plain):
            found[_spelled(match["key"])] = match["instance"]
    return found


def _spelled(key: str) -> str:
    """The last character holds two bits that belong to no octet: one key has one spelling."""
    return base64.b64encode(base64.b64decode(key)).decode()
