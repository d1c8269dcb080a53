"""The service with senders that never come back: `python -m tests.surviving.stuck COMMAND`."""

import sys
import threading

import manage
from deliveries.attempt.smtp.client import Client


def never(*_args, **_named):
    threading.Event().wait()


if __name__ == "__main__":
    Client.send = never
    sys.exit(manage.main())
