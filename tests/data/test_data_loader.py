"""Laws of Dataset, Subset and DataLoader: every sample once per epoch, batch k set by (seed, k)."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet.data import DataLoader, Dataset, Subset, default_collate


class Numbers(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        return index


loaders = st.tuples(st.integers(1, 40), st.integers(1, 12), st.booleans(), st.integers(0, 2**40))


@given(loaders, st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_epoch_holds_every_sample_once(case, drop_last):
    n, batch_size, shuffle, seed = case
    if drop_last and batch_size > n:
        return
    loader = DataLoader(Numbers(n), batch_size, shuffle, drop_last, seed=seed)
    for _ in range(2):
        batches = list(loader)
        seen = np.concatenate(batches).tolist()
        assert len(batches) == len(loader)
        assert len(set(seen)) == len(seen) == (n - n % batch_size if drop_last else n)
        assert all(len(batch) == batch_size for batch in batches[: n // batch_size])
        if not shuffle:
            assert seen == sorted(seen)


@given(loaders, st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_a_resumed_stream_continues_where_it_stopped(case, start, taken):
    n, batch_size, shuffle, seed = case
    if batch_size > n:
        return
    whole = list(islice(DataLoader(Numbers(n), batch_size, shuffle, seed=seed).stream(), start + taken))
    resumed = list(islice(DataLoader(Numbers(n), batch_size, shuffle, seed=seed).stream(start), taken))
    assert np.array_equal(whole[start:], resumed)


def test_the_stream_walks_through_the_same_epochs_as_iteration():
    make = lambda: DataLoader(Numbers(23), batch_size=4, shuffle=True, drop_last=True, seed=3)
    loader = make()
    epochs = [batch for _ in range(3) for batch in loader]
    assert np.array_equal(epochs, list(islice(make().stream(), len(epochs))))


def test_epochs_and_seeds_shuffle_differently_and_repeatably():
    loader = DataLoader(Numbers(50), batch_size=50, shuffle=True, seed=1)
    first, second = (next(iter(loader)).tolist() for _ in range(2))
    assert first != second
    assert first == loader.order(0).tolist()
    assert first == DataLoader(Numbers(50), shuffle=True, seed=1).order(0).tolist()
    assert first != DataLoader(Numbers(50), shuffle=True, seed=2).order(0).tolist()


def test_two_iterators_made_together_are_two_epochs():
    loader = DataLoader(Numbers(50), batch_size=50, shuffle=True)
    a, b = iter(loader), iter(loader)
    assert next(b).tolist() == loader.order(1).tolist()
    assert next(a).tolist() == loader.order(0).tolist()


def test_collate_stacks_what_has_one_shape():
    target = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    images, targets = default_collate([(np.zeros((3, 4, 5)), target)] * 2)
    assert images.shape == (2, 3, 4, 5) and isinstance(targets, list) and targets[1] is target
    images, labels = default_collate([(np.zeros((3, 4, 5)), 1), (np.zeros((3, 6, 5)), 2)])
    assert [image.shape for image in images] == [(3, 4, 5), (3, 6, 5)]
    assert labels.tolist() == [1, 2]
    assert default_collate([np.ones(2), np.ones(2)]).shape == (2, 2)
    assert default_collate(["a", "b"]) == ["a", "b"]
    with pytest.raises(ValueError, match="different numbers of fields"):
        default_collate([(1, 2), (1, 2, 3)])


def test_own_collate():
    assert list(DataLoader(Numbers(4), batch_size=2, collate_fn=sum)) == [1, 5]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dataset": Numbers(0)}, ValueError, "dataset is empty"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": -3}, ValueError, "batch_size must be at least 1, got -3"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an integer, got 2.5"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"dataset": iter([])}, TypeError, "needs a length"),
        ({"batch_size": 6, "drop_last": True}, ValueError, "6 is larger than the dataset .5 samples."),
    ],
)
def test_loader_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        DataLoader(**({"dataset": Numbers(5)} | arguments))


def test_stream_errors_come_at_the_call():
    with pytest.raises(ValueError, match=r"larger than the dataset .* stream"):
        DataLoader(Numbers(5), batch_size=6).stream()
    with pytest.raises(ValueError, match="start must be at least 0"):
        DataLoader(Numbers(5)).stream(-1)


def test_subset():
    part = Subset(Numbers(10), [7, -1, 2])
    assert len(part) == 3 and list(part) == [7, 9, 2] and part[-1] == 2
    with pytest.raises(IndexError, match="index 10 is out of range for 10 samples"):
        Subset(Numbers(10), [10])
    with pytest.raises(IndexError, match="index 3 is out of range"):
        part[3]
    with pytest.raises(TypeError, match="an index is an integer, got str"):
        part["a"]


def test_a_dataset_must_define_its_two_methods():
    with pytest.raises(NotImplementedError, match="__len__"):
        len(Dataset())
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]
