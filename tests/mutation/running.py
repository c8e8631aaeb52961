"""Runs tests against faults: a fork for each, the function's code exchanged in it, the likeliest tests first.

What runs at import is put in before anything is imported, in a fork of a process that has none of our code yet.
A fault counts as noticed when a test fails, an import fails, or a test takes ten times as long.
"""

import contextlib
import functools
import gc
import importlib
import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import Mutant

SURVIVED = ""
TIMED_OUT = "(too long)"
SPARE_CPU_S = 0.5
PATIENCE = 10
MEMORY_BYTES = 3 << 30
OURS = ("loa_protocol", "controller")

Told = Callable[[Mutant, str], None]
"""Is told of each mutant which test noticed it."""


@dataclass(slots=True)
class Channel:
    """Plugin that takes the place of pytest's loop: one run of all tests as they are, then one for each mutant."""

    module_of: dict[Path, str]
    mutants: Sequence[Mutant]
    likely: dict[str, str]
    told: Told
    cpu_s: dict[str, float] = field(default_factory=dict)
    touching: dict[CodeType, set[str]] = field(default_factory=lambda: defaultdict(set))
    sharp: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: bool = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for item in session.items:
            self._watched(item)
        if not self.failed:
            self._put_to_the_test({item.nodeid: item for item in session.items})
        return True

    def _watched(self, item: pytest.Item) -> None:
        """Run a test with everything in order; keep what it takes and which of the functions it comes through."""
        paths = {str(path) for path in self.module_of}
        met: set[CodeType] = set()

        def enter(frame: FrameType, _event: str, _argument: object) -> None:
            if frame.f_code.co_filename in paths:
                met.add(frame.f_code)

        before = time.process_time()
        reports = runtestprotocol(item, log=False, nextitem=None)
        self.cpu_s[item.nodeid] = time.process_time() - before
        _forget()
        sys.setprofile(enter)
        try:
            runtestprotocol(item, log=False, nextitem=None)
        finally:
            sys.setprofile(None)
        for report in reports:
            if report.failed:
                self.failed = True
                sys.stderr.write(f"{item.nodeid} fails as it is:\n{report.longreprtext}\n")
        for code in met:
            self.touching[code].add(item.nodeid)

    def _put_to_the_test(self, items: dict[str, pytest.Item]) -> None:
        gc.collect()
        gc.freeze()  # so that forks need not copy what nobody changes
        functions = {path: dict(_functions(sys.modules[name])) for path, name in self.module_of.items()}
        for mutant in self.mutants:
            function = functions[mutant.path].get(mutant.function)
            if function is None:
                raise LookupError(f"no function {mutant.function} in {mutant.path}")
            chosen = [items[name] for name in self._in_turn(mutant, function)]
            by = _in_a_fork(lambda: self._exchanged(mutant, function, chosen), SPARE_CPU_S)  # noqa: B023
            self.sharp[mutant.function, by] += 1
            self.told(mutant, by)

    def _in_turn(self, mutant: Mutant, function: FunctionType) -> list[str]:
        """The tests that come through the function: those that noticed most in it, then the cheapest."""

        def rank(name: str) -> tuple[bool, int, float]:
            first = name == self.likely.get(mutant.name)
            return (not first, -self.sharp[mutant.function, name], self.cpu_s[name])

        return sorted(self.touching.get(function.__code__, ()), key=rank)

    def _exchanged(self, mutant: Mutant, function: FunctionType, chosen: Sequence[pytest.Item]) -> str:
        """Which test notices; each has its own time, so that a loop without end is found out soon."""
        function.__code__ = _found(mutant.code(), mutant.function)
        _forget()
        for item in chosen:
            signal.setitimer(signal.ITIMER_PROF, PATIENCE * self.cpu_s[item.nodeid] + SPARE_CPU_S)
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=None)):
                return item.nodeid
        return SURVIVED


def _functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """Every function and method that is written in a module, by its qualified name."""
    for value in list(vars(module).values()):
        members = [value, *vars(value).values()] if isinstance(value, type) else [value]
        for member in members:
            inner = getattr(member, "fget", None) or getattr(member, "__func__", member)
            inner = getattr(inner, "__wrapped__", inner)
            if isinstance(inner, FunctionType) and inner.__code__.co_filename == module.__file__:
                yield inner.__qualname__, inner


def _forget() -> None:
    """Whatever functions of ours remember of earlier answers."""
    for one in _remembering():
        one.cache_clear()


@functools.cache
def _remembering() -> "list[functools._lru_cache_wrapper[object]]":
    found = [one for one in gc.get_objects() if isinstance(one, functools._lru_cache_wrapper)]
    return [one for one in found if (one.__module__ or "").startswith(OURS)]


def _found(code: CodeType, name: str) -> CodeType:
    inside = [one for one in code.co_consts if isinstance(one, CodeType)]
    for one in inside:
        if one.co_qualname == name:
            return one
        if name.startswith(f"{one.co_qualname}."):
            return _found(one, name)
    raise LookupError(name)


def _in_a_fork(work: Callable[[], str], limit_s: float) -> str:
    """What `work` says in a process of its own; too much time or memory is a notice, too."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "(ended)"
        try:
            os.close(reading)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            signal.setitimer(signal.ITIMER_PROF, limit_s)
            said = work()
        finally:
            try:
                os.write(writing, said.encode())
            finally:
                os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read().decode()
    _, status = os.waitpid(child, 0)
    return TIMED_OUT if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF else text


class _Faulty(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module with its fault."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        self._name = name
        self._mutant = mutant

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        package = [str(self._mutant.path.parent)] if self._mutant.path.stem == "__init__" else None
        return importlib.util.spec_from_file_location(
            fullname, self._mutant.path, loader=self, submodule_search_locations=package
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(self._mutant.code(), module.__dict__)  # noqa: S102


class _Noticed:
    """Plugin that keeps the first test that failed."""

    def __init__(self) -> None:
        self.by = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.by:
            self.by = report.nodeid


def arguments(tests: Sequence[Path], root: Path) -> list[str]:
    """Of pytest, the same for every run."""
    ours = [
        "-x",
        "-q",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--hypothesis-profile",
        "mutation",
    ]
    return [*ours, "--rootdir", str(root), *map(str, tests)]


def _prepare(given: Sequence[str]) -> None:
    """Import what the tests need that is not ours, once for all forks: a run in a fork tells what that is."""

    def work() -> str:
        pytest.main([*given, "--collect-only"])
        places = {name: str(getattr(module, "__file__", None)) for name, module in sys.modules.items()}
        return " ".join(name for name, place in places.items() if "site-packages" in place)

    for name in _in_a_fork(work, 60.0).split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def at_import(
    mutants: Sequence[Mutant],
    names: dict[Path, str],
    given: Sequence[str],
    limit_s: float,
    likely: dict[str, str],
    told: Told,
) -> None:
    """Mutants of what runs at import. Call it before anything of ours is imported."""
    if mutants:
        _prepare(given)
    for mutant in mutants:

        def work() -> str:
            sys.meta_path.insert(0, _Faulty(names[mutant.path], mutant))  # noqa: B023
            return next(filter(None, map(_noticed, _stages(given, likely.get(mutant.name, "")))), SURVIVED)  # noqa: B023

        told(mutant, _in_a_fork(work, limit_s))


def _stages(given: Sequence[str], first: str) -> list[list[str]]:
    """Arguments of runs, one after another until one notices: the likeliest test, the quick ones, all."""
    options = [word for word in given if not word.endswith(".py")]
    root = options[options.index("--rootdir") + 1]
    quick = [word for word in given if word.endswith(".py") and "property" not in word]
    likeliest = [[*options, f"{root}/{first}"]] if "::" in first else []
    return [*likeliest, [*options, *quick], list(given)]


def _noticed(given: Sequence[str]) -> str:
    noticed = _Noticed()
    ended = pytest.main(list(given), plugins=[noticed])
    return SURVIVED if ended == pytest.ExitCode.OK else noticed.by or "(import)"


def in_functions(
    mutants: Sequence[Mutant], names: dict[Path, str], given: Sequence[str], likely: dict[str, str], told: Told
) -> float:
    """Mutants of functions' bodies; gives the CPU seconds of one run as it is.

    Raises:
        RuntimeError: a test fails with nothing changed.
    """
    channel = Channel(names, mutants, likely, told)
    ended = pytest.main(list(given), plugins=[channel])
    if channel.failed or ended != pytest.ExitCode.OK:
        raise RuntimeError("the tests fail with nothing changed")
    return sum(channel.cpu_s.values())
