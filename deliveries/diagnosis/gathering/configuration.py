"""What Django's system checks say of a configuration that is valid."""

from django.core import checks

from deliveries.conf import Config


def gather_warnings(_config: Config) -> tuple[str, ...]:
    """Each with its id; what the catalog lacks is another check's."""
    return tuple(
        f"{message.id}: {message.msg}"
        for message in checks.run_checks(tags=["mail"])
        if message.level < checks.ERROR
    )
