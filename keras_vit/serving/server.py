"""`Server`: an application on a port of this machine, by uvicorn."""

import contextlib
import logging
import socket
import threading

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

logger = logging.getLogger(__name__)

# Bytes of the line and the headers of a request.
_HEADERS = 2**15
# Requests that may wait for the system to hand them over.
_BACKLOG = 512


class Server:
    """Serves an ASGI application until it is stopped.

    Args:
        app: An ASGI application.
        host: String, the address to listen on.
        port: Integer; 0 for a free one.
        seconds: Number, how long a sender may take for its headers, and how long
            requests that are inside may take once the server is to stop.

    Raises:
        ValueError: if nothing can listen there.

    Example:

    >>> with Server(app, port=0).in_thread() as address:
    ...     urllib.request.urlopen(address)
    """

    def __init__(self, app, host="127.0.0.1", port=8000, seconds=60):
        self._socket = _listening(host, port)
        self.host, self.port = host, self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=_protocol(seconds),
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="critical",  # of its own; ours go to the log of this package
            access_log=False,
            server_header=False,
            date_header=False,
            h11_max_incomplete_event_size=_HEADERS,
            timeout_graceful_shutdown=max(1, int(seconds)),
        )
        self._server = uvicorn.Server(config)

    @property
    def address(self):
        """The address of the page, as a browser on this machine takes it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def run(self):
        """Serves until Ctrl-C or SIGTERM, which then do what they did before."""
        self._server.run([self._socket])

    @contextlib.contextmanager
    def in_thread(self):
        """Serves in a thread while the block lasts.

        Yields:
            The address of the page.
        """
        thread = threading.Thread(target=self.run, name="server")
        thread.start()
        try:
            yield self.address  # who comes early waits in the socket's queue
        finally:
            self._server.should_exit = True
            thread.join()


def _listening(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ValueError(
            f"The server cannot listen on {host}, port {port}: {error}. Choose another "
            "--port, 0 for a free one, or another --host."
        ) from None
    return listener


def _protocol(seconds):
    """uvicorn's protocol, with a limit for headers and refusals in JSON."""

    class Protocol(H11Protocol):
        def connection_made(self, transport):
            super().connection_made(transport)
            self.loop.call_later(seconds, self._hurry)

        def _hurry(self):
            if self.cycle is None:  # there is no request yet
                self.transport.close()

        def send_400_response(self, msg):
            if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
                self.transport.close()  # an answer is under way
                return
            body = (
                b'{"error": "The request is no HTTP, or its headers have more than '
                b'%d bytes.", "status": 400}' % _HEADERS
            )
            headers = [("content-type", "application/json"), ("connection", "close")]
            headers.append(("content-length", str(len(body))))
            answer = h11.Response(status_code=400, headers=headers)
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event))
            self.transport.close()

    return Protocol
