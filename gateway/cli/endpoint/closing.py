"""That an endpoint ended or has another name is told to the ledger, by a writer of the command's own."""

from gateway.cli.command_errors import ChangeRefused, EnvironmentFailed, WrongUse
from gateway.cli.command_events import SECONDS, command_writer
from gateway.cli.endpoint.recorded_endpoints import RecordedEndpoints
from gateway.cli.workplace import Workplace
from gateway.ledger import Content, EventKind, LedgerError
from gateway.present import instant_text


def need_reason(reason: str) -> None:
    """Let nobody take an endpoint out of the evidence without a word.

    Raises:
        WrongUse: There is no reason.
    """
    if not reason.strip():
        raise WrongUse("--reason TEXT must say why: it stays in the ledger, for whoever asks later on.")


def refuse_if_alive(endpoints: RecordedEndpoints, name: str, verb: str) -> None:
    """See to it that nobody takes an endpoint out of the evidence that still is one.

    Raises:
        ChangeRefused: It is unknown, configured, or served by a gateway now.
    """
    if name in endpoints.configured:
        raise ChangeRefused(
            f"{name} is still configured, so it cannot be {verb}: take the table [endpoint.{name}] out of the "
            "configuration, let every gateway read it again (systemctl reload, or kill -HUP), then come back."
        )
    serving = endpoints.served_now_by(name)
    if serving:
        raise ChangeRefused(
            f"{name} is served now by {', '.join(serving)}, so it cannot be {verb}: take it out of the configuration "
            "there and let it be read again, or stop that gateway and wait two minutes."
        )
    if name not in endpoints.names():
        known = ", ".join(endpoints.names()) or "none yet"
        raise ChangeRefused(f"no gateway ever served an endpoint {name!r}; those that are known: {known}.")


def refuse_if_closed(endpoints: RecordedEndpoints, name: str, new_name: str | None) -> None:
    """See to it that nothing is said twice.

    Raises:
        ChangeRefused: The ledger knows this already.
    """
    found = endpoints.evidence.recorded().get(name)
    closing = None if found is None else found.closing
    if closing is not None and closing.new_name == new_name:
        what = "ended" if new_name is None else f"was renamed to {new_name}"
        raise ChangeRefused(
            f"{name} {what} already: {closing.who} said so at {instant_text(closing.at)} ({closing.reason})."
        )


def tell(workplace: Workplace, kind: EventKind, content: Content, command: str) -> None:
    """Write the event, signed where this instance's key is there.

    Raises:
        EnvironmentFailed: It could not be written.
    """
    try:
        with command_writer(workplace, command) as writer:
            writer.tell(kind, content).result(SECONDS)
    except (LedgerError, TimeoutError) as error:
        why = str(error) or f"the database did not answer within {SECONDS:g} s"
        raise EnvironmentFailed(f"Nothing was recorded: {why}.") from error
