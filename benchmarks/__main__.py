"""python -m benchmarks NAME [options]"""

import importlib
import pkgutil
import sys

import benchmarks

SHARED = "__main__", "interleave", "record", "twins"
names = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name not in SHARED]
if len(sys.argv) < 2 or sys.argv[1] not in names:
    print("python -m benchmarks NAME [options]\n")
    for name in names:
        print(f"  {name:12s} {importlib.import_module(f'benchmarks.{name}').__doc__.splitlines()[0]}")
    sys.exit(len(sys.argv) > 1 and sys.argv[1] not in ("-h", "--help"))
importlib.import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:])
