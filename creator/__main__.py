"""``python -m creator``."""

import sys
import warnings

from creator.cli import main

if __name__ == "__main__":
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries' deprecations are no message for a user; python -W shows them
    sys.exit(main())
