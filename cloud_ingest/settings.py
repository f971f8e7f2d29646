# SPDX-License-Identifier: MIT
"""The settings of the cloud side: where its servers are, and the society's rules for a month.

A class is a table of cloud.toml. `settings_file` reads them.

In: what options, the environment and a file say. Out: one frozen model; the bytes of a secret's
file. Never: a secret in a message, a log or a ``repr``.
"""

import os
import stat
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.settings_pages import HostAndPort, OidcSettings, Proxies
from cloud_ingest.settings_receivers import MailReceiver, MailSettings, WebhookSettings, safe_url
from cloud_ingest.settings_society import RunRules, SocietySettings, TimeOfDay
from shared_schema.settings.kinds import Kind, SecretFile

_LARGEST_SECRET = 65536

EstimatesRule = Literal["shown", "sent"]
"""What becomes of an estimate: people see it beside what is withheld, or billing gets it."""

UnitListsRule = Literal["proposed", "applied"]
"""What becomes of a list of units that comes by the broker."""


class QuotaSettings(BaseModel):
    """How much a gateway may bring; `cloud_ingest.core.quota` says of what."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    messages_an_hour: int = Field(ge=1, le=10_000_000, default=3600)
    """Messages of which nothing can be verified; those beyond are counted, and not kept."""
    streams_an_hour: int = Field(ge=1, le=1_000_000, default=12)
    """New streams; a batch of one more gets no receipt, and is taken when it comes again later."""
    channels_an_hour: int = Field(ge=1, le=10_000_000, default=20_000)
    """New channels; blocks that would begin more are kept apart, to be replayed."""
    channels_a_meter: int = Field(ge=1, le=1_000_000, default=512)
    """Channels that one meter may ever have."""
    quarantine_mb: int = Field(ge=1, le=1_000_000, default=16)
    """What the quarantine keeps of messages of which nothing was verified; the oldest go first."""


class BrokerLogin(BaseModel):
    """A login of the broker beside the gateways: the common name of a certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Kind("text: letters, digits, `. _ -`, up to 63")] = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
    )
    """The common name of its certificate."""
    role: Literal[
        "ingest",
        "billing",
        "helpdesk",
        "accounting",
        "consumer",
        "operator",
        "unit-management",
        "keeper",
        "monitor",
    ]
    """What it may do. ``unit-management`` brings the list of units (docs/howto/units.md).
    ``keeper`` tells the broker of logins, ``monitor`` reads the broker's own figures; neither does
    anything else."""
    societies: tuple[str, ...] = ()
    """Whose messages it reads; not of ``ingest``, ``keeper`` and ``monitor``."""

    @model_validator(mode="after")
    def _has_its_societies(self) -> Self:
        reads_all = self.role in {"ingest", "keeper", "monitor"}
        if reads_all and self.societies:
            raise ValueError(f"the role {self.role} is of no society: leave societies out")
        if not reads_all and not self.societies:
            raise ValueError(f"name the societies of {self.name}, as in societies = ['Lake View']")
        if "+" in self.societies:
            raise ValueError("'+' is no name of a society: it would be all of them")
        return self


def _holds_nul(value: object) -> bool:
    if isinstance(value, dict | list):
        return any(map(_holds_nul, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and "\0" in value


class CloudSettings(BaseModel):
    """Where the store and the broker are, and the society's rules for closing a month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dsn: SecretStr | None = None
    """The store, PostgreSQL or TimescaleDB: ``postgresql://metering@db.example/metering``, or
    ``key=value`` words; every command that needs the store needs it. Keep the password in
    ``~/.pgpass`` or ``PGPASSWORD``."""

    broker_host: str = "localhost"
    """Name or address of an MQTT 5 broker."""
    broker_port: int = Field(ge=1, le=65535, default=1883)
    """Also with TLS: then mostly 8883."""
    broker_username: str | None = None
    """Our login, where the broker asks for a password."""
    broker_password_file: SecretFile | None = None
    """The password of that login."""
    broker_tls: bool = False
    """TLS 1.3 or newer; without it the link is not encrypted."""
    broker_ca_file: Path | None = None
    """The authority that signed the broker's certificate (PEM). None: the system's."""
    broker_cert_file: Path | None = None
    """The ingest's certificate (PEM); its common name is its login at the broker."""
    broker_key_file: SecretFile | None = None
    """The key of that certificate (PEM); goes with ``broker_cert_file``."""
    cloud_key_file: SecretFile | None = None
    """The private key (PEM) that signs receipts and commands; ``cloud-ingest keygen`` makes
    one."""

    self_read_days: int = Field(ge=0, le=10, default=3)
    """How far from the 1st a dial may have been read to close a month at its own time."""
    self_read_due_day: int = Field(ge=0, le=11, default=2)
    """From which day of the month on a dial that was not read for the month before is a flag
    (docs/howto/self-read.md). 0: it never is."""
    self_read_photo_months: int = Field(ge=1, le=240, default=24)
    """How long photos of dials are kept; that there was one is kept for ever."""
    public_url: str | None = None
    """Where residents reach this cloud, such as ``https://meters.example``: their links begin with
    it (docs/howto/self-read.md). None: links have no address."""
    zone: Annotated[str, Kind("name of a time zone")] | None = None
    """The zone that the store must have been made with. None: the store's."""
    close_grace_minutes: int = Field(ge=0, le=7 * 24 * 60, default=60)
    """How long after its end a month may be closed at the earliest."""

    estimates: EstimatesRule = "shown"
    """``sent``: a month whose border was not read goes to billing as an estimate, until the border
    is known; ``shown``: it is withheld, and its estimate stands beside it
    (docs/explanation/estimates.md)."""

    month_run: bool = True
    """The leader closes the month that has ended by itself: each number goes out as soon as its
    border is read (docs/howto/month-run.md)."""
    run_from: TimeOfDay = "00:15"
    """When that begins on the 1st, local time."""
    provisional: bool | None = None
    """``true``: what is not final at ``provisional_at`` goes out as provisional, with its reasons.
    None: as ``estimates`` says."""
    provisional_at: TimeOfDay = "06:00"
    """When on the 1st the run waits for readings no longer, local time."""

    water_point: Literal["careful", "early"] = "careful"
    """How much evidence the water rules ask for: fewer false alarms, or leaks found sooner."""
    unique_labels: bool = False
    """No two towers share a label: a list of units in which two do at the same time is refused.
    Without it they are two units, such as ``T1/101`` and ``T2/101`` (docs/howto/units.md)."""
    unit_lists: UnitListsRule = "proposed"
    """What becomes of a list of units that comes by the broker: it waits for a person
    (``proposed``), or it is ``applied`` where it touches no closed month (docs/howto/units.md)."""
    change_percent: Decimal = Field(ge=0, le=100, default=Decimal(2))
    """By how much of itself a published number may change without a person's word
    (docs/howto/month.md)."""
    change_kwh: Decimal = Field(ge=0, le=1000, default=Decimal(1))
    """By how many kWh it may change so, if that is more."""
    change_kl: Decimal = Field(ge=0, le=1000, default=Decimal("0.1"))
    """By how many kL it may change so, if that is more."""

    metrics_address: HostAndPort | None = None
    """Where each worker serves ``/metrics``, ``/healthz`` and ``/readyz``, such as
    ``"127.0.0.1:9464"``. There is no login: keep it on a network of your own
    (docs/howto/monitoring.md). None: nowhere."""
    web_address: HostAndPort | None = None
    """Where ``cloud-ingest serve`` serves the pages beside its work, such as ``"127.0.0.1:8081"``;
    of several workers one does (docs/howto/web.md). None: nowhere; ``cloud-ingest web`` does."""
    web_with_api: bool = False
    """The pages' address is that of the API, too (docs/howto/web.md)."""
    trusted_proxies: Proxies = ()
    """Which reverse proxies are believed where they say whom they serve (``X-Forwarded-For``), such
    as ``["127.0.0.1"]``; ``unix``: who asks at a socket of the file system (docs/howto/web.md)."""

    log_format: Literal["text", "json"] = "text"
    """``json``: each line that a worker logs is one JSON object (docs/howto/monitoring.md)."""

    quota: QuotaSettings | None = None
    """How much a gateway may bring of what the store would keep for ever (docs/howto/quotas.md).
    None: see below."""
    oidc: OidcSettings | None = None
    """Another service by which people may sign in (docs/howto/web.md). None: by password alone."""
    webhook: tuple[WebhookSettings, ...] = ()
    """Who gets flags and numbers by HTTP (docs/howto/webhooks.md)."""
    digest_at: TimeOfDay = "07:00"
    """When the morning's digest is mailed, local time (docs/howto/mail.md)."""
    mail: MailSettings | None = None
    """The server that carries mail. None: nobody gets any."""
    mail_to: tuple[MailReceiver, ...] = ()
    """Who gets mail."""
    broker_login: tuple[BrokerLogin, ...] = ()
    """Who may log in to the broker, beside the gateways (docs/howto/broker.md)."""
    society: tuple[SocietySettings, ...] = ()
    """What a society has otherwise (docs/howto/month-run.md)."""

    @field_validator("*", mode="before")
    @classmethod
    def _may_stand_there(cls, value: object, info: ValidationInfo) -> object:
        if (
            isinstance(value, bool)
            and cls.model_fields[str(info.field_name)].annotation is not bool
        ):
            raise ValueError("true or false is no value of it")
        if _holds_nul(value):
            raise ValueError("the character NUL stands in it: leave it out")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_public(cls, url: str | None) -> str | None:
        return None if url is None else safe_url(url, "https://meters.example")

    @field_validator("broker_login")
    @classmethod
    def _have_names(cls, logins: tuple[BrokerLogin, ...]) -> tuple[BrokerLogin, ...]:
        if len({each.name for each in logins}) < len(logins):
            raise ValueError("two logins have the same name")
        return logins

    @field_validator("webhook")
    @classmethod
    def _are_several(cls, webhook: tuple[WebhookSettings, ...]) -> tuple[WebhookSettings, ...]:
        if len({each.url for each in webhook}) < len(webhook):
            raise ValueError("two webhooks have the same url")
        return webhook

    @field_validator("society")
    @classmethod
    def _are_societies(cls, named: tuple[SocietySettings, ...]) -> tuple[SocietySettings, ...]:
        if len({each.name for each in named}) < len(named):
            raise ValueError("two tables are of the same society")
        return named

    @model_validator(mode="after")
    def _certificates_are_used(self) -> Self:
        if (self.broker_cert_file is None) != (self.broker_key_file is None):
            raise ValueError("broker_cert_file and broker_key_file go together")
        if not self.broker_tls and (self.broker_ca_file or self.broker_cert_file):
            raise ValueError("a certificate is named without TLS: set broker_tls = true (--tls)")
        return self

    @model_validator(mode="after")
    def _mail_has_a_server(self) -> Self:
        if self.mail_to and self.mail is None:
            raise ValueError("somebody gets mail, and no server carries it: add a [mail] table")
        if len({each.address for each in self.mail_to}) < len(self.mail_to):
            raise ValueError("two tables of mail_to have the same address")
        return self

    @model_validator(mode="after")
    def _issuer_sends_people_back(self) -> Self:
        if self.oidc is not None and self.public_url is None:
            raise ValueError("an issuer sends people back to public_url, and there is none: set it")
        return self

    @property
    def close_grace(self) -> timedelta:
        """`close_grace_minutes` as a duration."""
        return timedelta(minutes=self.close_grace_minutes)

    def self_read_window(self, society: str) -> timedelta:
        """Return how far from the 1st a dial closes a month of a society."""
        days = self._own(society).self_read_days
        return timedelta(days=self.self_read_days if days is None else days)

    def curves_kept_months(self, society: str) -> int | None:
        """Return for how many months the quarter hours of a society's units are shown."""
        return self._own(society).curves_kept_months

    def self_reads_due(self, society: str) -> int | None:
        """Return from which day on a dial of a society that was not read is a flag."""
        day = self._own(society).self_read_due_day
        return (self.self_read_due_day if day is None else day) or None

    def run_rules(self, society: str) -> RunRules:
        """Return how the months of a society are closed by themselves."""
        own = self._own(society)
        provisional = self.provisional if own.provisional is None else own.provisional
        return RunRules(
            is_on=self.month_run if own.month_run is None else own.month_run,
            provisional=self.estimates == "sent" if provisional is None else provisional,
            run_from=time.fromisoformat(own.run_from or self.run_from),
            provisional_at=time.fromisoformat(own.provisional_at or self.provisional_at),
        )

    def estimates_of(self, society: str) -> EstimatesRule:
        """Return what becomes of a month of a society whose border was not read."""
        return "sent" if self.run_rules(society).provisional else "shown"

    def morning(self, society: str) -> time:
        """Return when the digest of a society is mailed."""
        return time.fromisoformat(self._own(society).digest_at or self.digest_at)

    def _own(self, society: str) -> SocietySettings:
        """Return what a society has otherwise."""
        found = next((each for each in self.society if each.name == society), None)
        return found or SocietySettings(name=society)


def read_secret(path: Path, what: str) -> bytes:
    """Read a file that its owner alone may read, or a credential that systemd gave.

    Credentials stand below ``$CREDENTIALS_DIRECTORY``, in a folder for this service alone, and
    have mode 0440.

    Args:
        path: Where it is.
        what: What a message calls it.

    Raises:
        ConfigurationError: it cannot be read, or others than its owner may read it.
    """
    try:
        with path.open("rb") as file:
            others = 0o037 if _is_credential(path) else 0o077
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & others:
                raise ConfigurationError(f"others may read {what}: run chmod 600 {path}")
            return file.read(_LARGEST_SECRET)
    except OSError as error:
        raise ConfigurationError(f"cannot read {what}: {error.strerror}: {path}") from None


def _is_credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return folder.startswith("/") and path.resolve().is_relative_to(Path(folder).resolve())
