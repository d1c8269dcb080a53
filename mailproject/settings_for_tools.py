"""The settings for tools that look at the code and connect to nothing: mypy, makemigrations.

`DJANGO_SETTINGS_MODULE=mailproject.settings_for_tools` needs no environment.
"""

import os

_SPECIMEN = {
    "MAIL_SECRET_KEY": "no-secret-tools-only-no-secret-tools-only",
    "MAIL_REDIS_MASTER_ADDR": "127.0.0.1:1",
    "MAIL_POSTGRES_PRIMARY_DSN": "postgresql://nobody@127.0.0.1:1/nothing",
    "MAIL_SMTP_MODE": "stub",
    "MAIL_ADMIN_ENABLED": "true",  # its models and migrations are looked at too
}
for _name in [name for name in os.environ if name.startswith("MAIL_")]:
    del os.environ[_name]
os.environ.update(_SPECIMEN)

from mailproject.settings import *  # noqa: E402, F403 - only once the environment is there
