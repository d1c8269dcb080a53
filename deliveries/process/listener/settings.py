"""gunicorn's configuration file: every name of it that is in lower case is a setting of gunicorn's.

Read by the arbiter, the process that `manage.py serve` has become, before it binds its socket. The
workers are its forks: what needs a thread, a connection or an exporter starts in them.
"""

import logging
import os
import signal
from datetime import timedelta
from typing import Any

from deliveries.conf import load as _load
from deliveries.http.login_codes import group_commit as _group_commit
from deliveries.process.listener.log import ListenerLog
from deliveries.process.listener.presence import Presence
from deliveries.process.listener.worker import ApiWorker
from deliveries.process.logs import configure as _configure
from deliveries.process.series import make_series as _make_series
from deliveries.states import ProcessType
from deliveries.telemetry import providers as _telemetry

_CONFIG = _load(os.environ)
_logger = logging.getLogger("deliveries.process.serving")
_SECOND = timedelta(seconds=1)

bind = [str(_CONFIG.internal_http_addr)]
workers = _CONFIG.internal_http_workers
threads = _CONFIG.internal_http_threads
worker_class = ApiWorker
worker_connections = 200  # per worker: what is above waits in the backlog
backlog = 512
keepalive = 15  # seconds: callers come often
proc_name = "mail-service"
# No file, no socket of gunicorn's own, nothing that a header or another variable could change.
control_socket_disable = True
preload_app = False
# The one exception: a proxy in front of the admin may say that the request came over TLS.
forwarded_allow_ips = (
    os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1") if _CONFIG.admin_enabled else ""
)
forwarder_headers = ""
worker_tmp_dir = None
limit_request_line = 4094
limit_request_fields = 50
limit_request_field_size = 4096

logger_class = ListenerLog
accesslog = None
errorlog = "-"

# A worker has to be done a second before the arbiter kills it, and the arbiter before its
# supervisor does: whole seconds are what gunicorn takes.
graceful_timeout = max(2, _CONFIG.shutdown_timeout // _SECOND - 1)
_WORKER_GRACE = max(1, graceful_timeout - 1)
_FLUSH_SECONDS = 0.4  # of that second

_configure(
    log_level=_CONFIG.log_level, log_format=_CONFIG.log_format, process=ProcessType.WEB.value
)


def when_ready(server: Any) -> None:
    """The socket is bound. Ctrl-C is a stop like any other, also when it comes twice."""
    signal.signal(signal.SIGINT, lambda *_: server.SIG_QUEUE.put_nowait(signal.SIGTERM))
    _logger.info(
        "internal HTTP listener started", extra={"address": str(_CONFIG.internal_http_addr)}
    )


def on_exit(_server: Any) -> None:
    _logger.info("internal HTTP listener stopped")


def post_fork(_server: Any, worker: ApiWorker) -> None:
    # the fork's own copy of the settings
    worker.cfg.set("graceful_timeout", _WORKER_GRACE)
    # its threads would not have come along
    _telemetry.start(config=_CONFIG, process=ProcessType.WEB)
    _make_series(ProcessType.WEB)
    _telemetry.instrument_django()


def post_worker_init(worker: ApiWorker) -> None:
    """The application is loaded; what the first request needs is made before it comes."""
    _group_commit()
    worker.presence = Presence(lease=_CONFIG.worker_lease)
    worker.presence.begin()


def worker_exit(_server: Any, worker: ApiWorker) -> None:
    """The last request is answered: the lease ends, then the connections, then telemetry."""
    if worker.presence is not None:
        worker.presence.end()
    _telemetry.stop(seconds=_FLUSH_SECONDS)
