"""The tables [alerts.NAME]: whom the gateway tells of what somebody should know, and how."""

from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from gateway.config.values import http_url, is_loopback

_SHORTEST_SECRET: Final = 16
"""Characters: whoever sees one signed alert can try out secrets for as long as he likes."""
_KINDS: Final = ("apprise", "webhook", "command")


class AlertChannel(BaseModel):
    """One way to tell people: exactly one of `apprise`, `webhook` and `command`.

    What may hold a secret is hidden from whatever prints the settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    apprise: SecretStr | None = None
    """A URL as apprise writes them, for mail, Teams, Slack and so on. Needs the extra `alerts`."""
    webhook: SecretStr | None = None
    """An http or https URL that gets each alert as JSON, signed with `secret`."""
    secret: SecretStr | None = None
    """What the signature of a webhook (HMAC-SHA256) is made with."""
    command: Annotated[tuple[str, ...] | None, Field(min_length=1, max_length=100, repr=False)] = None
    """A program with its arguments, which gets each alert as JSON on its standard input; no shell reads them."""

    @property
    def kind(self) -> str:
        """Which of the three it is."""
        return next(kind for kind in _KINDS if getattr(self, kind) is not None)

    @property
    def dangers(self) -> tuple[str, ...]:
        """What is weaker here than it could be, one phrase each."""
        found = []
        if self.webhook is not None:
            parts = urlsplit(self.webhook.get_secret_value())
            if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
                found.append("alerts go to the webhook unencrypted")
        return tuple(found)

    def revealed(self) -> dict[str, object]:
        """The table as the file has it, secrets included: for another process of the same gateway."""
        texts = {name: getattr(self, name) for name in ("apprise", "webhook", "secret")}
        found: dict[str, object] = {
            name: value.get_secret_value() for name, value in texts.items() if value is not None
        }
        return found if self.command is None else found | {"command": list(self.command)}

    @field_validator("webhook")
    @classmethod
    def _is_http(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            http_url(value.get_secret_value())
        return value

    @field_validator("apprise")
    @classmethod
    def _is_url(cls, value: SecretStr | None) -> SecretStr | None:
        text = "" if value is None else value.get_secret_value()
        if value is not None and ("://" not in text or not text.isprintable()):
            raise ValueError(
                'must be a URL of apprise, such as "mailtos://USER:PASSWORD@mail.example?to=PERSON@example"'
            )
        return value

    @field_validator("secret")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(f"must have {_SHORTEST_SECRET} characters at least; make one with: openssl rand -hex 32")
        return value

    @field_validator("command")
    @classmethod
    def _is_program(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and not (Path(value[0]).is_absolute() and all("\0" not in word for word in value)):
            raise ValueError(
                'must begin with the absolute path of a program, such as ["/usr/local/bin/page", "--team=ops"]'
            )
        return value

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("must have exactly one of apprise, webhook and command; give each channel its own table")
        if (self.webhook is None) != (self.secret is None):
            raise ValueError(
                "webhook and secret belong together: whoever gets an alert tells by its signature that it is genuine; "
                "make a secret with: openssl rand -hex 32"
            )
        return self
