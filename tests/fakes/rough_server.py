"""A TCP server on loopback that answers each connection with what a test scripted, byte by byte if it likes."""

import socket
import threading
import time
from contextlib import suppress


class RoughServer:
    """`answers` maps a path to a function that is given the connection after its request was read.

    With `tls`, a server's `ssl.SSLContext`, it speaks https to whoever calls it localhost.
    """

    def __init__(self, tls=None, **answers):
        self.tls = tls
        self.answers = {f"/{name}": answer for name, answer in answers.items()}
        self.asked = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = []

    def url(self, name):
        start = "http://127.0.0.1" if self.tls is None else "https://localhost"
        return f"{start}:{self.port}/{name}"

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _secured(self, plain):
        return plain if self.tls is None else self.tls.wrap_socket(plain, server_side=True)

    def _answer(self, plain):
        with suppress(OSError), self._secured(plain) as connection:
            asked = b""
            while b"\r\n\r\n" not in asked:
                asked += connection.recv(4096)
            path = asked.split()[1].decode()
            self.asked.append(path)
            self.answers[path](connection)


def says(*pieces, pause_s=0.0):
    """An answer of these pieces, then the end."""

    def answer(connection):
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)

    return answer


def drips(start, byte, *, every_s=0.05):
    """An answer that goes on for ever, one byte at a time."""

    def answer(connection):
        connection.sendall(start)
        while True:
            connection.sendall(byte)
            time.sleep(every_s)

    return answer


def floods(start, block):
    """An answer that goes on for ever, as fast as it is taken."""

    def answer(connection):
        connection.sendall(start)
        while True:
            connection.sendall(block)

    return answer


def holds(start, *, for_s=30.0):
    """An answer that begins and then says nothing."""

    def answer(connection):
        connection.sendall(start)
        connection.settimeout(for_s)
        connection.recv(1)

    return answer


def head(*lines, status="HTTP/1.1 200 OK"):
    """The head of an answer."""
    return "\r\n".join((status, *lines, "", "")).encode()
