"""The agent's configuration: one YAML file from the provisioning bundle, read once at start.

An unknown key, an unknown `LOA_` environment variable, or a key file that others may read refuses to start with
`agent_config_invalid`: a typing error must not silently become a default.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta

from loa_protocol.errors import LoaError
from loa_protocol.ids import Id
from loa_protocol.keys import Ed25519Signer

KNOWN_ENVIRONMENT = ("LOA_FAILPOINT", "LOA_FAILPOINT_LOG")
_PREFIX = "LOA_"
_KEY_BYTES = 32
_MIB = 1024 * 1024


class AgentConfigInvalid(LoaError):
    """The configuration cannot be used; the message says which part of it and what to write instead."""

    code = "agent_config_invalid"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything in the file."""


class Tls(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PEM files: the pinned CA, this device's certificate and its key."""

    ca: str
    cert: str
    key: str


class BrokerAddress(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the broker listens; without `tls` only a loopback address is sensible."""

    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    tls: Tls | None = None


class OutputOverride(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Replaces the profile's sound output (or a board's): `path` is a folder for `file`, `device` a card for `alsa`."""

    kind: Literal["file", "alsa", "null"]
    path: str | None = None
    device: str | None = None
    latency_ms: float = 0.0
    extra_delay_ms: float = 0.0


class AgentConfig(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an agent is told from outside. `profile` is a name among firmware_configs, or a path."""

    device: Id
    broker: BrokerAddress
    state_dir: str
    profile: str
    key_file: str
    pinned_trust: str
    output: OutputOverride | None = None
    content_quota_bytes: Annotated[int, Meta(ge=_MIB)] = 2048 * _MIB


def load_config(path: Path, environment: Iterable[str] = ()) -> AgentConfig:
    """Read the file; `environment` are the names of the environment variables that are set.

    Raises:
        AgentConfigInvalid: unreadable, not YAML, an unknown key or variable, or a wrong value.
    """
    leftovers = sorted(n for n in environment if n.startswith(_PREFIX) and n not in KNOWN_ENVIRONMENT)
    if leftovers:
        raise AgentConfigInvalid(f"the environment sets {', '.join(leftovers)}, which nothing reads; unset it")
    try:
        config = msgspec.convert(yaml.safe_load(path.read_bytes()), AgentConfig)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise AgentConfigInvalid(f"{path}: {error}; correct the file and start again") from error
    if config.output is not None and config.output.kind == "file" and config.output.path is None:
        raise AgentConfigInvalid(f"{path}: output kind file needs `path`, a folder for what would have sounded")
    return config


def load_key(path: Path) -> Ed25519Signer:
    """The device's own key: 32 raw bytes in hex, in a file only its owner may read.

    Raises:
        AgentConfigInvalid: missing, readable by others, or not a key.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise AgentConfigInvalid(f"{path} can be read by others; run: chmod 600 {path}")
        raw = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise AgentConfigInvalid(
            f"the device key {path} cannot be read: {error}; provision the device again"
        ) from error
    if len(raw) != _KEY_BYTES:
        raise AgentConfigInvalid(f"the device key {path} has {len(raw)} bytes, not {_KEY_BYTES}; provision again")
    return Ed25519Signer.from_bytes(raw)


def environment_names() -> tuple[str, ...]:
    """Names of the variables that are set: the one place that looks."""
    return tuple(os.environ)  # noqa: TID251 - this is the config module


def failpoint_settings() -> tuple[str, Path | None]:
    """What tests ask to be killed at, and the file in which to note it."""
    log = os.environ.get("LOA_FAILPOINT_LOG")  # noqa: TID251 - this is the config module
    return os.environ.get("LOA_FAILPOINT", ""), Path(log) if log else None  # noqa: TID251
