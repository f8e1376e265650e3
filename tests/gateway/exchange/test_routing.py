"""From a path to an endpoint, asked once and asked again, and which paths have no one reading."""

import time
import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.config import load_settings
from gateway.exchange.routing import PathRefused, Route, Router

_CONFIGURATION = """
[gateway]
listen = "127.0.0.1:1"
admin = "127.0.0.1:2"
database = "sqlite:///x.db"
[endpoint.orders]
path = "/orders"
upstream = "http://127.0.0.1:9/ws"
[endpoint.old]
path = "/orders/old"
upstream = "http://127.0.0.1:9/old"
"""


@pytest.fixture
def router(tmp_path: Path) -> Router:
    file = tmp_path / "gateway.toml"
    file.write_text(_CONFIGURATION)
    return Router(load_settings(file).endpoints)


def test_the_same_answer_again(router: Router) -> None:
    for _ in range(2):
        assert router.match(b"/orders") == Route("orders", "")
        assert router.match(b"/orders/x") == Route("orders", "/x")
        assert router.match(b"/orders/old/x") == Route("old", "/x")
        assert router.match(b"/orderss") is None
        with pytest.raises(PathRefused):
            router.match(b"/orders/../x")


def test_a_long_path_is_routed_and_not_remembered(router: Router) -> None:
    path = b"/orders/" + b"x" * 1000
    assert router.match(path) == Route("orders", path.decode()[len("/orders") :])
    for _ in range(2):
        with pytest.raises(PathRefused):
            router.match(path + b"/../x")
    assert router._match_again.cache_info().currsize == 0


def test_no_more_paths_are_remembered_than_a_few(router: Router) -> None:
    for number in range(1000):
        assert router.match(b"/orders/%d" % number) == Route("orders", f"/{number}")
    assert router._match_again.cache_info().currsize <= 256


LEADING_ELSEWHERE = {
    "dot segment": "..",
    "one dot": ".",
    "three dots": "...",
    "encoded": "%2e%2e",
    "half encoded": ".%2e",
    "encoded twice": "%252e%252e",
    "encoded three times": "%25252e",
    "encoded the way of IIS": "%u002e%u002e",
    "overlong in two octets": "%c0%ae%c0%ae",
    "overlong in three octets": "%e0%80%ae",
    "overlong in four octets": "%f0%80%80%ae",
    "overlong slash": "..%c0%af",
    "a space behind": "..%20",
    "a space before": "%20..",
    "a space between": ".%20.",
    "a plus behind": "..+",
    "a plus before": "+..",
    "a tab behind": "..%09",
    "a no-break space behind": "..%c2%a0",
    "an ideographic space behind": "..%e3%80%80",
    "a line separator behind": "..%e2%80%a8",
    "a NUL behind": "..%00",
    "a NUL between": ".%00.",
    "a next line of C1 behind": "..%c2%85",
    "path parameter": "..;x",
    "path parameter, encoded": "..%3bx",
    "path parameter, full-width": "..%ef%bc%9bx",
    "path parameter, Greek question mark": "..%cd%be",
    "encoded query": "..%3fx",
    "encoded fragment": "..%23x",
    "stream of NTFS": "..:$INDEX_ALLOCATION",
    "backslash": "..\\x",
    "encoded backslash": "..%5cx",
    "encoded slash": "x%2f..",
    "full-width dots": "%ef%bc%8e%ef%bc%8e",
    "full-width slash": "x%ef%bc%8f..",
    "full-width backslash": "x%ef%bc%bc..",
    "full-width percent sign": "%ef%bc%852e%ef%bc%852e",
    "small full stop": "%ef%b9%92%ef%b9%92",
    "small backslash": "x%ef%b9%a8..",
    "small percent sign": "%ef%b9%aa2e",
    "one dot leader": "%e2%80%a4%e2%80%a4",
    "two dot leader": "%e2%80%a5",
    "ellipsis": "%e2%80%a6",
    "half-width ideographic full stop": "%ef%bd%a1%ef%bd%a1",
    "ideographic full stop": "%e3%80%82%e3%80%82",
    "fraction slash": "x%e2%81%84y",
    "division slash": "x%e2%88%95y",
    "big solidus": "x%e2%a7%b8y",
    "set minus": "x%e2%88%96y",
    "yen sign": "x%c2%a5y",
    "a slash within one character": "x%e2%84%80y",
    "zero width space between": ".%e2%80%8b.",
    "soft hyphen between": ".%c2%ad.",
    "byte order mark before": "%ef%bb%bf..",
    "combining mark behind": ".%cd%8f.",
    "surrogates": "%ed%a0%80",
    "no UTF-8": "K%f6ln",
    "cut short": "K%c3",
    "no escape": "%",
    "raw octets": "K\xf6ln",
    "nothing but a parameter": ";x/y",
    "nothing but a space": "%20/y",
}


@pytest.mark.parametrize("case", LEADING_ELSEWHERE)
@pytest.mark.parametrize("form", ["/orders/{}", "/orders/{}/admin", "/orders/a/{}/b?"])
def test_no_spelling_leads_past_the_path_of_the_endpoint(router: Router, case: str, form: str) -> None:
    segment = LEADING_ELSEWHERE[case]
    if form == "/orders/{}" and case == "nothing but a space":
        form = "/orders/{}/"
    with pytest.raises(PathRefused):
        router.match(form.format(segment).rstrip("?").encode("latin-1"))


def test_no_spelling_of_a_dot_slash_or_percent_sign_is_missed(router: Router) -> None:
    """Over all of Unicode: what a normalization takes for one of them is refused."""
    for number in [*range(0x80, 0xD800), *range(0xE000, 0x30000)]:
        character = chr(number)
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            if set("./\\%") & set(unicodedata.normalize(form, character)):
                with pytest.raises(PathRefused):
                    router.match(f"/orders/x{quote(character)}y".encode())
                break


HONEST = [
    "K%C3%B6ln",
    "Ko%CC%88ln",
    "%E6%97%A5%E6%9C%AC",
    "%D9%85%DB%8C%E2%80%8C%D8%AE%D9%88%D8%A7%D9%87%D9%85",  # with a zero width non-joiner, as Persian is written
    "%EF%BC%A1%EF%BC%91",  # full-width letters
    "annual%20report",
    "v1.0",
    "report.wsdl",
    ".well-known",
    "a..b",
    "...x",
    "~user",
    "urn:a:b@c+d$e",
    "a=b;v=1",
    "+",
    "a+",
    ":x/y",
    "!*'(),&",
    "%7Euser",
    "what%3F",
    "a%26b%3Dc",
    "",
    ";jsessionid=1",
    "x/",
]


@pytest.mark.parametrize("rest", HONEST)
def test_an_honest_path_goes_to_the_receiver_as_it_came(router: Router, rest: str) -> None:
    assert router.match(f"/orders/{rest}".encode()) == Route("orders", f"/{rest}")


@pytest.mark.parametrize(
    "path",
    [
        "/orders/%6fld/x",
        "/orders/ol%64",
        "/orders/old;v=1/x",
        "/orders/old./x",
        "/orders/old%20/x",
        "/orders/%EF%BD%8Fld/x",
        "/orders/o%C2%ADld",
        "/orders/old%3Fx/y",
    ],
)
def test_a_path_that_may_be_that_of_another_endpoint(router: Router, path: str) -> None:
    with pytest.raises(PathRefused, match="another endpoint"):
        router.match(path.encode())


def test_a_hostile_path_takes_little_time(router: Router) -> None:
    longest = 60_000
    for piece in ("%EF%B7%BA", "%20", ".%20", "%CC%88", ";", "%E2%80%8B"):
        path = b"/orders/" + (piece * (longest // len(piece))).encode() + b"/.."
        started = time.process_time()
        with pytest.raises(PathRefused):
            router.match(path)
        assert time.process_time() - started < 0.25
