"""What people plan and said of renewals: kept apart from what was measured, and never a reason by itself."""

from gateway.renewal.plan.delivery_policy import policy_warnings
from gateway.renewal.plan.plan_errors import PlanRefused, RenewalError, SaidWrongly, UnknownRenewal
from gateway.renewal.plan.plan_json import certificate_json, policy_json, renewal_json
from gateway.renewal.plan.planning import (
    Author,
    NewRenewal,
    RenewalChange,
    change_renewal,
    close_renewal,
    planned,
    refuse_change,
    refuse_start,
    set_site_policy,
    start_renewal,
)
from gateway.renewal.plan.renewal import (
    Closed,
    Closure,
    Confirmation,
    Notice,
    PlannedCertificate,
    Rehearsal,
    Renewal,
    SitePolicy,
    StatementKind,
    Waiver,
)
from gateway.renewal.plan.renewals import Renewals, read_renewals, renewals_of
from gateway.renewal.plan.saying import (
    confirm_step,
    is_contradicted,
    record_notice,
    record_rehearsal,
    record_retirement,
    record_sign_off,
    waive_cell,
    whole_fingerprint,
)
from gateway.renewal.plan.statement_contents import STEPS

__all__ = [
    "certificate_json",
    "policy_json",
    "policy_warnings",
    "renewal_json",
    "Author",
    "Closed",
    "Closure",
    "Confirmation",
    "NewRenewal",
    "Notice",
    "PlanRefused",
    "PlannedCertificate",
    "Rehearsal",
    "Renewal",
    "RenewalChange",
    "RenewalError",
    "Renewals",
    "STEPS",
    "SaidWrongly",
    "SitePolicy",
    "StatementKind",
    "UnknownRenewal",
    "Waiver",
    "change_renewal",
    "close_renewal",
    "confirm_step",
    "is_contradicted",
    "planned",
    "read_renewals",
    "record_notice",
    "record_rehearsal",
    "record_retirement",
    "record_sign_off",
    "refuse_change",
    "refuse_start",
    "renewals_of",
    "set_site_policy",
    "start_renewal",
    "waive_cell",
    "whole_fingerprint",
]
