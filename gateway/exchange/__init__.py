"""One exchange: forward, verify, RECORD, and only then release. What leaves is decided in one place (`release`).

PathRefused        a request path that could mean something else to the receiver
"""

from gateway.exchange.application import Application
from gateway.exchange.cross_checking import require_judges
from gateway.exchange.extension_points import Direction, Extensions, Recorder, Unpacker
from gateway.exchange.generation import Generation
from gateway.exchange.judgement import INLINE_BYTES, runs_inline
from gateway.exchange.message_log import MessageLog
from gateway.exchange.metrics import Metrics
from gateway.exchange.pipeline import Ledger, Surroundings
from gateway.exchange.reachability import Reachability
from gateway.exchange.recorders import Recorders
from gateway.exchange.release import own_answer, text_answer

__all__ = [
    # the application
    "Application",
    "Generation",
    "Ledger",
    "Metrics",
    "Reachability",
    "Surroundings",
    # points of extension
    "Direction",
    "Extensions",
    "MessageLog",
    "Recorder",
    "Recorders",
    "Unpacker",
    # rules that others ask for
    "INLINE_BYTES",
    "own_answer",
    "require_judges",
    "runs_inline",
    "text_answer",
]
