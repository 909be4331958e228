"""Classic mistakes, each a replacement in the source, and the test that must notice it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """In `module`, `old` (which occurs exactly once) becomes `new`; the test `caught_by` must then fail with
    `error`."""

    name: str
    module: str
    old: str
    new: str
    caught_by: str
    error: str = "AssertionError"


CONV = "tests/functional/test_convolution_and_pooling.py::"
NORM = "tests/functional/test_batch_norm.py::"

BUGS = [
    Bug("kernel-flipped-naive", "pyconvnet.kernels.naive",
        "*pixel), (f, c, i, j)", "*pixel), (f, c, kh - 1 - i, kw - 1 - j)",
        CONV + "test_conv2d_is_the_sum_over_the_window[naive]"),
    Bug("kernel-flipped-numpy", "pyconvnet.kernels.numpy",
        "cols[:, :, i, j] = padded", "cols[:, :, -1 - i, -1 - j] = padded",
        CONV + "test_conv2d_is_the_sum_over_the_window[numpy]"),
    Bug("height-and-width-swapped", "pyconvnet.kernels.naive",
        "- window.padding[1] + j", "- window.padding[0] + j",
        CONV + "test_conv2d_is_the_sum_over_the_window[naive]"),
    Bug("ceil-for-floor", "pyconvnet.kernels.geometry",
        "steps = span // stride[axis]", "steps = -(-span // stride[axis])",
        CONV + "test_a_kernel_that_does_not_fit_is_always_refused"),
    Bug("padding-on-one-side", "pyconvnet.kernels.numpy",
        "padded[..., ph : ph + h, pw : pw + w] = x", "padded[..., :h, :w] = x",
        CONV + "test_conv2d_is_the_sum_over_the_window[numpy]"),
    Bug("fold-overwrites", "pyconvnet.kernels.numpy",
        "x[..., rows, columns] += cols", "x[..., rows, columns] = cols",
        CONV + "test_gradients_of_conv2d"),
    Bug("last-gradient-overwrites", "pyconvnet.autograd",
        "(a, pending[a.order][1] + ga)", "(a, ga)",
        "tests/engine/test_autograd.py::test_a_diamond_adds_both_ways"),
    Bug("broadcast-not-summed", "pyconvnet.primitives.elementwise",
        "else sum_to(g, shape=shape)", "else g",
        "tests/engine/test_autograd.py::test_a_broadcast_argument_gets_the_sum", "RuntimeError"),
    Bug("sign-of-sub", "pyconvnet.primitives.elementwise",
        "unbroadcast(-g, y)", "unbroadcast(g, y)",
        "tests/engine/test_primitives.py::test_directional_derivatives[sub]"),
    Bug("relu-passes-at-zero", "pyconvnet.kernels.numpy",
        "np.where(x <= 0, g", "np.where(x < 0, g",
        "tests/functional/test_activations_and_reductions.py::test_relu_and_abs_have_gradient_zero_at_zero_and_select"),
    Bug("max-pool-last-of-ties", "pyconvnet.kernels.numpy",
        "(value > best)", "(value >= best)",
        CONV + "test_the_first_of_equal_maxima_and_the_last_nan_get_the_gradient"),
    Bug("nms-at-the-threshold", "pyconvnet.kernels.numpy",
        "~(iou > iou_threshold)", "~(iou >= iou_threshold)",
        "tests/ops/test_suppression.py::test_equals_the_greedy_loop"),
    Bug("iou-plus-one", "pyconvnet.ops.boxes",
        'boxes[..., :2] if fmt == "xyxy"', 'boxes[..., :2] + 1 if fmt == "xyxy"',
        "tests/ops/test_boxes.py::test_iou_equals_counting_quarter_pixels"),
    Bug("object-found-twice", "pyconvnet.metrics.matching",
        "elif not claimed[best]:", "else:",
        "tests/metrics/test_voc_average_precision.py::test_second_detection_of_an_object_is_a_false_alarm"),
    Bug("unbiased-variance-in-the-output", "pyconvnet.functional.normalization",
        "bias, mean=mean, rstd=_rstd(var, eps)", "bias, mean=mean, rstd=_rstd(var * m / (m - 1), eps)",
        NORM + "test_training_normalises_with_the_biased_variance_of_the_batch"),
    Bug("momentum-reversed", "pyconvnet.functional.normalization",
        "array += (momentum *", "array += ((1 - momentum) *",
        NORM + "test_running_statistics_move_in_place_towards_the_mean_and_the_unbiased_variance"),
    Bug("softplus-overflows", "pyconvnet.primitives.elementwise",
        "np.logaddexp(x, np.zeros((), np.asarray(x).dtype))", "np.log(1 + np.exp(x))",
        "tests/functional/test_losses.py::test_binary_cross_entropy_with_logits"),
    Bug("adam-without-bias-correction", "pyconvnet.optim.adam",
        "lr / (1 - b1**t) * m", "lr * m",
        "tests/optim/test_optimisers.py::test_the_first_step_of_adam_has_the_length_of_the_learning_rate"),
]  # fmt: skip
