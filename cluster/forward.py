"""Forwards one loopback port of the host to the apiserver, so that kubectl and the tests run in an ordinary shell.

The listening socket is made on the host; then the process enters the cluster's network namespace, in which it makes all
its outgoing connections. Run as: python -m cluster.forward NAMESPACE PORT ADDRESS ADDRESS_PORT
"""

import asyncio
import socket
import sys
from pathlib import Path

from .network import enter

CHUNK_BYTES = 64 * 1024


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copies until the source ends, and passes the end on: exec and port-forward close their halves one by one."""
    try:
        while data := await source.read(CHUNK_BYTES):
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
    except OSError:
        sink.transport.abort()


async def serve(listener: socket.socket, address: str, port: int) -> None:
    """Accepts for ever; each connection lives until both of its directions have ended."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(address, port)
        except OSError:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            for end in (far_writer, writer):
                end.close()

    server = await asyncio.start_server(handle, sock=listener)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Listens on the host, then enters the namespace."""
    namespace, port, address, address_port = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", int(port)))
    enter(Path(namespace))
    asyncio.run(serve(listener, address, int(address_port)))


if __name__ == "__main__":
    main()
