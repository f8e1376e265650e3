"""The cells that need not switch before an old key goes: waived by name, in a renewal that is open.

A waiver is somebody's word for one operation, at one server or at all, and for the old certificates of its renewal
alone. It takes nothing off the guaranteed delivery time: what may be under way is not for anybody to waive.
"""

from dataclasses import dataclass

from gateway.renewal.evidence import KeyUse
from gateway.renewal.plan import Renewals
from keystore import Thumbprint


@dataclass(frozen=True, slots=True, order=True)
class WaivedCell:
    """One of them."""

    thumbprint: Thumbprint
    """The old certificate that may go without it."""
    endpoint: str
    operation: str
    """As in records; empty for messages without one."""
    server: str = ""
    """Empty: at whichever server."""

    def covers(self, use: KeyUse) -> bool:
        """Whether a use of a key at this endpoint is one in this cell."""
        return self.operation == (use.operation or "") and self.server in {"", use.server}

    @property
    def text(self) -> str:
        """The cell as it is written in commands: ENDPOINT:OPERATION@SERVER."""
        return cell_text(self.endpoint, self.operation, self.server)


def cell_text(endpoint: str, operation: str, server: str = "") -> str:
    """A cell as it is written in commands: ENDPOINT:OPERATION, or ENDPOINT:OPERATION@SERVER for one server."""
    return f"{endpoint}:{operation}" + (f"@{server}" if server else "")


def waived_cells(renewals: Renewals) -> frozenset[WaivedCell]:
    """What is waived in the renewals that are open."""
    return frozenset(
        WaivedCell(old.thumbprint, waiver.endpoint, waiver.operation, waiver.server)
        for renewal in renewals.open
        for waiver in renewal.waivers
        for old in renewal.old
    )
