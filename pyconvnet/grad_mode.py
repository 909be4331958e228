"""Whether operations are recorded: a switch per thread, thrown by `with` or by a decorator."""

import threading
from contextlib import ContextDecorator


class _Mode(threading.local):
    recording = True
    walk = None  # a mark of the walk back along the tape that this thread is on

    def __init__(self):
        self.outer = []  # one stack per thread: a decorator's context object is shared by all threads


mode = _Mode()


class recording(ContextDecorator):
    """Within this context the tape is on or off. Per thread."""

    def __init__(self, on):
        self.on = on

    def __enter__(self):
        mode.outer.append(mode.recording)
        mode.recording = self.on

    def __exit__(self, *_):
        mode.recording = mode.outer.pop()


class walking:
    """Within this context `mode.walk` is a mark of its own: what a rule found out holds as long as it stands."""

    def __enter__(self):
        self._outer, mode.walk = mode.walk, object()

    def __exit__(self, *_):
        mode.walk = self._outer


class no_grad(recording):
    """Within this context, or in a function decorated with it, nothing is recorded. Per thread.

    `p -= lr * p.grad` would make a new p: an update by hand is `p.data -= lr * p.grad.data`, in or out of no_grad.
    """

    # `@no_grad` without parentheses hands over the function: what comes back is that function, decorated.
    def __new__(cls, function=None):
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self):
        super().__init__(False)
