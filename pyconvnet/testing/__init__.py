"""Proofs that students can use on their own code: gradient checks, and Hypothesis strategies of small cases."""

from .gradients import check_grads

__all__ = ["check_grads"]
