"""SFT, then Bounded DPO with SFT beside it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from .config import Config
from .data import Example, tokens
from .decoder import LowRank
from .loss import IGNORED, answer_log_probs, preference_loss


@dataclass(frozen=True)
class Item:
    """A request with one answer, or with two: the chosen and the rejected one."""

    system: Tensor  # the tokens that every prompt begins with
    answers: tuple[tuple[Tensor, Tensor], ...]  # the rest of the prompt with an answer, and its labels

    @property
    def length(self) -> int:
        return len(self.system) + max(len(ids) for ids, _ in self.answers)


def items_of(tokenizer, examples: list[Example], cfg: Config, n: int, *, pairs: bool) -> list[Item]:
    """The first n examples that are not too long, as tokens."""
    out: list[Item] = []
    for e in examples:
        said = [tokens(tokenizer, e.system, e.user, a) for a in ((e.chosen, e.rejected) if pairs else (e.chosen,))]
        item = Item(said[0][0], tuple((rest, labels) for _, rest, labels in said))
        if item.length <= cfg.max_tokens:
            out.append(item)
        if len(out) == n:
            break
    return out


def batches_of(items: list[Item], size: int, rng: random.Random) -> list[list[Item]]:
    """The items in batches of about the same length, in random order."""
    order = rng.sample(items, len(items))
    chunk = 16 * size
    out = []
    for at in range(0, len(order), chunk):
        alike = sorted(order[at : at + chunk], key=lambda item: item.length)
        out += [alike[k : k + size] for k in range(0, len(alike), size)]
    return rng.sample(out, len(out))


def log_probs(model: nn.Module, batch: list[Item]) -> Tensor:
    """The mean log-probability of each answer, (items, answers of an item).

    What all prompts begin with goes through the model once, gradients and all: it is a third of them.
    """
    from transformers import DynamicCache

    system = batch[0].system
    if any(not torch.equal(item.system, system) for item in batch):
        raise ValueError("the prompts don't begin alike")
    ids, labels = zip(*(answer for item in batch for answer in item.answers), strict=True)
    cache = DynamicCache(config=model.config)
    model.model(input_ids=system[None], past_key_values=cache, use_cache=True)
    cache.batch_repeat_interleave(len(ids))
    # Padding comes last, where nothing that counts can see it.
    hidden = model.model(input_ids=pad_sequence(ids, batch_first=True), past_key_values=cache, use_cache=True).last_hidden_state
    return answer_log_probs(hidden, pad_sequence(labels, batch_first=True, padding_value=IGNORED), model.lm_head).view(len(batch), -1)


@dataclass(frozen=True)
class Stage:
    """A pass over batches that leaves its adapters in a file, and goes on from it after it was cut off."""

    name: str
    file: Path
    lr: float

    def run(self, adapters: dict[str, LowRank], batches: list, cfg: Config, loss_of: Callable[[list[Item], int], Tensor]) -> list[float]:
        """Takes a step for each batch and returns the losses. With a file that holds all of them it only loads it."""
        params = [p for a in adapters.values() for p in (a.a, a.b)]
        optimiser = torch.optim.AdamW(params, lr=self.lr, weight_decay=0.0)
        total = len(batches)
        warm = max(1, round(cfg.warmup * total))
        losses: list[float] = []
        if self.file.exists():
            kept = torch.load(self.file)
            with torch.no_grad():
                for p, was in zip(params, kept["adapters"], strict=True):
                    p.copy_(was)
            optimiser.load_state_dict(kept["optimiser"])
            losses = kept["losses"]
        bar = tqdm(total=total, initial=len(losses), desc=self.name)
        for step in range(len(losses), total):
            for group in optimiser.param_groups:
                group["lr"] = self.lr * min(1.0, (step + 1) / warm) * (0.5 + 0.5 * math.cos(math.pi * step / total))
            loss = loss_of(batches[step], step)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            losses.append(float(loss.detach()))
            bar.update()
            bar.set_postfix(loss=f"{sum(losses[-20:]) / len(losses[-20:]):.3f}")
            if (step + 1) % cfg.save_every == 0 or step + 1 == total:
                self._save(params, optimiser, losses)
        bar.close()
        return losses

    def _save(self, params: list[nn.Parameter], optimiser: torch.optim.Optimizer, losses: list[float]) -> None:
        part = self.file.with_suffix(".part")
        torch.save({"adapters": [p.detach() for p in params], "optimiser": optimiser.state_dict(), "losses": losses}, part)
        part.replace(self.file)


def sft(model: nn.Module, adapters: dict[str, LowRank], items: list[Item], cfg: Config, work: Path) -> list[float]:
    """Teaches the chosen answers."""
    batches = batches_of(items, cfg.batch, random.Random(cfg.seed))
    return Stage("sft", work / "sft.pt", cfg.sft_lr).run(adapters, batches, cfg, lambda batch, _: -log_probs(model, batch).mean())


def prefer(model: nn.Module, adapters: dict[str, LowRank], items: list[Item], cfg: Config, work: Path) -> list[float]:
    """Teaches chosen answers over rejected ones; the reference is the model as it comes."""
    batches = batches_of(items, max(1, cfg.batch // 2), random.Random(cfg.seed))
    with torch.no_grad():
        reference = [log_probs(model, batch) for batch in tqdm(batches, desc="reference")]

    def loss_of(batch: list[Item], step: int) -> Tensor:
        now, before = log_probs(model, batch), reference[step]
        return preference_loss(now[:, 0], now[:, 1], before[:, 0], before[:, 1], beta=cfg.beta, alpha=cfg.alpha, sft_weight=cfg.sft_weight)

    return Stage("preference", work / "preference.pt", cfg.preference_lr).run(adapters, batches, cfg, loss_of)
