"""Many hostile pictures, each in a limited and confined child of its own, which share what is slow: the imports.

`python -m tests.fakes.picture_children FOLDER…` works on `source` in every folder and leaves `answer` there. A child is
a fork of this process after everything was loaded; it then takes the same way as `controller.media.pictures.child`.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from controller.media.intake import ChildLimits
from controller.media.messages import Refused
from controller.media.pictures import child, image, video
from controller.media.pictures.confine import confine
from controller.media.pictures.profile import DEFAULT_PROFILE, PictureAnswer, PictureOrder
from controller.media.pictures.signatures import HEAD_BYTES, recognised
from controller.media.python_child import ENVIRONMENT

ENDED_S = 240
PROFILE = replace(DEFAULT_PROFILE, video_max_duration_s=20.0)
"""Shorter, so that what is too long need not be long to make."""


def answers(folders: Mapping[str, Path]) -> dict[str, PictureAnswer]:
    """What became of each folder's source; a child that was killed has been refused as `killed`."""
    subprocess.run(
        [sys.executable, "-m", "tests.fakes.picture_children", *map(str, folders.values())],
        env=dict(ENVIRONMENT),
        timeout=ENDED_S,
        check=True,
    )
    given = {name: (folder / "answer") for name, folder in folders.items()}
    return {name: msgspec.json.decode(path.read_bytes(), type=PictureAnswer) for name, path in given.items()}


def _limit(limits: ChildLimits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.address_space_bytes, limits.address_space_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))


def _work(folder: Path) -> None:
    os.chdir(folder)
    source = os.open("source", os.O_RDONLY)
    status = Path("/proc/self/status").open(encoding="ascii")  # noqa: SIM115 - until the process ends
    _limit(PROFILE.image_limits)
    held = confine(folder)

    def peak() -> int:
        status.seek(0)
        return 1024 * int(status.read().partition("VmHWM:")[2].split()[0])

    order = PictureOrder(source, recognised(os.pread(source, HEAD_BYTES, 0))[1], PROFILE)
    said = child.answer(order, held, peak)
    (folder / "answer").write_bytes(msgspec.json.encode(said))


def _say(said: msgspec.Struct) -> None:
    """Nobody listens."""


def _main(folders: list[Path]) -> None:
    image.prepare()
    video.prepare(folders[0])
    child.say = _say
    for folder in folders:
        (folder / "answer").write_bytes(msgspec.json.encode(Refused("killed", "", {})))
        process = os.fork()
        if not process:
            try:
                _work(folder)
            finally:
                os._exit(0)
        os.waitpid(process, 0)


if __name__ == "__main__":
    _main([Path(folder) for folder in sys.argv[1:]])
