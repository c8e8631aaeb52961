"""From an image on the operator's disk to the pixels of a board, and back, with real processes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.acceptance.rig import COMMUNE, running
from tests.fakes import picture_corpus as corpus

pytestmark = pytest.mark.broker


def test_an_image_is_shown_whole_on_a_board_and_its_receipt_says_so(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        system.add_agent("bang-1", kind="board")
        system.wait_ready()
        file = tmp_path / "lich-tiem.jpg"
        file.write_bytes(corpus.saved(corpus.photo(800, 500), "JPEG", quality=95))
        image = system.client.hand_in_picture(file, {"unit": COMMUNE, "title": "Lịch tiêm"})["id"]
        at = datetime.now(UTC) + timedelta(seconds=6)
        body = {"title": "Lịch tiêm", "to": [f"u-{COMMUNE}"], "board_image": image, "board_s": 3}
        broadcast = str(system.client.post("/broadcasts", {**body, "at": at.isoformat()})["id"])

        view = system.wait_closed(broadcast)

        assert view["outcomes"] == {"played": 1}, json.dumps(view, indent=1)
        errors = [_error(path, corpus.photo(800, 500)) for path in system.capture("bang-1").rglob("*.png")]
        assert min(errors) < 8, f"no frame of the board is the image: {errors}"


def _error(path: Path, original: Image.Image) -> float:
    """How far a frame's pixels lie from the image in the middle of black, 0 to 255 on average."""
    frame = Image.open(path).convert("RGB")
    scale = min(frame.width / original.width, frame.height / original.height)
    fitted = original.resize((round(original.width * scale), round(original.height * scale)), Image.Resampling.LANCZOS)
    wanted = Image.new("RGB", frame.size)
    wanted.paste(fitted, ((frame.width - fitted.width) // 2, (frame.height - fitted.height) // 2))
    return float(np.abs(np.asarray(frame, np.int16) - np.asarray(wanted, np.int16)).mean())
