"""The configuration refuses what it does not know, with a stable code and a way out."""

from pathlib import Path

import pytest
import yaml
from msgspec import structs

from edge_agent.__main__ import EXIT_REFUSED, main
from edge_agent.config import AgentConfigInvalid, OutputOverride, load_config, load_key
from edge_agent.outputs import player_settings
from edge_agent.profile import load_profile
from edge_agent.relay.rules import RelayRules
from loa_protocol.keys import Ed25519Signer

GOOD = {
    "device": "loa-1",
    "broker": {"host": "127.0.0.1", "port": 1883},
    "state_dir": "/nowhere/state",
    "profile": "demo-speaker",
    "key_file": "/nowhere/device.key",
    "pinned_trust": "/nowhere/trust.json",
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "agent.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in (GOOD | changes).items() if v is not None}))
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, output={"kind": "file", "path": "x"}), ["LOA_FAILPOINT", "PATH"])

    assert (config.device, config.broker.port) == ("loa-1", 1883)
    assert config.output is not None
    assert config.output.latency_ms == 0.0


@pytest.mark.parametrize(
    "changes",
    [
        {"volume": 11},
        {"device": "Loa 1"},
        {"device": None},
        {"broker": {"host": "x", "port": 0}},
        {"broker": {"host": "x", "user": "me"}},
        {"output": {"kind": "speaker"}},
        {"output": {"kind": "file"}},
        {"content_quota_bytes": 5},
    ],
)
def test_what_it_does_not_know_refuses_to_start(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(AgentConfigInvalid) as refused:
        load_config(written(tmp_path, **changes))

    assert refused.value.code == "agent_config_invalid"
    assert "agent.yaml" in str(refused.value)


def test_a_leftover_variable_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(AgentConfigInvalid, match="LOA_BROKER"):
        load_config(written(tmp_path), ["LOA_BROKER"])


def test_no_file_and_no_yaml_refuse_to_start(tmp_path: Path) -> None:
    with pytest.raises(AgentConfigInvalid):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("{")
    with pytest.raises(AgentConfigInvalid):
        load_config(tmp_path / "bad.yaml")


def test_a_key_others_may_read_is_refused(tmp_path: Path) -> None:
    path, signer = tmp_path / "device.key", Ed25519Signer.generate()
    path.write_text(signer.private_raw.hex())
    path.chmod(0o644)
    with pytest.raises(AgentConfigInvalid, match="chmod 600"):
        load_key(path)
    path.chmod(0o600)

    assert load_key(path).public_raw == signer.public_raw


@pytest.mark.parametrize("text", ["", "abc", "00" * 31, "zz" * 32])
def test_something_that_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "device.key"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(AgentConfigInvalid):
        load_key(path)


def test_the_program_says_why_it_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--config", str(tmp_path / "none.yaml")])

    assert code == EXIT_REFUSED
    assert capsys.readouterr().err.startswith("agent_config_invalid: ")


def test_the_profile_gives_the_output_unless_the_configuration_does(tmp_path: Path) -> None:
    speaker, board = load_profile("demo-speaker"), load_profile("generic-png-board")
    override = load_config(
        written(tmp_path, output={"kind": "file", "path": "there", "latency_ms": 3.5, "extra_delay_ms": 80})
    ).output

    own = player_settings(speaker, None, tmp_path)
    other = player_settings(speaker, override, tmp_path)

    assert own is not None
    assert other is not None
    assert (own.output, own.capture_dir) == ("file", tmp_path / "captured")
    assert (other.capture_dir, other.latency_ms, other.extra_delay_ms) == (tmp_path / "there", 3.5, 80)
    assert player_settings(board, override, tmp_path) is None


def test_how_the_profile_relays_reaches_the_player_whatever_the_output(tmp_path: Path) -> None:
    speaker = structs.replace(
        load_profile("demo-speaker"), relay=RelayRules(silence_s=3.0), relay_allow=("192.168.10.5/32",)
    )
    override = OutputOverride(kind="null")

    for settings in (player_settings(speaker, None, tmp_path), player_settings(speaker, override, tmp_path)):
        assert settings is not None
        assert (settings.relay.silence_s, settings.relay_allow) == (3.0, ("192.168.10.5/32",))
        assert "--relay-allow=192.168.10.5/32" in settings.command()
