"""An image of a bulletin on a board: whole, in its own proportions, as large as fits, on the board's ground.

Only verified content comes here, made by the controller from whatever people handed in; what is none of its formats,
or larger than it makes, is not drawn all the same.
"""

import warnings
from pathlib import Path

from PIL import Image

from edge_agent.board.frame import BoardSize, Frame
from edge_agent.board.layout import Look
from loa_protocol.errors import LoaError

FORMATS = ("WEBP", "PNG", "JPEG")
LONGEST_SIDE_PX = 4096


class ImageUnshowable(LoaError):
    """This file is no image that a board draws."""

    code = "board_image_unshowable"


def fitted(path: Path, size: BoardSize, look: Look) -> Frame:
    """The image in the middle of the board, nothing of it cut; blocking.

    Raises:
        ImageUnshowable: it cannot be read, or is larger than any that is sent to boards.
    """
    try:
        with warnings.catch_warnings(), Image.open(path, formats=FORMATS) as opened:
            warnings.simplefilter("error")
            if max(opened.size) > LONGEST_SIDE_PX:
                raise ImageUnshowable(f"{path.name} has {opened.size} pixels; hand a smaller image in")
            image = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise ImageUnshowable(f"{path.name} cannot be drawn ({error}); hand the image in again") from error
    scale = min(size.width_px / image.width, size.height_px / image.height)
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    scaled = image.resize((width, height), Image.Resampling.LANCZOS)
    ground = Image.new("RGBA", (size.width_px, size.height_px), (*look.ground, 255))
    ground.alpha_composite(scaled, ((size.width_px - width) // 2, (size.height_px - height) // 2))
    return Frame.of_image(ground)
