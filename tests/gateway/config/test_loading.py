"""gateway.toml: what it may say, and what is said about the rest."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.config import ConfigurationError, ListenAddress, Mode, load_policy, load_settings
from gateway.present import duration_text

EXAMPLE = Path(__file__).parents[3] / "gateway.example.toml"
ENDPOINT = '[endpoint.orders]\npath = "/orders"\nupstream = "https://receiver.example/ws"\n'


def problems(folder: Path, text: str | bytes) -> tuple[str, ...]:
    config = folder / "gateway.toml"
    config.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as failure:
        load_settings(config)
    assert all(problem.startswith((f"{config}: ", "environment variable ")) for problem in failure.value.problems)
    assert str(failure.value) == "\n".join(failure.value.problems)
    return tuple(problem.removeprefix(f"{config}: ") for problem in failure.value.problems)


def test_example_shows_the_defaults(tmp_path: Path) -> None:
    example = load_settings(EXAMPLE)
    (tmp_path / "gateway.toml").write_text(
        '[endpoint.orders]\npath = "/orders"\nupstream = "https://receiver.example/ws/orders"\n'
    )
    bare = load_settings(tmp_path / "gateway.toml")
    policy = example.endpoints["orders"].policy
    assert [str(part) for part in policy.required_parts] == ["Body", "Timestamp"], "as init writes it"
    as_by_default = policy.model_copy(update={"required_parts": bare.endpoints["orders"].policy.required_parts})
    assert {"orders": example.endpoints["orders"].model_copy(update={"policy": as_by_default})} == bare.endpoints
    of_the_folder = {"database": "", "signing_key": ""}
    assert example.gateway.model_copy(update=of_the_folder) == bare.gateway.model_copy(update=of_the_folder)
    assert example.gateway.signing_key.name == bare.gateway.signing_key.name
    assert example.warnings == ()


def test_by_default_only_this_machine_is_listened_to(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(ENDPOINT)
    bare = load_settings(tmp_path / "gateway.toml").gateway
    assert (bare.listen.host, bare.admin.host) == ("127.0.0.1", "127.0.0.1")
    assert bare.listen.port != bare.admin.port


def test_values_are_typed_and_frozen(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[gateway]\nlisten = "[::1]:0"\nadmin = "localhost:9"\npublic_url = "https://gateway.example/"\n'
        'admin_names = ["Gateway-1.Example"]\n'
        '[endpoint.orders]\npath = "/orders/"\nupstream = "https://receiver.example/ws"\nretention = "13w"\n'
        'upstream_timeout = "1500ms"\nmode = "observe"\nca_file = "ca.pem"\n'
        '[endpoint.orders.policy]\nrequired_parts = ["Body", "Timestamp"]\n'
    )
    settings = load_settings(str(config))
    orders = settings.endpoints["orders"]
    assert (settings.gateway.listen.host, settings.gateway.listen.port) == ("::1", 0)
    assert settings.gateway.admin.url == "http://localhost:9"
    assert settings.gateway.admin_names == ("gateway-1.example",)
    assert settings.gateway.public_url == "https://gateway.example"
    assert settings.gateway.database == f"sqlite:///{tmp_path / 'wssgate.db'}"
    assert settings.source == config
    assert (orders.name, orders.path, orders.mode) == ("orders", "/orders", Mode.OBSERVE)
    assert (orders.retention, orders.upstream_timeout) == (timedelta(days=91), timedelta(seconds=1.5))
    assert orders.ca_file == tmp_path / "ca.pem"
    assert orders.policy.required_parts == ("Body", "Timestamp")
    with pytest.raises(TypeError):
        settings.endpoints["other"] = orders  # type: ignore[index]  # that it is refused is the point
    with pytest.raises(ValueError, match="frozen"):
        orders.mode = Mode.ENFORCE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "there is no endpoint; add a table [endpoint.NAME] with path and upstream"),
        ("[endpoint]\n", "there is no endpoint; add a table [endpoint.NAME] with path and upstream"),
        ("endpoint = 3\n", "endpoint = 3 must be a table"),
        ("[endpoint]\norders = 3\n", "endpoint.orders = 3 must be a table"),
        ("[gateway\n", "is no TOML: Expected ']'"),
        ("[gateway]\nlisten = \n", "is no TOML: Invalid value (at line 2, column 10)"),
        (b"[gateway]\n# caf\xe9\n", "line 2 is not UTF-8; save the file as UTF-8"),
        (b"#" * 1_100_000, "is larger than 1 MiB"),
        ("a = " + "[" * 5000, "is no configuration: its values are nested too deeply"),
        (ENDPOINT + "[gatway]\n", "unknown key gatway; did you mean gateway?"),
        (ENDPOINT + "[gateway]\nlistn = 3\n", "unknown key gateway.listn; did you mean listen?"),
        (
            ENDPOINT + "[gateway]\nqqq = 3\n",
            "unknown key gateway.qqq; allowed are admin, admin_names, anchor_interval, ",
        ),
        (ENDPOINT + "source = 3\n", "unknown key endpoint.orders.source; allowed are "),
        ("source = 3\n" + ENDPOINT, "unknown key source; the tables are [gateway], [endpoint.NAME] and [alerts.NAME]"),
        (ENDPOINT + 'name = "x"\n', "unknown key endpoint.orders.name; the endpoint is named by its table"),
        (ENDPOINT + "uptream = 3\n", "unknown key endpoint.orders.uptream; did you mean upstream?"),
        (ENDPOINT + "verify = false\n", "unknown key endpoint.orders.verify; allowed are "),
        (
            ENDPOINT + "[endpoint.orders.policy]\nalow_sha1 = true",
            "unknown key endpoint.orders.policy.alow_sha1; did you",
        ),
        (ENDPOINT + "[endpoint.orders.policy]\nrequired_parts = []", "endpoint.orders.policy.required_parts = [] "),
        (
            ENDPOINT + '[endpoint.orders.policy]\nrequired_parts = ["Bod"]',
            'endpoint.orders.policy.required_parts[0] = "Bod" ',
        ),
        ("[gateway]\nworkers = 0\n" + ENDPOINT, "gateway.workers = 0 must be greater than or equal to 1"),
        ('[gateway]\nlisten = "8080"\n' + ENDPOINT, 'gateway.listen = "8080" must be HOST:PORT, such as'),
        ('[gateway]\nlisten = "a:99999"\n' + ENDPOINT, 'gateway.listen = "a:99999" must be HOST:PORT'),
        ('[gateway]\nlisten = "a b:1"\n' + ENDPOINT, 'gateway.listen = "a b:1" must be HOST:PORT'),
        ('[gateway]\nlisten = "[x]:1"\n' + ENDPOINT, 'gateway.listen = "[x]:1" must be HOST:PORT'),
        ("[gateway]\nlisten = 8080\n" + ENDPOINT, "gateway.listen = 8080 must be HOST:PORT"),
        ("[gateway]\ndatabase = 5\n" + ENDPOINT, "gateway.database = (not shown) must be a valid string"),
        (
            "[gateway]\nmax_request_bytes = 1\n" + ENDPOINT,
            "gateway.max_request_bytes = 1 must be greater than or equal",
        ),
        (
            '[gateway]\nheader_timeout = "0s"\n' + ENDPOINT,
            'gateway.header_timeout = "0s" must lie between "10ms" and "1h"',
        ),
        ("[gateway]\nheader_timeout = 10\n" + ENDPOINT, "gateway.header_timeout = 10 must be a duration"),
        (
            '[gateway]\npublic_url = "https://x/?a"\n' + ENDPOINT,
            'gateway.public_url = "https://x/?a" must not hold a query',
        ),
        ('[gateway]\ninstance = "a b"\n' + ENDPOINT, 'gateway.instance = "a b" must be 1 to 64 letters'),
        ('[gateway]\nlog_format = "xml"\n' + ENDPOINT, "gateway.log_format = \"xml\" must be 'console' or 'json'"),
        ('[endpoint.a]\npath = "/a"\n', "endpoint.a.upstream is missing; say where the receiver is"),
        ('[endpoint.a]\nupstream = "http://x/"\n', "endpoint.a.path is missing; say under which path"),
        (
            ENDPOINT.replace("https:", "ftp:"),
            'endpoint.orders.upstream = "ftp://receiver.example/ws" must be an absolute',
        ),
        (ENDPOINT.replace("receiver.", "u:p@receiver."), "must not hold a user name or password"),
        (ENDPOINT.replace("/ws", "/ws#x"), "must not hold a fragment"),
        (
            ENDPOINT.replace("https://receiver.example/ws", "https://"),
            'endpoint.orders.upstream = "https://" must be an',
        ),
        (ENDPOINT.replace("example/ws", "example:x/"), "must be an absolute http or https URL"),
        (ENDPOINT.replace("/orders", "orders"), 'endpoint.orders.path = "orders" must start with "/"'),
        (ENDPOINT.replace("/orders", "/a/../b"), 'endpoint.orders.path = "/a/../b" must start with "/"'),
        (ENDPOINT.replace("/orders", "/a%2Fb"), 'endpoint.orders.path = "/a%2Fb" must start with "/"'),
        (ENDPOINT + 'mode = "off"\n', "endpoint.orders.mode = \"off\" must be 'enforce' or 'observe'"),
        (
            ENDPOINT + 'retention = "90"\n',
            'endpoint.orders.retention = "90" must be a duration: a whole number with ms',
        ),
        (ENDPOINT + '[gateway]\nanchor_interval = "10ms"\n', 'must lie between "1s" and "7d"'),
        (ENDPOINT + 'retention = "999999w"\n', 'endpoint.orders.retention = "999999w" must be at most 100 years'),
        (
            ENDPOINT + 'operations = ["Get Order"]\n',
            'endpoint.orders.operations[0] = "Get Order" must be the name of the element that a request has',
        ),
        (ENDPOINT + 'operations = ["{}Get"]\n', 'such as "GetOrder" or "{urn:acme:orders}GetOrder"'),
        (ENDPOINT + f'operations = ["{"A" * 301}"]\n', "is longer than the 300 characters"),
        (ENDPOINT + f"operations = {['A'] * 501}\n", "at most 500 items"),
        (ENDPOINT + 'server_field = "X Backend"\n', 'endpoint.orders.server_field = "X Backend" must be the name of a'),
        (ENDPOINT + 'server_field = ""\n', 'or "peer" for the address that the gateway is connected to'),
        (ENDPOINT + 'server_field = "Set-Cookie"\n', "records hold no cookies and no credentials"),
        (ENDPOINT + 'reachability_probe = "ping"\n', "must be 'connect' or 'off'"),
        (ENDPOINT + 'empty_responses = "maybe"\n', "must be 'pass' or 'reject'"),
        (ENDPOINT + 'client_key = "k.pem"\n', "endpoint.orders: client_key is set without client_certificate"),
        (ENDPOINT.replace("https", "http") + 'ca_file = "k.pem"\n', "ca_file and client_certificate have no effect"),
        (ENDPOINT.replace("orders]", '"a b"]'), 'the endpoint name "a b" must be 1 to 64 letters'),
        (ENDPOINT + ENDPOINT.replace("orders]", "two]").replace("/orders", "/orders/"), "have the same path '/orders'"),
    ],
)
def test_every_problem_names_key_value_and_what_is_allowed(tmp_path: Path, text: str | bytes, expected: str) -> None:
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert expected in found[0]
    assert "\n" not in found[0]


def test_operations_and_servers(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(ENDPOINT)
    bare = load_settings(config).endpoints["orders"]
    assert (bare.operations, bare.server_field, bare.reachability_probe) == (None, None, "connect")
    more = (
        'operations = ["Get", "{urn:orders}Gr\u00f6\u00dfe"]\nserver_field = "X_Backend"\nreachability_probe = "off"\n'
    )
    config.write_text(ENDPOINT + more, encoding="utf-8")
    orders = load_settings(config).endpoints["orders"]
    assert orders.operations == ("Get", "{urn:orders}Gr\\xf6\\xdfe"), "as a record shows them"
    assert (orders.server_field, orders.reachability_probe) == ("x_backend", "off")
    config.write_text(ENDPOINT + "operations = []\n")
    assert load_settings(config).endpoints["orders"].operations == (), "nothing is expected"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, '[gateway]\nworkers = 65\nadmin = "x"\n[endpoint.a]\nmode = "x"\n')) == 5


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="there is no such file; name another one, or make one with: wssgate init"
    ):
        load_settings(tmp_path / "missing.toml")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load_settings(tmp_path)


def test_environment_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('[gateway]\ninstance = "file"\nmax_concurrency = 7\n' + ENDPOINT)
    monkeypatch.setenv("WSSGATE_GATEWAY__DATABASE", "sqlite:////srv/other.db")
    monkeypatch.setenv("WSSGATE_GATEWAY__LISTEN", "127.0.0.1:1")
    monkeypatch.setenv("wssgate_gateway__instance", "environment")
    monkeypatch.setenv("WSSGATE_ENDPOINT__ORDERS__MODE", "observe")
    monkeypatch.setenv("WSSGATE_ENDPOINT__ORDERS__POLICY__ALLOW_SHA1", "true")
    monkeypatch.setenv("WSSGATE_DEBUG", "1")
    settings = load_settings(config)
    assert settings.gateway.database == "sqlite:////srv/other.db"
    assert settings.gateway.listen == ListenAddress("127.0.0.1:1")
    assert (settings.gateway.instance, settings.gateway.max_concurrency) == ("environment", 7)
    assert settings.endpoints["orders"].mode is Mode.OBSERVE
    assert settings.endpoints["orders"].policy.allow_sha1


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "WSSGATE_GATEWAY__WORKERS",
            "many",
            'environment variable WSSGATE_GATEWAY__WORKERS: gateway.workers = "many" must be a valid integer',
        ),
        (
            "WSSGATE_GATEWAY__LISTN",
            "4",
            "environment variable WSSGATE_GATEWAY__LISTN: unknown key gateway.listn; did you",
        ),
        ("WSSGATE_ENDPOINT__ORDERS__MODE", "x", 'WSSGATE_ENDPOINT__ORDERS__MODE: endpoint.orders.mode = "x" must be'),
        ("WSSGATE_GATEWAY", "{", "environment variable WSSGATE_GATEWAY...: cannot be read; lists and tables"),
        (
            "WSSGATE_ENDPOINT__ORDERS__POLICY__REQUIRED_PARTS",
            "Body",
            "environment variable WSSGATE_ENDPOINT...: cannot be",
        ),
        ("WSSGATE_GATEWAY", "3", "gateway = 3 must be a table"),
    ],
)
def test_problem_in_the_environment_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    found = problems(tmp_path, ENDPOINT)
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("WSSGATE_GATWAY__LISTEN", "did you mean WSSGATE_GATEWAY__LISTEN?"),
        ("WSSGATE_GATEWAY_DATABASE", "did you mean WSSGATE_GATEWAY__DATABASE?"),
        ("WSSGATE_ENDPOINTS__ORDERS__MODE", "did you mean WSSGATE_ENDPOINT__ORDERS__MODE?"),
        ("WSSGATE_ORDERS__POLICY__ALLOW_SHA1", "did you mean WSSGATE_ENDPOINT__ORDERS__POLICY__ALLOW_SHA1?"),
        ("WSSGATE_CONFG", "did you mean WSSGATE_CONFIG?"),
        ("wssgate_debgu", "did you mean WSSGATE_DEBUG?"),
        (
            "WSSGATE_X",
            "WSSGATE_GATEWAY__KEY, WSSGATE_ENDPOINT__NAME__KEY and WSSGATE_ALERTS__NAME__KEY",
        ),
        ("WSSGATE_PORT", "nobody reads it"),
    ],
)
def test_a_variable_that_nobody_reads_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    monkeypatch.setenv(name, "x")
    (found,) = problems(tmp_path, ENDPOINT)
    assert found.startswith(f"environment variable {name}: nobody reads it; ")
    assert expected in found


def test_what_kubernetes_sets_for_a_service_of_that_name_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("WSSGATE_SERVICE_HOST", "10.0.0.7"),
        ("WSSGATE_SERVICE_PORT", "8080"),
        ("WSSGATE_SERVICE_PORT_HTTP", "8080"),
        ("WSSGATE_PORT", "tcp://10.0.0.7:8080"),
        ("WSSGATE_PORT_8080_TCP", "tcp://10.0.0.7:8080"),
        ("WSSGATE_PORT_8080_TCP_ADDR", "10.0.0.7"),
        ("WSSGATE_ADMIN_PORT_8081_TCP_PROTO", "tcp"),
        ("WSSGATE_WHO", "pipeline"),
    ):
        monkeypatch.setenv(name, value)
    config = tmp_path / "gateway.toml"
    config.write_text(ENDPOINT)
    assert list(load_settings(config).endpoints) == ["orders"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[gateway]\nlisten = "a:1"\nworkers = 1\nlisten = "b:1"\n',
            "line 4: the key gateway.listen stands twice, first on line 2; keep one of the two",
        ),
        ('a = 1\n"a" = 2\n', "line 2: the key a stands twice, first on line 1"),
        ("a = 1\na.b = 2\n", "is no TOML: Cannot overwrite a value (at line 2, column 8)"),
        (
            f'{ENDPOINT}mode = "observe"\r\n{ENDPOINT}',
            "line 5: the table [endpoint.orders] stands twice, first on line 1",
        ),
        ("[a]\n[b]\nx = 1\n[a] # again\n", "line 4: the table [a] stands twice, first on line 1; keep one of the two"),
        ("[b]\nx = [\n1,\n]\nx = [\n2,\n]\n", "line 5: the key b.x stands twice, first on line 2"),
        ("x = {a = 1, a = 2}\n", "is no TOML: Duplicate inline table key 'a'"),
        ("[a.b]\nc = 1\n[a]\nb.c = 1\n", "is no TOML: Cannot"),
        ("x = \n", "is no TOML: Invalid value"),
    ],
)
def test_what_stands_twice_is_named(tmp_path: Path, text: str, expected: str) -> None:
    (found,) = problems(tmp_path, text)
    assert found.startswith(expected)


def test_clients_and_operators_have_addresses_of_their_own(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, f'[gateway]\nlisten = "127.0.0.1:9"\nadmin = "127.0.0.1:9"\n{ENDPOINT}')
    assert found.startswith("gateway: listen and admin are both 127.0.0.1:9: give admin another port")
    (tmp_path / "gateway.toml").write_text(f'[gateway]\nlisten = "[::1]:0"\nadmin = "[::1]:0"\n{ENDPOINT}')
    assert load_settings(tmp_path / "gateway.toml").gateway.listen.port == 0, "each gets one of its own"


def test_warnings_name_what_is_dangerous(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[gateway]\nadmin = "0.0.0.0:8081"\n[endpoint.a]\npath = "/"\nupstream = "http://receiver.example/"\n'
        'mode = "observe"\nunsigned_faults = "pass"\nreplay_attacks = "ignore"\nretention = "30d"\n'
        "[endpoint.a.policy]\nallow_sha1 = true\n"
    )
    text = "\n".join(load_settings(config).warnings)
    for phrase in ("0.0.0.0:8081", "observe", "faults", "replay attacks", "90 days", "not encrypted", "SHA-1"):
        assert phrase in text


@pytest.mark.parametrize("length", ["1w", "14d", "36h", "90m", "61s", "250ms", "0ms"])
def test_durations_are_written_as_they_are_read(tmp_path: Path, length: str) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(f'{ENDPOINT}guaranteed_delivery_time = "{length}"\n')
    written = duration_text(load_settings(config).endpoints["orders"].guaranteed_delivery_time)
    assert written == {"1w": "7d"}.get(length, length)


def test_policy_file(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('required_parts = ["Body", "Timestamp"]\nallow_sha1 = true\n')
    assert load_policy(file).allow_sha1
    file.write_text("alow_sha1 = true\nminimum_rsa_bits = 1\n")
    with pytest.raises(ConfigurationError) as failure:
        load_policy(file)
    assert set(failure.value.problems) == {
        f"{file}: minimum_rsa_bits = 1 must be greater than or equal to 1024",
        f"{file}: unknown key alow_sha1; did you mean allow_sha1?",
    }


def test_no_two_endpoints_share_a_policy_object(tmp_path: Path) -> None:
    """What the verifier remembers of one partner's messages must not push out what it remembers of another's."""
    (tmp_path / "gateway.toml").write_text(
        ENDPOINT + '[endpoint.other]\npath = "/other"\nupstream = "https://other.example/ws"\n'
    )
    orders, other = load_settings(tmp_path / "gateway.toml").endpoints.values()

    assert orders.policy == other.policy
    assert orders.policy is not other.policy


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("WSSGATE_ENDPOINT__ORDRES__MODE", "no endpoint ordres; did you mean WSSGATE_ENDPOINT__ORDERS__...?"),
        (
            "wssgate_endpoint__ordres__policy__allow_sha1",
            "no endpoint ordres; did you mean WSSGATE_ENDPOINT__ORDERS__...?",
        ),
        ("WSSGATE_ENDPOINT__INVOICES__MODE", "no endpoint invoices; one needs path and upstream"),
    ],
)
def test_a_variable_about_an_endpoint_that_is_not_there_is_an_error_of_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    monkeypatch.setenv(name, "observe")
    (found,) = problems(tmp_path, ENDPOINT)
    assert found == f"environment variable {name}: the file has {expected}"


def test_an_endpoint_may_be_made_by_variables_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSSGATE_ENDPOINT__INVOICES__PATH", "/invoices")
    monkeypatch.setenv("WSSGATE_ENDPOINT__INVOICES__UPSTREAM", "http://127.0.0.1:9/")
    (tmp_path / "made.toml").write_text(ENDPOINT)
    assert load_settings(tmp_path / "made.toml").endpoints.keys() == {"orders", "invoices"}
