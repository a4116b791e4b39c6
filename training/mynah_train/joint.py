"""Fine-tunes encoder, recogniser and judge together: the judge that comes out of this is the one that is shipped."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from . import judging
from .config import Config
from .data import Utterance, read_audio
from .encoder import Encoder
from .judge import Judge, evidence
from .mel import LogMel
from .metrics import pearson
from .recogniser import Recogniser, batches, ctc_loss, mask_of, phone_error_rate


@dataclass(frozen=True)
class Aligned:
    utterance: Utterance
    first: np.ndarray
    last: np.ndarray


class Augment:
    """Level, noise and masked bands and moments: what telephones and rooms do, cheaply."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def samples(self, x: np.ndarray) -> np.ndarray:
        r = self.rng
        if r.random() < 0.5:
            x = x * np.float32(10 ** r.uniform(-1.3, 0.3))
        if r.random() < 0.3:
            noise = r.standard_normal(len(x)).astype(np.float32)
            if r.random() < 0.5:  # towards pink: most rooms' noise is low
                noise = np.convolve(noise, np.ones(8, np.float32) / 8, "same")
            level = np.sqrt((x**2).mean() / (noise**2).mean() + 1e-12) * 10 ** (-r.uniform(10, 35) / 20)
            x = x + noise * np.float32(level)
        return np.clip(x, -1, 1)

    def mel(self, m: torch.Tensor) -> torch.Tensor:
        """SpecAugment, lightly: two bands of up to 10 filters, two moments of up to 120 ms."""
        m, r, fill = m.clone(), self.rng, m.mean()
        for _ in range(2):
            width = int(r.integers(0, 11))
            start = int(r.integers(0, m.shape[0] - width))
            m[start : start + width] = fill
            width = int(r.integers(0, min(12, m.shape[1] // 10) + 1))
            start = int(r.integers(0, m.shape[1] - width))
            m[:, start : start + width] = fill
        return m


def schedule(done: float) -> float:
    """Share of the peak learning rate when a share of the run is done: up over the first tenth, down along a cosine."""
    return done / 0.1 + 0.01 if done < 0.1 else 0.5 * (1 + math.cos(math.pi * (done - 0.1) / 0.9))


class Tuner:
    """One run. Checkpoints after every epoch; a run begun again goes on from the last."""

    def __init__(self, encoder: Encoder, recogniser: Recogniser, judge: Judge, cfg: Config, checkpoint: Path):
        self.encoder, self.recogniser, self.judge = encoder, recogniser, judge
        self.cfg, self.checkpoint = cfg, checkpoint
        self.mel = LogMel()
        self.audio: dict[str, np.ndarray] = {}
        encoder.freeze(cfg.joint_frozen_layers)

    def hear(self, utterances: list[Utterance], augment: Augment | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Log posteriors, frames (padded) and the number of frames of each."""
        mels = []
        for u in utterances:
            if u.id not in self.audio:
                self.audio[u.id] = (read_audio(u.path) * 32767).astype(np.int16)
            x = self.audio[u.id].astype(np.float32) / 32767
            if augment:
                x = augment.samples(x)
            m = self.mel(torch.from_numpy(x)[None])[0]
            mels.append(augment.mel(m) if augment else m)
        lengths = torch.tensor([m.shape[1] for m in mels])
        batch = torch.zeros(len(mels), mels[0].shape[0], int(lengths.max()))
        for row, m in zip(batch, mels):
            row[:, : m.shape[1]] = m
        frames_of = (lengths + 1) // 2
        with torch.autocast("cpu", torch.bfloat16):
            frames = self.encoder(batch, lengths)
            logits = self.recogniser(frames, mask_of(frames_of, frames.shape[1]))
        return logits.float().log_softmax(-1), frames.float(), frames_of

    def judged(self, part: list[Aligned], logp: torch.Tensor, frames: torch.Tensor, count: torch.Tensor):
        p = judging.phones_of([(a.utterance, a.first, a.last) for a in part])
        return self.judge(evidence(logp, frames, p, mask_of(count, logp.shape[1])), p)

    def train(self, corpus: list[Aligned], native: list[Utterance], held_out: list[Aligned]) -> None:
        cfg = self.cfg
        torch.manual_seed(cfg.seed)
        modules = (self.encoder, self.recogniser, self.judge)
        groups = [{"params": [p for p in m.parameters() if p.requires_grad], "lr": rate}
                  for m, rate in zip(modules, cfg.joint_rates)]
        lengths = [len(read_audio(a.utterance.path)) / 16000 for a in corpus]
        native_lengths = [u.seconds for u in native]
        plans = [self._plan(epoch, lengths, native_lengths) for epoch in range(cfg.joint_epochs)]
        opt = torch.optim.AdamW(groups, weight_decay=0.02)
        start = self._resume(opt)
        done, steps = sum(len(p) for p in plans[:start]), sum(map(len, plans))
        for epoch in range(start, cfg.joint_epochs):
            augment = Augment(cfg.seed * 1000 + epoch)
            torch.manual_seed(cfg.seed * 1000 + epoch)
            for m in modules:
                m.train()
            total = np.zeros(2)
            bar = tqdm(plans[epoch], desc=f"joint, epoch {epoch + 1} of {cfg.joint_epochs}", mininterval=20)
            for step, (kind, group) in enumerate(bar, 1):
                for g, rate in zip(opt.param_groups, cfg.joint_rates):
                    g["lr"] = rate * schedule(done / steps)
                done += 1
                if kind == "corpus":
                    part = [corpus[i] for i in group]
                    logp, frames, count = self.hear([a.utterance for a in part], augment)
                    ctc = ctc_loss(logp, count, [a.utterance.said() for a in part])
                    scores = judging.loss_of(self.judged(part, logp, frames, count), [a.utterance for a in part],
                                             phone_weight=2.0)
                    loss = cfg.joint_ctc * ctc + scores
                    total += ctc.item(), scores.item()
                else:
                    us = [native[i] for i in group]
                    logp, _, count = self.hear(us, augment)
                    loss = cfg.joint_ctc * ctc_loss(logp, count, [u.said() for u in us])
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], 1.0)
                opt.step()
                if step % 20 == 0:
                    mean = total / sum(k == "corpus" for k, _ in plans[epoch][:step])
                    bar.set_postfix(ctc=f"{mean[0]:.3f}", scores=f"{mean[1]:.3f}")
            tqdm.write(f"epoch {epoch + 1}: {self.report(held_out)}")
            self._save(epoch + 1, opt)

    def _plan(self, epoch: int, lengths: list[float], native_lengths: list[float]) -> list[tuple[str, list[int]]]:
        """An epoch's batches: all of the corpus, and a share of the native audio that moves on from epoch to epoch."""
        cfg, rng = self.cfg, random.Random(self.cfg.seed * 1000 + epoch)
        plan = [("corpus", g) for g in batches(lengths, cfg.joint_seconds, rng)]
        if native_lengths:
            groups = list(batches(native_lengths, cfg.joint_seconds, random.Random(cfg.seed)))
            want = min(len(groups), round(cfg.joint_native * len(plan)))
            at = epoch * want
            plan += [("native", groups[(at + i) % len(groups)]) for i in range(want)]
        rng.shuffle(plan)
        return plan

    @torch.no_grad()
    def report(self, held_out: list[Aligned]) -> str:
        """Phone error rate and correlations on held-out speakers."""
        for m in (self.encoder, self.recogniser, self.judge):
            m.eval()
        logps, raws, us = [], [], [a.utterance for a in held_out]
        for i in range(0, len(held_out), 8):
            part = held_out[i : i + 8]
            logp, frames, count = self.hear([a.utterance for a in part], None)
            raw = self.judged(part, logp, frames, count)
            for k, n in enumerate(count.tolist()):
                logps.append(logp[k, :n].numpy())
                raws.append(type(raw)(*(x[k] for x in raw)))
        got, want = judging.flatten(raws, us), judging.truth(us)
        r = {"phone": pearson(got.phone, want.phone), "word": pearson(got.word, want.word)}
        r |= {a: pearson(got.sentence[:, i], want.sentence[:, i]) for i, a in enumerate(("accuracy", "fluency", "prosody"))}
        return f"PER {phone_error_rate(logps, us):.4f} " + " ".join(f"{k} {v:.3f}" for k, v in r.items())

    def _save(self, epoch: int, opt) -> None:
        partial = self.checkpoint.with_suffix(".partial")
        torch.save({"epoch": epoch, "encoder": self.encoder.state_dict(), "recogniser": self.recogniser.state_dict(),
                    "judge": self.judge.state_dict(), "optimiser": opt.state_dict()}, partial)
        partial.rename(self.checkpoint)

    def _resume(self, opt) -> int:
        if not self.checkpoint.exists():
            return 0
        c = torch.load(self.checkpoint, weights_only=True)
        self.encoder.load_state_dict(c["encoder"])
        self.recogniser.load_state_dict(c["recogniser"])
        self.judge.load_state_dict(c["judge"])
        opt.load_state_dict(c["optimiser"])
        return c["epoch"]
