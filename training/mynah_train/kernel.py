"""Kernel ridge regression (Saunders et al., 1998) with a Gaussian kernel."""

from __future__ import annotations

import torch


def gaussian(place: torch.Tensor, known: torch.Tensor, reach: float) -> torch.Tensor:
    """exp(-reach * squared distance): (B, D), (K, D) -> (B, K)"""
    squared = (place**2).sum(-1, keepdim=True) + (known**2).sum(-1)[None] - 2 * place @ known.T
    return (-reach * squared).exp()


def ridge(known: torch.Tensor, values: torch.Tensor, reach: float, penalty: float) -> torch.Tensor:
    """The weights (K, O) with which the kernel to known (K, D) gives values (K, O); where nothing known is near, it gives 0."""
    gram = gaussian(known, known, reach).double()
    return torch.linalg.solve(gram + penalty * torch.eye(len(gram)), values.double())
