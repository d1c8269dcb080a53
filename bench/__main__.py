"""`make bench`: the whole service; `python -m bench client`: the SMTP client alone.

`python -m bench telemetry`: what exporting costs.
"""

import sys

from bench import client, end_to_end, telemetry

if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        sys.exit(client.main(sys.argv[2:]))
    if sys.argv[1:2] == ["telemetry"]:
        sys.exit(telemetry.main(sys.argv[2:]))
    sys.exit(end_to_end.main())
