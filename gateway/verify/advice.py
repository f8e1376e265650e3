"""What to do next about a rejection: one place, for every command and report that shows a reason to an operator.

Never sent to the client: what a rejection tells whoever sent the message is in `gateway.exchange.soap_faults`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.verify.reason import Reason

ADVICE: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.LIMITS: (
            "Compare with what the receiver usually sends: if such messages are honest, and the detail names a setting "
            "of the policy (max_...), raise that. The other limits are fixed, and honest messages stay far below them: "
            "ask the receiver administrator what sent it."
        ),
        Reason.ENCODING: (
            "Ask the receiver administrator to send UTF-8 and to name it alike in Content-Type and XML declaration; "
            "where the detail says that the policy may admit the encoding, encodings = [...] does."
        ),
        Reason.DTD: (
            "Look at what answered: it is mostly an error page of a server or proxy on the way, "
            "for SOAP messages have no DOCTYPE; if it was the receiver, ask its administrator to leave it out."
        ),
        Reason.MALFORMED: (
            "Look at what answered: it is mostly an error page or a response cut short; "
            "check the proxies on the way, then ask the receiver administrator."
        ),
        Reason.NOT_SOAP: (
            "Check the endpoint's upstream = ... in the configuration: what answered there is no SOAP service, "
            "or a proxy on the way that showed a page of its own."
        ),
        Reason.DUPLICATE_ID: (
            "Take it for an attack until it is explained: keep the message, and ask the receiver administrator "
            "whether that stack writes one id on two elements."
        ),
        Reason.WRAPPING: (
            "Take it for an attack: keep the message, tell those who answer for security, and find out who between "
            "the receiver and this gateway can change messages."
        ),
        Reason.STRUCTURE: (
            "Show the detail to the receiver administrator: the message is built in a way that is ambiguous or not "
            "supported here (encryption, attachments); no setting of the policy admits it, except where it says so."
        ),
        Reason.TRANSFORM_NOT_ALLOWED: (
            "Ask the receiver administrator to sign with exclusive canonicalization as the only transform."
        ),
        Reason.ALGORITHM_NOT_ALLOWED: (
            "Ask the receiver administrator to sign with RSA or ECDSA over SHA-256 or better; where SHA-1 is all that "
            "the receiver can do, allow_sha1 = true in the policy admits it, which is dangerous."
        ),
        Reason.CERTIFICATE_REVOKED: (
            "Take the message for a forgery: the key was withdrawn as compromised. Tell the receiver administrator at "
            "once that somebody, or one of their servers, still signs with it."
        ),
        Reason.RETIRED_KEY: (
            "Ask the receiver administrator which server still signs with the old key; if it was retired too early, "
            "trust it again with wssgate keystore restore ALIAS --reason TEXT."
        ),
        Reason.STAGED_KEY: (
            "Compare the fingerprint with the certificate's owner over the phone (wssgate keystore show ALIAS), then "
            "trust it with wssgate keystore trust ALIAS; until then the receiver has to sign with its old key."
        ),
        Reason.WEAK_KEY: (
            "Ask the receiver administrator for a new key of RSA 2048 bits or more, or of P-256; until then "
            "minimum_rsa_bits = 1024 in the policy admits shorter RSA keys, and them alone, which is dangerous."
        ),
        Reason.CERTIFICATE_EXPIRED: (
            "Ask the receiver administrator for the renewed certificate and add it with wssgate keystore add; until "
            'then expired_certificate = "accept" in the policy lets the old one pass. If it is not valid yet, compare '
            "the clocks."
        ),
        Reason.UNKNOWN_KEY: (
            "Ask the receiver administrator whether the key was changed. If so, and the message carried the "
            "certificate, wssgate report unknown-keys shows it: stage it with wssgate keystore add --from-record ID, "
            "or from a file with --from-message FILE, compare its fingerprint over the phone, then trust it; "
            "else have the certificate sent, and add it with wssgate keystore add."
        ),
        Reason.SIGNATURE_INVALID: (
            "Ask the receiver administrator which certificate signs, and compare its fingerprint with wssgate keystore "
            "list; if it is trusted here, something changed the signature on the way: look for proxies that rewrite "
            "messages, and else take it for a forgery."
        ),
        Reason.REFERENCE_URI: (
            "Ask the receiver administrator to sign the parts of the message by their ids (wsu:Id) and nothing outside "
            "it; signed attachments are not supported."
        ),
        Reason.DIGEST_MISMATCH: (
            "Look for proxies and buses on the way that reformat XML, and compare with what left the receiver: "
            "something changed the named part after it was signed. Where nothing explains it, take it for a forgery."
        ),
        Reason.PART_NOT_SIGNED: (
            "Ask the receiver administrator to sign the named part with the trusted key; if that was never agreed, "
            "take the part out of required_parts = [...] in the policy."
        ),
        Reason.UNSIGNED: (
            "Ask the receiver administrator to sign the responses of this operation. SOAP Faults that are not signed "
            'pass with unsigned_faults = "pass", a Security header for another actor with actor = "..." in the policy.'
        ),
        Reason.TIMESTAMP_MISSING: (
            "Ask the receiver administrator to send a Timestamp with Created, and to sign it; if that was never "
            "agreed, take Timestamp out of required_parts = [...] in the policy."
        ),
        Reason.TIMESTAMP_STALE: (
            "Compare the clocks of the receiver and of this machine. If both are right, the message was long under "
            "way, or is repeated. What expires by its own Expires only the receiver administrator can give more time; "
            "timestamp_max_age_seconds = ... and clock_skew_seconds = ... in the policy are for age and future."
        ),
        Reason.REPLAYED: (
            "Find out who sent the same message twice: a receiver or proxy that repeats its answers, or somebody who "
            'recorded one. Only where the receiver is known to repeat, replay_attacks = "ignore" lets it pass.'
        ),
        Reason.UNCORRELATED: (
            "Look for a proxy or a receiver that mixes up connections: the response was signed for another request. "
            "Should it go on, take it for an attack."
        ),
        Reason.DISPUTED: (
            "Keep the message and report it as SECURITY.md says: two implementations disagree about it, and one of "
            'them is wrong. With second_opinion = "sample" such messages pass, and raise an alarm.'
        ),
    }
)
"""The next action for each reason, in sentences; commands and keys of the configuration as they are typed."""


def advice_on(reason: str | None) -> str | None:
    """The next action for a reason by its name, as records have it; None where a name is not known or there is none."""
    try:
        return ADVICE[Reason(reason or "")]
    except ValueError:
        return None
