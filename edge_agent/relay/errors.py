"""Why a stream cannot be relayed, each with the code that an operator finds in docs/operations.md."""

from loa_protocol.errors import LoaError


class RelayError(LoaError):
    """The base of what can go wrong with a stream."""

    code = "relay_error"


class RelayAddressRefused(RelayError):
    """The address leads where no stream may be fetched from: another scheme, this machine, or its own network."""

    code = "relay_address_refused"


class RelayUnreachable(RelayError):
    """The server cannot be found, does not answer, or answers with an error."""

    code = "relay_unreachable"


class RelayNotAStream(RelayError):
    """What the server sends is no stream that can be relayed: a page, HLS, something packed."""

    code = "relay_not_a_stream"


class RelayStalled(RelayError):
    """The connection stands, but nothing comes any more."""

    code = "relay_stalled"


class RelayUndecodable(RelayError):
    """What comes cannot be decoded as sound."""

    code = "relay_undecodable"


class RelayEnded(RelayError):
    """The server has ended the stream."""

    code = "relay_ended"
