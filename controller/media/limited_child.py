"""Work that follows limited children, for the event loop: started, heard, and surely over when the call returns."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from controller.media.limited_process import Ended, Heard, Order, Pipe, follow
from controller.runtime.waiting import unbroken

T = TypeVar("T")


async def run(order: Order, heard: Heard | None = None) -> Ended:
    """Run a child until it ends; `heard` is called in the event loop with each line as it comes.

    In every case, a cancellation and an error of `heard` included, the child and its group are dead afterwards and no
    descriptor is left open.

    Raises:
        TimeoutError: it ran for longer than `order.limits.wall_s`.
        OSError: it could not be started.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()

    def hear(line: bytes) -> None:
        try:
            if heard is not None and not failed.done():
                heard(line)
        except Exception as error:  # noqa: BLE001  # raised again by `stoppable`
            failed.set_exception(error)

    def work(stop: int) -> Ended:
        return follow(order, stop, lambda line: loop.call_soon_threadsafe(hear, line))

    return await stoppable(work, failed)


async def stoppable(work: Callable[[int], T], failed: "asyncio.Future[None] | None" = None) -> T:
    """Do `work` in a thread of its own; it is given a descriptor that becomes readable when it should stop.

    It should when the caller is cancelled or `failed` has an exception, which is raised here; the call returns only
    when the thread has.
    """
    loop = asyncio.get_running_loop()
    failed = failed or loop.create_future()
    with contextlib.ExitStack() as open_here:
        stop = Pipe(open_here)
        thread = ThreadPoolExecutor(1, "limited-child")
        open_here.callback(thread.shutdown, wait=False)
        running = asyncio.ensure_future(loop.run_in_executor(thread, work, stop.reading))
        over: set[asyncio.Future[object]] = {running, failed}  # type: ignore[arg-type]
        for outcome in over:
            outcome.add_done_callback(asyncio.Future.exception)  # one of them is enough to tell
        try:
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.close(stop.writing)
            await unbroken(asyncio.wait({running}))
    if failed.done():
        failed.result()
    return running.result()
