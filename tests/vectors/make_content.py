"""Write the golden vectors of `content/`: what another maker's receiver must compute, accept and refuse.

Run `python tests/vectors/make_content.py` after a change of the rules; the test says when the files are stale.
Assets are not stored: byte j of asset (seed s, n bytes) is SHA-256 counter output, see `asset`.
"""

import hashlib
import json
from pathlib import Path

from loa_protocol import content

FOLDER = Path(__file__).parent / "content"
KIB = 1024
SIZES = (1, 16 * KIB, 16 * KIB + 1, 500_000, 512 * 16 * KIB, 512 * 16 * KIB + 1)


def asset(seed: int, total_bytes: int) -> bytes:
    """SHA-256(seed u32 BE || counter u32 BE) blocks one after another, cut to `total_bytes`."""
    blocks = -(-total_bytes // 32)
    made = b"".join(hashlib.sha256(seed.to_bytes(4) + n.to_bytes(4)).digest() for n in range(blocks))
    return made[:total_bytes]


def sizes() -> dict[str, object]:
    """Chunk size and count at the edges of the rule."""
    edges = [512 * (16 * KIB << k) + more for k in range(5) for more in (-1, 0, 1)]
    allowed = [n for n in [1, *SIZES, *edges] if n <= content.MAX_TOTAL_BYTES]
    return {
        "about": "chunk_bytes of an asset; refused sizes are content_bad_size",
        "accepted": [
            {"total_bytes": n, "chunk_bytes": content.chunk_size(n), "chunks": -(-n // content.chunk_size(n))}
            for n in sorted(set(allowed))
        ],
        "refused": [0, content.MAX_TOTAL_BYTES + 1],
    }


def indexes() -> dict[str, object]:
    """Roots of generated assets, with the whole index where it is short."""
    cases = []
    for seed, total in enumerate(SIZES):
        index = content.build_index(content.split(data := asset(seed, total)), total)
        cases.append(
            {
                "seed": seed,
                "total_bytes": total,
                "chunk_bytes": index.chunk_bytes,
                "asset_sha256": hashlib.sha256(data).hexdigest(),
                "root": index.root,
                "index_hex": index.raw.hex() if index.chunk_count <= 32 else None,
            }
        )
    return {"about": "asset = SHA-256(seed u32 BE || counter u32 BE) blocks, cut to total_bytes", "cases": cases}


def frames() -> dict[str, object]:
    """Frames of a two-chunk asset, and altered ones with the code each is refused with."""
    total = 16 * KIB + 1
    data = asset(2, total)
    index = content.build_index(content.split(data), total)
    head = content.pack_index(index)
    last = content.pack_chunk(index, 1, data[16 * KIB :])
    altered = {
        "empty": b"",
        "header only": head[: content.HEADER_BYTES],
        "one byte short": head[:-1],
        "one byte long": head + b"\0",
        "other magic": b"LOAD" + head[4:],
        "other version": head[:4] + b"\2" + head[5:],
        "unknown kind": head[:5] + b"\3" + head[6:],
        "number not below count": last[:38] + (2).to_bytes(4) + last[42:],
        "count zero": last[:42] + bytes(4) + last[46:],
        "count above 512": last[:42] + (513).to_bytes(4) + last[46:],
        "index in two pieces": head[:42] + (2).to_bytes(4) + head[46:],
        "length lies": last[:46] + (2).to_bytes(4) + last[50:],
    }
    return {
        "about": "asset seed 2 of indexes.json; hex of whole MQTT payloads",
        "accepted": [
            {"kind": "index", "root": index.root, "i": 0, "n": 1, "frame_hex": head.hex()},
            {"kind": "chunk", "root": index.root, "i": 1, "n": 2, "frame_hex": last.hex()},
        ],
        "refused": [{"why": why, "code": "content_bad_frame", "frame_hex": b.hex()} for why, b in altered.items()],
    }


def vectors() -> dict[str, str]:
    """File name to text of every vector file, as this code computes it."""
    made = {"sizes.json": sizes(), "indexes.json": indexes(), "frames.json": frames()}
    return {name: json.dumps(value, indent=1, ensure_ascii=False) + "\n" for name, value in made.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file_name, text in vectors().items():
        (FOLDER / file_name).write_text(text, encoding="utf-8")
