"""What is demanded of a message: data, not code.

The same fields stand in `policy.toml` and in `[endpoint.NAME.policy]` of the configuration; the models are
validated by pydantic, so that an error names key, value and what is allowed.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_HEADER_BLOCK = re.compile(r"\{[^{}\s]+\}[A-Za-z_][\w.\-]*")

ALL_ATTACHMENTS = "Attachments"
"""In `required_parts`: every attachment has to be signed."""
SUPPORTED_ENCODINGS = ("UTF-8", "US-ASCII", "ISO-8859-1", "ISO-8859-15", "windows-1250", "windows-1252", "UTF-16")
"""What `encodings` may name; UTF-8 is always admitted. UTF-7 and UTF-32 stay out: parsers disagree about them."""


def _required_part(value: str) -> str:
    if value not in {"Body", "Timestamp", ALL_ATTACHMENTS} and not _HEADER_BLOCK.fullmatch(value):
        raise ValueError('a required part is "Body", "Timestamp", "Attachments" or a header block as "{namespace}name"')
    return value


_ULTIMATE_RECEIVER = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"


def canonical_actor(value: str | None) -> str | None:
    """The actor or role of a header block: none, an empty one and the ultimate receiver are one (SOAP 1.2, 2.2)."""
    stripped = (value or "").strip()
    return None if stripped in {"", _ULTIMATE_RECEIVER} else stripped


def _encoding(value: str) -> str:
    for name in SUPPORTED_ENCODINGS:
        if value.lower() == name.lower():
            return name
    raise ValueError(f"allowed are {', '.join(SUPPORTED_ENCODINGS)}")


class Policy(BaseModel):
    """The demands on one message. The defaults are what a careful operator would choose today."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    required_parts: Annotated[
        tuple[Annotated[str, AfterValidator(_required_part)], ...], Field(min_length=1, max_length=16)
    ] = ("Body",)
    """Parts that a trusted signature must cover. Empty is an error: it would accept everything. `Attachments` are all
    those of a multipart response, and stand beside another part: a response may have none."""
    signatures: Literal["all", "any"] = "all"
    """`all`: every signature of our Security header must verify. `any`: one that covers the parts is enough."""
    coverage: Literal["one", "together"] = "one"
    """`one`: one trusted signature must cover all required parts by itself. `together`: several may cover them between
    them. Dangerous: whoever stands in between may put parts of several messages together."""
    actor: Annotated[str | None, AfterValidator(canonical_actor)] = None
    """SOAP actor (1.1) or role (1.2) of the Security header that is ours; None means the one without any."""
    allow_sha1: bool = False
    """Admit SHA-1 in signatures and digests. Dangerous; shown in the status and in every record."""
    minimum_rsa_bits: Annotated[int, Field(ge=1024, le=16384)] = 2048
    expired_certificate: Literal["reject", "accept"] = "reject"
    """`accept`: a certificate out of its validity still verifies, with a warning."""
    encodings: tuple[Annotated[str, AfterValidator(_encoding)], ...] = ("UTF-8",)
    """Encodings admitted besides UTF-8."""
    unprotected_prefix: Literal["warn", "reject"] = "warn"
    """What to do about a prefix used in a value whose declaration the signature does not cover."""
    split_text: Literal["reject", "accept"] = "reject"
    """What to do about a signed text that CDATA sections split where they need not. `accept` is dangerous: careless
    parsers read the first piece for the whole, and whoever stands in between can split a text without breaking the
    signature."""
    attachments: Literal["inline", "rebuild", "references", "refuse"] = "inline"
    """What becomes of a multipart response. `inline`: what `xop:Include` names is put into the message, which leaves as
    a plain one; signed attachments that it does not name leave as a multipart response written anew. `rebuild`: both
    leave as a multipart response written anew. `references`: as `rebuild`, and a signature over the `xop:Include`
    elements themselves counts. Dangerous: whoever stands in between can replace what is in the attachments. `refuse`:
    attachments are refused. A response whose only part is the message leaves as that in any case."""
    unsigned_attachments: Literal["refuse", "drop", "pass"] = "refuse"
    """What to do about an attachment that no trusted signature covers. `drop` leaves it out of what leaves. `pass` is
    dangerous: whoever stands in between can replace it."""
    clock_skew_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    """How far in the future a Timestamp may have been created."""
    timestamp_max_age_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = 3600
    """Age at which a signed or unsigned Timestamp is stale, whatever it says itself."""
    max_message_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = 16 * 1024 * 1024
    max_elements: Annotated[int, Field(ge=16)] = 500_000
    max_depth: Annotated[int, Field(ge=8, le=1000)] = 256
    """Elements nested in each other; up to this value libxml2 counts while it parses, a higher one costs a walk."""
    max_attributes: Annotated[int, Field(ge=8, le=10_000)] = 128
    """Attributes on one element."""
    max_namespaces: Annotated[int, Field(ge=16, le=10_000)] = 256
    """Namespace declarations in scope at one element."""

    @model_validator(mode="after")
    def _requires_more_than_attachments(self) -> Self:
        # A response may have none, and then nothing at all would be required.
        if set(self.required_parts) == {ALL_ATTACHMENTS}:
            raise ValueError(f'required_parts: name another part beside "{ALL_ATTACHMENTS}", such as "Body"')
        return self

    @property
    def dangers(self) -> tuple[str, ...]:
        """What in this policy is weaker than the default, one phrase each, for status and records."""
        found = []
        if self.allow_sha1:
            found.append("SHA-1 is admitted")
        if self.minimum_rsa_bits < 2048:
            found.append(f"RSA keys from {self.minimum_rsa_bits} bits are admitted")
        if self.expired_certificate == "accept":
            found.append("expired certificates are admitted")
        if self.signatures == "any":
            found.append("signatures that fail are tolerated beside one that verifies")
        if self.coverage == "together":
            found.append("parts that different signatures cover are taken for one message")
        if self.split_text == "accept":
            found.append("signed texts may be split by CDATA sections")
        if self.attachments == "references":
            found.append("a signature over the name of an attachment is taken for one over what is in it")
        if self.unsigned_attachments == "pass":
            found.append("attachments that no signature covers are passed on")
        if "Body" not in self.required_parts:
            found.append("the Body need not be signed")
        return tuple(found)
