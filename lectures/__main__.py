"""`python -m lectures` lists the lectures; `python -m lectures NAME` runs one."""

import argparse
import sys
from pathlib import Path

from . import course, seeds
from .report import Report
from .training import Interrupted


def parser():
    """The options that every lecture understands."""
    p = argparse.ArgumentParser(prog="python -m lectures", description="Run a lecture; without a name, list them.")
    p.add_argument("name", nargs="?", help="the lecture")
    p.add_argument("--quick", action="store_true", help="a few seconds only: does it run? (the metrics mean nothing)")
    p.add_argument("--seed", type=int, default=0, help="of the weights, the batches and the data (default 0)")
    p.add_argument("--seeds", type=int, nargs="+", metavar="N", help="once for each seed, and a table of all of them")
    p.add_argument("--data", help="real data instead of the lecture's own, e.g. voc:DIR or coco:FILE[,IMAGES]")
    p.add_argument("--weights", type=Path, metavar="FILE", help="a network that others trained, for style and insight")
    p.add_argument("--out", type=Path, default=Path("out"), help="folder for results (default out/)")
    p.add_argument("--resume", action="store_true", help="go on from the last checkpoint of an interrupted run")
    p.add_argument("--skip-bad", action="store_true", help="leave out defective pictures and objects, and list them")
    p.add_argument("--only", nargs="+", metavar="NUMBER", help="of `claims`: measure these alone")
    p.add_argument("--slides", action="store_true", help="list every slide of the decks, and what runs it")
    p.add_argument("--demo", action="store_true", help="open a window with sliders on the trained model")
    return p


def main(arguments=None):
    """Run the command line; the exit status."""
    options = parser().parse_args(arguments)
    if options.slides:
        from .slide_page import print_index  # it reads all the code: not for every lecture

        return print_index()
    if options.name is None:
        print(course.listing())
        return 0
    try:
        if options.seed < 0:
            raise ValueError(f"--seed must not be negative, got {options.seed}")
        lecture = course.find(options.name)
        module = lecture.load()
        if options.weights is not None and not getattr(module, "TAKES_WEIGHTS", False):
            raise ValueError(f"the lecture {lecture.name} trains its own network: leave --weights out")
        if options.demo and not hasattr(module, "demo"):
            raise ValueError(f"the lecture {lecture.name} has no demo")
        if options.only and lecture.name != "claims":
            raise ValueError("--only picks claims: python -m lectures claims --only 9a 20")
        if options.demo and options.seeds:
            raise ValueError("--demo shows one run: take --seed instead of --seeds")
        if options.seeds:
            seeds.run_all(lecture, options)
            return 0
        report = Report(lecture.name, options.out, options.seed, options.data, options.quick)
        if options.demo:
            module.demo(options, report)
            return 0
        module.run(options, report)
        report.finish()
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 130
    except (ValueError, OSError, RuntimeError) as error:
        print(f"python -m lectures {options.name}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
