"""The gates of the renewal: whether an old key may be retired, or forgotten, told from what the ledger measured."""

from gateway.renewal.delays import Delays, delays_of
from gateway.renewal.evidence import Evidence, measure
from gateway.renewal.gates import MeasuredGates

__all__ = ["Delays", "Evidence", "MeasuredGates", "delays_of", "measure"]
