"""`make bench`: each benchmark prints a table and JSON, beside a raw baseline measured in the same run.

Full runs are kept in `results/` and shown in `README.md`; one that fails does not keep the others from running.
"""

import argparse
import importlib
import json
import traceback

from benchmarks import readme, results
from benchmarks.measuring import Options, Report, table

BENCHMARKS = (
    "envelope",
    "timeline",
    "planning",
    "replanning",
    "content",
    "agent",
    "receipts",
    "fan_out",
    "swarm",
    "intake",
    "speech",
    "library",
    "audit",
    "sign_in",
    "conditions",
    "pages",
    "first_paint",
)


def main() -> int:
    """Run the named benchmarks, or all; 1 where one could not be run."""
    asked = argparse.ArgumentParser(prog="make bench", description=__doc__)
    asked.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    asked.add_argument("--quick", action="store_true", help="small sizes, seconds instead of minutes; nothing is kept")
    asked.add_argument("--keep", action="store_true", help="keep the results even of a quick run")
    asked.add_argument("--readme", action="store_true", help="run nothing, write README.md from the kept results")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    unknown = set(given.names) - set(BENCHMARKS)
    if unknown:
        asked.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    failed = []
    if not given.readme:
        options = Options(given.quick, given.seed)
        keeping = given.keep or not given.quick
        failed = [name for name in given.names or BENCHMARKS if not _run(name, options, keeping=keeping)]
    readme.rewrite(BENCHMARKS, results.kept())
    return 1 if failed else 0


def _run(name: str, options: Options, *, keeping: bool) -> bool:
    where = results.machine()
    try:
        report: Report = importlib.import_module(f"benchmarks.{name}").run(options)
    except Exception:  # noqa: BLE001 - what one benchmark lacks, the next may not need
        traceback.print_exc()
        return False
    print(table(report))
    print(json.dumps(report.as_dict(), ensure_ascii=False), flush=True)
    if keeping:
        results.keep(report, where, quick=options.quick)
    return True


if __name__ == "__main__":
    raise SystemExit(main())
