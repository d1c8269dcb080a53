"""`make bench`: the whole service. `python -m bench NAME`: one of the others, each with --help.

admin       the admin's pages over many deliveries and over few
client      the SMTP client alone: its CPU a message, and its rate over a slow line
telemetry   what exporting costs
"""

import sys
from collections.abc import Callable, Sequence

from bench import admin, client, end_to_end, telemetry

BENCHES: dict[str, Callable[[Sequence[str]], int]] = {
    "admin": admin.main,
    "client": client.main,
    "telemetry": telemetry.main,
}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in BENCHES:
        sys.exit(BENCHES[sys.argv[1]](sys.argv[2:]))
    sys.exit(end_to_end.main())
