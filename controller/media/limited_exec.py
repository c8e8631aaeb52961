"""Becomes another program that is bound, for good, to given limits: `python limited_exec.py LIMIT=N … -- program …`.

It runs by itself, before anything foreign is read: standard library only, no import of ours. It never raises a limit
that is already in force, it allows no core dump, and it dies with the process `parent=PID` that started it.
"""

import ctypes
import os
import resource
import signal
import sys

KINDS = {
    "address_space_bytes": resource.RLIMIT_AS,
    "cpu_s": resource.RLIMIT_CPU,
    "file_bytes": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "core_bytes": resource.RLIMIT_CORE,
}


_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """End when the thread that started this process ends, by `kill -9` of its process too (Linux only)."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before
        sys.exit(1)


def limit(kind: int, wanted: int) -> None:
    """Lower soft and hard limit of this process; a second more of processor time stands between signal and kill."""
    hard = resource.getrlimit(kind)[1]
    most = wanted + (kind == resource.RLIMIT_CPU)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (min(wanted, most), most))


def main(arguments: list[str]) -> None:
    """Take the limits before `--`, then become the program after it."""
    split = arguments.index("--")
    for given in (*arguments[:split], "core_bytes=0"):
        name, _, wanted = given.partition("=")
        if name == "parent":
            die_with(int(wanted))
        else:
            limit(KINDS[name], int(wanted))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and so would the program
        signal.signal(number, signal.SIG_DFL)
    command = arguments[split + 1 :]
    os.execvp(command[0], command)  # noqa: S606  # the command is ours; no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
