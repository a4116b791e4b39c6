"""Whisper's log-mel front end as a module: the same operations in training and in the exported graph."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MELS, WINDOW, HOP = 80, 400, 160


def mel_filters(rate: int = 16000, window: int = WINDOW, mels: int = MELS) -> torch.Tensor:
    """Triangular filters on Slaney's mel scale, of equal area: mels x (window/2 + 1)."""
    knee, step = 1000.0, 200 / 3  # linear below the knee, logarithmic above
    log_step = math.log(6.4) / 27

    def to_mel(hz):
        return np.where(hz >= knee, knee / step + np.log(np.maximum(hz, 1e-9) / knee) / log_step, hz / step)

    def to_hz(mel):
        return np.where(mel >= knee / step, knee * np.exp(log_step * (mel - knee / step)), mel * step)

    bins = np.linspace(0, rate / 2, window // 2 + 1)
    edges = to_hz(np.linspace(to_mel(np.array(0.0)), to_mel(np.array(rate / 2)), mels + 2))
    width = np.diff(edges)
    ramps = edges[:, None] - bins[None]
    weights = np.maximum(0, np.minimum(-ramps[:-2] / width[:-1, None], ramps[2:] / width[1:, None]))
    return torch.tensor(weights * (2 / (edges[2:] - edges[:-2]))[:, None], dtype=torch.float32)


class LogMel(nn.Module):
    """samples (B, n) -> (B, 80, n // 160) log-mel frames, each row scaled by its own maximum.

    The short-time Fourier transform is a convolution with windowed cosines and
    sines, so that the exported graph needs no complex numbers.
    """

    def __init__(self):
        super().__init__()
        n, k = torch.arange(WINDOW), torch.arange(WINDOW // 2 + 1)[:, None]
        angle = 2 * math.pi * ((k * n) % WINDOW).double() / WINDOW
        hann = torch.hann_window(WINDOW, dtype=torch.float64)
        basis = torch.cat([torch.cos(angle), -torch.sin(angle)]) * hann
        self.register_buffer("basis", basis.float()[:, None], persistent=False)
        self.register_buffer("filters", mel_filters(), persistent=False)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        x = F.pad(samples[:, None], (WINDOW // 2, WINDOW // 2), mode="reflect")
        y = F.conv1d(x, self.basis, stride=HOP)[:, :, :-1]
        bins = WINDOW // 2 + 1
        power = y[:, :bins] ** 2 + y[:, bins:] ** 2
        log = torch.clamp(self.filters @ power, min=1e-10).log10()
        top = log.flatten(1).amax(1)[:, None, None]
        return (torch.maximum(log, top - 8.0) + 4.0) / 4.0
