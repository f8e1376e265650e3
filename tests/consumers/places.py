"""Answers that are genuine, with a forged order in every place that no signature covers."""

from collections.abc import Callable
from typing import Final

from tests.consumers.answers import FORGED, TEXT, Version, encoded_part, forged, instruction, order, part, signed

Place = Callable[[Version], bytes]

PARTS: Final[dict[str, Place]] = {
    "instruction before the Envelope": lambda v: signed(v, prolog=instruction(v)),
    "instruction behind the Envelope": lambda v: signed(v, epilog=instruction(v)),
    "instruction in the Header": lambda v: signed(v, header=instruction(v)),
    "instruction in a header block": lambda v: signed(v, header=f"<h>{instruction(v)}</h>"),
    "instruction in a ds:Object": lambda v: signed(v, object_content=instruction(v)),
    "CDATA in a header block": lambda v: signed(v, header=f"<h><![CDATA[{part(v)}]]></h>"),
    "CDATA in a ds:Object": lambda v: signed(v, object_content=f"<![CDATA[{part(v)}]]>"),
    "elements in a header block": lambda v: signed(v, header=f"<h>{part(v).replace('<root>', 'root')}</h>"),
    "base64 in a header block": lambda v: signed(v, header=f"<h>{encoded_part(v)}</h>"),
    "base64 in a ds:Object": lambda v: signed(v, object_content=encoded_part(v)),
    "base64 in an attribute of the Envelope": lambda v: signed(v, root_attributes=f'a="{encoded_part(v)}"'),
    "base64 in an attribute of a header block": lambda v: signed(v, header=f'<h a="{encoded_part(v)}"/>'),
}
"""Where a part can be that no signature covers."""
ENVELOPES: Final[dict[str, Place]] = {
    "comment before the Envelope": lambda v: signed(v, prolog=f"<!--{forged(v)}-->"),
    "second comment before the Envelope": lambda v: signed(v, prolog=f"<!-- --><!--{forged(v)}-->"),
    "second comment, in capitals": lambda v: signed(v, prolog=f"<!-- --><!--{forged(v, envelope='ENVELOPE')}-->"),
    "second comment behind the Envelope": lambda v: signed(v, prefix="", epilog=f"<!-- --><!--{forged(v)}-->"),
    "second comment in the Header": lambda v: signed(v, prefix="", header=f"<!-- --><!--{forged(v)}-->"),
    "second comment in the Body": lambda v: signed(v, f"<!-- --><!--{forged(v)}-->{order()}", prefix=""),
    "second comment in the order": lambda v: signed(v, order(f"{TEXT}<!-- --><!--{forged(v)}-->"), prefix=""),
    "instruction before the Envelope": lambda v: signed(v, prolog=f"<?p {forged(v)}?>"),
    "instruction behind the Envelope": lambda v: signed(v, prefix="", epilog=f"<?p {forged(v)}?>"),
    "instruction in the Header": lambda v: signed(v, prefix="", header=f"<?p {forged(v)}?>"),
    "CDATA in a header block": lambda v: signed(v, prefix="", header=f"<h><![CDATA[{forged(v)}]]></h>"),
    "CDATA in a ds:Object": lambda v: signed(v, prefix="", object_content=f"<![CDATA[{forged(v)}]]>"),
    "element in a header block": lambda v: signed(v, prefix="", header=f"<h>{forged(v)}</h>"),
    "element with the same prefix in a header block": lambda v: signed(v, header=f"<h>{forged(v, 's')}</h>"),
    "end in a comment behind the Envelope": lambda v: signed(v, epilog="<!-- --><!-- </s:Envelope> -->"),
    "start of a comment in CDATA": lambda v: signed(
        v,
        header="<h><![CDATA[<!--]]></h>",
        epilog=f"<!-- --><!-- ]]></h></s:Header><s:Body>{order(FORGED)}</s:Body></s:Envelope> -->",
    ),
    "start of a comment in CDATA, end in the Body": lambda v: signed(
        v,
        "<!-- --><!-- ]]></h></s:Header><s:Body>" + order(FORGED) + f"</s:Body><z><![CDATA[ -->{order()}",
        header="<h><![CDATA[<!--]]></h>",
        behind_body="<!-- ]]></z> -->",
    ),
}
"""Where a forged Envelope can be that a reader finds who searches for its tags in the text, as node-soap does."""
SPELLINGS: Final[dict[str, Place]] = {
    "comments in the text": lambda v: signed(v, order(TEXT[:3] + "<!-- -->" + TEXT[3:7] + "<!-- -->" + TEXT[7:])),
    "CDATA in the text": lambda v: signed(v, order(f"{TEXT[:3]}<![CDATA[{TEXT[3:7]}]]>{TEXT[7:]}")),
    "character references": lambda v: signed(v, order("".join(f"&#{ord(character)};" for character in TEXT))),
    "comments before the order": lambda v: signed(v, f"<!-- --><!-- {order(FORGED)} -->{order()}"),
}
"""What changes no octet of the canonical form of what is signed, and so can be changed by anybody."""
