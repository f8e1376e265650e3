"""The gateway as processes: start, workers, supervisor, watch over keystore and configuration, the admin listener.

WorkersFailed    the workers do not start, or keep dying: the gateway ends, and says why
"""

from gateway.service.daily_pruning import kept_records, prune_once, rehearse_pruning
from gateway.service.serving import serve
from gateway.service.start_check import StartCheck, check_start
from gateway.service.workers.restarting import WorkersFailed

__all__ = [
    # serving
    "StartCheck",
    "WorkersFailed",
    "check_start",
    "serve",
    # pruning
    "kept_records",
    "prune_once",
    "rehearse_pruning",
]
