"""Losses on the log-probabilities of answers.

Bounded DPO (arXiv 2506.12725) puts a mixture with the reference policy in the place of DPO's rejected term, so that pushing
a rejected answer down gains a bounded amount only. With r the mean log-ratio of policy to reference over an answer's tokens:

    bounded = log((1 - alpha) exp(r_rejected) + alpha)
    loss    = -log sigmoid(beta (r_chosen - bounded)) + sft_weight * sft

alpha 0 is DPO on mean log-ratios; alpha 1 is blind to the rejected answer.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100  # a label that is no token of the answer


def answer_log_probs(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean log-probability of each answer's tokens.

    logits (batch, time, vocabulary) predict the next token; labels (batch, time) are the tokens themselves, IGNORED for the
    prompt and the padding. Returns (batch,).
    """
    targets = labels[:, 1:]
    told = targets != IGNORED
    # One at a time: the log-softmax of a whole batch over the vocabulary would be the largest tensor of training.
    out = []
    for row, target, mask in zip(logits[:, :-1], targets, told, strict=True):
        row = row[mask].float()
        out.append(-F.cross_entropy(row, target[mask], reduction="mean"))
    return torch.stack(out)


def bounded_dpo(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, *, beta: float, alpha: float) -> Tensor:
    """The preference part of the loss, averaged over the pairs. All arguments are mean log-probabilities, (pairs,)."""
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha {alpha} is no share")
    r_chosen = chosen - ref_chosen
    r_rejected = rejected - ref_rejected
    if alpha == 0:
        bounded = r_rejected
    elif alpha == 1:
        bounded = torch.zeros_like(r_rejected)
    else:
        bounded = torch.logaddexp(r_rejected + math.log1p(-alpha), torch.full_like(r_rejected, math.log(alpha)))
    return -F.logsigmoid(beta * (r_chosen - bounded)).mean()


def preference_loss(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, *, beta: float, alpha: float,
                    sft_weight: float) -> Tensor:
    """Bounded DPO, and the supervised loss of the chosen answers beside it."""
    return bounded_dpo(chosen, rejected, ref_chosen, ref_rejected, beta=beta, alpha=alpha) - sft_weight * chosen.mean()
