"""Images and videos come in through a limited, confined child: what is honest is shown, the rest does no harm."""

import asyncio
import io
import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from controller.media.errors import MediaChildFailed, MediaChildLimit, MediaTimeout
from controller.media.intake import MIB, ChildLimits
from controller.media.messages import Refused
from controller.media.pictures.errors import PictureFormatRefused, PictureMetadataTooLarge, PictureUnreadable
from controller.media.pictures.image import mean_error
from controller.media.pictures.intake import PictureIntake, PictureResult
from controller.media.pictures.profile import DEFAULT_PROFILE, PictureAnswer, PictureDone, PictureProfile
from loa_protocol.errors import LoaError
from tests.fakes import picture_corpus as corpus
from tests.fakes.picture_children import answers

CASES = [*corpus.REFUSED, *corpus.TAKEN]
AT_THE_DOOR = [name for name, (code, _) in corpus.REFUSED.items() if code in ("picture_format_refused", "media_empty")]


@dataclass(frozen=True)
class Tried:
    """What became of one file."""

    outcome: PictureResult | LoaError
    written: bytes
    left: list[str]


def put(folder: Path, data: bytes) -> Path:
    folder.mkdir()
    source = folder / "source.png"
    source.write_bytes(data)
    return source


async def tried(intake: PictureIntake, folder: Path, data: bytes, profile: PictureProfile = DEFAULT_PROFILE) -> Tried:
    source = put(folder, data)
    outcome: PictureResult | LoaError
    try:
        outcome = await intake.take_in(source, folder / "job", profile)
    except LoaError as error:
        outcome = error
    kept = folder / "job"
    left = sorted(path.name for path in kept.iterdir()) if kept.exists() else []
    written = outcome.rendition.path.read_bytes() if isinstance(outcome, PictureResult) else b""
    return Tried(outcome, written, left)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[PictureAnswer, Path]]:
    """What became of every hostile file that gets as far as a decoder, and where."""
    base = tmp_path_factory.mktemp("hostile")
    folders = {name: base / name for name in CASES if name not in AT_THE_DOOR}
    for name, folder in folders.items():
        folder.mkdir()
        (folder / "source").write_bytes({**corpus.REFUSED, **corpus.TAKEN}[name][1](folder))
    return {name: (said, folders[name]) for name, said in answers(folders).items()}


@pytest.mark.parametrize("name", [name for name in corpus.REFUSED if name not in AT_THE_DOOR])
def test_what_cannot_be_shown_is_refused_by_its_code(name: str, hostile: dict[str, tuple[PictureAnswer, Path]]) -> None:
    said, _ = hostile[name]

    assert isinstance(said, Refused), said
    assert said.code == corpus.REFUSED[name][0], said.message


@pytest.mark.parametrize("name", AT_THE_DOOR)
async def test_what_is_no_picture_never_reaches_a_decoder(name: str, tmp_path: Path) -> None:
    code, make = corpus.REFUSED[name]
    nobody = PictureIntake(command=("/bin/false",))

    done = await tried(nobody, tmp_path / "one", make(tmp_path))

    assert isinstance(done.outcome, LoaError)
    assert done.outcome.code == code, done.outcome
    assert done.left == []


@pytest.mark.parametrize("name", corpus.TAKEN)
def test_of_what_is_hostile_only_pixels_go_on(name: str, hostile: dict[str, tuple[PictureAnswer, Path]]) -> None:
    said, folder = hostile[name]

    assert isinstance(said, PictureDone), said
    assert set(corpus.TAKEN[name][0]) <= set(said.findings)
    written = (folder / said.file_name).read_bytes()
    assert corpus.PAYLOAD not in written
    assert b"PK\x03\x04" not in written
    image = Image.open(io.BytesIO(written))
    assert (image.format, image.size) == ("WEBP", (said.width_px, said.height_px))
    assert max(image.size) <= DEFAULT_PROFILE.longest_side_px
    assert not image.info.get("exif")
    assert not image.info.get("icc_profile")


def test_memory_and_time_stay_within_their_bounds(hostile: dict[str, tuple[PictureAnswer, Path]]) -> None:
    taken = [said for said, _ in hostile.values() if isinstance(said, PictureDone)]

    assert len(taken) == len(corpus.TAKEN)
    assert all(0 < one.peak_rss_bytes < DEFAULT_PROFILE.image_limits.address_space_bytes for one in taken)
    assert all(0 < one.cpu_s < DEFAULT_PROFILE.image_limits.cpu_s for one in taken)
    assert {one.confined_by for one in taken} <= {("landlock", "seccomp"), ("seccomp",), ()}


async def test_a_hostile_file_takes_the_whole_way_and_leaves_nothing(tmp_path: Path) -> None:
    done = await tried(PictureIntake(), tmp_path / "one", corpus.REFUSED["a-text-bomb"][1](tmp_path))

    assert isinstance(done.outcome, PictureMetadataTooLarge), done.outcome
    assert done.left == []


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
async def test_an_honest_image_is_the_same_image_again(name: str, tmp_path: Path) -> None:
    original = corpus.photo()

    done = await tried(PictureIntake(), tmp_path / "one", corpus.saved(original, name))

    assert isinstance(done.outcome, PictureResult), done.outcome
    assert mean_error(Image.open(io.BytesIO(done.written)), original) < (30 if name == "GIF" else 6)
    assert done.left == ["image.webp"]


async def test_a_photo_is_upright_reduced_and_without_its_place(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    data = corpus.saved(corpus.photo(3000, 1000), "JPEG", exif=exif)

    done = await tried(PictureIntake(), tmp_path / "one", data)

    assert isinstance(done.outcome, PictureResult), done.outcome
    shown = Image.open(io.BytesIO(done.written)).convert("RGB")
    assert shown.size == (640, 1920)
    assert {"rotated", "reduced", "metadata_dropped"} <= done.outcome.done.findings.keys()
    assert not shown.getexif()
    red, green, blue = np.asarray(shown)[40, 320]
    assert (red > 200, green > 180, blue < 80) == (True, True, True), "the bright bar is not above"


async def test_what_is_transparent_stays_so_and_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    clear = corpus.photo()
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    intake = PictureIntake(jobs=2)

    first, second = await asyncio.gather(
        tried(intake, tmp_path / "one", corpus.saved(clear, "PNG")),
        tried(intake, tmp_path / "two", corpus.saved(clear, "WEBP", lossless=True, exact=True)),
    )

    assert first.written == second.written
    assert np.asarray(Image.open(io.BytesIO(first.written)).convert("RGBA"))[2, 300, 3] < 10


@pytest.mark.parametrize(("name", "codec"), [("film.mp4", "mpeg4"), ("film.avi", "mjpeg"), ("film.webm", "libvpx")])
async def test_an_honest_video_is_the_same_video_again(name: str, codec: str, tmp_path: Path) -> None:
    path = tmp_path / name
    corpus.film(path, codec=codec, seconds=2, size=(1600, 120) if codec == "mjpeg" else (96, 64))

    done = await tried(PictureIntake(), tmp_path / "one", path.read_bytes())

    assert isinstance(done.outcome, PictureResult), done.outcome
    said = done.outcome.done
    assert (said.codec, said.media_type, said.frames) == ("vp9", "video/webm", 30)
    assert abs(said.duration_ms - 2000) <= 70
    with av.open(io.BytesIO(done.written), "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == said.frames
    assert {frame.shape[1] for frame in frames} == {1280 if codec == "mjpeg" else 96}
    bars = [int(np.argmax(frame[:, :, 0].mean(axis=0) > 150)) for frame in frames]
    assert bars == sorted(bars)
    assert bars[0] < 4 < frames[0].shape[1] // 2 < bars[-1]


EVIL = """
import json, os, socket, sys, threading
from pathlib import Path
from controller.media.pictures import child, image
from controller.media.pictures.errors import PictureUnreadable

def tries(opened, name, profile):
    outside, port = {outside!r}, {port}
    def thread(): threading.Thread(target=Path("thread").touch).start()
    ways = {{
        "read": lambda: open("/etc/passwd").read(),
        "read_by_descriptor": lambda: open("/proc/self/environ").read(),
        "list": lambda: os.listdir("/"),
        "write": lambda: open(outside + "/evil", "w"),
        "overwrite": lambda: open(outside + "/precious", "w"),
        "remove": lambda: os.unlink(outside + "/precious"),
        "link": lambda: os.symlink(outside, "link"),
        "connect": lambda: socket.create_connection(("127.0.0.1", port), 2),
        "listen": lambda: socket.socket(socket.AF_UNIX),
        "fork": lambda: os.fork(),
        "start": lambda: os.posix_spawn("/bin/true", ["true"], {{}}),
        "become": lambda: os.execv("/bin/true", ["true"]),
        "signal": lambda: os.kill(os.getppid(), 0),
        "own_file": lambda: Path("own").write_bytes(b"x"),
        "own_thread": thread,
    }}
    told = {{}}
    for way, work in ways.items():
        try:
            work()
            told[way] = "done"
        except OSError as error:
            told[way] = "refused"
    raise PictureUnreadable(json.dumps(told))

image.take = tries
child.main()
"""


@pytest.fixture
def ear() -> Iterator[socket.socket]:
    """Somebody to be connected to."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0)
        yield listening


async def test_a_decoder_that_was_taken_over_reaches_nothing(tmp_path: Path, ear: socket.socket) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("still here")
    script = EVIL.format(outside=str(outside), port=ear.getsockname()[1])

    intake = PictureIntake(command=(sys.executable, "-P", "-s", "-B", "-c", script))
    done = await tried(intake, tmp_path / "one", corpus.saved(corpus.photo(), "PNG"))

    assert isinstance(done.outcome, PictureUnreadable), done.outcome
    told = json.loads(str(done.outcome))
    assert {way for way, how in told.items() if how == "done"} == {"own_file", "own_thread"}
    assert (outside / "precious").read_text() == "still here"
    assert [path.name for path in outside.iterdir()] == ["precious"]
    with pytest.raises(BlockingIOError):
        ear.accept()
    assert done.left == []


@pytest.mark.parametrize(
    ("work", "wall_s", "error"),
    [
        ("bytearray(3 << 30)", 60, MediaChildLimit),
        ("sum(iter(int, 1))", 60, MediaChildLimit),
        ("open('full', 'wb').write(bytes(40 << 20))", 60, MediaChildLimit),
        ("__import__('time').sleep(600)", 2, MediaTimeout),
        ("__import__('os').abort()", 60, MediaChildFailed),
    ],
)
async def test_a_decoder_that_never_has_enough_is_ended(
    work: str, wall_s: float, error: type[LoaError], tmp_path: Path
) -> None:
    script = f"from controller.media.pictures import child, image\nimage.take = lambda *_: {work}\nchild.main()\n"
    limits = ChildLimits(address_space_bytes=1024 * MIB, cpu_s=1, file_bytes=32 * MIB, wall_s=wall_s)
    intake = PictureIntake(command=(sys.executable, "-P", "-s", "-B", "-c", script))

    done = await tried(
        intake, tmp_path / "one", corpus.saved(corpus.photo(), "PNG"), replace(DEFAULT_PROFILE, image_limits=limits)
    )

    assert type(done.outcome) is error
    assert done.left == []


async def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(PictureUnreadable):
        await PictureIntake().take_in(tmp_path / "pipe", tmp_path / "job")


async def test_a_refusal_says_what_the_file_really_is(tmp_path: Path) -> None:
    done = await tried(PictureIntake(), tmp_path / "one", corpus.SVG)

    assert isinstance(done.outcome, PictureFormatRefused)
    assert "an SVG drawing" in str(done.outcome)
