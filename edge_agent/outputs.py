"""Which sound output the player gets: the profile's, unless the configuration says otherwise."""

from pathlib import Path
from typing import TypedDict

from edge_agent.config import OutputOverride
from edge_agent.player.supervisor import PlayerSettings
from edge_agent.profile import AlsaAudio, DeviceProfile, FileAudio
from edge_agent.relay.rules import RelayRules


class _Relaying(TypedDict):
    """The part of the settings that every output has alike."""

    relay: RelayRules
    relay_allow: tuple[str, ...]


def player_settings(profile: DeviceProfile, override: OutputOverride | None, state_dir: Path) -> PlayerSettings | None:
    """The player's settings; None for a device without sound. Folders are relative to `state_dir`."""
    audio = profile.audio
    if audio is None:
        return None
    relaying = _Relaying(relay=profile.relay, relay_allow=profile.relay_allow)
    if override is not None:
        return _overridden(override, audio, state_dir, relaying)
    if isinstance(audio, AlsaAudio):
        return PlayerSettings(
            output="alsa",
            device=audio.device,
            channels=audio.channels,
            buffer_ms=audio.buffer_ms,
            latency_ms=audio.latency_ms,
            **relaying,
        )
    folder = state_dir / audio.folder
    return PlayerSettings(output="file", capture_dir=folder, latency_ms=audio.latency_ms, **relaying)


def _overridden(
    override: OutputOverride, audio: AlsaAudio | FileAudio, state_dir: Path, relaying: "_Relaying"
) -> PlayerSettings:
    card = audio if isinstance(audio, AlsaAudio) else AlsaAudio()
    return PlayerSettings(
        output=override.kind,
        device=override.device or card.device,
        channels=card.channels,
        buffer_ms=card.buffer_ms,
        capture_dir=state_dir / (override.path or "captured") if override.kind == "file" else None,
        latency_ms=override.latency_ms or audio.latency_ms,
        extra_delay_ms=override.extra_delay_ms,
        **relaying,
    )
