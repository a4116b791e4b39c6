"""What training is done with."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Config:
    """Hyperparameters. beta, alpha and the weight of SFT are the published method's; the rest suits a model of 135 million
    parameters and two cores."""

    seed: int = 7
    threads: int = 2
    rank: int = 16  # of the adapters
    scale: int = 32  # their alpha
    dropout: float = 0.05
    max_tokens: int = 1400  # of prompt and answer; longer examples are left out
    batch: int = 8  # examples whose gradients are added up
    candidates: int = 4  # chosen wordings tried for each utterance; the verifier keeps what it passes
    sft_examples: int = 700
    sft_lr: float = 2e-4
    pairs: int = 160
    preference_lr: float = 2e-5
    beta: float = 0.1
    alpha: float = 0.5
    sft_weight: float = 1.0
    warmup: float = 0.05
    answer_tokens: int = 420

    def smoke(self) -> Config:
        """Proves that the pipeline runs, not that it learns."""
        return replace(self, candidates=1, sft_examples=2, pairs=1, batch=2, answer_tokens=12)
