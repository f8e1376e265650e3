"""One configuration in use: its routes and its connections, retired as a whole when a newer one takes over."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Self

from gateway.config import ConfigurationError, Settings
from gateway.exchange.cross_checking import require_judges
from gateway.exchange.routing import Router
from gateway.exchange.usual_answers import UsualAnswers
from gateway.verify import Verifier
from gateway.wire import UpstreamClient, tls_context


class Generation:
    """The settings that new exchanges go by, until the next reload.

    An exchange enters the generation that it began under and leaves it when it ends; the connections of a retired
    generation are closed once the last has left.
    """

    def __init__(self, settings: Settings, clients: Mapping[str, UpstreamClient]) -> None:
        """Hold `settings` and a client per endpoint; `of` makes both."""
        self.settings = settings
        self.verifiers = {name: Verifier(endpoint.policy) for name, endpoint in settings.endpoints.items()}
        """By endpoint: what is remembered of one partner's messages is not pushed out by another's."""
        self.usual = {name: UsualAnswers() for name in settings.endpoints}
        """By endpoint: what the answers of its receiver are like."""
        self.router = Router(settings.endpoints)
        self.clients = clients
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make the clients that `settings` need. To be called inside the event loop.

        Raises:
            ConfigurationError: A TLS file of an endpoint cannot be used, or nobody is there to give the second opinion
                that one wants.
        """
        require_judges(settings)
        try:
            contexts = {name: tls_context(endpoint) for name, endpoint in settings.endpoints.items()}
        except ConfigurationError as error:
            raise ConfigurationError([f"{settings.source}: {problem}" for problem in error.problems]) from error
        return cls(
            settings,
            {
                name: UpstreamClient(endpoint.upstream, endpoint.upstream_timeout.total_seconds(), contexts[name])
                for name, endpoint in settings.endpoints.items()
            },
        )

    def __enter__(self) -> Self:
        """Begin an exchange."""
        self._inside += 1
        self._empty.clear()
        return self

    def __exit__(self, *_: object) -> None:
        """End an exchange."""
        self._inside -= 1
        if self._inside == 0:
            self._empty.set()

    async def retire(self, patience: float | None = None) -> None:
        """Wait until the exchanges under way have ended, at most `patience` seconds, then close the connections."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience)
        for client in self.clients.values():
            await client.close()
