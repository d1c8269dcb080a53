"""The relay, as far as the login."""

from dataclasses import replace

from deliveries.conf import Config
from deliveries.diagnosis.relay.probe import Probe, probe
from deliveries.process.attempting import relay_of

_MOST_SECONDS = 10.0


def gather_relay(config: Config) -> Probe | None:
    """None in stub mode."""
    relay = relay_of(config)
    if relay is None:
        return None
    return probe(relay=replace(relay, timeout=min(relay.timeout, _MOST_SECONDS)))
