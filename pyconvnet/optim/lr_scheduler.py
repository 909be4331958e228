"""Learning-rate schedules: each writes `lr` of the optimiser's groups, step by step.

As in PyTorch, most of them change the rate that they find: two schedules on one optimiser multiply. Alone, each gives
the closed form that its docstring states.
"""

from .curves import CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR, MultiStepLR, StepLR
from .one_cycle import OneCycleLR
from .schedule import LRScheduler
from .sequential import SequentialLR

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "SequentialLR",
    "StepLR",
]
