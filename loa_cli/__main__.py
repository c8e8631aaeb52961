"""Entry of the `loa` script.

The agent lives for months on a small machine: it starts at once, without the libraries of a command line.
"""

import sys


def main() -> None:
    """Run the command that the arguments name."""
    if sys.argv[1:2] == ["agent"]:
        from edge_agent.__main__ import main as agent

        raise SystemExit(agent(sys.argv[2:]))
    from loa_cli.commands import app

    app()


if __name__ == "__main__":
    main()
