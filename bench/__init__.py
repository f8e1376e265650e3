"""Benchmarks: ratios beside peers in one run on one machine, never absolute promises."""
