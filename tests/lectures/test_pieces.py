"""Pieces of a long run: computed once, kept whole, taken up again only where nothing has changed."""

import numpy as np
import pytest

pytest.importorskip("tqdm")

from lectures.pieces import piece
from lectures.training import Interrupted


class Work:
    """Counts how often it is asked."""

    def __init__(self, result):
        self.result, self.done = result, 0

    def __call__(self):
        self.done += 1
        return self.result


def test_a_kept_piece_is_not_computed_again(tmp_path):
    work = Work({"map50": 0.5, "per class": [1, 2.5, None]})
    first = piece(tmp_path, "yolo", ("code", 0), False, work)
    assert piece(tmp_path, "yolo", ("code", 0), True, work) == first == work.result
    assert work.done == 1 and (tmp_path / "pieces" / "yolo.json").is_file()


def test_without_resume_it_is_computed_and_kept_anew(tmp_path):
    piece(tmp_path, "yolo", (), False, Work({"run": 1}))
    assert piece(tmp_path, "yolo", (), False, Work({"run": 2})) == {"run": 2}
    assert piece(tmp_path, "yolo", (), True, Work({"run": 3})) == {"run": 2}


def test_another_identity_is_another_piece(tmp_path):
    code, boxes = tmp_path / "code.py", np.zeros((2, 4), np.float32)
    code.write_text("one")
    work = Work({})
    piece(tmp_path, "a", (code, 0, boxes), False, work)
    piece(tmp_path, "a", (code, 0, boxes.copy()), True, work)
    assert work.done == 1
    piece(tmp_path, "a", (code, 1, boxes), True, work)
    piece(tmp_path, "a", (code, 1, boxes + 1), True, work)
    code.write_text("two")
    piece(tmp_path, "a", (code, 1, boxes + 1), True, work)
    piece(tmp_path, "b", (code, 1, boxes + 1), True, work)
    assert work.done == 5


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"identity": 0}', '{"result": {}}', b"\xff\xfe\x00"])
def test_a_damaged_or_foreign_file_is_computed_anew(tmp_path, content):
    path = tmp_path / "pieces" / "a.json"
    path.parent.mkdir()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert piece(tmp_path, "a", (), True, Work({"x": 1})) == {"x": 1}
    assert piece(tmp_path, "a", (), True, Work({"x": 2})) == {"x": 1}


def test_an_interrupted_piece_leaves_those_before_it(tmp_path):
    def interrupted():
        raise Interrupted("Ctrl-C")

    piece(tmp_path, "first", (), False, Work({"x": 1}))
    with pytest.raises(Interrupted, match="Ctrl-C"):
        piece(tmp_path, "second", (), False, interrupted)
    assert [path.name for path in (tmp_path / "pieces").iterdir()] == ["first.json"]


def test_resumed_and_fresh_results_are_alike(tmp_path):
    work = Work({1: (0.1, float("nan"))})
    fresh, resumed = (piece(tmp_path, "a", (), resume, work) for resume in (False, True))
    assert repr(fresh) == repr(resumed) == "{'1': [0.1, nan]}"


def test_what_json_cannot_hold_is_refused_in_words(tmp_path):
    with pytest.raises(TypeError, match=r"piece 'a'.*JSON"):
        piece(tmp_path, "a", (), False, Work({"x": np.zeros(2)}))
    assert not (tmp_path / "pieces").exists()
