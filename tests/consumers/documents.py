"""The documents of the orders that other stacks signed, and what the readers of multipart messages take otherwise."""

import hashlib
from base64 import b64decode
from typing import Final

from lxml import etree

from fixtures.interop.multipart.cases import MultipartCase
from fixtures.interop.multipart.received import INCLUDE, received
from tests.consumers.multipart_readers import ReadPart

_ORDERS: Final = "{urn:example:orders}"
BEHIND_THE_END: Final = ReadPart("root.message@cxf.apache.org", 0, hashlib.sha256().hexdigest())
"""CXF finds one more part where a line end follows the closing delimiter: empty, with an id that it makes up."""
DECODED_IDS: Final = {"wss4j/id-plus": "a b=c~d@example", "cxf/swa-id-percent": "a@b@example"}
"""CXF decodes a Content-ID as if it were a form: what it makes of them."""


def documents_of(case: MultipartCase) -> tuple[str, ...]:
    """SHA-256 of each document of the order."""
    found = received(case.content_type, case.body)
    digests = {part.content_id: hashlib.sha256(part.octets).hexdigest() for part in found.parts}
    documents = []
    for element in etree.fromstring(found.root).iter(f"{_ORDERS}document", f"{_ORDERS}octets"):
        include = element.find(INCLUDE)
        if include is None:
            documents.append(hashlib.sha256(b64decode(element.text or "")).hexdigest())
        else:
            documents.append(digests[str(include.get("href")).removeprefix("cid:").replace("%3A", ":")])
    return tuple(documents)
