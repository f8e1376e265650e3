"""The clients that judge the gateway, by name: what each reads of the answer to a request for an order."""

from typing import Any, Final

import requests
import zeep
from zeep.transports import Transport

from tests.consumers.programs import WSDL, Reading

JAVA: Final = ("cxf-proxy", "cxf-dispatch", "saaj")
"""Apache CXF with a service interface and JAXB, and with the bare payload; SAAJ of the reference implementation."""
NODE: Final = ("node-soap", "node-soap-attachments")
"""The second looks for attachments, as an option of it asks for."""
CLIENTS: Final = (*JAVA, *NODE, "zeep")
_SECONDS: Final = 30


class Zeep:
    """zeep, in this process."""

    def __init__(self) -> None:
        """Read the WSDL."""
        session = requests.Session()
        session.trust_env = False
        transport = Transport(session=session, operation_timeout=_SECONDS)  # type: ignore[no-untyped-call]  # zeep has no types
        self._client: Any = zeep.Client(str(WSDL), transport=transport)  # type: ignore[no-untyped-call]  # as above

    def read(self, _kind: str, version: str, url: str) -> Reading:
        """Ask `url` for an order, in SOAP `version`."""
        service = self._client.create_service(f"{{urn:orders}}Soap{version.replace('.', '')}", url)
        try:
            found = service.GetOrder("1")
        except zeep.exceptions.Fault as fault:
            return Reading(fault=fault.message)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it read nothing
            return Reading(error=f"{type(error).__name__}: {error}")
        return Reading(text=str(found))
