"""`python -m gateway.cli`: the command, where the console script is not on the path."""

import sys

from gateway.cli import main

if __name__ == "__main__":
    sys.exit(main())
