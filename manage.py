#!/usr/bin/env python
"""The service's one program: its processes and its operator commands."""

import os
import sys

from django.core.management import execute_from_command_line

from deliveries.conf import ConfigurationError


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailproject.settings")
    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main())
