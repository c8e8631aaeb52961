"""`make bench`: each benchmark prints a table and JSON, beside a raw baseline measured in the same run."""

import argparse
import importlib
import json

from benchmarks.measuring import Options, Report, table

BENCHMARKS = ("envelope", "timeline", "content")


def main() -> None:
    """Run the named benchmarks, or all."""
    asked = argparse.ArgumentParser(prog="make bench", description=__doc__)
    asked.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    asked.add_argument("--quick", action="store_true", help="small sizes, seconds instead of minutes")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    for name in given.names or BENCHMARKS:
        report: Report = importlib.import_module(f"benchmarks.{name}").run(Options(given.quick, given.seed))
        print(table(report))
        print(json.dumps(report.as_dict(), ensure_ascii=False))


if __name__ == "__main__":
    main()
