"""`make bench`: the whole service; `python -m bench client`: the SMTP client alone.

`python -m bench http`: the internal API; `python -m bench telemetry`: what exporting costs.
"""

import sys

from bench import client, end_to_end, http, telemetry

PARTS = {"client": client.main, "http": http.main, "telemetry": telemetry.main}

if __name__ == "__main__":
    part = PARTS.get(sys.argv[1]) if len(sys.argv) > 1 else None
    sys.exit(part(sys.argv[2:]) if part else end_to_end.main())
