"""The web process: the start-up of every process, and then gunicorn in its place."""

import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

from django.conf import settings
from django.db import connections
from django_redis import get_redis_connection

from deliveries.catalog.catalog import Catalog, TemplateNotFound
from deliveries.conf import Config
from deliveries.process.logs import configure
from deliveries.process.startup import StartupError, configuration, start_up
from deliveries.process.stopping import StoppedError, arrives, hold_back, let_through
from deliveries.states import LOGIN_CODE_TEMPLATE, ProcessType

logger = logging.getLogger(__name__)

_SETTINGS = "python:deliveries.process.listener.settings"
_ROOT = Path(__file__).resolve().parents[2]


def serve() -> int:
    """Run the start-up checks and become gunicorn; returns only an exit status for a failure.

    The process keeps its id. Nothing else of it is left: gunicorn's workers make their own
    connections and threads, and its socket is bound only then.
    """
    hold_back()
    config = configuration()
    configure(log_level=config.log_level, log_format=config.log_format, process=ProcessType.WEB)
    try:
        _check_login_code(start_up(config), config)
    except StartupError as error:
        for line in error.lines:
            sys.stderr.write(f"{line}\n")
        return error.status
    except StoppedError:
        return 0
    else:
        return 0 if arrives(0) else _become_gunicorn()


def _check_login_code(catalog: Catalog, config: Config) -> None:
    """Raises StartupError: without its template the API could accept nothing."""
    try:
        catalog.find(LOGIN_CODE_TEMPLATE, config.default_locale)
    except TemplateNotFound:
        raise StartupError(
            f"template catalog: {config.template_dir}: has no {LOGIN_CODE_TEMPLATE},"
            " which login codes are written from",
            status=os.EX_CONFIG,
        ) from None


def _become_gunicorn() -> NoReturn:
    get_redis_connection("default").close()
    connections.close_all()
    module, _, name = settings.WSGI_APPLICATION.rpartition(".")
    environment = dict(os.environ)
    # where the code is, whatever folder the process was started in
    path = [str(_ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    # the service's own variables say it all
    environment.pop("GUNICORN_CMD_ARGS", None)
    argv = [sys.executable, "-m", "gunicorn", "--config", _SETTINGS, f"{module}:{name}"]
    sys.stdout.flush()
    sys.stderr.flush()
    let_through()
    os.execve(sys.executable, argv, environment)  # noqa: S606 - no shell, and all of it is ours
