"""Optimisers and learning-rate schedules, as torch.optim."""

from . import lr_scheduler
from .adam import Adam, AdamW
from .clipping import clip_grad_norm_
from .lbfgs import LBFGS
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["Adam", "AdamW", "LBFGS", "Optimizer", "RMSprop", "SGD", "clip_grad_norm_", "lr_scheduler"]
