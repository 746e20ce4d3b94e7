"""Publishing fast from Python: raw NATS protocol, one acknowledgement per batch, and never an event twice in the stream."""

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from servers import NatsServer

BATCH_EVENTS = 500
Event = tuple[str, bytes]  # subject and payload


class Batch:
    """Events in the bytes of the protocol, so that sending them costs next to nothing. The last one asks for the answer."""

    def __init__(self, events: list[Event]):
        self.before_last = b"".join(b"PUB %b %d\r\n%b\r\n" % (s.encode(), len(payload), payload) for s, payload in events[:-1])
        self.last = events[-1]


class NatsClient:
    """Just enough of the protocol: publish many, ask for one answer. One thread at a time; reconnect by a new one."""

    def __init__(self, server: NatsServer, timeout: float = 30):
        self._socket = socket.create_connection((server.host, server.port), timeout)
        info = bytearray()
        while not info.endswith(b"\r\n"):
            info += self._socket.recv(1)  # No more than that: behind it TLS begins.
        if server.tls:
            self._socket = server.tls.wrap_socket(self._socket, server_hostname=server.host)
        self._input = self._socket.makefile("rb")
        hello = {"verbose": False, "pedantic": False, "lang": "python", "version": "1", "name": "weir tests"}
        if server.user:
            hello |= {"user": server.user, "pass": server.password}
        hello |= server.login(json.loads(info.removeprefix(b"INFO ")))
        self._inbox = f"_INBOX.weir_tests.{id(self)}"
        self._socket.sendall(f"CONNECT {json.dumps(hello)}\r\nSUB {self._inbox} 1\r\n".encode())

    def close(self) -> None:
        self._input.close()
        self._socket.close()

    def __enter__(self) -> "NatsClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def publish_all(self, events: list[Event]) -> int:
        """Returns the stream's sequence of the last. JetStream stores them in this order."""
        return self.publish_batch(Batch(events))

    def publish_batch(self, batch: Batch) -> int:
        """As publish_all()."""
        subject, payload = batch.last
        self._socket.sendall(batch.before_last + f"PUB {subject} {self._inbox} {len(payload)}\r\n".encode() + payload + b"\r\n")
        return self._answer()["seq"]

    def request(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        payload = json.dumps(body).encode() if body is not None else b""
        self._socket.sendall(f"PUB {subject} {self._inbox} {len(payload)}\r\n".encode() + payload + b"\r\n")
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        while line := self._input.readline():
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")
            elif line.startswith(b"-ERR"):
                raise ConnectionError(line.decode())
            elif line.startswith((b"MSG", b"HMSG")):
                payload = self._input.read(int(line.split()[-1]) + 2)
                assert line.startswith(b"MSG"), f"nobody answers: {payload!r}"
                answer = json.loads(payload)
                assert "error" not in answer, answer["error"]
                return answer
        raise ConnectionError("nats-server closed the connection")


class Feed(threading.Thread):
    """Publishes events 1, 2, 3, ... in the background, as many as were allowed, at most `rate` a second, `batch` of them at a
    time. After a restart of the server it goes on behind what the stream holds. `event` gives subject and payload of a number.

    The stream is empty at the start and nobody else publishes there, so event n has the stream's sequence n.
    """

    def __init__(self, server: NatsServer, stream: str, event: Callable[[int], Event], rate: int, batch: int):
        super().__init__(daemon=True)
        self._server, self._stream, self._event = server, stream, event
        self._rate, self._batch_events = rate, batch
        self._prepared: dict[int, Batch] = {}  # by the number of the first event
        self._changed = threading.Condition()
        self._allowed = 0
        self._published = 0
        self._ending = False
        self._error: BaseException | None = None
        self.start()

    @property
    def published(self) -> int:
        return self._published

    @property
    def allowed(self) -> int:
        return self._allowed

    def prepare(self, first: int, last: int) -> None:
        """Makes the batches of these events now, so that publishing them later, at a high rate, takes no processor from what
        is tested. Call it before these events are allowed; `allow` in whole batches from there on."""
        for number in range(first, last + 1, self._batch_events):
            self._prepared[number] = self._batch(number, number + self._batch_events - 1)

    def _batch(self, first: int, last: int) -> Batch:
        return Batch([self._event(number) for number in range(first, last + 1)])

    def allow(self, events: int) -> None:
        with self._changed:
            self._allowed += events
            self._changed.notify_all()

    def hold(self) -> int:
        """Stops after the batch that is on its way; returns how many were published by then. allow() goes on."""
        with self._changed:
            self._allowed = min(self._allowed, self._published + self._batch_events)
        return self.wait_until_all()

    def wait_until_all(self, timeout: float = 120) -> int:
        """Until everything allowed is in the stream; returns how many that are."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._error or self._published == self._allowed, timeout)
        assert done and not self._error, f"published {self._published} of {self._allowed}: {self._error}"
        return self._published

    def end(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self.join()

    def run(self) -> None:
        try:
            while not self._ending:
                try:
                    with NatsClient(self._server, timeout=20) as client:
                        self._publish(client)
                except OSError:
                    time.sleep(0.1)  # the server is down; what it holds is asked again
        except BaseException as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _publish(self, client: NatsClient) -> None:
        stored = client.request(f"$JS.API.STREAM.INFO.{self._stream}")["state"]["last_seq"]
        assert stored >= self._published, f"the stream lost acknowledged events: {stored} < {self._published}"
        self._published = stored
        started, before = time.monotonic(), self._published
        while True:
            with self._changed:
                if self._published >= self._allowed:
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._ending or self._published < self._allowed)
                    started, before = time.monotonic(), self._published
                if self._ending:
                    return
                last = min(self._allowed, self._published + self._batch_events)
            first = self._published + 1
            prepared = self._prepared.pop(first, None) if last - first + 1 == self._batch_events else None
            seq = client.publish_batch(prepared or self._batch(first, last))
            assert seq == last, f"event {last} became sequence {seq}"
            self._published = last
            ahead = (last - before) / self._rate - (time.monotonic() - started)
            if ahead > 0:
                time.sleep(ahead)
