"""Everything an operator may set, read from the environment in this file and nowhere else.

Each setting is an environment variable `OPORTUNO_<NAME>`; `DATABASE_URL` and `PORT` are also read under these common names.
Documented in docs/reference/settings.md, which a law-test compares with this file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from oportuno.kit.faults import BadInput


class Settings(BaseSettings):
    """The settings of one process. Values are checked when read; nothing is read later."""

    model_config = SettingsConfigDict(env_prefix="OPORTUNO_", extra="ignore", frozen=True, populate_by_name=True)

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("OPORTUNO_DATABASE_URL", "DATABASE_URL"),
        description="PostgreSQL 16 or newer. Unset: the embedded one in the data directory.",
    )
    port: int = Field(
        default=8080,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("OPORTUNO_PORT", "PORT"),
        description="Port of the HTTP side; 0 lets the system choose.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Anything but loopback hides the demonstration's pages.",
    )
    data_dir: Path = Field(default=Path("data"), description="Where the embedded PostgreSQL keeps its files.")
    # ── Keeping the installation ──
    erasures_file: Path | None = Field(
        default=None,
        description="Where the list of who was forgotten is kept, outside the database and its backups."
        " Unset: “erasures” in the data directory for the embedded PostgreSQL, and nowhere for another.",
    )
    trusted_hops: int = Field(
        default=0,
        ge=0,
        le=10,
        description="How many proxies of yours stand before this server and tell from where a request comes."
        " 0: none, and nobody is believed.",
    )
    forwarded_by: Literal["x-forwarded-for", "forwarded"] = Field(
        default="x-forwarded-for", description="In which header they tell it. The other one is not read."
    )
    # ── End of that ──
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s?#]+[^/\s?#])?$",
        description="How customers reach this server, without a slash at the end: links in messages begin with it. Empty: http://host:port.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How much is said on standard error.")

    key_events_per_second: int = Field(default=50_000, ge=1, description="How many events a key may send per second, on average.")
    address_events_per_second: int = Field(
        default=50_000, ge=1, description="How many events one network address may send per second, on average."
    )
    backlog_ceiling: int = Field(
        default=5_000_000, ge=1, description="How many stored events of a workspace may wait for the engine before it is answered 429."
    )
    disk_ceiling: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Share of the database's disk in use from which events are answered 429. Known on one machine only.",
    )
    dedupe_days: int = Field(default=30, ge=30, le=400, description="How many days the ids of events are remembered.")
    ids_of_one: int = Field(default=1_000, ge=10, le=100_000, description="How many ids a customer may have; a further one is a reject.")

    engines: int = Field(default=2, ge=1, le=64, description="How many engines `oportuno serve` runs side by side.")
    engine_batch: int = Field(default=400, ge=1, le=5_000, description="How many events an engine takes at once, at most.")
    deliver_width: int = Field(
        default=16, ge=1, le=256, description="How many messages one delivering process may have in hand with providers at once."
    )

    email_per_second: float = Field(
        default=50, gt=0, le=10_000, description="How many e-mails one delivering process may hand to the mail server per second."
    )
    domain_per_second: float = Field(
        default=20, gt=0, le=10_000, description="How many of them to any one recipient domain: large receivers defer who hurries."
    )
    webhooks_per_second: float = Field(
        default=500, gt=0, le=10_000, description="How many webhooks one delivering process may post per second, to all hosts together."
    )
    host_per_second: float = Field(default=200, gt=0, le=10_000, description="How many of them to any one host.")
    workspace_per_second: float = Field(
        default=200, gt=0, le=10_000, description="How many messages of one workspace on one channel leave per second and process."
    )

    smtp_host: str = Field(default="", description="Mail server to hand e-mail to. Empty: e-mail waits, and the health page says so.")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="How the connection to it is protected.")
    smtp_user: str = Field(default="", description="User name at the mail server.")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="Password at the mail server.")
    dkim_domain: str = Field(
        default="", description="Domain that signs e-mail (DKIM). Empty: we do not sign; see `OPORTUNO_PROVIDER_SIGNS`."
    )
    dkim_selector: str = Field(default="oportuno", description="Selector of the DKIM key in the DNS.")
    dkim_key_file: Path | None = Field(default=None, description="PEM file with the private DKIM key (RSA or Ed25519).")
    sealing_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key by which secrets in the database are sealed: 32 bytes in base64; older ones after it, parted by commas.",
    )
    sealing_key_file: Path | None = Field(
        default=None, description="File with that key, one a line. Unset: “sealing.key” in the data directory, made at first."
    )
    provider_signs: bool = Field(
        default=False,
        description="The mail server itself signs what it is given (DKIM), for the sender's domain and with both List-Unsubscribe headers.",
    )
    # Mail that comes back.
    bounce_domain: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}$|^$",
        description="Domain to which mail that cannot be delivered comes back, message by message. Empty: it comes back to the sender.",
    )
    replies_here: bool = Field(
        default=False, description="Let answers come back by that domain too, where a message names no address for them."
    )
    mail_in_port: int | None = Field(
        default=None, ge=0, le=65535, description="Port that takes mail which comes back, by LMTP or SMTP; 0 lets the system choose."
    )
    mail_in_host: str = Field(default="127.0.0.1", description="Address of that port. It has no TLS: a mail server stands before it.")
    mail_in_dir: Path | None = Field(default=None, description="Maildir folder into which mail that comes back is put.")

    demo_dir: Path | None = Field(
        default=None,
        description="Set by “oportuno demo” for its own parts: where the demonstration is kept. Its pages answer this machine alone.",
    )
    allow_loopback_webhooks: bool = Field(
        default=False, description="Let webhooks reach loopback addresses. For trying things on one machine only."
    )


def read_settings(**given: object) -> Settings:
    """Read the environment; what is `given` and not None (from the command line) wins.

    Raises BadInput with the names of the settings that cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        place = name.upper() if name.isupper() or name.startswith("OPORTUNO_") else f"OPORTUNO_{name.upper()}"
        raise BadInput("setting_invalid", f"the setting {place} cannot be used: {first['msg']}", place=place) from None
