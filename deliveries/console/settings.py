"""The Django settings that exist only where the admin is enabled."""

from datetime import timedelta
from typing import Any

from deliveries.conf import Config

PREFIX = "/admin/"

_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    # no autodiscovery: the site registers what it shows
    "django.contrib.admin.apps.SimpleAdminConfig",
    "deliveries.console",
]
_SESSION = timedelta(hours=8)
_PASSWORDS = "django.contrib.auth.password_validation"


def console_settings(config: Config) -> dict[str, Any]:
    """What the admin adds to the project's settings. INSTALLED_APPS and MIDDLEWARE are additions.

    The session, CSRF and authentication middleware run inside the console's own, for its routes
    alone. `django.contrib.messages` and `staticfiles` are left out: nothing is ever changed here,
    so there is nothing to report, and the pages have one stylesheet, which a view serves.
    """
    secure = not config.internal_http_addr.is_loopback
    return {
        "INSTALLED_APPS": list(_APPS),
        "MIDDLEWARE": ["deliveries.console.middleware.ConsoleMiddleware"],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                    ]
                },
            }
        ],
        # what the admin's own check misses: messages, and middleware that stands elsewhere
        "SILENCED_SYSTEM_CHECKS": [f"admin.E{number}" for number in (404, 406, 408, 409, 410)],
        "SESSION_COOKIE_NAME": "mail_admin_session",
        "SESSION_COOKIE_AGE": int(_SESSION.total_seconds()),
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "CSRF_COOKIE_NAME": "mail_admin_csrf",
        **_cookies("SESSION", secure=secure),
        **_cookies("CSRF", secure=secure),
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"{_PASSWORDS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
            {"NAME": f"{_PASSWORDS}.CommonPasswordValidator"},
            {"NAME": f"{_PASSWORDS}.UserAttributeSimilarityValidator"},
        ],
        "LOGIN_URL": f"{PREFIX}login/",
        "LOGIN_REDIRECT_URL": PREFIX,
    }


def _cookies(kind: str, *, secure: bool) -> dict[str, Any]:
    """Sent to the admin's routes only, never across sites, and never to a script."""
    return {
        f"{kind}_COOKIE_PATH": PREFIX,
        f"{kind}_COOKIE_SECURE": secure,
        f"{kind}_COOKIE_HTTPONLY": True,
        f"{kind}_COOKIE_SAMESITE": "Strict",
    }
