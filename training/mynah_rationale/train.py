"""SFT, then Bounded DPO with SFT beside it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import torch
from tqdm import tqdm

from .config import Config
from .data import Example, tokens
from .loss import IGNORED, answer_log_probs, preference_loss


def _log_prob(model, pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """The mean log-probability of one answer, (1,)."""
    ids, labels = pair
    said = int((labels != IGNORED).sum()) + 1  # the vocabulary is large: only what is needed of it is worked out
    return answer_log_probs(model(input_ids=ids[None], logits_to_keep=said).logits, labels[None, -said:])


def _fitting(tokenizer, all_: list[Example], cfg: Config, n: int, both: bool) -> Iterator[tuple]:
    """The first n examples that are not too long, as tokens."""
    found = 0
    for e in all_:
        said = [tokens(tokenizer, e.system, e.user, a) for a in ((e.chosen, e.rejected) if both else (e.chosen,))]
        if found < n and all(len(ids) <= cfg.max_tokens for ids, _ in said):
            found += 1
            yield tuple(said)


def _steps(model, items: list, cfg: Config, lr: float, loss_of, title: str) -> list[float]:
    """One pass over the items, with gradients added up over a batch; returns the losses."""
    params = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    total = math.ceil(len(items) / cfg.batch)
    warm = max(1, round(cfg.warmup * total))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1.0, (s + 1) / warm) * (0.5 + 0.5 * math.cos(math.pi * min(s, total) / total)))
    losses = []
    model.train()
    for k, item in enumerate(tqdm(items, desc=title)):
        loss = loss_of(item, k)
        (loss / cfg.batch).backward()
        losses.append(float(loss.detach()))
        if (k + 1) % cfg.batch == 0 or k + 1 == len(items):
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad(set_to_none=True)
    return losses


def sft(model, tokenizer, examples: list[Example], cfg: Config) -> list[float]:
    """Teaches the chosen answers."""
    items = list(_fitting(tokenizer, examples, cfg, cfg.sft_examples, both=False))
    random.Random(cfg.seed).shuffle(items)
    return _steps(model, items, cfg, cfg.sft_lr, lambda item, _: -_log_prob(model, item[0])[0], "sft")


def prefer(model, tokenizer, examples: list[Example], cfg: Config) -> list[float]:
    """Teaches chosen answers over rejected ones; the reference is the model as it comes."""
    items = list(_fitting(tokenizer, examples, cfg, cfg.pairs, both=True))
    model.eval()
    with torch.no_grad():
        reference = [tuple(_log_prob(model, a) for a in pair) for pair in tqdm(items, desc="reference")]

    def loss_of(pair: tuple, k: int) -> torch.Tensor:
        return preference_loss(_log_prob(model, pair[0]), _log_prob(model, pair[1]), *reference[k],
                               beta=cfg.beta, alpha=cfg.alpha, sft_weight=cfg.sft_weight)

    return _steps(model, items, cfg, cfg.preference_lr, loss_of, "preference")
