"""The right to go on, asked for before what cannot be taken back."""

from typing import Protocol


class Guard(Protocol):
    """A False ends the send as GIVEN_BACK and closes the connection."""

    def may_begin(self) -> bool:
        """Asked just before MAIL, so before each transaction."""
        ...

    def may_finish(self) -> bool:
        """Asked just before bytes that hold the final dot go to the kernel.

        More than once, where the kernel does not take them at once: time has passed.
        """
        ...
