"""A renewal as people planned it and spoke of it, as a JSON object for programs."""

from typing import Any

from gateway.present import instant_json
from gateway.renewal.plan.renewal import PlannedCertificate, Renewal, SitePolicy


def renewal_json(renewal: Renewal) -> dict[str, Any]:
    """The plan, and everything that was said, without what was measured."""
    closed = renewal.closed
    return {
        "name": renewal.name,
        "started_at": instant_json(renewal.started_at),
        "started_by": renewal.started_by,
        "reason": renewal.reason,
        "endpoints": list(renewal.endpoints),
        "old": [certificate_json(one) for one in renewal.old],
        "new": certificate_json(renewal.new),
        "same_key": renewal.has_same_key,
        "announced": instant_json(renewal.announced),
        "announced_text": renewal.announced_text,
        "downtime": renewal.downtime,
        "compromised": renewal.compromised,
        "contacts": list(renewal.contacts),
        "confirmations": [
            {
                "step": one.step,
                "at": instant_json(one.at),
                "by": one.by,
                "who": one.who,
                "note": one.note,
                "fingerprint": one.fingerprint,
            }
            for one in renewal.confirmations
        ],
        "rehearsals": [
            {
                "at": instant_json(one.at),
                "who": one.who,
                "endpoint": one.endpoint,
                "file": one.file,
                "sha256": one.sha256,
                "accepted": one.accepted,
                "reason": one.reason,
                "sentence": one.sentence,
            }
            for one in renewal.rehearsals
        ],
        "waivers": [
            {
                "at": instant_json(one.at),
                "by": one.by,
                "who": one.who,
                "reason": one.reason,
                "endpoint": one.endpoint,
                "operation": one.operation,
                "server": one.server,
            }
            for one in renewal.waivers
        ],
        "notices": [
            {"step": one.step, "at": instant_json(one.at), "who": one.who, "sha256": one.sha256}
            for one in renewal.notices
        ],
        "retirement_certificates": list(renewal.retirement_certificates),
        "sign_offs": list(renewal.sign_offs),
        "closed": None
        if closed is None
        else {"how": str(closed.how), "at": instant_json(closed.at), "who": closed.who, "reason": closed.reason},
    }


def certificate_json(certificate: PlannedCertificate) -> dict[str, Any]:
    """A certificate of a plan."""
    return {
        "alias": str(certificate.alias),
        "thumbprint": str(certificate.thumbprint),
        "key_id": str(certificate.key_id),
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "not_before": instant_json(certificate.not_before),
        "not_after": instant_json(certificate.not_after),
    }


def policy_json(policy: SitePolicy) -> dict[str, Any]:
    """A policy of the site."""
    return {
        "endpoint": policy.endpoint,
        "guaranteed_delivery_seconds": policy.guaranteed_delivery_time.total_seconds(),
        "owner": policy.owner,
        "reason": policy.reason,
        "at": instant_json(policy.at),
        "who": policy.who,
    }
