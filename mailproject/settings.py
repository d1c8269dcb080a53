"""Django's settings, all of them from the service's one configuration."""

import os

from deliveries.conf import load
from deliveries.conf.connections import postgres_settings, redis_settings
from deliveries.console.settings import console_settings

MAIL = load(os.environ)

SECRET_KEY, *SECRET_KEY_FALLBACKS = (key.decode() for key in MAIL.secret_keys)
DEBUG = False
ALLOWED_HOSTS = list(MAIL.allowed_hosts)

INSTALLED_APPS = ["deliveries"]
MIDDLEWARE = ["deliveries.http.middleware.ApiMiddleware"]
ROOT_URLCONF = "mailproject.urls"
WSGI_APPLICATION = "mailproject.wsgi.application"

DATABASES = {"default": postgres_settings(MAIL.postgres_primary)}
if MAIL.postgres_migration is not None:
    DATABASES["migration"] = postgres_settings(MAIL.postgres_migration, bounded=False)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": redis_settings(MAIL)}

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

# deliveries.process.logs.configure sets logging up, once the process knows its own type
LOGGING_CONFIG = None

if MAIL.admin_enabled:
    _console = console_settings(MAIL)
    INSTALLED_APPS += _console.pop("INSTALLED_APPS")
    MIDDLEWARE += _console.pop("MIDDLEWARE")
    globals().update(_console)
