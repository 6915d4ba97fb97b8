"""`Worker`: one thread owns the model, and computes what waits together."""

import collections
import concurrent.futures
import contextlib
import contextvars
import dataclasses
import logging
import threading

from keras_vit.serving.limits import Refusal

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class _Job:
    ask: object  # a function of a list of files
    file: bytes
    future: concurrent.futures.Future


class Worker:
    """Answers one file at a time for those who ask, and several at a time for itself.

    While it computes, others wait; then those that wait for the same are computed
    together, the first come first.

    Args:
        batch_size: Integer, the most files that are computed together.

    Example:

    >>> worker = Worker(8)
    >>> worker.start()
    >>> worker.ask(answers.predict, data).result()
    >>> worker.stop()
    """

    def __init__(self, batch_size):
        self._batch_size = batch_size
        self._waiting, self._change = collections.deque(), threading.Condition()
        self._stopped, self._thread = False, None

    @property
    def waiting(self):
        """The number of files that wait."""
        return len(self._waiting)

    def start(self):
        """Begins, on the devices that are active for whoever calls this."""
        context = contextvars.copy_context()
        run = (self._run,)
        self._thread = threading.Thread(target=context.run, args=run, name="model")
        self._thread.start()

    def ask(self, function, file):
        """A future of `function([file])[0]`; cancelled, it is not computed.

        Args:
            function: Function of a list of files that returns a list of answers.
            file: Bytes.

        Raises:
            Refusal: with status 503 if the worker has stopped.
        """
        job = _Job(function, file, concurrent.futures.Future())
        with self._change:
            if self._stopped:
                raise Refusal(503, "The server is stopping.")
            self._waiting.append(job)
            self._change.notify()
        return job.future

    def stop(self):
        """Computes what waits, and ends."""
        with self._change:
            self._stopped = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self):
        while jobs := self._next():
            jobs = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if jobs:
                self._answer(jobs)

    def _next(self):
        """The next jobs of one kind; none after the end."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._stopped)
            jobs = []
            while self._waiting and len(jobs) < self._batch_size:
                if jobs and self._waiting[0].ask != jobs[0].ask:
                    break
                jobs.append(self._waiting.popleft())
            return jobs

    def _answer(self, jobs):
        try:
            found = jobs[0].ask([job.file for job in jobs])
        except Exception as error:
            if len(jobs) == 1:
                logger.warning("One request failed: %s", error)
                jobs[0].future.set_exception(error)
                return
            for job in jobs:  # what one of them does must not cost the others
                self._answer([job])
            return
        for job, answer in zip(jobs, found):
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                job.future.set_result(answer)
