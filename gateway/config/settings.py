"""The settings: what gateway.toml may say, with its defaults."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.config.alert_channels import AlertChannel
from gateway.config.response_fields import ResponseFields
from gateway.config.values import (
    AnchorInterval,
    AnchorPlace,
    Deadline,
    Duration,
    EndpointPath,
    HostName,
    HttpUrl,
    Listen,
    ListenAddress,
    Name,
    Network,
    Operation,
    ServerField,
    is_loopback,
)
from gateway.verify import Policy
from gateway.vocabulary import Mode

MOST_OPERATIONS = 500
"""Operations of one endpoint that can be expected."""
DEFAULT_DELIVERY_TIME = timedelta(days=14)
"""The guaranteed delivery time where nobody decided on one."""
MINIMUM_RETENTION = timedelta(days=90)
"""Old keys are kept at least that long after they were exchanged, whoever runs the renewal."""


class Durability(StrEnum):
    """When a response may leave."""

    COMMIT = "commit"
    """Once its record is committed."""
    ASYNC = "async"
    """Once its record is queued: a process that is killed may have delivered responses without a record.

    Where the replay cache must be asked, the response waits for the commit all the same.
    """


class LogFormat(StrEnum):
    """How log lines are written to standard error."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """From which weight on a log line is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class GatewaySettings(BaseModel):
    """The table [gateway]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: Listen = ListenAddress("127.0.0.1:8080")
    """Where clients connect."""
    admin: Listen = ListenAddress("127.0.0.1:8081")
    """Where /healthz, /readyz and /metrics are; keep it away from the traffic."""
    admin_names: tuple[HostName, ...] = ()
    """By which names it may be called, beside addresses, localhost and the name of this machine."""
    tls_certificate: Path | None = None
    """PEM file with the certificate that the gateway shows to clients, and those between it and its root; then clients
    are served over TLS alone. A relative path counts from the folder of the configuration file."""
    tls_key: Path | None = None
    """PEM file with its private key, not encrypted; None means that the key is in `tls_certificate` as well."""
    tls_client_ca: Path | None = None
    """PEM file with the authorities of client certificates; then a client has to show one that they issued."""
    trusted_proxies: Annotated[tuple[Network, ...], Field(max_length=100)] = ()
    """Addresses and networks of proxies in front, whose X-Forwarded-Proto says what the client used."""
    database: str = "sqlite:///wssgate.db"
    """Keystore and ledger; a relative SQLite path counts from the folder of the configuration file."""
    signing_key: Path = Path("wssgate-signing.key")
    """PEM file with the private key (Ed25519) that signs the ends of the ledger's chains, made at the first start; a
    relative path counts from the folder of the configuration file."""
    instance: Name | None = None
    """Which gateway wrote a record; None means the host name."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that serve, behind one listening socket; more than one have a supervisor.

    One is the default: it can do what most integrations need, and a second one pays off only where cores are free.
    """
    public_url: HttpUrl | None = None
    """How clients reach the gateway, for the addresses in a WSDL; None means scheme and Host of their request."""
    max_request_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = 16 * 1024 * 1024
    max_concurrency: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Exchanges under way at once in each worker; beyond that the answer is 503, at once."""
    header_timeout: Deadline = timedelta(seconds=10)
    """Until the head of a request has arrived."""
    body_timeout: Deadline = timedelta(seconds=30)
    """Until the body of a request has arrived."""
    idle_timeout: Deadline = timedelta(seconds=75)
    """How long a connection of a client may wait for its next request."""
    shutdown_timeout: Deadline = timedelta(seconds=90)
    """How long exchanges under way may take to finish after SIGTERM."""
    durability: Durability = Durability.COMMIT
    anchor_interval: AnchorInterval = timedelta(hours=1)
    """How often the ends of the hash chains are written to the log: what `ledger verify --anchor` compares with."""
    anchor_to: AnchorPlace | None = None
    """A folder or an http(s) URL out of reach of whoever writes the database: signed ends of the chains and of the
    keystore's history are written there every `anchor_interval`, after each change of the keystore, at the end, and
    before a change that ends trust. A relative path counts from the folder of the configuration file."""
    renewal_templates: Path | None = None
    """A folder with templates of the site's own for notices to receiver administrators (`wssgate renewal notice`); a
    relative path counts from the folder of the configuration file. None means those that come along."""
    timestamp_authority: HttpUrl | None = None
    """Where a time stamp over each delivery of anchors is asked for (RFC 3161). Needs the extra `timestamps`."""
    timestamp_authority_ca: Path | None = None
    """PEM file with the root certificate of the time-stamp authority; a relative path counts as above."""
    prune: Literal["daily", "off"] = "off"
    """`daily`: the gateway removes records that are older than the retention of their endpoint, once a day."""
    fast_path: bool = True
    """Remember how each partner writes its messages, and verify those that are written alike sooner; no verdict depends
    on it."""
    log_format: LogFormat = LogFormat.CONSOLE
    log_level: LogLevel = LogLevel.INFO

    @property
    def dangers(self) -> tuple[str, ...]:
        """What is weaker here than the default, one phrase each, for status and log."""
        found = []
        if not self.admin.is_loopback:
            found.append(
                f"admin listens on {self.admin}, which other machines may reach, and asks for no password: "
                "use a loopback address, or keep strangers out with a firewall"
            )
        if self.durability is Durability.ASYNC:
            found.append("durability async: a process that is killed loses records of responses that were delivered")
        return tuple(found)

    @model_validator(mode="after")
    def _tls_files_are_complete(self) -> Self:
        for key in ("tls_key", "tls_client_ca"):
            if getattr(self, key) is not None and self.tls_certificate is None:
                raise ValueError(f"{key} is set without tls_certificate: name the certificate's PEM file as well")
        return self

    @model_validator(mode="after")
    def _authority_is_known(self) -> Self:
        if (self.timestamp_authority is None) != (self.timestamp_authority_ca is None):
            raise ValueError(
                "timestamp_authority and timestamp_authority_ca belong together: an answer is verified with the root "
                "certificate of the authority, a PEM file"
            )
        return self

    @model_validator(mode="after")
    def _listeners_differ(self) -> Self:
        if self.listen == self.admin and self.listen.port != 0:
            raise ValueError(
                f"listen and admin are both {self.listen}: give admin another port, for it must not be where clients "
                "connect"
            )
        return self

    @field_validator("public_url")
    @classmethod
    def _plain_public_url(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).query:
            raise ValueError('must not hold a query ("?...")')
        return value if value is None else value.rstrip("/")


class EndpointSettings(BaseModel):
    """The table [endpoint.NAME]: a path prefix, where it leads to, and what is demanded of the responses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    """NAME of the table."""
    path: EndpointPath
    upstream: HttpUrl
    """The receiver; what follows the path prefix in a request is appended."""
    mode: Mode = Mode.ENFORCE
    guaranteed_delivery_time: Duration = DEFAULT_DELIVERY_TIME
    """After this time no message signed with the old key can still be under way."""
    retention: Duration = MINIMUM_RETENTION
    """How long an old key is kept after it was exchanged, and every record before it may be pruned."""
    switch_quiet_time: Duration = timedelta(hours=1)
    """For how long no message may have needed the old key, at least, before an operation counts as switched.

    Longer than a day where a job that runs once a day has a server of its own.
    """
    switch_smallest_share: Annotated[float, Field(ge=0.001, le=0.5)] = 0.01
    """The smallest share of an operation's messages that one of the receiver's servers may get.

    The smaller it is, the more messages it takes before an operation counts as switched: eight times its inverse.
    """
    ca_file: Path | None = None
    """PEM file with the only authorities that may have issued the receiver's TLS certificate; None: the system's."""
    client_certificate: Path | None = None
    """PEM file with the certificate (and its chain) that the gateway shows to the receiver."""
    client_key: Path | None = None
    """PEM file with its private key, not encrypted; None means that it is in `client_certificate`."""
    upstream_timeout: Deadline = timedelta(seconds=60)
    """Until the whole response has arrived, connecting included."""
    empty_responses: Literal["pass", "reject"] = "pass"
    """`pass`: HTTP 202 and 204 without a body are delivered, without any field that steers a client or a proxy.

    They have nothing that could be signed. With any other status a response without a body is rejected as unsigned.
    """
    unsigned_faults: Literal["pass", "reject"] = "reject"
    """Many stacks do not sign their SOAP Faults."""
    wsdl: Literal["pass", "reject"] = "pass"
    """Retrieval of WSDL and schemas with GET: `?wsdl` and `?xsd=NAME` at `path`, NAME.wsdl and NAME.xsd below it.

    Whatever in them leads past the gateway is rewritten or removed; a document that imports another one from elsewhere
    than `upstream`, or includes it with XInclude, is refused.
    """
    response_headers: ResponseFields = ()
    """Header fields of the receiver that reach the client besides those that always do (`gateway.exchange.release`).

    Those that steer a client (Location, WWW-Authenticate, ...) do with accepted messages alone.
    """
    operations: Annotated[tuple[Operation, ...] | None, Field(max_length=MOST_OPERATIONS)] = None
    """Operations that are expected, so that one of which nothing ever came is listed as well.

    None: those of every WSDL that passes through the gateway. With a list, a WSDL adds none.
    """
    server_field: ServerField | None = None
    """Header field of the response that says which server answered, for reports that tell servers apart; `peer`: the
    address and port that the gateway is connected to. Nobody signs it."""
    reachability_probe: Literal["connect", "off"] = "connect"
    """How it is found out whether the receiver can be reached while there is no traffic.

    `connect`: a connection is made and closed at once, nothing is sent. `off`: then it is not known, and time in which
    it is not known does not count as watched.
    """
    replay_attacks: Literal["reject", "ignore"] = "reject"
    """A response seen before; only a signed Timestamp lets it be told for sure."""
    receipts: Literal["all", "off"] = "all"
    """`all`: a record keeps, of every signature under a known key, what proves to anybody with the certificate who made
    it: the canonical SignedInfo and the SignatureValue."""
    second_opinion: Literal["off", "sample", "always"] = "off"
    """Whether libxmlsec verifies accepted responses once more, under the key that verified them.

    `sample`: some of them; disagreement raises an alarm in log and metrics. `always`: all of them; without agreement a
    response is rejected, except where the record names a construct that libxmlsec does not know.
    """
    second_opinion_rate: Annotated[float, Field(gt=0, le=1)] = 0.01
    """The share of the accepted responses that `sample` looks at."""
    policy: Policy = Field(default_factory=Policy)
    """What is demanded of each message."""

    @property
    def dangers(self) -> tuple[str, ...]:
        """What is weaker here than the default, one phrase each, for status and log."""
        found = list(self.policy.dangers)
        if self.mode is Mode.OBSERVE:
            found.append("mode observe: rejected responses are delivered")
        if self.unsigned_faults == "pass":
            found.append("unsigned faults are delivered")
        if self.replay_attacks == "ignore":
            found.append("replay attacks are not looked for")
        if self.receipts == "off":
            found.append("no receipts are kept: records say who signed, and prove it to nobody else")
        if self.retention < MINIMUM_RETENTION:
            found.append("retention is less than 90 days: old keys are kept for 90 days all the same")
        parts = urlsplit(self.upstream)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            found.append("the connection to the receiver is not encrypted")
        return tuple(found)

    @model_validator(mode="after")
    def _tls_files_fit(self) -> Self:
        if self.client_key is not None and self.client_certificate is None:
            raise ValueError("client_key is set without client_certificate: name the certificate's PEM file as well")
        if urlsplit(self.upstream).scheme == "http" and (self.ca_file or self.client_certificate):
            raise ValueError("ca_file and client_certificate have no effect with an http upstream: use an https URL")
        return self


_Table = TypeVar("_Table")


def _frozen(tables: Mapping[str, _Table]) -> Mapping[str, _Table]:
    return MappingProxyType(dict(tables))


class Settings(BaseModel):
    """The whole configuration, frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Path
    """The file that it was read from."""
    gateway: GatewaySettings = GatewaySettings()
    endpoints: Annotated[Mapping[str, EndpointSettings], Field(alias="endpoint", min_length=1), AfterValidator(_frozen)]
    """By name."""
    alerts: Annotated[Mapping[Name, AlertChannel], AfterValidator(_frozen)] = Field(
        default_factory=lambda: MappingProxyType({})
    )
    """By name, whom the gateway tells of what somebody should know."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know about this configuration, one sentence each; dangers of endpoints included."""
        found = [f"gateway: {danger}" for danger in self.gateway.dangers]
        for name, endpoint in self.endpoints.items():
            found += [f"endpoint.{name}: {danger}" for danger in endpoint.dangers]
        for name, channel in self.alerts.items():
            found += [f"alerts.{name}: {danger}" for danger in channel.dangers]
        return tuple(found)

    @model_validator(mode="after")
    def _paths_differ(self) -> Self:
        seen: dict[str, str] = {}
        for name, endpoint in self.endpoints.items():
            if endpoint.path in seen:
                raise ValueError(
                    f"endpoint.{seen[endpoint.path]} and endpoint.{name} have the same path {endpoint.path!r}: "
                    "give each its own"
                )
            seen[endpoint.path] = name
        return self
