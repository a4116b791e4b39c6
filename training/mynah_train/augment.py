"""What rooms, microphones and telephones do to a recording, at random and cheaply."""

from __future__ import annotations

import io

import numpy as np
import soundfile
import torch
from scipy.signal import fftconvolve

from .data import SAMPLE_RATE


class Augment:
    """Each recording meets some of it, few all. Not safe for concurrent use."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def samples(self, x: np.ndarray, speed: float = 0.15) -> np.ndarray:
        """speed: how often it is played slower or faster."""
        r = self.rng
        if r.random() < speed:
            x = faster(x, r.uniform(0.92, 1.08))
        if r.random() < 0.25:
            x = room(x, r.uniform(0.1, 0.6), r.uniform(-3, 12), r)
        if r.random() < 0.25:
            x = band(x, r.uniform(60, 350), r.uniform(3200, 7500), r.uniform(-6, 6))
        if r.random() < 0.3:
            x = noisy(x, r.uniform(8, 35), r)
        if r.random() < 0.08:
            x = clipped(x, r.uniform(0.002, 0.05))
        if r.random() < 0.12:
            x = opus(x, r.uniform(0.88, 0.97))
        if r.random() < 0.5:
            x = x * np.float32(10 ** r.uniform(-1.3, 0.3))
        return np.clip(x, -1, 1).astype(np.float32)

    def mel(self, m: torch.Tensor) -> torch.Tensor:
        """SpecAugment, lightly: two bands of up to 10 filters, two moments of up to 120 ms."""
        m, r, fill = m.clone(), self.rng, m.mean()
        for _ in range(2):
            width = int(r.integers(0, 11))
            start = int(r.integers(0, m.shape[0] - width))
            m[start : start + width] = fill
            width = int(r.integers(0, min(12, m.shape[1] // 10) + 1))
            start = int(r.integers(0, m.shape[1] - width))
            m[:, start : start + width] = fill
        return m


def faster(x: np.ndarray, factor: float) -> np.ndarray:
    """Played faster, and higher."""
    n = int(len(x) / factor)
    return np.interp(np.arange(n) * factor, np.arange(len(x)), x).astype(np.float32)


def room(x: np.ndarray, decay: float, direct: float, rng: np.random.Generator) -> np.ndarray:
    """In a room whose sound takes `decay` seconds to fall by 60 dB; direct: dB of the voice over its echoes."""
    n = int(decay * SAMPLE_RATE)
    echo = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    echo[: int(0.002 * SAMPLE_RATE)] = 0
    echo *= 10 ** (-direct / 20) / np.sqrt((echo**2).sum() + 1e-12)
    echo[0] = 1.0
    return fftconvolve(x, echo)[: len(x)].astype(np.float32)


def band(x: np.ndarray, low: float, high: float, tilt: float) -> np.ndarray:
    """Through a small microphone: 12 dB an octave below `low` and steeper above `high` Hz, tilt in dB over the band."""
    spectrum = np.fft.rfft(x)
    f = np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE) + 1e-3
    gain = 1 / (1 + (low / f) ** 2) / np.sqrt(1 + (f / high) ** 8) * 10 ** (tilt / 20 * np.log2(f / 1000).clip(-3, 3) / 3)
    return np.fft.irfft(spectrum * gain, len(x)).astype(np.float32)


def noisy(x: np.ndarray, snr: float, rng: np.random.Generator) -> np.ndarray:
    """With white noise, or noise that is lower, as most rooms' is."""
    noise = rng.standard_normal(len(x)).astype(np.float32)
    if rng.random() < 0.5:
        noise = np.convolve(noise, np.ones(8, np.float32) / 8, "same")
    return x + noise * np.float32(np.sqrt((x**2).mean() / (noise**2).mean() + 1e-12) * 10 ** (-snr / 20))


def clipped(x: np.ndarray, share: float) -> np.ndarray:
    """With that share of the samples cut off."""
    limit = max(float(np.quantile(np.abs(x), 1 - share)), 1e-4)
    return np.clip(x, -limit, limit)


def opus(x: np.ndarray, compression: float) -> np.ndarray:
    """Through Opus and back; compression as libsndfile has it: .88 is about 40, .97 15 kbit/s."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(x, -1, 1), SAMPLE_RATE, format="OGG", subtype="OPUS", compression_level=compression)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0][: len(x)]
