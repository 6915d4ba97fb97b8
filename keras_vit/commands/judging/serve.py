"""The command `keras-vit serve`."""

import dataclasses
import logging
from pathlib import Path
from typing import Annotated

import tyro

from keras_vit.commands.machines.devices import on_devices
from keras_vit.common.installed import need

logger = logging.getLogger(__name__)

OPEN = (
    "Open to other machines: whoever reaches {host}:{port} can use the model, without "
    "a password and unencrypted. On networks that are not yours, put a server with "
    "both before it."
)


@dataclasses.dataclass
class Serve:
    """Serve a model: a page to drop a photo on, and JSON for programs.

    The answers are those of predict: classes, masks or boxes; for models that classify
    the page also shows what they look at. /docs describes the addresses for programs.
    What is too large, too slow, too much or no image is refused with an HTTP status and
    a reason; nothing is kept on the disk. Ctrl-C ends it, after the requests that are
    under way.
    """

    # Run folder, .keras file, a file or folder of weights that says what it is, or
    # published weights by name, such as ViT_B16/imagenet.
    model: tyro.conf.Positional[str]
    # The address to listen on. 127.0.0.1 is this machine alone; 0.0.0.0 opens the model
    # to whoever reaches this machine.
    host: str = "127.0.0.1"
    # The port; 0 for a free one.
    port: int = 8000
    # Names of this server, such as model.example.org; requests by other names than
    # these, localhost and addresses of numbers are refused.
    host_names: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = ()
    # Megabytes (10^6 bytes) of an upload; more is refused with status 413.
    max_megabytes: float = 20
    # Million pixels of an image; more is refused with 413.
    max_megapixels: float = 50
    # Seconds for an upload (else 408), and then for its answer (else 504).
    seconds: float = 60
    # Requests inside at a time; one more gets 503.
    queue: int = 64
    # Waiting images that are computed together.
    batch_size: int = 8
    # Of boxes: the lowest score of one. By default 0.3.
    score: float | None = None
    # Instead of serving on: send these images and folders to the server, compare with
    # predict, and end with status 1 if an answer differs.
    check: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FILE")] = ()
    # Where to compute: auto, cpu, gpu or tpu, with an optional number of devices, as in
    # gpu:2.
    devices: str = "auto"

    def __call__(self):
        packages = {"multipart": "python-multipart"}
        need("keras-vit serve", "serve", "starlette", "uvicorn", **packages)
        from keras_vit.serving import Limits, Server, application, check
        from keras_vit.serving.answering import Answers

        limits = Limits(
            megabytes=self.max_megabytes,
            megapixels=self.max_megapixels,
            seconds=self.seconds,
            queue=self.queue,
            batch_size=self.batch_size,
        )
        with on_devices(self.devices):
            options = {"batch_size": self.batch_size, "score": self.score}
            answers = Answers(self.model, **options)
            answers.warm_up()
            path = Path(self.model)
            title = path.resolve().name if path.exists() else self.model
            names = {"title": title, "host_names": self.host_names}
            app = application(answers, limits, **names)
            port = 0 if self.check else self.port
            server = Server(app, self.host, port, self.seconds)
            if self.check:
                with server.in_thread() as address:
                    found = check(address, answers, self.check)
                print(found)
                return 1 if found.wrong or not found.compared else 0
            print(f"Serving {title} on {server.address}  (Ctrl-C ends it)", flush=True)
            if not _is_local(self.host):
                logger.warning("%s", OPEN.format(host=self.host, port=server.port))
            server.run()
        return 0


def _is_local(host):
    return host in ("localhost", "::1") or host.startswith("127.")
