"""One configuration in use: what its settings make of it."""

from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.exchange.generation import Generation

ENDPOINT = '[endpoint.orders]\npath = "/orders"\nupstream = "https://receiver.example/ws"\n'


@pytest.mark.parametrize(
    ("written", "fast_path"), [("", True), ("fast_path = true\n", True), ("fast_path = false\n", False)]
)
def test_the_fast_path_is_a_setting(written: str, *, fast_path: bool, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(f"[gateway]\n{written}{ENDPOINT}")
    settings = load_settings(config)

    verifiers = Generation(settings, {}).verifiers

    assert {name: verifier.fast_path for name, verifier in verifiers.items()} == {"orders": fast_path}
    assert verifiers["orders"].policy == settings.endpoints["orders"].policy
