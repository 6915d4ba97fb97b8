"""Reads the upload of a request, and refuses what is too large or no image."""

import asyncio

from starlette.formparsers import MultiPartException, MultiPartParser

from keras_vit.common.wording import printable
from keras_vit.data.decoding.limits import TooManyPixels
from keras_vit.data.decoding.pillow import opened
from keras_vit.serving.limits import Refusal

# What is around the file in a form may be so large besides.
_FORM = 2**16


async def read_upload(request, limits):
    """`(name, bytes)` of the file that a request brings.

    The body is the file itself, or a form with one file.

    Raises:
        Refusal: 413 if it is too large, 408 if it is too slow, 422 if there is no file,
            400 if the form is broken.
    """
    form = request.headers.get("content-type", "").lower().startswith("multipart/")
    most = limits.max_bytes + (_FORM if form else 0)
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:18]) > most:
        raise _too_large(limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_large(limits)
    except TimeoutError:
        raise Refusal(
            408,
            f"The upload took more than {limits.seconds:g} seconds.",
            connection="close",
        ) from None
    name, data = await _of_form(request, body) if form else ("upload", bytes(body))
    if len(data) > limits.max_bytes:
        raise _too_large(limits)
    if not data:
        raise Refusal(422, "The upload is empty: send the bytes of one image file.")
    return name, data


async def _of_form(request, body):
    async def whole():
        yield bytes(body)

    options = {"max_files": 1, "max_fields": 20}
    try:
        parser = MultiPartParser(request.headers, whole(), **options)
        parser.spool_max_size = len(body) + 1  # in memory, not on the disk
        form = await parser.parse()
    except MultiPartException as error:
        raise Refusal(400, f"The form cannot be read: {error.message}") from None
    except (KeyError, ValueError, UnicodeError):
        raise Refusal(400, "The form cannot be read: it names no boundary.") from None
    async with _closing(form):
        for _, value in form.multi_items():
            if not isinstance(value, str):
                name = printable(value.filename or "upload")[-200:]
                return name, await value.read()
    raise Refusal(422, "The form holds no file: send one image file in a field.")


class _closing:
    def __init__(self, form):
        self._form = form

    async def __aenter__(self):
        return self._form

    async def __aexit__(self, *_):
        await self._form.close()


def check_image(data, limits):
    """Raises unless bytes begin as an image that is not too large, decoding nothing.

    Raises:
        Refusal: 415 if they are no image of a known format, 413 if it has too many
            pixels.
    """
    try:
        with opened(data) as image:
            width, height = image.size
    except TooManyPixels as error:
        raise Refusal(413, f"The image has too many pixels: {error}.") from None
    except ValueError as error:
        raise Refusal(
            415, f"The upload is no image that can be read: {error}."
        ) from None
    if width * height > limits.max_pixels:
        raise Refusal(
            413,
            f"The image has {width * height:,} pixels ({width:,} x {height:,}), more "
            f"than the limit of {limits.max_pixels:,}.",
        )


def _too_large(limits):
    return Refusal(
        413, f"The upload has more than the limit of {limits.megabytes:g} MB."
    )
