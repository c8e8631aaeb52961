"""The relay's child process: for each order on standard input, one attempt at a stream; blocks on standard output.

Rules: it ends when its standard input does; it takes no more memory than its start needed and a fixed amount; it
steps back behind the player, whose process it must not slow down.
"""

import contextlib
import os
import queue
import resource
import sys
import threading
from typing import BinaryIO

import msgspec

from edge_agent.relay import framing
from edge_agent.relay.addresses import Guard
from edge_agent.relay.decoding import blocks
from edge_agent.relay.errors import RelayEnded, RelayError, RelayNotAStream
from edge_agent.relay.fetching import Answer, Patience, fetch
from edge_agent.relay.formats import FIRST_BYTES, PLAYLIST_BYTES, Format, first_address, kind_of
from edge_agent.relay.levelling import Leveller

MEMORY_BYTES = 192 * 1024 * 1024
_NICE = 5
_FILES_MAX = 64


def main() -> None:
    """Serve orders until standard input ends."""
    os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    _limit()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read_orders, args=(sys.stdin.buffer, orders), name="orders", daemon=True).start()
    while True:
        order = msgspec.json.decode(orders.get(), type=framing.Order)
        try:
            framing.write_status(answers, _attempt(order, answers))
        except BrokenPipeError:
            os._exit(0)


def _read_orders(given: BinaryIO, orders: "queue.SimpleQueue[bytes]") -> None:
    for line in given:
        orders.put(line)
    # Whatever the other thread waits for: nobody wants it any more.
    os._exit(0)


def _attempt(order: framing.Order, answers: BinaryIO) -> framing.Status:
    """Relay until it fails; why it did."""
    try:
        _relay(order, answers)
    except RelayError as error:
        return framing.Status(code=error.code, message=str(error))
    except MemoryError:
        return framing.Status(code="relay_undecodable", message="the stream wants more memory than a relay may take")
    ended = RelayEnded("the station has ended the stream; trying again")
    return framing.Status(code=ended.code, message=str(ended))


def _relay(order: framing.Order, answers: BinaryIO) -> None:
    guard, patience = Guard(order.allow), Patience(stall_s=order.stall_s)
    answer, sort, first = _opened(order.url, guard, patience)
    leveller = Leveller()
    with contextlib.closing(answer):
        answer.listen()
        framing.write_status(answers, framing.Status())
        for samples in blocks(sort, first, answer.body):
            for sound in leveller.push(samples):
                framing.write_sound(answers, sound)


def _opened(url: str, guard: Guard, patience: Patience) -> tuple[Answer, Format, bytes]:
    """The stream itself; a playlist may tell where it is, but not of another playlist."""
    for _ in range(2):
        with contextlib.ExitStack() as failed:
            answer = fetch(url, guard, patience)
            failed.callback(answer.close)
            first = _read(answer, FIRST_BYTES)
            sort = kind_of(answer.media_type, first)
            if sort != "playlist":
                failed.pop_all()
                return answer, sort, first
            url = first_address(first + _read(answer, PLAYLIST_BYTES), answer.url)
    raise RelayNotAStream("the playlist names another playlist; ask the station for the stream's own address")


def _read(answer: Answer, most: int) -> bytes:
    taken = b""
    while len(taken) < most and (more := answer.body.read(most - len(taken))):
        taken += more
    return taken


def _limit() -> None:
    """No more memory than there is now and a fixed amount, few files, no core."""
    with open("/proc/self/statm", "rb") as held:  # noqa: PTH123 - not a file to have an encoding
        pages = int(held.read().split()[0])
    limits = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + MEMORY_BYTES,
        resource.RLIMIT_NOFILE: _FILES_MAX,
        resource.RLIMIT_CORE: 0,
    }
    for kind, wanted in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
