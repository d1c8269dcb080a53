"""Gathering: facts of one part of the live system each, read only, within bounded time."""
