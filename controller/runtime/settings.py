"""What the controller is told at its start: read once, frozen, and anything unknown refuses to start.

Values come from the command line, else from environment variables `LOA_<NAME>`; a misspelt variable is an error,
because a setting that silently does nothing is found out on the worst day.
"""

import ipaddress
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from loa_protocol.errors import LoaError

EMBEDDED = "embedded"
_POSTGRES = "postgresql+psycopg"
_DRIVERS = {"postgresql": _POSTGRES, "postgres": _POSTGRES, "sqlite": "sqlite+aiosqlite"}
_PREFIX = "LOA_"
PUSH_HOSTS = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
"""Of the push services of today's browsers."""
_READ_ELSEWHERE = frozenset({"LOA_FAILPOINT", "LOA_FAILPOINT_LOG", "LOA_PERSON", "LOA_SESSION_FILE", "LOA_TOKEN"})


class SettingsInvalid(LoaError):
    """A setting is unknown, missing or not of its kind; the controller does not start."""

    code = "settings_invalid"


class Role(StrEnum):
    """What a process of the controller does; by default one process does everything."""

    API = "api"
    PLANNER = "planner"
    PUBLISHER = "publisher"
    INGEST = "ingest"
    JOBS = "jobs"
    SOURCES = "sources"


class MediaBackend(StrEnum):
    """Who decodes and encodes sound: PyAV, which comes with Loa, or the host's ffmpeg program."""

    PYAV = "pyav"
    FFMPEG = "ffmpeg"


class MailSecurity(StrEnum):
    """How the connection to the mail server is protected; `none` only to this machine, or without a password."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Settings(BaseSettings):
    """All settings; see each field. Times in seconds.

    Raises:
        SettingsInvalid: on construction, with what is wrong and where.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid")

    data_dir: Path = Field(default=Path("var"), description="Keys, objects, the default database")
    database_url: str | None = Field(
        default=None, description="postgresql://user@host/name or sqlite:///file; default: SQLite in the data folder"
    )
    database_password_file: Path | None = Field(default=None, description="Its first line is PostgreSQL's password")
    database_connections: int = Field(default=20, ge=5, le=500, description="Most of them to PostgreSQL")
    brokers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(EMBEDDED,), min_length=1, description="“embedded”, mqtt://host:port or mqtts://host:port"
    )
    broker_ca: Path | None = Field(default=None, description="CA of mqtts brokers; default: the system's")
    broker_cert: Path | None = Field(default=None, description="This controller's certificate for mqtts brokers")
    broker_key: Path | None = Field(default=None, description="Key of that certificate")
    broker_port: int = Field(default=0, ge=0, le=65_535, description="Embedded broker; 0 takes a free port")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65_535)
    roles: Annotated[frozenset[Role], NoDecode] = frozenset(Role)
    answer_deadline_s: int = Field(default=120, ge=0, description="Grace after a broadcast's end before “unknown”")
    offline_after_s: int = Field(default=150, ge=1, description="Silence after which a device counts as offline")
    horizon_days: int = Field(default=14, ge=3, le=14, description="Programmes are planned this far ahead")
    resign_after_s: int = Field(default=86_400, ge=60, description="Age at which plans are signed anew")
    content_bytes_per_s: int = Field(default=8_000_000, ge=1_000, description="Pace of content to each broker")
    content_window_bytes: int = Field(default=65_536, ge=1, description="Content a broker has not acknowledged yet")
    content_floor_bytes_per_s: int = Field(default=32_000, ge=1_000, description="Content to all is never slower")
    fibre_bytes_per_s: int = Field(default=2_000_000, ge=1_000, description="Content on links of class “fibre”")
    mobile_bytes_per_s: int = Field(default=256_000, ge=1_000, description="Content on links of class “mobile”")
    narrow_bytes_per_s: int = Field(default=6_000, ge=1_000, description="Content on links of class “narrow”")
    sources: Path | None = Field(default=None, description="YAML list of source systems; default: none")
    speech: Path | None = Field(default=None, description="YAML list of machine voices; default: espeak-ng alone")
    speech_hosts: Annotated[tuple[str, ...], NoDecode] = Field(default=(), description="Hosts of voice services")
    media_backend: MediaBackend = Field(default=MediaBackend.PYAV, description="Who decodes sound: pyav or ffmpeg")
    loudness_lufs: float = Field(default=-16.0, ge=-30, le=-10, description="Loudness of sounds, dual mono")
    true_peak_dbtp: float = Field(default=-1.5, ge=-9, le=-1, description="Highest true peak of sounds")
    speech_bits_per_s: int = Field(default=24_000, ge=16_000, le=32_000, description="Opus of speech; music has 64,000")
    horn_high_pass_hz: int = Field(default=250, ge=80, le=500, description="Speech filter for horns: cut below")
    horn_presence_db: float = Field(default=4.0, ge=0, le=9, description="Speech filter for horns: lift at 3 kHz")
    ingest_openers: int | None = Field(
        default=None, ge=0, le=16, description="Processes that open receipts under load; default: cores - 1, 1 to 4"
    )
    jobs_at_once: int = Field(default=1, ge=1, le=64, description="Background jobs this process does at a time")
    jobs_waiting: int = Field(default=500, ge=1, description="Background jobs that may wait")
    job_lease_s: float = Field(default=20.0, ge=1, description="After this a dead process's jobs are taken up again")
    upload_max_bytes: int = Field(default=512 * 1024**2, ge=1024, description="Largest file to take in")
    spool_quota_bytes: int = Field(default=4 * 1024**3, ge=1024, description="Disk space of files that wait")
    library_keep_days: int | None = Field(
        default=None, ge=1, description="Bytes unused for so long go, evidence stays; default: for ever"
    )
    library_quota_bytes: int | None = Field(
        default=20 * 1024**3, ge=0, description="What a unit's library may hold, where nothing else is set for it"
    )
    first_pass_delay_s: float = Field(
        default=0.3, ge=0, le=60, description="Time for devices to subscribe before new content is sent once to all"
    )

    public_url: str | None = Field(
        default=None, pattern=r"^https?://[^\s/]+(/[^\s]*)?$", description="Where people open the pages; for links"
    )
    map_tiles: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?/[^\s{}]*\{z\}[^\s]*$",
        description="Pictures behind the map, https://tiles.example.vn/{z}/{x}/{y}.png; default: a plain ground",
    )
    map_attribution: str = Field(default="", max_length=300, description="Whose pictures these are, as the map says it")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Names under which a proxy passes requests on, besides that of public_url"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Addresses of reverse proxies whose X-Forwarded-For is believed"
    )
    private_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Networks like 10.20.0.0/16 in which listed names of services may lie"
    )
    audit_keep_months: int = Field(
        default=24, ge=0, le=1200, description="Older entries of the audit are cut off behind a checkpoint; 0: never"
    )
    host_acts_for_people: bool = Field(
        default=False, description="The host's token may act for people (X-Loa-Person); for demonstrations and tests"
    )
    session_idle_hours: float = Field(default=8, gt=0, le=24, description="A session unused so long is over")
    session_days: float = Field(default=7, gt=0, le=30, description="A session is over after this in any case")
    strong_session_idle_min: float = Field(
        default=30, gt=0, le=480, description="As session_idle_hours, of approvers and administrators with two factors"
    )
    strong_session_hours: float = Field(
        default=12, gt=0, le=72, description="As session_days, of approvers and administrators with two factors"
    )
    sign_ins_per_address_per_min: int = Field(
        default=30, ge=1, description="More attempts to sign in from one address are turned away"
    )
    oidc_issuer: str | None = Field(default=None, max_length=500, description="Identity provider; default: none")
    oidc_client_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="What we are called there"
    )
    oidc_client_secret_file: Path | None = Field(default=None, description="Its first line is our secret there")
    oidc_ca: Path | None = Field(default=None, description="CA of the identity provider; default: the system's")
    oidc_strong_acr: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Values of acr by which the provider says that two factors were used"
    )
    oidc_strong_amr: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Values of amr by which it says so, as mfa"
    )
    smtp_host: str | None = Field(default=None, description="Mail server; default: no mail")
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_security: MailSecurity = Field(default=MailSecurity.STARTTLS, description="starttls, tls or none")
    smtp_user: str | None = None
    smtp_password_file: Path | None = Field(default=None, description="Its first line is the mail server's password")
    mail_from: str | None = Field(default=None, description="Sender of mails: loa@example.vn or Tên <loa@example.vn>")
    notice_ca: Path | None = Field(default=None, description="CA of mail and webhook servers; default: the system's")
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Hosts that webhooks may be on: gateway.example, http://127.0.0.1:9000"
    )
    push_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=PUSH_HOSTS, description="Hosts of push services that browsers may name"
    )

    def __init__(self, **given: Any) -> None:
        _refuse_unknown_environment(set(type(self).model_fields))
        try:
            super().__init__(**given)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise SettingsInvalid(f"the settings cannot be used: {wrong}") from error

    @field_validator(
        *("brokers", "roles", "speech_hosts", "webhook_hosts", "push_hosts"),
        *("allowed_hosts", "trusted_proxies", "private_networks"),
        *("oidc_strong_acr", "oidc_strong_amr"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Lists in the environment are comma-separated."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("trusted_proxies", "private_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Each an address or a network of them."""
        for one in value:
            ipaddress.ip_network(one)
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        """With the one driver we use for its kind."""
        if value is None:
            return None
        try:
            address = make_url(value)
            driver = _DRIVERS[address.drivername.partition("+")[0]]
        except (SQLAlchemyError, KeyError, ValueError):
            raise ValueError("write postgresql://user@host:port/name or sqlite:///file") from None
        return address.set(drivername=driver).render_as_string(hide_password=False)

    @property
    def map_tiles_origin(self) -> str:
        """Where the pictures behind the map come from, as a page's policy names it; empty: from nowhere."""
        parts = urlsplit(self.map_tiles or "")
        return f"{parts.scheme}://{parts.netloc}" if self.map_tiles else ""

    @property
    def database(self) -> str:
        """The database in use.

        Raises:
            SettingsInvalid: its password cannot be read.
        """
        url = self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'loa.db'}"
        if self.database_password_file is None:
            return url
        try:
            password = self.database_password_file.read_text().splitlines()[0]
        except (OSError, IndexError, UnicodeDecodeError) as error:
            raise SettingsInvalid(f"database_password_file {self.database_password_file}: {error}") from error
        return make_url(url).set(password=password).render_as_string(hide_password=False)

    @property
    def embedded_broker(self) -> bool:
        """Whether this process runs a broker itself."""
        return EMBEDDED in self.brokers


def _refuse_unknown_environment(fields: set[str]) -> None:
    known = {f"{_PREFIX}{name.upper()}" for name in fields} | _READ_ELSEWHERE
    unknown = sorted(n for n in os.environ if n.upper().startswith(_PREFIX) and n not in known)  # noqa: TID251
    if unknown:
        raise SettingsInvalid(f"unknown environment variables {', '.join(unknown)}; correct or remove them")
