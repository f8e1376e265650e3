"""Captured responses, verified again: files in, verdicts and totals out.

What happened is looked at once more against any trust, policy and instant, without a gateway or a database.

CaptureUnreadable    a file cannot be read, or holds a broken HTTP response
"""

from gateway.replay.capture_files import find_files
from gateway.replay.captured_response import CapturedResponse, read_response
from gateway.replay.errors import CaptureUnreadable
from gateway.replay.message_certificates import EmbeddedCertificates, embedded_certificates
from gateway.replay.replay_json import replayed_json, totals_json
from gateway.replay.run import Replayed, replay_file, with_second_opinion
from gateway.replay.totals import Totals
from gateway.replay.verification_instant import Instant, InstantSource

__all__ = [
    # verifying again
    "CaptureUnreadable",
    "CapturedResponse",
    "Instant",
    "InstantSource",
    "Replayed",
    "Totals",
    "find_files",
    "read_response",
    "replay_file",
    "with_second_opinion",
    # for programs
    "replayed_json",
    "totals_json",
    # certificates that messages bring along
    "EmbeddedCertificates",
    "embedded_certificates",
]
