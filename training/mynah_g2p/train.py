"""Training: AdamW, one cycle, an average of the weights, bfloat16."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import random

import torch
from torch import nn
from tqdm import tqdm

from . import data
from .evaluate import error_rates
from .model import G2P, UPSAMPLE


@dataclasses.dataclass(frozen=True)
class Config:
    seed: int = 1
    epochs: int = 12
    batch: int = 256
    lr: float = 4e-3
    weight_decay: float = 0.01
    average: float = 0.998  # decay of the running average of the weights, for each step
    threads: int = 1  # more only wait for each other in so small a network


def batches(examples: list[data.Example], size: int, rng: random.Random):
    """Batches of equally long words, so that nothing is padded; in random order."""
    by_length = collections.defaultdict(list)
    for e in rng.sample(examples, len(examples)):
        by_length[len(e.letters)].append(e)
    out = [group[i : i + size] for group in by_length.values() for i in range(0, len(group), size)]
    rng.shuffle(out)
    return out


def loss_of(model: nn.Module, batch: list[data.Example]) -> torch.Tensor:
    letters = torch.tensor([e.letters for e in batch])
    with torch.autocast("cpu", torch.bfloat16):
        logp = model(letters)
    lengths = torch.tensor([len(e.phones) for e in batch])
    targets = torch.tensor([p for e in batch for p in e.phones])
    frames = torch.full((len(batch),), logp.shape[1])
    return nn.functional.ctc_loss(logp.float().transpose(0, 1), targets, frames, lengths)


def train(entries: data.Entries, checkpoint: pathlib.Path, cfg: Config) -> None:
    torch.manual_seed(cfg.seed)
    torch.set_num_threads(cfg.threads)
    rng = random.Random(cfg.seed)
    examples = data.examples(entries, UPSAMPLE)
    dev = [w for w in entries if data.part(w) == "dev"]

    model = G2P()
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(cfg.average)
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    steps = cfg.epochs * len(batches(examples, cfg.batch, random.Random(0)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, cfg.lr, total_steps=steps, pct_start=0.1)

    with tqdm(total=steps, unit="step", mininterval=5) as bar:
        for epoch in range(cfg.epochs):
            model.train()
            for batch in batches(examples, cfg.batch, rng):
                loss = loss_of(model, batch)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                averaged.update_parameters(model)
                bar.update()
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            torch.save(averaged.module.state_dict(), checkpoint)
            rates = error_rates(averaged.module.eval(), entries, dev)
            bar.write(f"epoch {epoch + 1}/{cfg.epochs}: loss {loss.item():.3f}, held-out dev {rates}")
