"""The internal HTTP API: login codes in, operators' questions answered, nothing else let in."""
