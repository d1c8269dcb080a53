"""smtp_check: the dialogue as `run_attempts` would start it, shown instead of used."""

from dataclasses import replace
from datetime import timedelta

from deliveries.conf import Config
from deliveries.diagnosis.relay.probe import probe
from deliveries.diagnosis.relay.showing import RelayCheck
from deliveries.process.attempting import relay_of

_SECOND = timedelta(seconds=1)


class NoRelayError(Exception):
    """The configuration names no relay."""


def check_relay(
    *, config: Config, timeout: timedelta | None, with_login: bool, with_sender: bool
) -> RelayCheck:
    """`timeout` is for the whole dialogue, MAIL_SMTP_TIMEOUT without one. Raises NoRelayError."""
    relay = relay_of(config)
    if relay is None:
        raise NoRelayError(
            "MAIL_SMTP_MODE=stub: there is no relay, every mail ends in this program"
        )
    if timeout is not None:
        relay = replace(relay, timeout=timeout / _SECOND)
    if not with_login:
        relay = replace(relay, username="", password="")
    sender = config.smtp_from_email if with_sender else None
    return RelayCheck(relay=relay, probe=probe(relay=relay, sender=sender))
