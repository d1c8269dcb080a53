"""A free port on loopback, held until the server that is to have it starts."""

import socket
from typing import Self

LOOPBACK = "127.0.0.1"


class ReservedPort:
    """A port that the kernel gives to nobody else until it is released."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind((LOOPBACK, 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> int:
        self._socket.close()
        return self.number

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
