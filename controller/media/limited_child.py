"""A limited child process for the event loop: started, heard, and surely dead when the call returns."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

from controller.media.limited_process import Ended, Heard, Order, Pipe, follow
from controller.runtime.waiting import unbroken


async def run(order: Order, heard: Heard | None = None) -> Ended:
    """Run a child until it ends; `heard` is called in the event loop with each line as it comes.

    In every case, a cancellation and an error of `heard` included, the child and its group are dead afterwards and no
    descriptor is left open.

    Raises:
        TimeoutError: it ran for longer than `order.limits.wall_s`.
        OSError: it could not be started.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[Ended] = loop.create_future()

    def hear(line: bytes) -> None:
        try:
            if heard is not None and not failed.done():
                heard(line)
        except Exception as error:  # noqa: BLE001  # raised again below
            failed.set_exception(error)

    with contextlib.ExitStack() as open_here:
        stop = Pipe(open_here)
        thread = ThreadPoolExecutor(1, "limited-child")
        open_here.callback(thread.shutdown, wait=False)
        running = loop.run_in_executor(
            thread, follow, order, stop.reading, lambda line: loop.call_soon_threadsafe(hear, line)
        )
        for outcome in (failed, running):
            outcome.add_done_callback(asyncio.Future.exception)  # one of them is enough to tell
        try:
            await asyncio.wait({running, failed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.close(stop.writing)
            await unbroken(asyncio.wait({running}))
    if failed.done():
        failed.result()
    return running.result()
