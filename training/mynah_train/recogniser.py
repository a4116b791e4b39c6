"""The phone recogniser: encoder frames -> log posteriors of blank and the 39 phonemes (CTC)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .data import Utterance
from .encoder import WIDTH
from .phonemes import CLASSES


class Recogniser(nn.Module):
    """frames (B, T, taps * 512) -> logits (B, T, 40): a learned mix of the taps, then two convolutions over time."""

    def __init__(self, taps: int, width: int = 256, dropout: float = 0.2):
        super().__init__()
        self.taps = taps
        self.mix = nn.Parameter(torch.zeros(taps))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(taps))
        self.inp = nn.Linear(WIDTH, width)
        self.conv1 = nn.Conv1d(width, width, 5, padding=2)
        self.conv2 = nn.Conv1d(width, width, 5, padding=2)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(width, CLASSES)

    def forward(self, frames: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """mask (B, T): 1 where a frame is not padding; keeps a padded row's answer equal to the row's alone."""
        weights = self.mix.softmax(0)
        parts = frames.split(WIDTH, -1)
        x = sum(w * norm(p) for w, norm, p in zip(weights, self.norms, parts))
        x = self.drop(F.gelu(self.inp(x)))
        keep = 1.0 if mask is None else mask[..., None]
        for conv in (self.conv1, self.conv2):
            x = self.drop(x + F.gelu(self._convolved(x * keep, conv)))
        return self.out(x)

    def _convolved(self, x: torch.Tensor, conv: nn.Conv1d) -> torch.Tensor:
        """conv over time of (B, T, width). In training as one product: on a CPU its gradient takes a tenth of the time."""
        if not self.training:
            return conv(x.transpose(1, 2)).transpose(1, 2)
        (around,) = conv.padding
        windows = F.pad(x, (0, 0, around, around)).unfold(1, conv.kernel_size[0], 1)  # B, T, width, kernel
        return F.linear(windows.flatten(2), conv.weight.flatten(1), conv.bias)


def greedy(logp: np.ndarray) -> list[int]:
    """CTC's greedy decoding of (T, 40): the best class of each frame, repeats merged, blanks dropped."""
    best = logp.argmax(-1)
    return [int(c) for i, c in enumerate(best) if c and (i == 0 or c != best[i - 1])]


def edit_distance(a: Iterable[int], b: list[int]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]


def ctc_loss(logp: torch.Tensor, lengths: torch.Tensor, targets: list[np.ndarray]) -> torch.Tensor:
    """Mean over the batch of CTC's negative log likelihood per target phone."""
    return F.ctc_loss(
        logp.transpose(0, 1), torch.from_numpy(np.concatenate(targets)), lengths,
        torch.tensor([len(t) for t in targets]), zero_infinity=True,
    )


def batches(lengths: list[int], budget: float, rng: random.Random) -> Iterator[list[int]]:
    """Indices grouped by similar length, so that a padded batch has at most `budget` of it, in random order."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i] * (1 + 0.1 * rng.random()))
    groups, group = [], []
    for i in order:
        if group and max(lengths[i], max(lengths[j] for j in group)) * (len(group) + 1) > budget:
            groups.append(group)
            group = []
        group.append(i)
    if group:
        groups.append(group)
    rng.shuffle(groups)
    yield from groups


def pad(arrays: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """(T_i, D) arrays -> (B, T, D) float32 padded with zeros, and T_i."""
    lengths = torch.tensor([len(a) for a in arrays])
    out = torch.zeros(len(arrays), int(lengths.max()), arrays[0].shape[1])
    for row, a in zip(out, arrays):
        row[: len(a)] = torch.from_numpy(a).float()
    return out, lengths


def mask_of(lengths: torch.Tensor, width: int) -> torch.Tensor:
    return (torch.arange(width)[None] < lengths[:, None]).float()


def train(utterances: list[Utterance], load, taps: int, epochs: int, rate: float, batch_frames: float, seed: int,
          progress) -> Recogniser:
    """Trains on frozen features; load(u) gives an utterance's (T, D) frames, progress wraps the epochs' range."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    features = [load(u) for u in utterances]
    lengths = [len(f) for f in features]
    model = Recogniser(taps)
    per_epoch = len(list(batches(lengths, batch_frames, random.Random(seed))))
    opt = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(opt, rate, total_steps=int(epochs * per_epoch * 1.1) + 10, pct_start=0.1)
    model.train()
    for _ in (bar := progress(range(epochs))):
        total = count = 0.0
        for group in batches(lengths, batch_frames, rng):
            x, n = pad([features[i] for i in group])
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(x, mask_of(n, x.shape[1]))
            logp = logits.float().log_softmax(-1)
            loss = ctc_loss(logp, n, [utterances[i].said() for i in group])
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            schedule.step()
            total, count = total + loss.item(), count + 1
        bar.set_postfix(loss=f"{total / count:.3f}")
    return model.eval()


@torch.no_grad()
def posteriors(model: Recogniser, frames: np.ndarray) -> np.ndarray:
    """Log posteriors (T, 40) of one utterance's frames."""
    return model(torch.from_numpy(frames).float()[None]).log_softmax(-1)[0].numpy()


def phone_error_rate(logps: list[np.ndarray], utterances: list[Utterance]) -> float:
    errors = sum(edit_distance(greedy(p), u.said().tolist()) for p, u in zip(logps, utterances))
    return errors / sum(len(u.said()) for u in utterances)
