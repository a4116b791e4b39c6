"""Encoder features of every recording, cached on disk: (T, taps * 512) float16, one file an utterance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from .data import Utterance, read_audio
from .encoder import Encoder
from .mel import LogMel


def path(folder: Path, u: Utterance) -> Path:
    return folder / f"{u.id}.npy"


@torch.no_grad()
def extract(encoder: Encoder, utterances: list[Utterance], folder: Path, exact: bool) -> None:
    """Writes what is missing in folder; exact: in float32 throughout, else in bfloat16, at twice the speed."""
    folder.mkdir(parents=True, exist_ok=True)
    mel, encoder = LogMel(), encoder.eval()
    for u in tqdm(utterances, desc=f"features {folder.name}", mininterval=10):
        out = path(folder, u)
        if out.exists():
            continue
        x = mel(torch.from_numpy(read_audio(u.path))[None])
        with torch.autocast("cpu", torch.bfloat16, enabled=not exact):
            frames = encoder(x)[0].float().half().numpy()
        partial = out.with_suffix(".partial.npy")
        np.save(partial, frames)
        partial.rename(out)


def load(folder: Path, u: Utterance) -> np.ndarray:
    return np.load(path(folder, u))
