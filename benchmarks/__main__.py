"""`make bench`: each benchmark prints a table and JSON, beside a raw baseline measured in the same run."""

import importlib
import json
import sys

from benchmarks.measuring import Row, table

BENCHMARKS = ("envelope", "timeline")


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all."""
    for name in names or BENCHMARKS:
        rows: list[Row] = importlib.import_module(f"benchmarks.{name}").run()
        print(table(name, rows))
        print(json.dumps({"benchmark": name, "rows": [row.as_dict() for row in rows]}))


if __name__ == "__main__":
    main(sys.argv[1:])
