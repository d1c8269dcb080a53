"""Every command becomes a mail at the relay and a recorded outcome."""
