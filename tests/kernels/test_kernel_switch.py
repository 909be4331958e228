"""kernels.use, and the environment variables that set the defaults."""

import os
import subprocess
import sys

import numpy as np
import pytest

from pyconvnet import kernels

compiled = pytest.mark.skipif("cpp" not in kernels.available(), reason="no compiled kernels")
SHOW = "from pyconvnet import kernels as k; print(k.active(), k.active_isa(), k.get_num_threads())"


def run(code=SHOW, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYCONVNET_")}
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_use_switches_at_once_and_as_a_context_manager():
    before = kernels.active()
    with kernels.use("naive"):
        assert kernels.active() == "naive"
        with kernels.use("numpy"):
            assert kernels.active() == "numpy"
        assert kernels.active() == "naive"
    assert kernels.active() == before
    kernels.use("naive")
    assert kernels.active() == "naive"
    kernels.use(before)


def test_use_restores_after_an_error():
    before = kernels.active()
    with pytest.raises(ZeroDivisionError), kernels.use("naive"):
        raise ZeroDivisionError
    assert kernels.active() == before


@compiled
def test_use_isa_and_back():
    before = kernels.active_isa()
    for isa in kernels.supported_isas():
        with kernels.use("cpp", isa=isa):
            assert kernels.active_isa() == isa
        assert kernels.active_isa() == before
    with pytest.raises(ValueError, match="isa must be one of baseline"):
        kernels.use("cpp", isa="mmx")
    assert kernels.active_isa() == before


def test_names():
    assert set(kernels.available()) >= {"naive", "numpy"}
    assert kernels.active() in kernels.available()
    for name in kernels.__all__:
        assert callable(getattr(kernels, name))


@compiled
def test_defaults():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    done = run()
    assert done.stdout.split() == ["cpp", kernels.supported_isas()[-1], str(cores)]
    assert done.stderr == ""


@compiled
def test_environment():
    done = run(PYCONVNET_NUM_THREADS="3", PYCONVNET_ISA="baseline", PYCONVNET_KERNELS="numpy")
    assert done.stdout.split() == ["numpy", "baseline", "3"]


@pytest.mark.parametrize(
    "name, value, message",
    [
        (
            "PYCONVNET_NUM_THREADS",
            "many",
            "PYCONVNET_NUM_THREADS=many: expected a number of threads from 1 to 1024",
        ),
        ("PYCONVNET_NUM_THREADS", "0", "PYCONVNET_NUM_THREADS=0"),
        ("PYCONVNET_KERNELS", "cuda", "PYCONVNET_KERNELS=cuda: expected one of naive, numpy, cpp"),
        ("PYCONVNET_WINOGRAD", "yes", "PYCONVNET_WINOGRAD=yes: expected 0, 1 or always"),
        pytest.param(
            "PYCONVNET_ISA", "mmx", "PYCONVNET_ISA=mmx: this machine supports baseline", marks=compiled
        ),
    ],
)
def test_a_bad_value_is_named(name, value, message):
    done = run(**{name: value})
    assert done.returncode != 0
    assert "ValueError: " + message in done.stderr


@compiled
def test_winograd_is_switched_at_once_and_by_the_environment():
    before = kernels.winograd()
    with kernels.use_winograd(False):
        assert kernels.winograd() == "never"
        with kernels.use_winograd("always"):
            assert kernels.winograd() == "always"
        assert kernels.winograd() == "never"
    assert kernels.winograd() == before
    with pytest.raises(ValueError, match="use_winograd: expected True, False, never, chosen or always, got 'often'"):
        kernels.use_winograd("often")
    show = "from pyconvnet import kernels as k; print(k.winograd())"
    for value, expected in (("0", "never"), ("1", "chosen"), ("always", "always"), ("", "chosen")):
        assert run(show, PYCONVNET_WINOGRAD=value).stdout.split() == [expected]


HIDE = "import sys; sys.modules['pyconvnet.kernels._cpp'] = None\n"


def test_without_the_compiled_module():
    done = run(
        HIDE + SHOW + "; import numpy; print(k.conv(numpy.ones((1,1,2,2)), numpy.ones((1,1,2,2))).item())"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == ["numpy", "None"] and done.stdout.split()[3] == "4.0"
    assert done.stderr.count("\n") == 1 and "no compiled kernels" in done.stderr
    done = run(HIDE + "from pyconvnet import kernels; kernels.use('cpp')")
    assert "RuntimeError: use: the compiled backend is not available" in done.stderr


def test_backends_give_new_arrays():
    x = np.ones((1, 1, 3, 3), np.float32)
    for name in kernels.available():
        with kernels.use(name):
            assert not np.shares_memory(kernels.im2col(x, 1), x)
            assert not np.shares_memory(kernels.col2im(x.reshape(1, 1, 9), 3, 1), x)
