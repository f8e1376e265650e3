"""Captured responses, verified again: files in, verdicts and totals out.

What happened is looked at once more against any trust, policy and instant, without a gateway or a database.
"""

from gateway.replay.captured import CapturedResponse, read_response
from gateway.replay.instant import Instant, InstantSource
from gateway.replay.rendering import replayed_json, totals_json, verdict_json
from gateway.replay.run import Replayed, replay_file
from gateway.replay.sources import find_files
from gateway.replay.totals import Totals

__all__ = [
    "CapturedResponse",
    "Instant",
    "InstantSource",
    "Replayed",
    "Totals",
    "find_files",
    "read_response",
    "replay_file",
    "replayed_json",
    "totals_json",
    "verdict_json",
]
