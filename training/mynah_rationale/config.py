"""What training is done with."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """Hyperparameters. beta, alpha and the weight of SFT are the published method's; the rest suits a model of 135 million
    parameters and two cores."""

    seed: int = 7
    threads: int = 2
    rank: int = 32  # of the adapters
    scale: float = 2.0  # of what they add
    max_tokens: int = 1400  # of prompt and answer; longer examples are left out
    batch: int = 6  # examples of a step; of the preference stage, half as many pairs
    candidates: int = 2  # chosen wordings tried for each request; the verifier keeps what it passes
    easy: float = 0.4  # share of the requests without a fix that are kept: they are half of all, and soon learned
    sft_examples: int = 504
    sft_lr: float = 8e-4
    pairs: int = 72
    preference_lr: float = 1e-4
    beta: float = 0.1
    alpha: float = 0.5
    sft_weight: float = 1.0
    warmup: float = 0.05
    save_every: int = 20  # steps

    def smoke(self) -> Config:
        """Proves that the pipeline runs, not that it learns."""
        return replace(self, candidates=1, sft_examples=4, pairs=2, batch=2, save_every=1)
