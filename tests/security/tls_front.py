"""TLS in front of a server that speaks none: the ClickHouse of these tests is a library, whose HTTP has no TLS of its own."""

import socket
import ssl
import threading
from pathlib import Path

PIECE = 1 << 16


class TlsFront:
    """Passes what comes in over TLS on to a port of this machine, and back."""

    def __init__(self, certificate: Path, key: Path, port: int):
        self._to = ("127.0.0.1", port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests = 0  # Connections that got beyond the handshake.
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        try:
            with self._context.wrap_socket(accepted, server_side=True) as outer, socket.create_connection(self._to) as inner:
                self.requests += 1
                back = threading.Thread(target=self._copy, args=(inner, outer), daemon=True)
                back.start()
                self._copy(outer, inner)
                back.join()
        except OSError:  # Also a handshake that the client ends.
            return

    @staticmethod
    def _copy(source: socket.socket, to: socket.socket) -> None:
        try:
            while piece := source.recv(PIECE):
                to.sendall(piece)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            return
