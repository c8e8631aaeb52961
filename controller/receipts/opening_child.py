"""The process that opens messages for the ingest: `python -m controller.receipts.opening_child DESCRIPTOR`.

It reads questions from the socket it was given and answers them in their order; it imports the protocol and nothing of
the database or the web. It says that it is ready with an empty frame, and ends when the other end of the socket does.
"""

import gc
import socket
import sys
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO

from controller.receipts.opening_wire import HEAD_BYTES, answer, answers, asked, framed, length

_COLLECT = (20_000, 50, 100)


def main(descriptor: int) -> None:
    """Answer until the ingest is gone."""
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    with socket.socket(fileno=descriptor) as line, line.makefile("rb") as reading:
        said: SimpleQueue[bytes | None] = SimpleQueue()
        saying = Thread(target=_say, args=(line, said), daemon=True)
        saying.start()
        said.put(framed(b""))
        while (data := _frame(reading)) is not None:
            said.put(answers(map(answer, asked(data))))
        said.put(None)
        saying.join()


def _frame(reading: BinaryIO) -> bytes | None:
    head = reading.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    data = reading.read(size := length(head))
    return data if len(data) == size else None


def _say(line: socket.socket, said: "SimpleQueue[bytes | None]") -> None:
    """Answers wait here, not in the opening of the next turn: the ingest reads them when it has time."""
    while (data := said.get()) is not None:
        try:
            line.sendall(data)
        except OSError:  # nobody is there any more; the reading ends too
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
