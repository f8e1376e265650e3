"""What is done for the ledger now and then, by the running gateway and by commands: old records go."""

from gateway.upkeep.pruning import kept_records, prune_once, rehearse_pruning

__all__ = ["kept_records", "prune_once", "rehearse_pruning"]
