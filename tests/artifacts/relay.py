"""A road between the store and its server that can be blocked or torn up at a chosen request."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

NEVER = 1 << 30


class Relay:
    """Passes bytes on until more than `after` requests of kind `method` have come. Then it does what `then` says with each:
    hang, cut the connection, or cut this one only."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.removeprefix("http://").partition(":")
        self._upstream = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing = threading.Event()
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.method = b"PUT"
        self.after = NEVER
        self.then: Literal["hang", "cut", "cut once"] = "hang"
        self.requests = 0

    @contextmanager
    def open(self) -> Iterator["Relay"]:
        """Listens on a loopback port until the block ends, and then leaves no connection open."""
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        yield self
        self._closing.set()
        accepting.join()
        self._listener.close()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        carrying: list[threading.Thread] = []
        while not self._closing.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                carrying.append(threading.Thread(target=self._carry, args=(client,)))
                carrying[-1].start()
        for one in carrying:
            one.join()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._upstream) as server, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while not self._closing.is_set():
                for key, _ in ready.select(0.05):
                    try:
                        data = client.recv(1 << 16) if key.fileobj is client else server.recv(1 << 16)
                        if not data or (key.fileobj is client and self._is_barred(data)):
                            return
                        key.data.sendall(data)
                    except OSError:
                        return

    def _is_barred(self, data: bytes) -> bool:
        """After having hung for as long as it takes, if that was the order."""
        self.requests += data.startswith(self.method)
        if self.requests <= self.after:
            return False
        if self.then == "hang":
            self._closing.wait()
        if self.then == "cut once":
            self.after = NEVER
        return True
