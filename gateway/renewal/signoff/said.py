"""What people said of a renewal, as documents hold it: with the certificates in full."""

from typing import Any

from gateway.renewal.plan import PlannedCertificate, Renewal, Renewals, certificate_json, policy_json, renewal_json


def said_json(renewal: Renewal, renewals: Renewals) -> dict[str, Any]:
    """What was said of `renewal`, with the policies of its endpoints."""
    return {
        **renewal_json(renewal),
        "old": [_whole(one) for one in renewal.old],
        "new": _whole(renewal.new),
        "policies": [
            policy_json(policy) for name, policy in sorted(renewals.policies.items()) if name in renewal.endpoints
        ],
    }


def _whole(certificate: PlannedCertificate) -> dict[str, Any]:
    return {**certificate_json(certificate), "pem": certificate.pem}
