"""`make bench` times the whole service; `python -m bench PART` one of its parts, each with --help.

client: the SMTP client alone; prune: the sending while old deliveries are removed; telemetry: what
exporting costs.
"""

import sys

from bench import client, end_to_end, prune, telemetry

PARTS = {"client": client.main, "prune": prune.main, "telemetry": telemetry.main}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in PARTS:
        sys.exit(PARTS[sys.argv[1]](sys.argv[2:]))
    sys.exit(end_to_end.main())
