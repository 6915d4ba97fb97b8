"""Fetches an address into a file: whole, within limits, resumed where it breaks off."""

import dataclasses
import functools
import http.client
import io
import os
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request

from keras_vit.common.wording import as_duration, as_file_size, printable, shortened


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a server may ask of our patience and of our disk."""

    # Seconds without a byte.
    idle: float = 60.0
    # In each window of so many seconds at least so many bytes must come.
    window: float = 60.0
    least: int = 60_000
    # Seconds of a whole download.
    total: float = 24 * 3600.0
    # Bytes of a file, and of the headers of an answer.
    size: int = 64 * 10**9
    header: int = 10**6
    # How often a download is begun or resumed.
    attempts: int = 5


LIMITS = Limits()
_CHUNK = 2**16


class TransferError(OSError):
    """Why an address cannot be fetched. Whoever asked for it names it."""


@dataclasses.dataclass(frozen=True)
class _Version:
    """Which file a server sends: its strong ETag and its length, where told."""

    etag: str | None
    length: int | None


def transfer(url, file, progress=None):
    """Writes what an address holds into a file.

    Where the connection breaks, the rest is asked for, if the server names the version
    of its file by a strong ETag. An answer that is not the rest of that version is
    not used: the file is begun anew.

    Args:
        url: String, `http://` or `https://`.
        file: Binary file, empty, open for writing without a buffer.
        progress: `None`, or a function of (bytes so far, bytes in all or `None`).

    Raises:
        TransferError: if it cannot be fetched whole within `LIMITS`.
    """
    pace, begun = _Pace(LIMITS), None
    for left in reversed(range(LIMITS.attempts)):
        at = file.tell()
        with _opened(url, pace, at, begun) as response:
            agreed = _agreed(response, at, begun)
            if agreed is None:
                _cut(file, 0)
                begun = None
                continue
            start, begun = agreed
            _cut(file, start)
            _check_size(begun.length, start, file)
            reason = _copied(response, file, pace, begun.length, progress)
        if reason is None:
            return
        if begun.etag is None or file.tell() == start or not left:
            raise TransferError(reason)
    raise TransferError("the server's file changes while it is fetched")


def _opened(url, pace, at, begun):
    """The answer of the server, for the file from byte `at` on."""
    # What is no ASCII is quoted, as browsers do it; what is quoted stays.
    kept = "%/:=&?~#+!$,;'@()*[]"
    address = urllib.parse.quote(url, kept, errors="surrogateescape")
    headers = {"User-Agent": "keras-vit", "Accept-Encoding": "identity"}
    if at:
        headers |= {"Range": f"bytes={at}-", "If-Range": begun.etag}
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
        _Handler(pace),
    ):
        opener.add_handler(handler)
    try:
        request = urllib.request.Request(address, headers=headers)
        return opener.open(request, timeout=LIMITS.idle)
    except urllib.error.HTTPError as error:
        if error.code == 416 and at:  # the file is shorter now
            return error
        error.close()
        said = error.msg.splitlines()[-1:] or [""]  # the first are urllib's own
        answer = f"HTTP {error.code} {_short(said[0])}".strip()
        if 300 <= error.code < 400:
            raise TransferError(f"its redirections lead nowhere ({answer})") from None
        raise TransferError(f"the server answers {answer}") from None
    except TransferError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TransferError(_reason(error)) from error


def _agreed(response, at, begun):
    """From which byte on an answer holds which version; `None` if it is of no use."""
    status, headers = response.status, response.headers
    packed = headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise TransferError(f"it comes packed ({_short(packed)}), as nobody asked for")
    etag, length = headers.get("ETag", "").strip(), _length(headers)
    if status == 200:
        strong = re.fullmatch(r'"[!#-~]*"', etag)
        return 0, _Version(etag if strong else None, length)
    if not at:
        raise TransferError(
            f"the server answers HTTP {status} {_short(response.reason or '')}".strip()
        )
    number = r"(\d{1,18})"
    told = re.fullmatch(
        rf"bytes {number}-{number}/{number}",
        headers.get("Content-Range", "").strip(),
        re.ASCII,
    )
    if status != 206 or told is None or etag != begun.etag:
        return None
    first, last, total = map(int, told.groups())
    is_rest = first == at and last == total - 1 and begun.length in (None, total)
    if not is_rest or length not in (None, total - at):
        return None
    return at, _Version(etag, total)


def _length(headers):
    """The length that an answer tells, if it does."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return None
    told = {value.strip() for value in headers.get_all("Content-Length", [])}
    if not told:
        return None
    value = told.pop()
    if told or not re.fullmatch(r"\d{1,18}", value, re.ASCII):
        raise TransferError(
            "its length is no number of bytes. Received: Content-Length "
            + ", ".join(map(_short, sorted({value, *told})))
        )
    return int(value)


def _check_size(length, start, file):
    if length is None:
        return
    if length > LIMITS.size:
        raise TransferError(
            f"it has {as_file_size(length)}, more than the "
            f"{as_file_size(LIMITS.size)} that are downloaded"
        )
    free = shutil.disk_usage(os.path.dirname(file.name)).free
    if length - start > free:
        raise TransferError(
            f"it has {as_file_size(length)}, and the disk has room for "
            f"{as_file_size(free)}"
        )


def _copied(response, file, pace, length, progress):
    """Writes an answer to a file; why it broke off, or `None` if it is whole."""
    pace.begin(LIMITS.size)
    reason = "the connection ended early"
    try:
        while chunk := response.read(_CHUNK):
            _write(file, chunk)
            if progress is not None:
                progress(file.tell(), length)
    except (ConnectionError, http.client.HTTPException) as error:
        reason = _reason(error)
    except TransferError:
        raise
    except (OSError, ValueError) as error:
        raise TransferError(_reason(error)) from error
    else:
        if length in (None, file.tell()):
            return None
    got, of = as_file_size(file.tell()), "" if length is None else " of the"
    whole = "" if length is None else f" {as_file_size(length)}"
    return f"{reason}, after {got}{of}{whole}"


def _write(file, chunk):
    view = memoryview(chunk)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        why = error.strerror or error
        raise TransferError(f"it cannot be written to the disk: {why}") from error


def _cut(file, size):
    file.seek(size)
    file.truncate()


def _reason(error):
    reason = getattr(error, "reason", error)  # of a `URLError`
    if isinstance(reason, TimeoutError):
        return "the server does not answer in time"
    if isinstance(reason, http.client.IncompleteRead):
        return "the connection ended early"
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    if isinstance(reason, OSError):
        return _short(text)
    return f"its answer is no HTTP that can be read ({_short(text)})"


def _short(text):
    """What a server says, for a message."""
    return printable(shortened(" ".join(str(text).split()), 200))


# Limits while bytes come ------------------------------------------------------------


class _Pace:
    """Ends what takes too long, or never ends."""

    def __init__(self, limits):
        self._limits, self._end = limits, time.monotonic() + limits.total
        self.begin(limits.header)

    def begin(self, most=None):
        """Headers begin, or a body of so many bytes at most."""
        self._most = self._limits.header if most is None else most
        self._last = self._mark = time.monotonic()
        self._count = self._since = 0

    def wait(self):
        """The seconds for which the next byte may be waited for."""
        now, limits = time.monotonic(), self._limits
        if now - self._last >= limits.idle:
            raise TransferError(f"no byte came for {as_duration(limits.idle)}")
        if now >= self._end:
            raise TransferError(f"it takes longer than {as_duration(limits.total)}")
        if now - self._mark >= limits.window:
            if self._since < limits.least:
                raise TransferError(
                    f"it is too slow: {self._since:,} bytes in "
                    f"{as_duration(limits.window)}, of at least {limits.least:,}"
                )
            self._mark, self._since = now, 0
        ends = (self._last + limits.idle, self._end, self._mark + limits.window)
        return max(min(ends) - now, 0.001)

    def add(self, count):
        """So many bytes have come."""
        self._last = time.monotonic()
        self._count += count
        self._since += count
        if self._count > self._most:
            raise TransferError(
                f"it does not end: more than {as_file_size(self._most)} came"
            )


class _PacedBytes(io.RawIOBase):
    """What a socket receives, at the pace that is asked for."""

    def __init__(self, sock, pace):
        self._sock, self._pace = sock, pace
        self._kept = sock.makefile("rb", buffering=0)  # keeps the socket open

    def readable(self):
        return True

    def readinto(self, buffer):
        while True:
            self._sock.settimeout(self._pace.wait())
            try:
                count = self._sock.recv_into(buffer)
            except TimeoutError:
                continue  # the pace decides
            self._pace.add(count)
            return count

    def close(self):
        self._kept.close()
        super().close()


class _PacedSocket:
    """As much of a socket as an answer is read through."""

    def __init__(self, sock, pace):
        self._sock, self._pace = sock, pace

    def makefile(self, mode):
        return io.BufferedReader(_PacedBytes(self._sock, self._pace), _CHUNK)


class _Response(http.client.HTTPResponse):
    def __init__(self, sock, *args, pace, **kwargs):
        pace.begin()
        super().__init__(_PacedSocket(sock, pace), *args, **kwargs)


class _Handler(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Opens addresses with answers that keep a pace."""

    def __init__(self, pace):
        super().__init__()
        self._pace = pace

    def http_open(self, request):
        return self.do_open(self._paced(http.client.HTTPConnection), request)

    def https_open(self, request):
        return self.do_open(self._paced(http.client.HTTPSConnection), request)

    def _paced(self, kind):
        def connect(*args, **kwargs):
            connection = kind(*args, **kwargs)
            connection.response_class = functools.partial(_Response, pace=self._pace)
            return connection

        return connect


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but not out of a safe connection."""

    def redirect_request(self, request, fp, code, msg, headers, url):
        if request.type == "https" and not url.lower().startswith("https:"):
            raise TransferError(f"it leads from https to {printable(shortened(url))}")
        return super().redirect_request(request, fp, code, msg, headers, url)
