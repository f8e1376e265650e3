"""The garbage collector of a process that serves: what start-up made is spared, and the rest is looked through seldom.

Nearly all that an exchange makes is freed by its reference counts. What the collector does beside is to look through
everything that lives, the modules and tables of start-up above all, in the midst of exchanges: under 64 connections
the slowest hundredth of the answers took 70 to 90 ms by that, and takes 30 to 40 without.
"""

import gc
from typing import Final

_THRESHOLDS: Final = (10_000, 10, 10)
"""Objects made and not freed before the youngest are looked through (Python's own is 700), and how often that before
the older ones are: a cycle of an exchange that broke down lives for some thousand exchanges at most."""


def settle_heap() -> None:
    """Take what there is now for what stays (`gc.freeze`). To be called once, when the process serves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
