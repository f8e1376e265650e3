"""Verification beside its peers: the same bytes, processor time, ratios in one run."""
