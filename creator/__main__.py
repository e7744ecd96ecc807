"""``python -m creator``, and the program ``creator`` that an installation puts beside it."""

import sys
import warnings

from creator.cli import main


def run() -> int:
    """Run the command line of this process.

    Returns:
        The exit code.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries' deprecations are no message for a user; python -W shows them
    return main()


if __name__ == "__main__":
    sys.exit(run())
