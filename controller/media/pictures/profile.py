"""What images and videos may be, and what they become. Pure data; also what parent and child say to each other."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from controller.media.intake import MIB, ChildLimits
from controller.media.messages import Refused

PictureKind = Literal["image", "video"]


@dataclass(frozen=True, slots=True)
class PictureProfile:
    """What is accepted and what it becomes.

    Images become one WebP of at most `longest_side_px`, lossless where that is not much larger than good quality is;
    videos one WebM (VP9, no sound) of at most `video_longest_side_px` and `video_frames_per_s`.
    """

    max_image_bytes: int = 64 * MIB
    max_video_bytes: int = 512 * MIB
    max_pixels: int = 50_000_000
    max_side_px: int = 20_000
    min_side_px: int = 8
    longest_side_px: int = 1920
    quality: int = 82
    lossless_share: float = 1.5
    lossless_always_bytes: int = 96 * 1024
    mean_error_most: float = 8.0
    video_max_pixels: int = 4096 * 2304
    video_max_duration_s: float = 120.0
    video_longest_side_px: int = 1280
    video_frames_per_s: int = 15
    video_bits_per_s: int = 900_000
    max_rendition_bytes: int = 32 * MIB
    image_limits: ChildLimits = field(
        default_factory=lambda: ChildLimits(
            address_space_bytes=1024 * MIB, cpu_s=60, file_bytes=64 * MIB, open_files=32, wall_s=120.0
        )
    )
    video_limits: ChildLimits = field(
        default_factory=lambda: ChildLimits(
            address_space_bytes=1024 * MIB, cpu_s=600, file_bytes=64 * MIB, open_files=32, wall_s=900.0
        )
    )


DEFAULT_PROFILE = PictureProfile()


class PictureOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parent's order: the source is open as `descriptor`; its first bytes look like `format`."""

    descriptor: int
    format: str
    profile: PictureProfile


class PictureDone(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="done"):
    """The child's answer when it was taken in; the rendition lies in its folder.

    `findings`: animated, metadata_dropped, colour_profile_dropped, reduced, rotated, sound_dropped, damaged_frames and
    what they count; `confined_by`: what the kernel held the child with besides its limits.
    """

    kind: PictureKind
    file_name: str
    codec: str
    media_type: str
    width_px: int
    height_px: int
    duration_ms: int
    frames: int
    source: dict[str, str | int]
    findings: dict[str, int]
    confined_by: tuple[str, ...]
    peak_rss_bytes: int
    cpu_s: float


PictureAnswer = PictureDone | Refused
