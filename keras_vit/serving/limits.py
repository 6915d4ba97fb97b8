"""What a server takes from strangers, and the refusals with their HTTP status."""

import dataclasses

from keras_vit.common.checks import check_positive, is_number


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of a server; beyond each, a request is refused and the others go on.

    Raises:
        ValueError: if one of them is not positive.
    """

    # Megabytes (10^6 bytes) of an upload; more is refused with status 413.
    megabytes: float = 20
    # Million pixels of an image, known from its header; more is refused with 413.
    megapixels: float = 50
    # Seconds for an upload (else 408), and then for its answer (else 504).
    seconds: float = 60
    # Requests inside at a time, whose uploads are all in memory; one more gets 503.
    queue: int = 64
    # Waiting images that are computed together.
    batch_size: int = 8

    def __post_init__(self):
        check_positive(queue=self.queue, batch_size=self.batch_size)
        for name in ("megabytes", "megapixels", "seconds"):
            value = getattr(self, name)
            if not is_number(value) or not 0 < value < 1e6:
                raise ValueError(
                    f"`{name}` must be a number above 0. Received: {name}={value!r}"
                )

    @property
    def max_bytes(self):
        """The most bytes of an upload."""
        return int(self.megabytes * 1e6)

    @property
    def max_pixels(self):
        """The most pixels of an image."""
        return int(self.megapixels * 1e6)


class Refusal(Exception):
    """A request that gets no answer but a status and a reason.

    Attributes:
        status: Integer, the HTTP status.
        reason: String, a sentence for the sender.
        headers: Dictionary of further headers.
    """

    def __init__(self, status, reason, **headers):
        super().__init__(reason)
        self.status, self.reason = status, reason
        self.headers = {
            name.replace("_", "-"): value for name, value in headers.items()
        }
