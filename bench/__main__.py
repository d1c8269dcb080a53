"""`make bench`."""

import sys

from bench.end_to_end import main

if __name__ == "__main__":
    sys.exit(main())
