"""The controller put together: every part built once, started in order, ended in the reverse.

Which parts run is what the roles say; correctness never depends on two of them being in one process, only speed does:
they find each other's work in the database.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

from controller.accounts import keys as account_keys
from controller.accounts.keys import AccountKeys
from controller.accounts.oidc import provider as oidc_provider
from controller.audit import watch as audit_watch
from controller.audit.denials import Denials
from controller.delivery.commands import CommandDesk
from controller.delivery.content_sender import ContentSender
from controller.delivery.content_store import Frames
from controller.delivery.directory import Directory
from controller.delivery.planner import Planner
from controller.delivery.publisher import Publisher
from controller.delivery.store import Stored
from controller.delivery.timekeeping import TimeKeeper
from controller.delivery.uplink import Handler, Uplink
from controller.jobs.kinds import Kind
from controller.jobs.rules import JobState
from controller.jobs.spool import Spool
from controller.jobs.worker import Worker
from controller.library import watch as library_watch
from controller.library.labels import Origin
from controller.library.shelving import Shelf
from controller.media import intake_job, intakes, join_job
from controller.media.intake_job import IntakeKind
from controller.media.join_job import JoinKind
from controller.media.joiner import Joiner
from controller.media.pictures import job as picture_job
from controller.media.pictures.intake import PictureIntake
from controller.media.pictures.job import PictureKind
from controller.media.service import MediaLibrary
from controller.monitoring.heard import HeardToday
from controller.notices import keys as notice_keys
from controller.notices.dispatcher import Dispatcher
from controller.notices.keys import NoticeKeys
from controller.notices.post import Postman, open_postman
from controller.receipts.ingest import FAMILIES, Ingest
from controller.receipts.opening import Opener
from controller.receipts.opening_pool import usual_count
from controller.runtime.broker import LOOPBACK, EmbeddedBroker
from controller.runtime.changes import Changes
from controller.runtime.clock import Clock, SystemClock
from controller.runtime.database import Database
from controller.runtime.jobs import Jobs
from controller.runtime.keys import Keyring
from controller.runtime.mqtt import Arrival, BrokerAddress, Link, parse_address
from controller.runtime.objects import FolderObjectStore
from controller.runtime.settings import EMBEDDED, Role, Settings
from controller.runtime.waiting import ended
from controller.sources import config as source_config
from controller.sources.desk import Surroundings
from controller.sources.service import Bounds
from controller.sources.watch import watch
from controller.speech import config as speech_config
from controller.speech import engines, speak_job
from controller.speech.config import SpeechConfig
from controller.speech.previews import Previews
from controller.speech.speak_job import SpeakKind
from loa_protocol import topics
from loa_protocol.topics import Family

log = logging.getLogger(__name__)

_BULK_INFLIGHT = 16
_BULK_ANSWER_S = 60.0


class Controller:
    """Everything of one process; `db`, `objects`, `clock`, `changes`, `keys`, `settings` are there from the start."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.db = Database(settings.database, settings.database_connections)
        self.objects = FolderObjectStore(settings.data_dir / "objects")
        self.changes = Changes()
        self.heard = HeardToday()
        self.denials = Denials(self.db, self.clock)
        self.keys = Keyring(settings.data_dir / "keys", self.db, self.clock)
        self.sources = source_config.load(settings.sources) if settings.sources else ()
        hosts = settings.speech_hosts
        voices = speech_config.load(settings.speech, hosts) if settings.speech else SpeechConfig()
        self.speech = engines.made_of(voices, hosts, settings.private_networks)
        self.previews = Previews(self.speech, settings.data_dir / "previews")
        self.oidc = oidc_provider.of(settings, self.clock)
        self.broker: EmbeddedBroker | None = None
        self.commands: CommandDesk | None = None
        self.uplink = Uplink({})
        self.library = MediaLibrary(
            db=self.db,
            objects=self.objects,
            intake=intakes.chosen(settings.media_backend, settings.jobs_at_once),
            clock=self.clock,
            usual=intakes.usual(settings),
        )
        self.spool = Spool(
            settings.data_dir / "spool",
            most_bytes=settings.upload_max_bytes,
            quota_bytes=settings.spool_quota_bytes,
        )
        self._directory = Directory(self.db, self.clock)
        self._planner: Planner | None = None
        self._publisher: Publisher | None = None
        self._sender: ContentSender | None = None
        self._worker: Worker | None = None
        self._notice_keys: NoticeKeys | None = None
        self._account_keys: AccountKeys | None = None
        self._postman: Postman | None = None
        self._dispatcher: Dispatcher | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._links: list[Link] = []

    async def start(self) -> None:
        """Migrate, make or load the keys, and run what the roles say.

        Raises:
            SettingsInvalid, KeysMissing, BrokerNotStarted: it cannot run like this.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End everything; safe to repeat."""
        self.changes.close()
        tasks, self._tasks = self._tasks, []
        await ended(tasks)
        if self._postman is not None:
            await self._postman.close()
        if self.oidc is not None:
            await self.oidc.close()
        if self.broker is not None:
            await self.broker.stop()
        await self.db.close()

    @property
    def notice_keys(self) -> NoticeKeys:
        """The secrets of notices, once it has started."""
        if self._notice_keys is None:
            raise AssertionError("the controller was not started")
        return self._notice_keys

    @property
    def account_keys(self) -> AccountKeys:
        """The key of accounts, once it has started."""
        if self._account_keys is None:
            raise AssertionError("the controller was not started")
        return self._account_keys

    async def connected(self) -> None:
        """Wait until every broker has let us in and passes on what devices say."""
        for link in self._links:
            await link.connected.wait()

    def wake(self) -> None:
        """Something was committed: whoever works on it need not wait for the next poll."""
        self._directory.forget()
        if self._planner is not None:
            self._planner.wake()
        if self._dispatcher is not None:
            self._dispatcher.wake()
        if self.commands is not None:
            self.commands.wake()
        self._publish_again()

    def _publish_again(self) -> None:
        """Only documents wait: who the devices are has not changed."""
        if self._publisher is not None:
            self._publisher.wake()

    def wake_jobs(self) -> None:
        """A background job was committed."""
        if self._worker is not None:
            self._worker.wake()

    async def cancelled_job(self, job_id: str) -> None:
        """A background job was cancelled and that is committed: end its work, drop its file, tell watchers."""
        if self._worker is not None:
            await self._worker.drop(job_id)
        await self.spool.drop(job_id)
        self.changes.publish("job", {"job_id": job_id, "state": JobState.CANCELLED})

    async def _start(self) -> None:
        await asyncio.to_thread(self.settings.data_dir.mkdir, parents=True, exist_ok=True)
        await self.db.migrate()
        await self.keys.open()
        self._notice_keys = await asyncio.to_thread(notice_keys.obtain, self.settings.data_dir / "keys")
        self._account_keys = await asyncio.to_thread(account_keys.obtain, self.settings.data_dir / "keys")
        if self.settings.embedded_broker:
            await self.objects.sweep()
            self.broker = EmbeddedBroker(self.settings.broker_port, self.settings.data_dir / "broker.json")
            await self.broker.start()
            self._run("broker", self.broker.watch())
        self._run("denials", self.denials.run())
        roles = self.settings.roles
        if roles & {Role.PUBLISHER, Role.INGEST}:
            await self._connect()
        if Role.PLANNER in roles:
            self._planner = Planner(self.db, self.keys, self.clock, signed=self._signed)
            self._run("planner", self._planner.run())
        if Role.JOBS in roles:
            jobs = Jobs(self.db, self.clock, self.changes, self.settings, self.wake)
            self._run("jobs", jobs.run())
            self._run("worker", self._make_worker().run())
            self._postman = await open_postman(self.settings, self.notice_keys, self.clock)
            self._dispatcher = Dispatcher(self.db, self.clock, self._postman)
            self._run("notices", self._dispatcher.run())
            if months := self.settings.audit_keep_months:
                self._run("audit", audit_watch.watch(self.db, self.keys, self.clock, months))
            if self.settings.library_keep_days is not None:
                keep_days = self.settings.library_keep_days
                self._run("library", library_watch.watch(self.db, self.objects, self.clock, keep_days))
        if Role.SOURCES in roles and self.sources:
            self._run("sources", watch(self.sources, self._around_sources()))

    def _around_sources(self) -> Surroundings:
        settings = self.settings
        bounds = Bounds(
            answer_deadline=timedelta(seconds=settings.answer_deadline_s), most_waiting=settings.jobs_waiting
        )
        return Surroundings(
            db=self.db,
            clock=self.clock,
            changes=self.changes,
            spool=self.spool,
            bounds=bounds,
            wake=self.wake,
            wake_jobs=self.wake_jobs,
            cancelled=self.cancelled_job,
        )

    def _make_worker(self) -> Worker:
        self._worker = Worker(
            db=self.db,
            clock=self.clock,
            changes=self.changes,
            spool=self.spool,
            kinds=self._kinds(),
            folder=self.settings.data_dir / "intake",
            slots=self.settings.jobs_at_once,
            lease_s=self.settings.job_lease_s,
        )
        return self._worker

    def _kinds(self) -> dict[str, Kind]:
        """What jobs can do; whatever they make is put on the library's shelf."""
        shelf = Shelf(self.clock, self.settings.library_quota_bytes)
        pictures = PictureKind(self.db, self.objects, PictureIntake(jobs=self.settings.jobs_at_once), self.clock)
        return {
            intake_job.KIND: shelf.around(IntakeKind(self.library)),
            join_job.KIND: shelf.around(JoinKind(self.library, Joiner()), Origin.JOINED),
            speak_job.KIND: shelf.around(SpeakKind(self.library, self.speech), Origin.MACHINE),
            picture_job.KIND: shelf.around(pictures),
        }

    async def _connect(self) -> None:
        """Two links to every broker: one for documents and what devices say, one for content."""
        addresses = [await self._address(url) for url in self.settings.brokers]
        main = [
            Link(
                address,
                f"controller-{number}",
                subscriptions=[topics.uplink_filter()],
                on_message=self._arrived,
                on_connected=self._greet,
            )
            for number, address in enumerate(addresses)
        ]
        bulk = [
            Link(address, f"content-{number}", inflight=_BULK_INFLIGHT, answer_within_s=_BULK_ANSWER_S)
            for number, address in enumerate(addresses)
        ]
        handlers: dict[Family, Handler] = {}
        self.commands = CommandDesk(self.db, self.keys, self.clock, main)
        self._run("commands", self.commands.run())
        if Role.PUBLISHER in self.settings.roles:
            handlers |= self._start_publishing(main, bulk)
        if Role.INGEST in self.settings.roles:
            handlers |= self._start_ingest()
        self.uplink.handle(handlers)
        self._links = [*main, *bulk]
        for link in self._links:
            self._run(link.name, link.run())

    def _start_publishing(self, main: list[Link], bulk: list[Link]) -> dict[Family, Handler]:
        self._publisher = Publisher(self.db, self.clock, main, published=self._published)
        self._run("publisher", self._publisher.run())
        sender = ContentSender(
            db=self.db,
            frames=Frames(self.db, self.objects),
            directory=self._directory,
            clock=self.clock,
            settings=self.settings,
            bulk=dict(zip(main, bulk, strict=True)),
        )
        self._sender = sender
        self._run("content", sender.run(self.uplink))
        return {Family.WANT: lambda arrival, device: sender.want(arrival, device, self.uplink)}

    def _start_ingest(self) -> dict[Family, Handler]:
        openers = self.settings.ingest_openers
        ingest = Ingest(
            db=self.db,
            directory=self._directory,
            keys=self.keys,
            clock=self.clock,
            changes=self.changes,
            redelivered=self._publish_again,
            opener=Opener(usual_count() if openers is None else openers),
        )
        times = TimeKeeper(self.db, self._directory, self.keys, self.clock)
        self._run("ingest", ingest.run(self.uplink))
        self._run("time", times.run())

        def taking(family: Family) -> Handler:
            return lambda arrival, device: ingest.offer(arrival, family, device, self.uplink)

        def replied(arrival: Arrival, device: str) -> None:
            """Answers to commands are signed envelopes, questions for the time are plain."""
            if b'"payloadType"' in arrival.payload:
                ingest.offer(arrival, Family.UP_REPLY, device, self.uplink)
            else:
                times.offer(arrival, device, self.uplink)

        return {family: taking(family) for family in FAMILIES} | {Family.UP_REPLY: replied}

    async def _address(self, url: str) -> BrokerAddress:
        if url == EMBEDDED:
            return BrokerAddress(LOOPBACK, self.broker.port if self.broker else 0)
        return await asyncio.to_thread(parse_address, url, self.settings)

    def _arrived(self, arrival: Arrival) -> None:
        self.uplink.take(arrival)

    def _greet(self, link: Link) -> None:
        if self._publisher is not None:
            self._publisher.greet(link)

    def _signed(self, documents: Sequence[Stored]) -> None:
        if self._publisher is not None:
            self._publisher.offer(documents)

    def _published(self, document: Stored) -> None:
        if self._sender is not None:
            self._sender.plan_published(document)
        self.changes.publish("document", {"topic": document.topic, "version": document.version})

    def _run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_ended)
        self._tasks.append(task)


def _ended(task: asyncio.Task[None]) -> None:
    """Parts run for ever; one that ends by itself is a fault to be seen."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("the controller's part %s ended; restart the controller", task.get_name(), exc_info=error)
