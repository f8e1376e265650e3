"""`wssgate report unknown-keys`: who signed with keys that the keystore does not know."""

from gateway.cli.exit_codes import PLAIN
from gateway.cli.filter_argument import FilterArgument, wanted_records
from gateway.cli.instant_options import SinceOption
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.report.formats import CsvOption, opened, print_report
from gateway.cli.terminal import plain, say, write
from gateway.ledger import RecordFilter
from gateway.report import (
    UnknownKeysReport,
    unknown_keys_csv,
    unknown_keys_json,
    unknown_keys_report,
    unknown_keys_table,
)
from keystore import describe

EPILOG = PLAIN


def command(
    filter_words: FilterArgument = None,
    endpoint: EndpointOption = None,
    since: SinceOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Which unknown keys signed what was rejected, as far as the messages carried their certificates.

    Of each endpoint the newest 100 certificates are kept, those that a good signature backs before all others.
    What a certificate resembles by its names proves nothing; that its signature is good proves who holds the key. Which
    of them is your partner's, the fingerprint tells. --since is exact: those that were seen since then.

    With FILTER it is those that a message carried which fits, counted over such messages alone: op:GetOrder, server:a,
    outcome:rejected, since:2h. It is answered from the records; those that were pruned are not counted.
    """
    with opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
        trust = workplace.keystore.snapshot()
        wanted = wanted_records(filter_words, workplace, beside=RecordFilter(endpoint=endpoint, since=since))
        report = unknown_keys_report(
            workplace.engine,
            trust,
            now=now(),
            endpoint=endpoint,
            since=wanted.since,
            wanted=wanted if filter_words else None,
            only=" ".join(filter_words or ()),
        )
        source = plain(workplace.shown_source)
    if as_csv:
        write(unknown_keys_csv(report))
        return
    print_report(unknown_keys_json(report), unknown_keys_table(report), as_json=as_json)
    if not as_json:
        _print_next(report, source)


def _print_next(report: UnknownKeysReport, source: str) -> None:
    """How the likeliest of them is added: one that looks like an entry of the keystore, else the newest.

    One that the keystore holds for other endpoints only has to be meant for this one as well.
    """
    for key in report.keys:
        for one in key.nearest:
            if one.is_missing_here and key.kept.good_messages:
                meant = " ".join(f"--endpoint {name}" for name in sorted({*one.only_for, key.kept.endpoint}))
                others = ", ".join(one.only_for)
                say(f"Next: {one.alias} is {one.state} for {others} alone; for {key.kept.endpoint} as well:")
                say(f"  wssgate keystore set {one.alias} {meant} --config {source}")
                return
    proven = [key for key in report.keys if key.kept.good_messages and not key.is_known_by_now]
    likeliest = next((key for key in proven if key.nearest), proven[0] if proven else None)
    if likeliest is not None:
        first = describe(likeliest.certificate).sha256.colon_pairs[0]
        say("Next: compare the SHA-256 fingerprint that begins with")
        say(f"  {first}")
        say("with the certificate's owner, over the phone, then")
        say(f"  wssgate keystore add ALIAS --from-record {likeliest.kept.record} --config {source}")
