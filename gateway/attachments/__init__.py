"""Multipart bodies: into a plain SOAP message and its attachments, and out again.

Pure: no clock, file, socket or thread.

What is read can be read in one way only; whatever readers are known to take differently is a `gateway.verify.Rejection`
that names it. So `email` does not read here: it takes lines that end with CR or LF alone or have white space behind the
boundary for delimiters, the first of two equal header fields or parameters, a body without an end for a whole one, a
line that is no field for the begin of the content, and skips what is no base64. Nor does `multipart`, which reads forms
alone (it refuses a part without Content-Disposition) and passes over text around the parts and fields that are there
twice. `email` reads in the tests, and must read the same.
"""

from gateway.attachments.body_opening import OpenedBody, open_body
from gateway.attachments.leaving import Leaving, what_leaves
from gateway.attachments.message_files import saved_message
from gateway.attachments.rebuilding import Rebuilt, rebuild
from gateway.attachments.unpacking import Unpacked, unpack
from gateway.attachments.xop_expansion import Include, plain_message

__all__ = [
    "Include",
    "Leaving",
    "OpenedBody",
    "Rebuilt",
    "Unpacked",
    "open_body",
    "plain_message",
    "rebuild",
    "saved_message",
    "unpack",
    "what_leaves",
]
