"""Kinds of servers, right and wrong: what each sends down a socket."""

import dataclasses
import functools
import socket
import time
from collections.abc import Callable

RIGHT, REFUSED = "right", "refused"

KINDS = {}


@dataclasses.dataclass
class Talk:
    """One request, and what the kind of server needs to answer it."""

    connection: socket.socket
    headers: dict  # of the request, names in small letters
    number: int  # how many requests came before
    path: str
    data: bytes
    rng: object
    is_over: Callable  # whether the campaign has gone on

    def say(self, *lines, body=b""):
        head = "\r\n".join(lines) + "\r\n\r\n" if lines else ""
        self.connection.sendall(head.encode("latin-1") + body)

    def answer(self, body, *lines, status="200 OK"):
        length = f"Content-Length: {len(body)}"
        self.say(f"HTTP/1.1 {status}", length, *lines, body=body)

    def endlessly(self, piece, seconds=0.0):
        """Sends a piece again and again, until the other side has had enough."""
        while not self.is_over():
            self.connection.sendall(piece)
            time.sleep(seconds)

    def wait(self):
        """Says nothing for as long as the other side stays."""
        self.connection.settimeout(0.1)
        while not self.is_over():
            try:
                if not self.connection.recv(100):
                    return
            except TimeoutError:
                pass

    def part(self):
        """Some of the file, more than nothing and less than all."""
        return self.data[: self.rng.randrange(1, len(self.data))]

    def is_resumed(self):
        return "range" in self.headers

    def start(self):
        """The byte from which on the file is asked for."""
        return int(self.headers["range"].removeprefix("bytes=").removesuffix("-"))

    def cut(self, *lines):
        """A whole answer that ends early."""
        length = f"Content-Length: {len(self.data)}"
        self.say("HTTP/1.1 200 OK", length, *lines, body=self.part())


def kind(must, each=(None,)):
    def register(function):
        for way in each:
            name = function.__name__ + ("" if way is None else f" {way}")
            call = function if way is None else functools.partial(function, way)
            KINDS[name.replace("_", " ")] = (must, call)
        return function

    return register


ETAG = 'ETag: "one"'

# Right ------------------------------------------------------------------------------


@kind(RIGHT)
def plain(talk):
    talk.answer(talk.data)


@kind(RIGHT)
def labelled_as_a_page(talk):
    talk.answer(talk.data, "Content-Type: text/html; charset=utf-8")


@kind(RIGHT)
def small_letters_and_two_equal_lengths(talk):
    length = f"content-length: {len(talk.data)}"
    talk.say("HTTP/1.0 200 fine", length, length, body=talk.data)


@kind(RIGHT)
def without_length(talk):
    talk.say("HTTP/1.1 200 OK", "Connection: close", body=talk.data)


@kind(RIGHT)
def in_chunks(talk):
    talk.say("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Content-Length: x")
    at = 0
    while at < len(talk.data):
        chunk = talk.data[at : at + talk.rng.randrange(1, 20_000)]
        talk.connection.sendall(b"%x;note=1\r\n%s\r\n" % (len(chunk), chunk))
        at += len(chunk)
    talk.connection.sendall(b"0\r\n\r\n")


@kind(RIGHT)
def in_crumbs(talk):
    talk.say("HTTP/1.1 200 OK", f"Content-Length: {len(talk.data)}")
    for at in range(0, len(talk.data), 1000):
        talk.connection.sendall(talk.data[at : at + 1000])


@kind(RIGHT)
def after_hints(talk):
    talk.say("HTTP/1.1 100 Continue")
    talk.answer(talk.data)


@kind(RIGHT)
def moved(talk):
    if talk.number < 4:
        talk.answer(b"moved", f"Location: /{talk.number}/w", status="307 Moved")
    else:
        talk.answer(talk.data)


def _rest(talk, data=None, total=None, first=None, etag=ETAG):
    data, start = data or talk.data, talk.start()
    first, total = start if first is None else first, total or len(data)
    told = f"Content-Range: bytes {first}-{total - 1}/{total}"
    talk.answer(data[start:], told, etag, status="206 Partial Content")


@kind(RIGHT)
def cut_and_resumed(talk):
    if talk.is_resumed():
        assert talk.headers["if-range"] == '"one"'
        _rest(talk)
    else:
        talk.cut(ETAG)


@kind(RIGHT)
def cut_twice_and_resumed(talk):
    if talk.number == 1:
        told = f"Content-Range: bytes {talk.start()}-{len(talk.data) - 1}"
        rest = talk.data[talk.start() :]
        length = f"Content-Length: {len(rest)}"
        told = f"{told}/{len(talk.data)}"
        half = rest[: max(len(rest) // 2, 1)]
        talk.say("HTTP/1.1 206 Partial", length, told, ETAG, body=half)
    elif talk.is_resumed():
        _rest(talk)
    else:
        talk.cut(ETAG)


@kind(RIGHT, each=("length", "place", "version", "no version", "no range", "416"))
def cut_and_resumed_wrongly(how, talk):
    if not talk.number:
        # Another file's beginning, so that joining the two would show.
        length = f"Content-Length: {len(talk.data)}"
        talk.say("HTTP/1.1 200 OK", length, ETAG, body=bytes(len(talk.part())))
    elif not talk.is_resumed():
        talk.answer(talk.data, 'ETag: "two"')
    elif how == "length":
        _rest(talk, data=talk.data + b"x")
    elif how == "place":
        _rest(talk, first=0)
    elif how == "version":
        _rest(talk, etag='ETag: "two"')
    elif how == "no version":
        _rest(talk, etag="X: y")
    elif how == "no range":
        rest = talk.data[talk.start() :]
        talk.answer(rest, ETAG, status="206 Partial Content")
    else:
        told = f"Content-Range: bytes */{len(talk.data)}"
        talk.answer(b"", told, status="416 Range Not Satisfiable")


@kind(RIGHT, each=("changed", "not resumed"))
def cut_and_begun_anew(how, talk):
    if not talk.number:
        talk.cut(ETAG)
    else:
        talk.answer(talk.data, 'ETag: "two"' if how == "changed" else ETAG)


# Wrong ------------------------------------------------------------------------------


@kind(REFUSED, each=("401", "403", "404", "410", "429", "500", "503"))
def error(status, talk):
    talk.answer(b"<html>no</html>", status=f"{status} No")


@kind(REFUSED)
def error_that_rings(talk):
    talk.answer(b"", status="404 \x1b[31mred\x07 \x9b2J" + 900 * "x")


@kind(REFUSED, each=("203", "204", "205", "206", "226"))
def success_of_another_kind(status, talk):
    talk.answer(b"" if status in ("204", "205") else talk.part(), status=f"{status} Oh")


@kind(REFUSED, each=("itself", "circle", "ever on"))
def redirected(how, talk):
    to = {"itself": talk.path, "circle": f"/{talk.number % 2}"}.get(how)
    talk.answer(b"", f"Location: {to or f'/{talk.number}'}", status="302 Found")


@kind(REFUSED, each=("nowhere", "file", "ftp", "data", "other port", "no address"))
def redirected_to(where, talk):
    lines = {
        "nowhere": (),
        "file": ("Location: file:///etc/passwd",),
        "ftp": ("Location: ftp://127.0.0.1:9/w",),
        "data": ("Location: data:,hello",),
        "other port": ("Location: http://127.0.0.1:9/w",),
        "no address": ("Location: http://[::1/w",),
    }[where]
    talk.answer(b"", *lines, status="301 Moved")


@kind(REFUSED)
def redirected_with_an_endless_page(talk):
    talk.say("HTTP/1.1 302 Found", "Location: /w")
    talk.endlessly(b"moved " * 10_000)


@kind(REFUSED, each=("<!DOCTYPE html>\n<title>Log in", "\n<HTML><body>busy"))
def page(start, talk):
    talk.answer(start.encode() + b" " * talk.rng.randrange(9000))


@kind(REFUSED)
def nothing(talk):
    talk.answer(b"")


@kind(REFUSED, each=("abc", "-1", "1e5", "1_000", "", "٣", "9" * 5000))
def length_is(text, talk):
    length = b"Content-Length: " + text.encode("utf-8")
    talk.connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n" + talk.data)


@kind(REFUSED)
def two_lengths(talk):
    talk.answer(talk.data, f"Content-Length: {len(talk.data) + 1}")


@kind(REFUSED, each=(10**8, 10**17))
def length_is_huge(length, talk):
    talk.say("HTTP/1.1 200 OK", f"Content-Length: {length}", body=talk.data)


@kind(REFUSED)
def endless(talk):
    talk.say("HTTP/1.1 200 OK")
    talk.endlessly(bytes(50_000))


@kind(REFUSED)
def endless_chunks(talk):
    talk.say("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
    talk.endlessly(b"c350\r\n" + bytes(50_000) + b"\r\n")


@kind(REFUSED)
def endless_headers(talk):
    talk.connection.sendall(b"HTTP/1.1 200 OK\r\n")
    talk.endlessly(b"X-Header: " + b"x" * 900 + b"\r\n")


@kind(REFUSED)
def endless_hints(talk):
    talk.endlessly(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@kind(REFUSED)
def endless_line(talk):
    talk.endlessly(b"x" * 10_000)


@kind(REFUSED)
def drip(talk):
    talk.say("HTTP/1.1 200 OK", f"Content-Length: {len(talk.data)}")
    for byte in talk.data:
        if talk.is_over():
            return
        talk.connection.sendall(bytes([byte]))
        time.sleep(0.1)


@kind(REFUSED)
def drip_of_chunks(talk):
    talk.say("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
    talk.endlessly(b"1\r\nx\r\n", 0.1)


@kind(REFUSED)
def drip_of_headers(talk):
    talk.connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    talk.endlessly(b"x", 0.1)


@kind(REFUSED)
def silent(talk):
    talk.wait()


@kind(REFUSED)
def silent_after_a_part(talk):
    talk.cut(ETAG)
    talk.wait()


@kind(REFUSED)
def cut(talk):
    talk.cut()


@kind(REFUSED)
def cut_with_a_weak_version(talk):
    talk.cut('ETag: W/"one"')


@kind(REFUSED)
def cut_in_chunks(talk):
    talk.say("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
    part = talk.part()
    talk.connection.sendall(b"%x\r\n%s" % (len(part) + 5, part))


@kind(REFUSED)
def cut_without_length(talk):
    talk.say("HTTP/1.1 200 OK", body=talk.part())


@kind(REFUSED)
def cut_every_time(talk):
    if talk.is_resumed():
        start = talk.start()
        told = f"Content-Range: bytes {start}-{len(talk.data) - 1}/{len(talk.data)}"
        length = f"Content-Length: {len(talk.data) - start}"
        body = talk.data[start : start + 1]
        talk.say("HTTP/1.1 206 Partial", length, told, ETAG, body=body)
    else:
        length = f"Content-Length: {len(talk.data)}"
        talk.say("HTTP/1.1 200 OK", length, ETAG, body=talk.data[:100])


@kind(REFUSED)
def changing_every_time(talk):
    talk.cut(f'ETag: "{talk.number}"')


@kind(REFUSED, each=("zz", "-5", "", "f" * 30))
def chunk_size_is(text, talk):
    talk.say("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
    talk.connection.sendall(text.encode() + b"\r\n" + talk.data)


@kind(REFUSED)
def no_http(talk):
    talk.connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


@kind(REFUSED)
def closed_at_once(talk):
    pass


@kind(REFUSED)
def reset(talk):
    talk.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@kind(REFUSED, each=("gzip", "br", "x\x1b[2J"))
def packed(how, talk):
    talk.answer(talk.data, f"Content-Encoding: {how}")


@kind(REFUSED)
def other_bytes(talk):
    talk.answer(talk.rng.randbytes(len(talk.data)))


@kind(REFUSED)
def one_other_byte(talk):
    data = bytearray(talk.data)
    data[talk.rng.randrange(len(data))] ^= 1
    talk.answer(bytes(data))
