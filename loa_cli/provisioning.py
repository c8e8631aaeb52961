"""A device's provisioning bundle: its key, the pinned trust list and the agent's configuration, in one folder."""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loa_protocol.keys import Ed25519Signer

MQTT_PORT = 1883


@dataclass(frozen=True, slots=True)
class Bundle:
    """Where a bundle lies; `config` is what `loa agent --config` takes."""

    folder: Path

    @property
    def config(self) -> Path:
        """The agent's configuration."""
        return self.folder / "agent.yaml"

    @property
    def state(self) -> Path:
        """Where the agent keeps its journal, plans and content."""
        return self.folder / "state"

    @property
    def key(self) -> Path:
        """The private key, readable by its owner only."""
        return self.folder / "device.key"

    @property
    def trust(self) -> Path:
        """The trust list the device starts from."""
        return self.folder / "trust.json"


def make_key(bundle: Bundle) -> str:
    """Make the device's key, or use the one there; gives the public key in base64."""
    bundle.folder.mkdir(parents=True, exist_ok=True)
    if not bundle.key.exists():
        descriptor = os.open(bundle.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(Ed25519Signer.generate().private_raw.hex() + "\n")
    signer = Ed25519Signer.from_bytes(bytes.fromhex(bundle.key.read_text().strip()))
    return base64.b64encode(signer.public_raw).decode()


def port_of(data_dir: Path, wanted: int | None) -> int:
    """The broker's port: the one that is wanted, else that of this machine's embedded broker, else MQTT's own."""
    if wanted is not None:
        return wanted
    try:
        return int(json.loads((data_dir / "broker.json").read_text())["port"])
    except (OSError, ValueError, KeyError):
        return MQTT_PORT


def write_bundle(
    bundle: Bundle, *, device_id: str, broker: dict[str, Any], trust: str, profile: str, output: dict[str, Any] | None
) -> None:
    """Write what the agent needs beside the key."""
    bundle.trust.write_text(trust)
    config: dict[str, Any] = {
        "device": device_id,
        "broker": broker,
        "state_dir": str(bundle.state.resolve()),
        "profile": profile,
        "key_file": str(bundle.key.resolve()),
        "pinned_trust": str(bundle.trust.resolve()),
    }
    if output is not None:
        config["output"] = output
    bundle.config.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
