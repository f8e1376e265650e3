"""Where a renewal stands: judged from what was measured and what people said."""

from gateway.renewal.progress.certificate_expiry import DUE_WITHIN, Expiry, endpoints_now, expiries, expiry_json
from gateway.renewal.progress.inferred_cutovers import InferredCell, InferredCutover, infer_cutovers, inferred_json
from gateway.renewal.progress.judging_renewal import judge_renewal
from gateway.renewal.progress.measured import Measured, measured_now
from gateway.renewal.progress.renewal_formats import renewal_status_json, step_json
from gateway.renewal.progress.renewal_screen import renewal_screen, waiting_line
from gateway.renewal.progress.renewal_status import (
    Actor,
    CoverageState,
    CoveredCell,
    Mark,
    Preparation,
    Relapse,
    RenewalStatus,
    Step,
    WatchedTime,
)

__all__ = [
    "DUE_WITHIN",
    "Expiry",
    "InferredCell",
    "InferredCutover",
    "endpoints_now",
    "expiries",
    "expiry_json",
    "infer_cutovers",
    "inferred_json",
    "Actor",
    "CoverageState",
    "CoveredCell",
    "Mark",
    "Measured",
    "Preparation",
    "Relapse",
    "RenewalStatus",
    "Step",
    "WatchedTime",
    "judge_renewal",
    "measured_now",
    "renewal_screen",
    "renewal_status_json",
    "step_json",
    "waiting_line",
]
