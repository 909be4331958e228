"""The ladder: equal budgets, time in parts that add up, rows that are kept, and the decks' order of speed."""

import json
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from voc_folder import write_voc

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures import course
from lectures.__main__ import main
from lectures.cache import fingerprint
from lectures.detection import detection_ladder as ladder
from lectures.detection import (
    fast_rcnn,
    rcnn,
    retinanet,
    rungs,
    sliding_window,
    ssd,
    yolo,
    yolo9000,
    yolo_v1,
    yolo_v2,
    yolo_v3,
)
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.stopwatch import PARTS, stopwatch
from lectures.detection.proposing.carried_proposals import KeptProposals
from lectures.report import Report
from lectures.training import Interrupted

CLASSES = pcn.data.ShapeScenes.classes
IMAGE = pcn.data.ShapeScenes(1, "test")[0][0]


def options(**changed):
    return Namespace(**{"seed": 0, "quick": False, "data": None, "resume": False, "skip_bad": False} | changed)


# The stopwatch


class Slow:
    """Takes its time where it should be seen."""

    def __init__(self):
        self.propose = lambda image: time.sleep(0.02)

    def features(self, image):
        time.sleep(0.04)
        return image + 1

    def predict(self, image):
        self.propose(image)
        time.sleep(0.01)
        return self.features(self.features(image))


def test_the_parts_are_what_was_done_in_them_and_add_up():
    model = Slow()
    with stopwatch(model, "propose", "features") as watch:
        assert model.predict(1) == 3
    assert watch.proposals >= 0.02 and watch.features >= 0.08 and watch.heads >= 0.01
    assert watch.proposals + watch.features + watch.heads == pytest.approx(watch.total, rel=1e-9)
    assert "features" not in vars(model)  # as it was before
    with stopwatch(model) as watch:
        model.predict(1)
    assert watch.proposals == watch.features == 0 and watch.heads == watch.total >= 0.11


def test_the_stopwatch_leaves_a_model_as_it_was_even_after_an_error():
    model = fast_rcnn.FastRCNN(CLASSES, rcnn.search)
    before = vars(model).copy(), vars(model.features).copy(), list(model.state_dict())
    with pytest.raises(ValueError), stopwatch(model, "propose", "features"):
        model.predict(IMAGE[None])
        model.predict(IMAGE)
    assert (vars(model), vars(model.features), list(model.state_dict())) == before
    with pytest.raises(AttributeError, match="teeth"), stopwatch(model, "propose", "teeth"):
        pass
    assert vars(model) == before[0]


SYSTEMS = {
    "sliding_window": sliding_window.SlidingWindow(CLASSES),
    "rcnn": rcnn.RCNN(CLASSES),
    "fast_rcnn": fast_rcnn.FastRCNN(CLASSES, rcnn.search),
    "yolo": yolo.OneShotDetector(CLASSES),
    "yolo_v1": yolo_v1.YoloV1(CLASSES),
    "yolo_v2": yolo_v2.YoloV2(CLASSES),
    "yolo9000": yolo9000.YOLO9000(rungs.TREE),
    "yolo_v3": yolo_v3.YOLOv3(CLASSES),
    "ssd": ssd.SSD(CLASSES),
    "retinanet": retinanet.RetinaNet(CLASSES),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_costs_of_a_system(name):
    found = ladder.costs(SYSTEMS[name], ladder.RUNGS[name], [IMAGE], seconds=0)
    assert sum(found["ms_by_part"].values()) == pytest.approx(found["ms"])
    assert all(found["ms_by_part"][part] >= 0 for part in PARTS) and found["ms_by_part"]["features"] > 0
    assert (found["ms_by_part"]["proposals"] > 0) == (ladder.RUNGS[name].proposals is not None)
    assert found["macs"] > 1e6 and found["ms_in_tens"] > 0


@pytest.mark.parametrize("name", [name for name in SYSTEMS if ladder.RUNGS[name].kind == rungs.ONE_PASS])
def test_boxes_looked_at_are_those_the_network_speaks_of(name):
    model = SYSTEMS[name].eval()
    said = model(pcn.tensor(IMAGE[None]))
    said = said[0] if isinstance(said, tuple) else said
    numbers = {"yolo": 4 + 3 + 1, "yolo_v1": (5 * 2 + 3) / 2}.get(name, said.shape[-1])
    assert ladder.RUNGS[name].boxes(model, IMAGE) == said.data.size / numbers


# Equal budgets


def test_a_budget_in_pictures_is_turned_into_steps():
    settings = Settings(steps=700, batch=8, lr=1e-3, quick=5)
    assert settings.steps_for(options(), 8) == 700 and settings.steps_for(options(pictures=None), 8) == 700
    assert settings.steps_for(options(pictures=1000), 8) == 125 and settings.steps_for(options(pictures=3), 8) == 1
    assert settings.steps_for(options(pictures=1000, quick=True), 8) == 5


def test_learning_takes_the_budget_and_refuses_the_checkpoint_of_another(tmp_path):
    data = detection_data(options(), train_count=16, test_count=2)
    settings = Settings(steps=50, batch=8, lr=1e-3)

    def train(**changed):
        report = Report("yolo", tmp_path)
        model = yolo.OneShotDetector(CLASSES)

        def loss_of(model, images, targets, rng):
            return yolo.literal_loss(model(images), targets)

        return learn(model, loss_of, data, settings, options(**changed), report)

    assert train(pictures=24).steps == 3
    assert train(pictures=24, resume=True).step == 3
    with pytest.raises(ValueError, match="other settings"):
        train(pictures=32, resume=True)


def test_the_tree_tells_the_classes_of_the_scenes_in_their_order():
    assert SYSTEMS["yolo9000"].classes == tuple(CLASSES)


# The rungs


def test_every_detector_of_the_course_before_the_ladder_is_on_it():
    detectors = [lecture.name for lecture in course.COURSE if lecture.module.startswith("lectures.detection.")]
    assert set(ladder.RUNGS) == set(detectors) - {"localization", "proposals", "detection_ladder"}
    assert {name for step in ladder.ORDER for name in step} <= set(ladder.RUNGS)


def row(ms, proposals=0.0, macs=1e6):
    parts = {"proposals": proposals, "features": ms - proposals, "heads": 0.0}
    return {"ms": ms, "macs": macs, "ms_by_part": parts, "ms_in_tens": ms / 2}


def test_the_order_of_speed_is_told_with_its_exceptions():
    rows = {"sliding_window": row(100), "rcnn": row(20), "fast_rcnn": row(6, 4.5), "faster_rcnn": row(2), "ssd": row(1)}
    assert ladder.order(rows, "ms").endswith("in ms: as the decks tell it")
    exception = "not everywhere: faster_rcnn (2) is not below fast_rcnn (1.5)"
    assert ladder.order(rows, "ms without proposals").endswith(exception)
    rows["yolo"] = row(3, macs=2e6)
    assert ladder.order(rows, "ms").endswith("not everywhere: yolo (3) is not below faster_rcnn (2)")
    assert "yolo (2) is not below faster_rcnn (1)" in ladder.order(rows, "MMACs")
    assert "yolo (1.5) is not below faster_rcnn (1)" in ladder.order(rows, "ms, ten pictures at once")


@pytest.fixture
def few_rungs(monkeypatch):
    """A ladder of four, and how often each is climbed."""
    few = {name: ladder.RUNGS[name] for name in ("fast_rcnn", "faster_rcnn", "yolo_v2", "retinanet")}
    climbed, climb = [], ladder.climb

    def counted(name, *more):
        climbed.append(name)
        return climb(name, *more)

    monkeypatch.setattr(ladder, "RUNGS", few)
    monkeypatch.setattr(ladder, "climb", counted)
    return climbed


def stop_at(monkeypatch, name, how):
    def stopped(options, report, data):
        raise how

    changed = rungs.Rung(**vars(ladder.RUNGS[name]) | {"train": stopped})
    monkeypatch.setitem(ladder.RUNGS, name, changed)


@pytest.mark.parametrize("how", [Interrupted("in the middle of a training"), KeyboardInterrupt()])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path, monkeypatch, few_rungs, capsys, how):
    command = ["detection_ladder", "--quick", "--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        stop_at(patch, "yolo_v2", how)
        assert main(command) == 130
    assert few_rungs == ["fast_rcnn", "faster_rcnn", "yolo_v2"]
    assert not (tmp_path / "detection_ladder" / "result.json").exists()
    few_rungs.clear()
    assert main([*command, "--resume"]) == 0
    assert few_rungs == ["yolo_v2", "retinanet"]
    found = json.loads((tmp_path / "detection_ladder" / "result.json").read_text())
    assert list(found["metrics"]["map50"]) == ["fast_rcnn", "faster_rcnn", "yolo_v2", "retinanet"]
    few_rungs.clear()
    assert main([*command, "--resume"]) == 0 and few_rungs == []
    assert main([*command, "--resume", "--seed", "1"]) == 2  # the checkpoints are those of seed 0
    assert "leave --resume out" in capsys.readouterr().err


def test_photographs_take_the_same_ladder(tmp_path, few_rungs):
    folder = write_voc(tmp_path / "voc")
    assert main(["detection_ladder", "--quick", "--data", f"voc:{folder}", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "detection_ladder" / "result.json").read_text())
    assert set(found["metrics"]["map50"]) == set(ladder.RUNGS)


def test_a_quick_run_of_all_leaves_the_table_and_the_figures(tmp_path, capsys):
    assert main(["detection_ladder", "--quick", "--out", str(tmp_path)]) == 0
    folder = tmp_path / "detection_ladder"
    found, printed = json.loads((folder / "result.json").read_text()), capsys.readouterr().out
    for metric in ("map50", "map50_95"):
        assert list(found["metrics"][metric]) == list(ladder.RUNGS)
        assert all(0 <= value <= 1 for value in found["metrics"][metric].values())
    assert set(found["baselines"]["map50"]) == set(ladder.RUNGS)
    assert {path.stem for path in folder.glob("*.png")} == {"accuracy_and_speed", "same_picture"}
    for name, rung in ladder.RUNGS.items():
        costs = found["extra"][name]
        assert sum(costs["ms_by_part"].values()) == pytest.approx(costs["ms"])
        assert costs["macs"] > 0 and costs["boxes"] > 0 and costs["train_seconds"] > 0
        assert (costs["bytes_kept"] > 0) == (name in ("rcnn", "spp_net", "fast_rcnn")), name
        line = next(line for line in printed.splitlines() if line.startswith(f"{name} ") and line.endswith(rung.decks))
        assert f" {found['metrics']['map50'][name]:.3f} " in line
    # what no training changes: fewer windows in one pass, fewer passes for regions, and no network for each of them
    macs = {name: found["extra"][name]["macs"] for name in ladder.RUNGS}
    assert macs["sliding_window"] > 5 * macs["overfeat"] and macs["sliding_window"] > macs["rcnn"]
    assert macs["rcnn"] > 5 * macs["fast_rcnn"] and macs["rcnn"] > 5 * macs["faster_rcnn"]
    assert sum(line.startswith("sliding window > R-CNN") for line in printed.splitlines()) == 4
    assert np.isfinite(list(found["baselines"]["map50"].values())).all()


def test_a_row_belongs_to_its_system_seed_budget_and_code():
    data = detection_data(options(quick=True))
    asked = [{"seed": 0, "pictures": 9}, {"seed": 1, "pictures": 9}, {"seed": 0, "pictures": 8}]
    marks = {fingerprint(*ladder.identity("ssd", options(**each), data)) for each in asked}
    marks.add(fingerprint(*ladder.identity("yolo", options(**asked[0]), data)))
    assert len(marks) == 4
    files = {path.name for path in ladder.identity("ssd", options(**asked[0]), data) if isinstance(path, Path)}
    assert {"detection_ladder.py", "rungs.py", "ssd.py", "rcnn.py", "anchors.py"} <= files


def test_what_the_decks_report_is_quoted_as_they_write_it():
    quoted = {name: rung.decks for name, rung in rungs.RUNGS.items()}
    assert "47 s/image" in quoted["rcnn"] and "mAP .53" in quoted["rcnn_minus_r"]
    assert "mAP .732, 5 fps" in quoted["faster_rcnn"]
    assert "mAP .634, 45 fps" in quoted["yolo_v1"] and ".527, 150" in quoted["yolo_v1"]


class Clock:
    """time.perf_counter that a network moves on: so many seconds for each picture, less from call to call."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)


class Hurrying(pcn.nn.Module):
    """Proposes in 1 s, computes features in 2 s a picture, and is slow otherwise until it has warmed up."""

    def __init__(self, clock):
        super().__init__()
        self.clock, self.calls = clock, 0

    def propose(self, images):
        self.clock.now += 1

    def look(self, images):
        self.clock.now += 2 * len(images)

    def predict(self, images):
        self.calls += 1
        self.propose(images)
        self.look(images)
        self.clock.now += 100 / self.calls


def test_costs_are_those_of_the_fastest_turn_in_milliseconds_of_one_picture(monkeypatch):
    model = Hurrying(Clock(monkeypatch))
    rung = rungs.Rung(rungs.ONE_PASS, None, lambda model, image: 7, "propose", "look")
    found = ladder.costs(model, rung, [IMAGE], seconds=0)
    before = 1 + 1  # calls: one for MACs, one for ten pictures
    assert found["boxes"] == 7
    assert found["ms_in_tens"] == pytest.approx(1000 * (1 + 2 * ladder.MANY + 100 / before) / ladder.MANY)
    assert found["ms_by_part"] == pytest.approx({"proposals": 1000, "features": 2000, "heads": 1000 * 100 / 4})
    assert found["ms"] == pytest.approx(sum(found["ms_by_part"].values()))


def test_a_search_is_timed_not_remembered(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(ladder, "costs", lambda model, *rest: seen.append(model.propose) or {})
    data, report = detection_data(options(quick=True)), Report("detection_ladder", tmp_path)
    model = fast_rcnn.FastRCNN(data.classes, KeptProposals(rcnn.search))
    rung = rungs.Rung(rungs.REGIONS, lambda *_: (model, 0), None)
    ladder.climb("fast_rcnn", rung, options(quick=True, pictures=9), report, data)
    assert seen == [rcnn.search]
