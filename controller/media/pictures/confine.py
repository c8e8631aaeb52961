"""Takes from this very process, for good, what it does not need to look at a hostile picture. Linux only.

After `confine`, kernel permitting: no file can be opened but in one folder (Landlock), nothing can be connected,
bound, executed, traced, signalled or mounted, and no process started (seccomp). What was opened before stays open,
threads may be started, and the limits of `limited_exec` hold besides. It is called after everything is imported and
before the first foreign byte is read. Where a kernel lacks one of the two, it is missing from the answer, and told.
"""

import ctypes
import os
import platform
import struct
from pathlib import Path

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_REMOVE_FILE, _MAKE_REGULAR, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
_WRITE, _READ, _READ_FOLDER = 1 << 1, 1 << 2, 1 << 3
_FILE_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NET_SINCE, _SCOPE_SINCE = 4, 6

_ALLOW, _KILL, _REFUSE, _ABSENT = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
_THREAD = 0x00010000
_X32 = 0x40000000

_REFUSED = {
    "x86_64": "41 42 43 49 50 53 57 58 59 62 101 155 161 165 166 200 246 248 249 250 272 288 298 304 308 310 311 321"
    " 322 323",
    "aarch64": "39 40 41 51 97 104 117 129 130 198 199 200 201 202 203 217 218 219 221 241 242 265 268 270 271 280 281"
    " 282",
}
"""socket(pair), connect, accept(4), bind, listen, fork, vfork, execve(at), kill, tkill, ptrace, process_vm_*,
(u)mount, pivot_root, chroot, unshare, setns, bpf, perf_event_open, keys, kexec, open_by_handle_at, userfaultfd."""
_REFUSED_EVERYWHERE = "424 425 428 429 430 434 438"
"""pidfd_send_signal, io_uring_setup, open_tree, move_mount, fsopen, pidfd_open, pidfd_getfd."""
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def confine(folder: Path) -> tuple[str, ...]:
    """Confine this process to `folder`; gives what the kernel could promise: of “landlock” and “seccomp”."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return ()
    held = []
    if _landlock(libc, folder):
        held.append("landlock")
    if _seccomp(libc):
        held.append("seccomp")
    return tuple(held)


def _landlock(libc: ctypes.CDLL, folder: Path) -> bool:
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    everything = (1 << _FILE_BITS.get(version, 16)) - 1
    parts = (everything, 3 if version >= _NET_SINCE else 0, 3 if version >= _SCOPE_SINCE else 0)
    words = 1 if version < _NET_SINCE else 2 if version < _SCOPE_SINCE else 3
    rules = struct.pack(f"={words}Q", *parts[:words])
    ruleset = libc.syscall(_CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    if ruleset < 0:
        return False
    room = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    allowed = (_WRITE | _READ | _READ_FOLDER | _REMOVE_FILE | _MAKE_REGULAR | _TRUNCATE) & everything
    rule = struct.pack("=Qi", allowed, room)
    failed = libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) or libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(room)
    os.close(ruleset)
    return not failed


class _Program(ctypes.Structure):
    """What the kernel is handed."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def _seccomp(libc: ctypes.CDLL) -> bool:
    machine = platform.machine()
    if machine not in _AUDIT:
        return False
    steps = b"".join(_steps(machine))
    memory = ctypes.create_string_buffer(steps, len(steps))
    program = _Program(len(steps) // 8, ctypes.addressof(memory))
    return not libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)


def _steps(machine: str) -> list[bytes]:
    """A filter that refuses with EPERM; a clone must be a thread, clone3 (whose flags cannot be seen) is absent."""
    steps = [
        _step(_LOAD, _MACHINE),
        _step(_EQUAL, _AUDIT[machine], yes=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32, no=1),
        _step(_RETURN, _REFUSE),
        _step(_EQUAL, _CLONE3, no=1),
        _step(_RETURN, _ABSENT),
        _step(_EQUAL, _CLONE[machine], no=4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_ANY_BIT, _THREAD, no=1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _REFUSE),
    ]
    for number in f"{_REFUSED[machine]} {_REFUSED_EVERYWHERE}".split():
        steps += [_step(_EQUAL, int(number), no=1), _step(_RETURN, _REFUSE)]
    return [*steps, _step(_RETURN, _ALLOW)]


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
