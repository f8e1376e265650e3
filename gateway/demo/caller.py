"""The tenant's SOAP client: zeep, with a WSDL fetched through the gateway, and no idea that there is a gateway."""

from collections.abc import Mapping
from dataclasses import dataclass

import requests
import zeep
from zeep.exceptions import Fault, TransportError
from zeep.transports import Transport

_TIMEOUT = 20
"""Seconds; a call through an idle gateway takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Call:
    """How one call went, seen from the client and from the headers that the gateway added."""

    operation: str
    amount: str | None
    """What the client received; None where it received a SOAP Fault instead."""
    fault: str | None
    verdict: str
    keys: str
    """Aliases of the entries that verified the response."""


class Caller:
    """A client of the service behind the gateway."""

    def __init__(self, wsdl_address: str) -> None:
        """Fetch the WSDL at `wsdl_address`.

        Raises:
            requests.RequestException: there is no answer.
        """
        self._last_headers: Mapping[str, str] = {}
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment cannot reach this machine's loopback interface
        self._session.hooks["response"].append(self._listen)
        transport = Transport(session=self._session, timeout=_TIMEOUT, operation_timeout=_TIMEOUT)  # type: ignore[no-untyped-call]  # zeep has no types
        self._client = zeep.Client(wsdl_address, transport=transport)  # type: ignore[no-untyped-call]  # zeep has no types

    @property
    def service_address(self) -> str:
        """Where the WSDL sends the calls."""
        return str(self._client.service._binding_options["address"])  # noqa: SLF001 - zeep offers no public way

    def call(self, operation: str, number: str) -> Call:
        """Call `operation` for the order `number`."""
        amount = fault = None
        try:
            answer = self._client.service[operation](number=number)
            amount = str(answer.amount)
        except Fault as error:
            fault = str(error.message)
        except TransportError as error:
            fault = f"HTTP {error.status_code}"
        headers = self._last_headers
        return Call(operation, amount, fault, headers.get("WSSGate-Verdict", "none"), headers.get("WSSGate-Key", ""))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _listen(self, response: requests.Response, **_options: object) -> None:
        self._last_headers = response.headers
