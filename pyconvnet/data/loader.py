"""Batches from a data set: shuffled by epoch, or as one endless stream that can be resumed anywhere."""

from itertools import count
from numbers import Number
from operator import index as as_integer

import numpy as np


class DataLoader:
    """Batches of `dataset`; `for batch in loader` is one epoch, and each new epoch is shuffled anew.

    The order of epoch e depends on (seed, e) alone. `drop_last` leaves out an incomplete last batch.
    `collate_fn(list of samples)` makes the batch; see `default_collate`.
    ValueError: empty dataset, batch_size < 1, or no complete batch with drop_last.
    """

    def __init__(self, dataset, batch_size=1, shuffle=False, drop_last=False, collate_fn=None, seed=0):
        try:
            length = len(dataset)
        except TypeError:
            kind = type(dataset).__name__
            raise TypeError(f"DataLoader: dataset needs a length, {kind} has none") from None
        self.batch_size = _integer("batch_size", batch_size, minimum=1)
        self.seed = _integer("seed", seed, minimum=0)
        if length == 0:
            raise ValueError("DataLoader: the dataset is empty (0 samples); is the folder or split right?")
        self.dataset, self.shuffle, self.drop_last = dataset, bool(shuffle), bool(drop_last)
        self.collate_fn = default_collate if collate_fn is None else collate_fn
        self.epoch = 0
        if self.drop_last:
            self._check_one_complete_batch("drop_last=True")

    def __len__(self):
        samples = len(self.dataset)
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    def order(self, epoch):
        """The indices of the samples in the order of this epoch: int64 (len(dataset),)."""
        if not self.shuffle:
            return np.arange(len(self.dataset))
        return np.random.default_rng((self.seed, epoch)).permutation(len(self.dataset))

    def __iter__(self):
        # The epoch is taken here and not in a generator's body: two iterators made before either is used
        # must be two different epochs.
        epoch, self.epoch = self.epoch, self.epoch + 1
        return self._batches_of(epoch)

    def _batches_of(self, epoch):
        order = self.order(epoch)
        for k in range(len(self)):
            yield self._batch(order, k)

    def stream(self, start=0):
        """Batches start, start + 1, ... without end, complete batches only.

        Batch k depends on (seed, k) alone: a training resumed with `stream(k)` sees what it would have seen.
        """
        start = _integer("start", start, minimum=0)
        self._check_one_complete_batch("stream(), which yields complete batches only,")
        return self._endless(start)

    def _endless(self, start):
        per_epoch = len(self.dataset) // self.batch_size
        current, order = None, None
        for number in count(start):
            epoch, k = divmod(number, per_epoch)
            if epoch != current:
                current, order = epoch, self.order(epoch)
            yield self._batch(order, k)

    def _batch(self, order, k):
        chosen = order[k * self.batch_size : (k + 1) * self.batch_size]
        return self.collate_fn([self.dataset[int(i)] for i in chosen])

    def _check_one_complete_batch(self, who):
        if self.batch_size > len(self.dataset):
            raise ValueError(
                f"DataLoader: batch_size {self.batch_size} is larger than the dataset "
                f"({len(self.dataset)} samples), so {who} would never yield a batch"
            )


def default_collate(samples):
    """Samples (a, b, ...) become ([a...], [b...], ...): one field of the batch per field of a sample.

    Arrays of one shape are stacked, numbers become one array; anything else (pictures of different sizes,
    detection targets) stays a list with one entry per sample.
    """
    if isinstance(samples[0], tuple):
        lengths = {len(s) if isinstance(s, tuple) else 1 for s in samples}
        if len(lengths) > 1:
            found = " and ".join(map(str, sorted(lengths)))
            raise ValueError(f"DataLoader: samples of one batch have different numbers of fields: {found}")
        return tuple(_collate_field(list(field)) for field in zip(*samples, strict=True))
    return _collate_field(samples)


def _collate_field(values):
    if all(isinstance(v, np.ndarray) for v in values):
        return np.stack(values) if len({v.shape for v in values}) == 1 else values
    if all(isinstance(v, Number | np.generic) for v in values):
        return np.array(values)
    return values


def _integer(name, value, minimum):
    try:
        value = as_integer(value)
    except TypeError:
        raise TypeError(f"DataLoader: {name} must be an integer, got {value!r}") from None
    if value < minimum:
        raise ValueError(f"DataLoader: {name} must be at least {minimum}, got {value}")
    return value
