"""`make bench` times the whole service; `python -m bench PART` one of its parts, each with --help.

admin: the admin's pages over many deliveries and over few; client: the SMTP client alone; http: the
internal API; latency: how long one mail takes, and the idle cost; prune: the sending while old
deliveries are removed; telemetry: what exporting costs.
"""

import sys
from collections.abc import Callable

from bench import admin, client, end_to_end, http, latency, prune, telemetry

PARTS: dict[str, Callable[[list[str]], int]] = {
    "admin": admin.main,
    "client": client.main,
    "http": http.main,
    "latency": latency.main,
    "prune": prune.main,
    "telemetry": telemetry.main,
}

if __name__ == "__main__":
    part = PARTS.get(sys.argv[1]) if len(sys.argv) > 1 else None
    sys.exit(part(sys.argv[2:]) if part else end_to_end.main())
