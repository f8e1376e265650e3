"""The channels over which people are told, as `wssgate status` shows them: what waits, and which are broken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.cli.workplace import Workplace
from gateway.ledger import known_alerts, waiting_deliveries
from gateway.present import count_text


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How far alerts get over one channel of the configuration."""

    name: str
    kind: str
    waiting: int
    """Alerts in the outbox that it has not taken yet."""
    is_broken: bool
    """Whether the attempts of a gateway to deliver over it fail, as far as is known."""
    problem: str | None
    """What the gateway on this machine says of its last attempt, where that failed."""


def channel_states(workplace: Workplace, running: dict[str, Any] | None) -> list[ChannelState]:
    """Every channel of the configuration; what broke on any machine stands in the outbox.

    Raises:
        DatabaseUnavailable: the database cannot be read.
    """
    channels = workplace.settings.alerts
    if not channels:
        return []
    waiting = waiting_deliveries(workplace.engine)
    broken = {alert.about for alert in known_alerts(workplace.engine, event="channel") if alert.is_on}
    states = []
    for name, channel in channels.items():
        problem = _problem(running, name)
        is_broken = (name,) in broken or problem is not None
        states.append(ChannelState(name, channel.kind, waiting.get(name, 0), is_broken, problem))
    return states


def _problem(running: dict[str, Any] | None, channel: str) -> str | None:
    found: object = running
    for key in ("alerts", "channels", channel, "problem"):
        found = found.get(key) if isinstance(found, dict) else None
    return str(found) if found else None


def alerts_text(channels: Sequence[ChannelState]) -> tuple[str, str]:
    """One line for people, with its style."""
    if not channels:
        return "nobody is told of anything: there is no table [alerts.NAME]", ""
    style = "red" if any(one.is_broken for one in channels) else ""
    return "; ".join(map(_text, channels)), style


def _text(channel: ChannelState) -> str:
    waits = f"{count_text(channel.waiting, 'alert')} waiting" if channel.waiting else "nothing waits"
    if not channel.is_broken:
        return f"{channel.name}: {waits}"
    return f"{channel.name}: BROKEN, {waits}{f' ({channel.problem})' if channel.problem else ''}"


def channels_json(channels: Sequence[ChannelState]) -> dict[str, object]:
    """The same for programs."""
    return {
        one.name: {"kind": one.kind, "waiting": one.waiting, "broken": one.is_broken, "problem": one.problem}
        for one in channels
    }
