"""`python -m mappedram`, the same as the command `mappedram`."""

import sys

from mappedram.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
