"""All kinds of signed things on the wire: `KINDS` maps a kind's name to its model."""

from loa_protocol.documents.base import Wire
from loa_protocol.documents.device import Ack, Assignment, Command, CommandReply, DeviceState, TimeAnswer
from loa_protocol.documents.emergency import AlertCancel, AlertStart, AlertTrigger, Release, Stop
from loa_protocol.documents.live import LiveSession
from loa_protocol.documents.plan import Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.documents.trust import Approvers, TrustList
from loa_protocol.receipts import ReceiptBatch

KINDS: dict[str, type[Wire]] = {
    "trust": TrustList,
    "approvers": Approvers,
    "policy": Policy,
    "assignment": Assignment,
    "plan": Plan,
    "alert-start": AlertStart,
    "alert-update": AlertStart,
    "alert-cancel": AlertCancel,
    "alert-trigger": AlertTrigger,
    "drill": AlertStart,
    "release": Release,
    "stop": Stop,
    "live": LiveSession,
    "command": Command,
    "command-reply": CommandReply,
    "ack": Ack,
    "time-answer": TimeAnswer,
    "state": DeviceState,
    "receipts": ReceiptBatch,
}
