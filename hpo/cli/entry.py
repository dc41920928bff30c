"""Start the command ``hpo``, handling Ctrl-C while the command line is still being imported.

It therefore imports nothing itself; once imported, `hpo.cli.main` handles Ctrl-C.
"""

import sys

INTERRUPTED = 130
"""Exit code that shells expect after Ctrl-C."""


def main() -> None:
    """Import the command line and run it."""
    try:
        from hpo.cli.main import main as command

        command()
    except KeyboardInterrupt:
        print("ended by Ctrl-C", file=sys.stderr)
        sys.exit(INTERRUPTED)
