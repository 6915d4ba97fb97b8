"""A web server on 127.0.0.1 that also misbehaves."""

import contextlib
import http.server
import threading


@contextlib.contextmanager
def serve(data, behaviours):
    """Serves `data` at every path, and yields `(address, paths that were asked)`.

    Args:
        data: Bytes.
        behaviours: List of words, one for each request; the last serves all others:
            `"good"`, `"cut"` (the connection ends early), `"short"` (a length that
            is too small), `"404"`, `"page"` (an error page with status 200),
            `"wrong"` (other bytes), `"stalled"` (nothing after the first half until
            the server stops), `"slow"` (a pause until `release` is set).
    """
    asked, release = [], threading.Event()
    remaining = list(behaviours)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            word = remaining.pop(0) if len(remaining) > 1 else remaining[0]
            body = {"page": b"<html>busy</html>", "wrong": data[::-1]}.get(word, data)
            if word == "404":
                self.send_error(404)
                return
            self.send_response(200)
            length = len(body) // 2 if word == "short" else len(body)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if word == "short":
                body = body[:length]
            if word in ("cut", "stalled", "slow"):
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                if word == "cut":
                    return
                release.wait(20)
                if word == "stalled":
                    return
                body = body[len(body) // 2 :]
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.release = release
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked, release
    finally:
        release.set()
        server.shutdown()
        server.server_close()
        thread.join()
