"""The relay, as far as the login."""

from dataclasses import replace

from deliveries.conf import Config
from deliveries.diagnosis.relay.sounding import Sounding, sound
from deliveries.process.attempting import relay_of

_MOST_SECONDS = 10.0


def gather_relay(config: Config) -> Sounding | None:
    """None in stub mode."""
    relay = relay_of(config)
    if relay is None:
        return None
    return sound(relay=replace(relay, timeout=min(relay.timeout, _MOST_SECONDS)))
