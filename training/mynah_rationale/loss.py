"""Losses on the log-probabilities of answers.

Bounded DPO (arXiv 2506.12725) puts a mixture with the reference policy in the place of DPO's rejected term, so that pushing
a rejected answer down gains a bounded amount only. With r the mean log-ratio of policy to reference over an answer's tokens:

    bounded = log((1 - alpha) exp(r_rejected) + alpha)
    loss    = -log sigmoid(beta (r_chosen - bounded)) + sft_weight * sft

alpha 0 is DPO on mean log-ratios; alpha 1 is blind to the rejected answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100  # a label that is no token of the answer


def answer_log_probs(hidden: Tensor, labels: Tensor, head: Callable[[Tensor], Tensor]) -> Tensor:
    """Mean log-probability of each answer's tokens.

    hidden (batch, time, width) are a model's last states, which head turns into logits over the next token; labels
    (batch, time) are the tokens themselves, IGNORED for the prompt and the padding. Returns (batch,). The vocabulary is
    large: only what is needed of the logits is worked out.
    """
    targets = labels[:, 1:]
    told = targets != IGNORED
    each = -F.cross_entropy(head(hidden[:, :-1][told]).float(), targets[told], reduction="none")
    row = told.nonzero()[:, 0]
    return torch.zeros(len(labels), dtype=each.dtype).index_add(0, row, each) / told.sum(1)


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
