"""Ports for the servers that tests start."""

import random
import socket

# Below the range from which Linux takes the near ends of connections: what is free there now stays
# free until the server that it is for listens on it, unless another test draws the same number.
_FIRST, _LAST = 15_000, 32_000


def free_port() -> int:
    """A loopback port nobody listens on just now."""
    while True:
        port = random.randint(_FIRST, _LAST)  # noqa: S311 - no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
