"""`wssgate renewal infer`: cutovers that the ledger shows, whether or not anybody started a renewal."""

import shlex

from gateway.cli.exit_codes import PLAIN
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption
from gateway.cli.renewal.judged_renewals import renewals_in
from gateway.cli.renewal.renewal_options import as_typed
from gateway.cli.report.formats import opened
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import plain, print_json, say
from gateway.present import OperationNames, instant_in_table
from gateway.renewal import InferredCutover, infer_cutovers, inferred_json

EPILOG = PLAIN


def command(
    endpoint: EndpointOption = None, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False
) -> None:
    """Show which key took over from which one, as far as the ledger tells, whoever started a renewal.

    It goes by the order in which the keys were used in each operation, at each server; never by the dates of
    certificates. It is a proposal: which key is the new one is what you declare, with renewal start. That the new key
    came last is not yet a switch: whether it is one tells wssgate report cutover, once the new key is declared.
    """
    with opened(config, endpoint, as_csv=False, as_json=as_json) as workplace:
        renewals = renewals_in(workplace)
        found = infer_cutovers(
            workplace.engine, workplace.keystore.entries(), list(renewals.by_name.values()), endpoint
        )
        if as_json:
            print_json(inferred_json(found))
            return
        if not found:
            say("No key took over from another one in what is on record.")
        for one in found:
            _print(one)
            if not one.renewal and one.can_start:
                start = f"wssgate renewal start --old {one.old_alias} --new {one.new_alias}"
                say(f"  next: {as_typed(f'{start} --endpoint {shlex.quote(one.endpoint)}', workplace)}")


def _print(one: InferredCutover) -> None:
    state = "the new key came last in every operation" if one.new_came_last else "under way"
    say(f"{plain(one.endpoint)}: {plain(one.old_alias)} -> {plain(one.new_alias)}; {state}", style="bold")
    belongs = f"the renewal {one.renewal}" if one.renewal else "no renewal was started"
    declared = "declared in the keystore" if one.is_declared else "not declared in the keystore"
    say(f"  {belongs}; {declared}; times in UTC")
    names = OperationNames([*(cell.operation for cell in one.cells), *(operation for operation, _ in one.only_old)])
    shown = table("operation", "old key", "until", "new key", "from", numbers=("old key", "new key"))
    for met in one.cells:
        shown.add_row(
            cell(names.short(met.operation) + (f" at {plain(met.server)}" if met.server else "")),
            cell(f"{met.old_messages:,}"),
            cell(instant_in_table(met.last_old), "" if met.new_came_last else "yellow"),
            cell(f"{met.new_messages:,}"),
            cell(instant_in_table(met.first_new)),
        )
    show(shown)
    for operation, server in one.only_old:
        at = f" at {plain(server)}" if server else ""
        say(f"  only the old key: {names.short(operation)}{at}", style="yellow")
