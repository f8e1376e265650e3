"""Whether the receiver of each endpoint can be reached, and since when.

Time in which a receiver is down says nothing about which keys it signs with. So the time that counts as watched is
that in which it is known that the receiver could be reached. The traffic knows it best: an answer says yes, a failure
no, and so does an unsigned answer of whatever stands before the receiver that says it is not there (502, 503, 504;
RFC 9110, 15.6). While there is no traffic, a connection is made now and then and closed at once.

A connection says less than an answer: a receiver that hangs accepts one all the same. So after an exchange that did not
fail at connecting, connections do not count for a while. And what was not heard of lately is not known.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.config import EndpointSettings
from gateway.exchange.generation import Generation
from gateway.wire import Unreachable, Unsendable, UpstreamFailure

SILENCE_SECONDS: Final = 25.0
"""After which the receiver is asked: a little less than the time from one heartbeat of the ledger to the next."""
KNOWN_SECONDS: Final = 35.0
"""How long something heard counts: a little more than that time."""
PROBE_SECONDS: Final = 5.0
"""How long a connection may take to be made."""
DOUBT_SECONDS: Final = 900.0
"""How long after a receiver that could be connected to gave no usable answer only an answer says that it is back."""
_NOT_THERE: Final = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class EndpointState:
    """An endpoint as this process sees it."""

    serving: bool
    """Whether this process forwards requests to it."""
    reachable: bool | None
    """Whether its receiver can be reached; None where that is not known."""
    since: datetime | None
    """Since when that is so, UTC; None where it is not known."""


@dataclass(slots=True)
class _Heard:
    """The latest that was heard of one receiver."""

    upstream: str
    reachable: bool
    since: datetime
    at: float
    """When it was heard, by the monotonic clock."""
    doubted_until: float = 0.0


class Reachability:
    """What one gateway process knows of its receivers. For its event loop."""

    def __init__(
        self,
        generation: Callable[[], Generation],
        clock: Callable[[], datetime],
        is_serving: Callable[[], bool],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing known.

        Args:
            generation: The configuration in use, with its connections: endpoints come and go with it.
            clock: The present instant, UTC.
            is_serving: Whether the process takes requests.
            monotonic: Seconds that never run backwards.
        """
        self._generation = generation
        self._clock = clock
        self._is_serving = is_serving
        self._monotonic = monotonic
        self._heard: dict[str, _Heard] = {}
        self._probing: set[str] = set()

    def heard(self, endpoint: EndpointSettings, status: int, *, signed: bool) -> None:
        """The receiver answered with an HTTP `status`; whether a known key `signed` the answer."""
        if status in _NOT_THERE and not signed:
            self._note(endpoint, reachable=False, doubted=True)
        else:
            self._note(endpoint, reachable=True)

    def failed(self, endpoint: EndpointSettings, failure: UpstreamFailure) -> None:
        """The receiver gave no usable answer."""
        if not isinstance(failure, Unsendable):  # nothing was sent: it is about the request
            self._note(endpoint, reachable=False, doubted=not isinstance(failure, Unreachable))

    def states(self) -> Mapping[str, EndpointState]:
        """Every endpoint of the configuration in use."""
        now, serving = self._monotonic(), self._is_serving()
        states = {}
        for name, endpoint in self._generation().settings.endpoints.items():
            heard = self._latest(endpoint)
            if heard is None or now - heard.at > KNOWN_SECONDS:
                states[name] = EndpointState(serving, None, None)
            else:
                states[name] = EndpointState(serving, heard.reachable, heard.since)
        return states

    async def look(self) -> None:
        """Try to connect to each receiver of which nothing was heard lately, where the configuration wants that.

        It takes `PROBE_SECONDS` at most. Where a connection to one is still being tried, that is not done twice.
        """
        endpoints = self._generation().settings.endpoints
        self._heard = {name: heard for name, heard in self._heard.items() if name in endpoints}
        now = self._monotonic()
        silent = [
            endpoint
            for endpoint in endpoints.values()
            if endpoint.reachability_probe == "connect"
            and endpoint.name not in self._probing
            and ((heard := self._latest(endpoint)) is None or now - heard.at >= SILENCE_SECONDS)
        ]
        await asyncio.gather(*(self._probe(endpoint) for endpoint in silent))

    async def _probe(self, endpoint: EndpointSettings) -> None:
        client = self._generation().clients[endpoint.name]
        began = self._monotonic()
        self._probing.add(endpoint.name)
        try:
            reachable = await client.is_reachable(PROBE_SECONDS)
        finally:
            self._probing.discard(endpoint.name)
        heard = self._latest(endpoint)
        if self._generation().clients.get(endpoint.name) is not client or (heard is not None and heard.at >= began):
            return  # another receiver, or connections that are being closed; or the traffic has said more since
        if reachable and heard is not None and began < heard.doubted_until:
            heard.at = self._monotonic()
            return
        self._note(endpoint, reachable=reachable)

    def _latest(self, endpoint: EndpointSettings) -> _Heard | None:
        heard = self._heard.get(endpoint.name)
        if heard is None:
            return None
        # Mostly the very same object, which is quicker to tell than that two are equal.
        return heard if heard.upstream is endpoint.upstream or heard.upstream == endpoint.upstream else None

    def _note(self, endpoint: EndpointSettings, *, reachable: bool, doubted: bool = False) -> None:
        now = self._monotonic()
        heard = self._latest(endpoint)
        doubted_until = now + DOUBT_SECONDS if doubted else 0.0
        if heard is None:
            in_use = self._generation().settings.endpoints.get(endpoint.name)
            if in_use is not None and in_use.upstream == endpoint.upstream:  # else of a configuration that is gone
                self._heard[endpoint.name] = _Heard(endpoint.upstream, reachable, self._clock(), now, doubted_until)
            return
        if heard.reachable is not reachable or now - heard.at > KNOWN_SECONDS:
            heard.since = self._clock()
        heard.reachable, heard.at, heard.doubted_until = reachable, now, doubted_until
