"""What follows an accepted document: everybody who depends on it is told, in an order that cannot leave a gap."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from edge_agent.agenda import Desk
from edge_agent.clock import ClockKeeper
from edge_agent.commands import Commands
from edge_agent.content.fetcher import Fetcher
from edge_agent.documents import DocumentStore, superfluous
from edge_agent.holdings import Holdings, newer_elsewhere
from edge_agent.journal import AckRefused
from edge_agent.notebook import Notebook
from edge_agent.session import Session
from edge_agent.uplink.receipts import ReceiptSender
from edge_agent.uplink.state import StateReporter
from edge_agent.uplink.time_questions import TimeQuestions
from edge_agent.witness import Witness
from loa_protocol import topics
from loa_protocol.audit_head import AUDIT_REWOUND
from loa_protocol.documents.device import Ack, Command, TimeAnswer
from loa_protocol.errors import LoaError
from loa_protocol.topics import Family

log = logging.getLogger(__name__)

_OWN = (Family.ASSIGNMENT, Family.COMMAND, Family.ACK, Family.REPLY)
_OF_SCOPE = (Family.STOP, Family.POLICY, Family.PLAN)


def document_topics(device_id: str, scopes: Iterable[str]) -> list[str]:
    """Every topic the device listens to but content; the rules of the air before what they bind."""
    own = [topics.to_device(family, device_id) for family in _OWN]
    scopes = tuple(scopes)
    return [topics.TRUST, *own, *(topics.scoped(family, scope) for family in _OF_SCOPE for scope in scopes)]


class AgentReactions:
    """Implements the inbox's `Reactions`."""

    def __init__(
        self,
        *,
        device_id: str,
        holdings: Holdings,
        store: DocumentStore,
        desk: Desk,
        clock: ClockKeeper,
        fetcher: Fetcher,
        notebook: Notebook,
        session: Session,
        sender: ReceiptSender,
        state: StateReporter,
        questions: TimeQuestions,
        witness: Witness,
        commands: Commands,
        recompute: Callable[[], None],
    ) -> None:
        self._device_id, self._holdings, self._store, self._desk = device_id, holdings, store, desk
        self._clock, self._fetcher, self._notebook, self._session = clock, fetcher, notebook, session
        self._sender, self._state, self._questions, self._commands = sender, state, questions, commands
        self._witness, self._recompute = witness, recompute
        self._obeying: dict[str, asyncio.Task[None]] = {}
        self.refused_acks = 0

    async def documents_changed(self) -> None:
        """Merge anew, and tell the timeline, the cache, the session and the controller."""
        self._desk.refresh()
        self.needs_changed()
        self._recompute()
        self._state.changed()

    def needs_changed(self) -> None:
        """What the cache must hold may be different."""
        self._fetcher.need(self._desk.needs(self._notebook.settled))
        self.subscribe()

    def subscribe(self) -> None:
        """Listen to what the assignment and the missing content ask for."""
        assignment = self._holdings.assignment
        scopes = assignment.scopes if assignment else (f"d-{self._device_id}",)
        own = topics.to_device(Family.DEVICE_CONTENT, self._device_id)
        content = [own, *(topics.content(root) for root in self._fetcher.active)]
        self._session.want(document_topics(self._device_id, scopes), content)

    async def time_answered(self, answer: TimeAnswer) -> None:
        """Set the clock if the answer belongs to a question that waits."""
        before = self._questions.witnessed_before(answer.nonce)
        changed = self._questions.answered(answer)
        if changed is None:
            log.warning("%s: a time answer nobody asked for; passed over", self._device_id)
            return
        taken_back = await asyncio.to_thread(self._witness.take, answer.audit_head, before)
        if taken_back is not None:
            log.error("%s: the controller's audit was taken back: %s", self._device_id, taken_back)
            await self._notebook.note(AUDIT_REWOUND, taken_back)
        if changed:
            await asyncio.to_thread(self._clock.save)
            self._recompute()
        newer = newer_elsewhere(self._holdings.versions, answer.newest)
        if newer:
            log.info("%s: the controller has newer %s", self._device_id, ", ".join(newer))
            self._state.repeat()
        else:
            self._state.changed()

    async def acknowledged(self, ack: Ack) -> None:
        """Count what the controller has committed."""
        try:
            await self._sender.acknowledged(ack)
        except AckRefused as error:
            self.refused_acks += 1
            if self.refused_acks == 1:
                await self._notebook.note(str(error.details["reason"]), str(error))
            log.warning("%s: %s; nothing is deleted", self._device_id, error)
        self._state.changed()

    async def commanded(self, command: Command) -> None:
        """Do it beside everything else."""
        if command.id not in self._obeying:
            task = asyncio.create_task(self._obey(command), name=f"command {command.name}")
            self._obeying[command.id] = task
            task.add_done_callback(lambda _: self._obeying.pop(command.id, None))

    async def prune(self) -> None:
        """Let go of plans that nothing needs any more."""
        settled = [o for o, past in self._notebook.history.items() if past.outcome is not None]
        for topic, plans in list(self._holdings.plans_by_topic()):
            gone = superfluous(plans, settled)
            if gone:
                await self._store.drop((topic, digest) for digest in gone)
                self._holdings.remove(topic, gone)
                self._desk.refresh()

    async def _obey(self, command: Command) -> None:
        try:
            await self._commands.obey(command)
        except LoaError as error:
            log.error("command %s was not done: %s", command.id, error)  # noqa: TRY400 - foreseen
