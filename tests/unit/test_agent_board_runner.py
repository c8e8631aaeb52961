"""A board follows the timeline and answers with what it really showed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge_agent.agenda import Desk
from edge_agent.board.items import BoardItem, Ending, FrameEvidence, ItemResult, PageFailure
from edge_agent.board.outfit import open_driver, open_show
from edge_agent.board_runner import BoardRunner
from edge_agent.profile import load_profile
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.plan import BoardItem as Planned
from loa_protocol.documents.plan import Withdrawn
from loa_protocol.policy import HardLimits
from loa_protocol.receipts import Receipt
from tests.fakes.agent_world import MS, World, content_named


@dataclass
class FakeShow:
    """Remembers what it was given."""

    given: list[tuple[BoardItem, ...]] = field(default_factory=list)

    def replace(self, items: list[BoardItem]) -> None:
        self.given.append(tuple(items))


class BoardWorld(World):
    """A board instead of a loudspeaker."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, kind=DeviceKind.BOARD)
        self.show = FakeShow()

    async def born(self) -> None:
        await super().born()
        self.board = BoardRunner(
            desk=self.desk,
            notebook=self.notebook,
            clock=self.clock,
            told=lambda: None,
            content=self.cache,
            path=lambda root: Path("/content") / root,
        )
        self.board.attach(self.show)

    def item(
        self, name: str, *, in_ms: float = 1000, for_ms: float = 5000, text: str = "Thông báo", **shown: str
    ) -> None:
        start = self.utc + in_ms * MS
        planned = Planned(until=start + for_ms * MS, text=text, **shown)
        self.plan(self.broadcast(name, in_ms=in_ms, duration_ms=0, board=planned))

    async def shown(
        self, item: BoardItem, *, ending: Ending = Ending.WINDOW_OVER, proven: bool = True, pages: int = 1, had: int = 1
    ) -> None:
        """What the show would say of an item that had `had` of its pages on the board."""
        proof = tuple(FrameEvidence(page, "a" * 64, "a" * 64 if proven else "b" * 64) for page in range(had))
        failures = () if proven else (PageFailure(0, "board_read_back_differs", 1),)
        await self.board.ended(
            ItemResult(
                item=item,
                ending=ending,
                frames_shown=had,
                first_frame_ns=item.start_ns if had else None,
                last_frame_ns=item.start_ns if had else None,
                shown_ms=5000,
                pages=pages,
                evidence=proof,
                failures=failures,
                brightness_percent=90,
                left_out=(),
                lacks=item.lacks,
            )
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[BoardWorld]:
    made = BoardWorld(tmp_path)
    await made.born()
    yield made
    await made.power_cut()


def told(receipt: Receipt) -> tuple[str, str | None]:
    return str(receipt.outcome), None if receipt.reason is None else str(receipt.reason)


async def only(world: World, name: str) -> Receipt:
    receipts = (await world.receipts())[name]
    assert len(receipts) == 1
    return receipts[0]


async def begun(world: BoardWorld) -> BoardItem:
    world.item("bang")
    await world.board.tick()
    (item,) = world.show.given[-1]
    world.system.pass_ms(1000)
    await world.board.started(item, item.start_ns)
    return item


async def test_a_window_is_given_to_the_show_and_its_frames_are_the_receipt(world: BoardWorld) -> None:
    item = await begun(world)
    world.system.pass_ms(5000)
    await world.board.tick()
    await world.shown(item)

    receipt = await only(world, "bang")

    assert told(receipt) == ("played", None)
    assert receipt.board is not None
    assert (receipt.board.frames, receipt.board.read_back, receipt.board.brightness) == (1, "a" * 64, 90)
    assert (await world.starts(), world.board.playing) == (["bang"], "")


async def test_a_window_that_is_over_is_not_taken_away_from_the_show(world: BoardWorld) -> None:
    item = await begun(world)
    world.system.pass_ms(5001)

    await world.board.tick()

    assert world.show.given[-1] == (item,)
    assert "bang" not in await world.receipts()


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"proven": False}, ("partial", "output_failed")),
        ({"pages": 3, "had": 2}, ("partial", None)),
        ({"had": 0}, ("skipped", "conflict")),
        ({"ending": Ending.STOPPED}, ("interrupted", "power_cut")),
    ],
)
async def test_what_was_not_wholly_shown_is_not_called_played(
    world: BoardWorld, shown: dict[str, object], expected: tuple[str, str | None]
) -> None:
    item = await begun(world)

    await world.shown(item, **shown)

    assert told(await only(world, "bang")) == expected


async def test_a_withdrawn_item_is_taken_away_and_says_so(world: BoardWorld) -> None:
    item = await begun(world)
    world.plan(withdrawn=(Withdrawn(id="bang", rev=0),))
    await world.board.tick()
    assert world.show.given[-1] == ()

    await world.shown(item, ending=Ending.WITHDRAWN)

    assert told(await only(world, "bang")) == ("interrupted", "withdrawn")


async def test_a_stopped_item_is_partial(world: BoardWorld) -> None:
    item = await begun(world)
    world.system.pass_ms(500)
    world.stop()
    await world.board.tick()

    await world.shown(item, ending=Ending.WITHDRAWN)

    assert told(await only(world, "bang")) == ("partial", "stopped")


async def test_a_board_that_was_off_for_the_whole_window_says_so_once(world: BoardWorld) -> None:
    world.item("bang")
    world.system.pass_ms(60_000)

    await world.board.tick()
    await world.board.tick()

    assert told(await only(world, "bang")) == ("skipped", "too_late")


async def test_after_a_power_cut_the_rest_of_the_window_is_shown_with_one_start_and_one_receipt(
    world: BoardWorld,
) -> None:
    await begun(world)
    await world.reborn(off_ms=1000)
    await world.board.tick()
    (item,) = world.show.given[-1]

    await world.board.started(item, world.system.mono_ns)
    await world.shown(item)

    assert told(await only(world, "bang")) == ("played", None)
    assert await world.starts() == ["bang"]


async def test_a_real_png_board_shows_the_text_and_proves_it(tmp_path: Path) -> None:
    profile = load_profile("generic-png-board")
    world = BoardWorld(tmp_path)
    await world.born()
    assert profile.board is not None
    real = _RealTime(world)
    driver = open_driver(profile.board, tmp_path, world.clock.now)
    show = open_show(profile.board, driver, world.board, real)
    world.board.attach(show)
    world.item("bang", in_ms=100, for_ms=1500)
    await world.board.tick()
    running = asyncio.create_task(show.run())

    async with asyncio.timeout(20):
        while "bang" not in await world.receipts():
            await asyncio.sleep(0.01)
            world.system.pass_ms(50)
            await world.board.tick()

    receipt = await only(world, "bang")
    assert told(receipt) == ("played", None)
    assert receipt.board is not None
    assert receipt.board.read_back is not None
    assert receipt.evidence == "device"
    show.stop()
    await running
    await world.power_cut()


class _RealTime:
    """The show's clock: the world's time, looked at every few milliseconds."""

    def __init__(self, world: World) -> None:
        self._world = world

    def monotonic_ns(self) -> int:
        return self._world.system.mono_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        while self._world.system.mono_ns < monotonic_ns:  # noqa: ASYNC110 - time is set by hand
            await asyncio.sleep(0.005)


def test_a_desk_without_an_assignment_shows_nothing(tmp_path: Path) -> None:
    world = BoardWorld(tmp_path)
    world.holdings.held.clear()
    from edge_agent.clock import ClockKeeper

    desk = Desk(world.holdings, ClockKeeper(tmp_path / "c.json", world.system), HardLimits())
    desk.refresh()

    assert desk.look({}, frozenset()).windows == ()


IMAGE = "anh-1"
ROOT = content_named(IMAGE).root


async def over(world: BoardWorld, item: BoardItem) -> Receipt:
    """The window passes with the item on the board."""
    world.system.pass_ms(1000)
    await world.board.started(item, item.start_ns)
    world.system.pass_ms(5000)
    await world.board.tick()
    await world.shown(item)
    return await only(world, "bang")


async def test_an_image_that_is_there_is_given_to_the_show(world: BoardWorld) -> None:
    world.item("bang", image=IMAGE)
    await world.board.tick()

    (item,) = world.show.given[-1]

    assert (item.image, item.lacks) == (Path("/content") / ROOT, ())
    assert told(await over(world, item)) == ("played", None)


async def test_a_text_stands_alone_until_its_image_comes(world: BoardWorld) -> None:
    world.cache.all_there = False
    world.item("bang", image=IMAGE)
    await world.board.tick()
    (before,) = world.show.given[-1]
    world.cache.have.add(ROOT)
    await world.board.tick()
    (after,) = world.show.given[-1]

    assert (before.image, before.lacks) == (None, ("board_image_missing",))
    assert (after.image, after.lacks) == (Path("/content") / ROOT, ())


async def test_a_text_whose_image_never_came_was_shown_in_part(world: BoardWorld) -> None:
    world.cache.all_there = False
    world.item("bang", image=IMAGE)
    await world.board.tick()

    receipt = await over(world, world.show.given[-1][0])

    assert told(receipt) == ("partial", "content_missing")
    assert "the image had not come" in receipt.detail


async def test_an_image_alone_that_never_came_is_told_as_missing(world: BoardWorld) -> None:
    world.cache.all_there = False
    world.item("bang", text="", image=IMAGE)
    await world.board.tick()
    given = list(world.show.given)
    world.system.pass_ms(7000)
    await world.board.tick()

    assert given in ([], [()])
    assert told(await only(world, "bang")) == ("failed", "content_missing")


async def test_a_video_is_said_to_be_left_out(world: BoardWorld) -> None:
    world.item("bang", video="phim-1")
    await world.board.tick()

    receipt = await over(world, world.show.given[-1][0])

    assert told(receipt) == ("partial", None)
    assert "cannot show videos yet" in receipt.detail


async def test_a_video_alone_is_not_for_this_board(world: BoardWorld) -> None:
    world.item("bang", text="", video="phim-1")
    world.system.pass_ms(7000)
    await world.board.tick()

    assert told(await only(world, "bang")) == ("skipped", "not_for_device")


async def test_a_board_needs_its_images_and_no_sounds_nor_videos(world: BoardWorld) -> None:
    start = world.utc + 1000 * MS
    planned = Planned(until=start + 5000 * MS, text="", image=IMAGE, video="phim-1")
    world.plan(world.broadcast("bang", in_ms=1000, duration_ms=1000, board=planned))

    needs = world.desk.needs(world.notebook.settled)

    assert [need.root for need in needs] == [ROOT]
