"""The limits of the machine that a fleet runs into: one socket, and so one file descriptor, each device."""

import resource

from loa_protocol.errors import LoaError

SPARE = 64


class TooManyDevices(LoaError):
    """The operating system does not let this process hold so many connections."""

    code = "too_many_devices"


def allow(devices: int) -> None:
    """Raise the limit of open files as far as the system lets us.

    Raises:
        TooManyDevices: that is not far enough.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = devices + SPARE
    if soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooManyDevices(
            f"{devices} devices need {needed} open files, this process may have {hard}:"
            " raise the limit (ulimit -Hn) or share the devices between processes",
            devices=devices,
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
