"""The readers that an independent judge shares with the verifier: how a message is read, not what it is worth.

A judge that read the document in a way of its own would judge another message. `gateway.cross_check` is the one.
"""

from gateway.verify.algorithms import RSA_PSS, KeyFamily
from gateway.verify.envelope import find_security_header, read_envelope
from gateway.verify.grammar import SignatureGrammar, read_signature
from gateway.verify.ids import IdIndex
from gateway.verify.parsing import read_document
from gateway.verify.xml_names import local_name

__all__ = [
    "RSA_PSS",
    "IdIndex",
    "KeyFamily",
    "SignatureGrammar",
    "find_security_header",
    "local_name",
    "read_document",
    "read_envelope",
    "read_signature",
]
