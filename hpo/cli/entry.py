"""What the command ``hpo`` runs first: it hears Ctrl-C while the command line is still being imported.

So it imports nothing itself. From then on `hpo.cli.main` hears for itself.
"""

import sys

INTERRUPTED = 130
"""What shells expect of a command that Ctrl-C ended."""


def main() -> None:
    """Import the command line and run it."""
    try:
        from hpo.cli.main import main as command

        command()
    except KeyboardInterrupt:
        print("ended by Ctrl-C", file=sys.stderr)
        sys.exit(INTERRUPTED)
