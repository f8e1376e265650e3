"""From a path to an endpoint, asked once and asked again."""

from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.proxy.routing import PathRefused, Route, Router

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
