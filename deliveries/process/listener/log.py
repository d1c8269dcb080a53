"""gunicorn's own words and the access log, as lines like all others of the service."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gunicorn.config import Config as Settings
from gunicorn.glogging import Logger

from deliveries.telemetry.requests import ids_of_request

access_logger = logging.getLogger("deliveries.http.access")

_MILLISECOND = timedelta(milliseconds=1)
_LONGEST_PATH = 256
_INTERNAL_ERROR = 500


class ListenerLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    """No handlers of its own; one line per request, whatever became of it."""

    def setup(self, cfg: Settings) -> None:
        self.cfg = cfg
        self._access_log_enabled = True
        self.loglevel = logging.WARNING  # starts and stops are logged in the service's own words
        self.error_log.setLevel(self.loglevel)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        logging.getLogger("django.request").addFilter(_is_a_fault)

    def access(
        self, resp: Any, _req: Any, environ: Mapping[str, Any], request_time: timedelta
    ) -> None:
        """Neither the query nor a header: they name recipients and keys."""
        caller = environ.get("mail.caller")
        access_logger.info(
            "request answered",
            extra={
                "method": environ.get("REQUEST_METHOD"),
                "path": environ.get("PATH_INFO", "")[:_LONGEST_PATH],
                "route": environ.get("mail.route"),
                "status": int(str(resp.status).split(maxsplit=1)[0]),
                "code": environ.get("mail.code"),
                "duration_ms": round(request_time / _MILLISECOND, 1),
                "bytes": getattr(resp, "sent", None),
                "caller": getattr(caller, "name", None),
                "delivery_id": environ.get("mail.delivery_id"),
                "remote_addr": environ.get("REMOTE_ADDR"),
                **ids_of_request(environ),
            },
        )


def _is_a_fault(record: logging.LogRecord) -> bool:
    """Django logs each 4xx and 503, which the access log has; only what it caught itself is new."""
    return record.exc_info is not None or getattr(record, "status_code", None) == _INTERNAL_ERROR
