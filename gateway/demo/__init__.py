"""The whole cutover on one machine: a receiver that signs, the real gateway, a real SOAP client.

Nothing here is needed to run the gateway. The receiver signs with zeep and xmlsec, which share no code with the
verifier.
"""

from pathlib import Path

from gateway.demo.errors import DemoError, FolderNotEmpty

__all__ = ["DemoError", "FolderNotEmpty", "run_demo"]


def run_demo(keep: Path | None, *, as_json: bool = False) -> int:
    """Tell the whole story; see `gateway.demo.story.run`.

    Raises:
        DemoError: something did not happen as it should, or the folder `keep` is in use.
    """
    # zeep and xmlsec may be missing where nobody runs the demo, and take long to load.
    from gateway.demo.story import run

    return run(keep, as_json=as_json)
