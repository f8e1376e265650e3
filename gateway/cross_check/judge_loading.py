"""Loading libxmlsec, and why that may fail: it has to share lxml's libxml2, for it works on lxml's own trees."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from lxml import etree


class JudgeUnavailable(Exception):  # noqa: N818 - named after what is missing
    """libxmlsec cannot be loaded; the text is a sentence for the operator."""


def require_judge() -> None:
    """Make sure that a second opinion can be asked for.

    Raises:
        JudgeUnavailable: The package xmlsec is missing, or was built with another libxml2 than lxml.
    """
    try:
        import_module("xmlsec")
    except ImportError as error:
        raise JudgeUnavailable(
            f"a second opinion needs the package xmlsec, and it cannot be imported ({error}): install it as "
            "requirements.lock has it"
        ) from error
    except Exception as error:
        # xmlsec.InternalError or xmlsec.Error, of a module that could not be imported.
        libxml2 = ".".join(map(str, etree.LIBXML_VERSION))
        raise JudgeUnavailable(
            f"a second opinion needs lxml and xmlsec to share one libxml2: lxml {version('lxml')} brings libxml2 "
            f"{libxml2}, and xmlsec {_version_of_xmlsec()} was built with another, or refuses to load ({error}); "
            "install both from wheels in the versions that requirements.lock pairs"
        ) from error


def _version_of_xmlsec() -> str:
    try:
        return version("xmlsec")
    except PackageNotFoundError:
        return "(of unknown version)"
