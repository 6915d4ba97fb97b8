"""The web application: which address gives what, and when a request is refused."""

import asyncio
import contextlib
import logging
from importlib import resources

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from keras_vit._version import __version__
from keras_vit.inference.predicting import TOP
from keras_vit.serving import pages
from keras_vit.serving.answering import PICTURED, to_json
from keras_vit.serving.limits import Refusal
from keras_vit.serving.openapi import specification
from keras_vit.serving.strangers import check_host, check_origin
from keras_vit.serving.uploads import check_image, read_upload
from keras_vit.serving.working import Worker

logger = logging.getLogger(__name__)

# Nothing is loaded from elsewhere, and no other page may frame this one.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; "
    "img-src 'self' data: blob:; script-src 'self'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def application(answers, limits, *, title="model", host_names=()):
    """An ASGI application that serves a model.

    Args:
        answers: An `Answers`.
        limits: `Limits`.
        title: String, what the pages call the model.
        host_names: Names of this server besides localhost and addresses of numbers;
            requests that were sent to other names are refused.

    Returns:
        A Starlette application. Its life begins and ends the thread of the model.
    """
    desk = _Desk(answers, limits, title)
    routes = [
        Route("/", desk.page),
        Route("/page.js", desk.script),
        Route("/favicon.ico", desk.nothing),
        Route("/docs", desk.docs),
        Route("/openapi.json", desk.openapi),
        Route("/model", desk.model),
        Route("/predict", desk.predict, methods=["POST"]),
        Route("/explain", desk.explain, methods=["POST"]),
    ]
    app = Starlette(
        routes=routes,
        lifespan=desk.life,
        exception_handlers={
            Refusal: _refused,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
        },
    )
    return _Guarded(app, tuple(host_names))


class _Desk:
    """What each address does."""

    def __init__(self, answers, limits, title):
        self._answers, self._limits, self._title = answers, limits, title
        self._worker = Worker(limits.batch_size)
        self._inside = 0
        self._page = pages.front(title, answers, limits)

    @contextlib.asynccontextmanager
    async def life(self, _):
        self._worker.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self._worker.stop)

    async def page(self, _):
        return HTMLResponse(self._page)

    async def script(self, _):
        text = (resources.files("keras_vit.serving") / "page.js").read_text("utf-8")
        return Response(text, media_type="text/javascript")

    async def nothing(self, _):
        return Response(status_code=204)

    async def docs(self, request):
        address = str(request.base_url)
        return HTMLResponse(pages.documentation(self._specification(), address))

    async def openapi(self, _):
        return JSONResponse(self._specification())

    async def model(self, _):
        return JSONResponse(
            {
                "model": self._title,
                "gives": self._answers.kind,
                "classes": self._answers.class_names,
                "megabytes": self._limits.megabytes,
                "megapixels": self._limits.megapixels,
                "seconds": self._limits.seconds,
                "queue": self._limits.queue,
                "inside": self._inside,
                "version": __version__,
            }
        )

    async def predict(self, request):
        top = _whole(request, "top", None if self._answers.several else TOP)
        picture = request.query_params.get("picture", "") in ("1", "true", "yes")
        name, found = await self._answer(request, self._answers.predict)
        if found.error is not None:
            raise Refusal(422, found.error)
        # Pictures of large images take a while; the others go on.
        answer = await asyncio.to_thread(
            to_json, found, name, top=top, picture=picture and self._pictured
        )
        return JSONResponse(answer)

    async def explain(self, request):
        reason = self._answers.why_no_explanation()
        if reason is not None:
            raise Refusal(501, reason)
        name, found = await self._answer(request, self._answers.explain)
        if "error" in found:
            raise Refusal(422, found["error"])
        return JSONResponse({"file": name, **found})

    @property
    def _pictured(self):
        return self._answers.kind in PICTURED

    def _specification(self):
        return specification(self._title, self._answers, self._limits)

    async def _answer(self, request, function):
        """The name of the upload, and what a function of the worker gives of it."""
        if self._inside >= self._limits.queue:
            raise Refusal(
                503,
                f"{self._inside} requests are waiting already. Try again in a moment.",
                retry_after="1",
            )
        self._inside += 1
        try:
            name, data = await read_upload(request, self._limits)
            await asyncio.to_thread(check_image, data, self._limits)
            future = asyncio.wrap_future(self._worker.ask(function, data))
            del data
            try:
                return name, await asyncio.wait_for(future, self._limits.seconds)
            except TimeoutError:
                raise Refusal(
                    504,
                    f"There was no answer in {self._limits.seconds:g} seconds. Try "
                    "again later, or start the server with a larger --seconds.",
                ) from None
            except Exception as error:  # of whatever class; the worker goes on
                logger.error("A request failed: %s: %s", type(error).__name__, error)
                reason = "The model could not compute an answer; the log says why."
                raise Refusal(500, reason) from error
        finally:
            self._inside -= 1


class _Guarded:
    """An application that answers nobody who asks by a strange name or from afar."""

    def __init__(self, app, host_names):
        self._app, self._host_names = app, host_names

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_with_headers(message):
            if message["type"] == "http.response.start":
                more = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        headers = Headers(scope=scope)
        try:
            check_host(headers.get("host", ""), self._host_names)
            if scope["method"] not in ("GET", "HEAD"):
                check_origin(headers.get("origin"), headers["host"])
        except Refusal as refusal:
            return await _answer_of(refusal)(scope, receive, send_with_headers)
        await self._app(scope, receive, send_with_headers)


def _whole(request, name, default):
    """A positive integer of the query."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9])):
        raise Refusal(
            422, f"`{name}` must be a positive integer. Received: {text[:40]}"
        )
    return int(text[:9])


def _answer_of(refusal):
    body = {"error": refusal.reason, "status": refusal.status}
    return JSONResponse(body, refusal.status, refusal.headers)


async def _refused(_, refusal):
    return _answer_of(refusal)


async def _http_error(request, error):
    reasons = {
        404: f"There is nothing at {request.url.path[:200]}. /docs lists what is.",
        405: f"{request.method[:20]} is not what {request.url.path[:200]} takes.",
    }
    reason = reasons.get(error.status_code, error.detail)
    return _answer_of(Refusal(error.status_code, reason, **(error.headers or {})))


async def _gone(*_):
    return Response(status_code=400)  # nobody is there to read it
