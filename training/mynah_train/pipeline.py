"""The stages, in order. Each reads what the ones before it left in the work folder and does nothing if its own
output is there; to repeat a stage, delete its output."""

from __future__ import annotations

import json
import pickle
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import IO

import numpy as np
import torch
from tqdm import tqdm

from . import added, calibration, ct2, data, encoder, evaluate, export, features, golden, heard, judging, kokoro, likeness, manifest, pairs, recogniser, released, robust, speech, stack, synthetic
from .align import NotAlignable
from .config import Config, Paths
from .data import Utterance
from .export import HeardScale
from .joint import Tuner, misread
from .judge import SENTENCE_SCALE, WORD_SCALE, Judge
from .judging import Example
from .mel import LogMel
from .stack import Stack

# Whisper's own; after the joint stage; after the same on everyone, the held-out speakers too.
ENCODERS = ("frozen", "tuned", "everyone")
_CHECKPOINT = {"tuned": "joint.pt", "everyone": "joint-everyone.pt"}


class Pipeline:
    def __init__(self, paths: Paths, cfg: Config):
        self.paths, self.cfg = paths, cfg
        torch.set_num_threads(cfg.threads)

    @cached_property
    def sets(self) -> tuple[list[Utterance], list[Utterance]]:
        return data.train_and_held_out(self.paths, self.cfg)

    def write_held_out(self) -> None:
        """The held-out speakers, for the scorer's own fit."""
        self.paths.stage("held-out.txt").write_text("".join(f"{s}\n" for s in sorted({u.speaker for u in self.sets[1]})))

    @property
    def hidden(self) -> int:
        return encoder.WIDTH * len(self.cfg.taps)

    # The models, as far as they are trained.

    def encoder(self, which: str) -> encoder.Encoder:
        if which == "frozen" and not self.paths.start:
            return encoder.from_whisper(ct2.whisper_base(self.paths.whisper), self.cfg.taps)
        e = encoder.Encoder(self.cfg.taps)
        if which == "frozen":
            e.load_state_dict(released.state(self.paths.start / "acoustic.onnx", "encoder"))
            return e.eval()
        e.load_state_dict(self._tuned("encoder", which))
        return e.eval()

    def recogniser(self, which: str) -> recogniser.Recogniser:
        m = recogniser.Recogniser(len(self.cfg.taps))
        m.load_state_dict(self._tuned("recogniser", which) if which != "frozen" else
                          torch.load(self.paths.stage("recogniser.pt"), weights_only=True))
        return m.eval()

    def judges(self, which: str) -> list[Judge]:
        if which != "frozen":
            tuned, states = self._tuned("judges", which), []
            for i in range(self.cfg.judge_seeds):
                states.append({k.removeprefix(f"{i}."): v for k, v in tuned.items() if k.startswith(f"{i}.")})
        else:
            states = torch.load(self.paths.stage("frozen/judges.pt"), weights_only=True)
        out = []
        for state in states:
            m = Judge(self.hidden, self.cfg.judge_width, self.cfg.judge_layers)
            m.load_state_dict(state)
            out.append(m.eval())
        if (later := self.paths.stage(f"{which}/added.pt")).exists():
            for m, state in zip(out, torch.load(later, weights_only=True)):
                m.added.load_state_dict(state)
        return out

    def _tuned(self, module: str, which: str) -> dict:
        """The module's weights after the joint stage, averaged over its epochs."""
        c = torch.load(self.paths.stage(_CHECKPOINT[which]), weights_only=True)
        if c["epoch"] < self.cfg.joint_epochs:
            raise RuntimeError(f"the joint stage has run {c['epoch']} of {self.cfg.joint_epochs} epochs")
        return {k.removeprefix(f"{module}."): v for k, v in c["kept"].items() if k.startswith(f"{module}.")}

    def folder(self, which: str) -> Path:
        """Where a model is exported to: to be measured on held-out speakers, or to be shipped."""
        return self.paths.out if which == "everyone" else self.paths.work / "model"

    def _needed(self, which: str) -> tuple[list[Utterance], list[Utterance]]:
        """What is trained on, and what choices are made on, whose features are computed as the exported graph computes
        them. After the joint stage there is nothing left to train."""
        train, held = self.sets
        return (train, held) if which == "frozen" else ([], held + self.synthetic("synthetic-choice"))

    def examples(self, which: str) -> dict[str, Example]:
        with self.paths.stage(f"{which}/examples.pkl").open("rb") as f:
            return {x.utterance.id: x for x in pickle.load(f)}

    # The stages.

    def features(self, which: str = "frozen") -> None:
        """Encoder frames of the train split; of the tuned encoder only for held-out speakers, and other voices."""
        folder = self.paths.stage(which)
        todo = [[u for u in us if not features.path(folder, u).exists()] for us in self._needed(which)]
        if any(todo):
            e = self.encoder(which)
            for us, exact in zip(todo, (False, True)):
                features.extract(e, us, folder, exact)

    def train_recogniser(self) -> None:
        """A phone recogniser on Whisper's own features, good enough to align with."""
        out = self.paths.stage("recogniser.pt")
        if out.exists():
            return
        cfg, (train, _) = self.cfg, self.sets
        if self.paths.start:
            graph = self.paths.start / "acoustic.onnx"
            _save(released.state(graph, "recogniser") | {"mix": released.mix(graph, len(cfg.taps))}, out)
            return
        folder = self.paths.stage("frozen")
        m = recogniser.train(train, lambda u: features.load(folder, u), len(cfg.taps), cfg.recogniser_epochs,
                             cfg.recogniser_rate, cfg.recogniser_seconds * 50, cfg.seed,
                             lambda r: tqdm(r, desc="recogniser"))
        _save(m.state_dict(), out)

    def align(self, which: str = "frozen") -> None:
        """Forced alignments of what features() was run on, and the evidence for every phone."""
        out = self.paths.stage(f"{which}/examples.pkl")
        if out.exists():
            return
        m, folder, examples, logps = self.recogniser(which), self.paths.stage(which), [], {}
        for u in tqdm([u for us in self._needed(which) for u in us], desc=f"align {which}", mininterval=10):
            frames = features.load(folder, u).astype(np.float32)
            logps[u.id] = recogniser.posteriors(m, frames)
            examples.append(judging.example(u, logps[u.id], frames))
        held = self.sets[1]
        print(f"{which}: phone error rate on held-out speakers {recogniser.phone_error_rate([logps[u.id] for u in held], held):.4f}")
        _write(out, lambda f: pickle.dump(examples, f, protocol=5))

    def train_judges(self) -> None:
        """Judges on the evidence of the frozen encoder, one a seed."""
        out = self.paths.stage("frozen/judges.pt")
        if out.exists():
            return
        cfg, (train, held), found = self.cfg, self.sets, self.examples("frozen")
        models = []
        for i in tqdm(range(cfg.judge_seeds), desc="judges"):
            models.append(judging.train([found[u.id] for u in train], self.hidden, cfg, cfg.seed + i))
            if i == 0 and self.paths.start:
                # What it doesn't have, a module of a later version, keeps what was just trained.
                models[0].load_state_dict(released.state(self.paths.start / "judge.onnx", "judges.0"), strict=False)
            got = judging.predict(models, [found[u.id] for u in held])
            tqdm.write(f"mean of {i + 1}: {evaluate.correlations(got, judging.truth(held))}")
        _save([m.state_dict() for m in models], out)

    def synthesise(self) -> None:
        """Synthetic speech with mistakes, if there are voices: to train on, and by other voices to choose on."""
        if not self.paths.kokoro:
            return
        train, held = self.sets
        free = [v for v in kokoro.voices(self.paths.kokoro) if v not in kokoro.HELD_OUT + kokoro.CHOICE]
        cfg, choice = self.cfg, list(kokoro.CHOICE)
        for name, us, voices, count, kinds in (("synthetic", train, free, cfg.synthetic, synthetic.MIXED),
                                               ("synthetic-choice", held, choice, cfg.synthetic_choice, synthetic.MIXED),
                                               ("synthetic-added", train, free, cfg.synthetic_added, synthetic.ADDED),
                                               ("synthetic-added-choice", held, choice, cfg.synthetic_added_choice, synthetic.ADDED)):
            synthetic.synthesise(partial(synthetic.plan, us, voices, count, cfg.seed, kinds), self.paths.kokoro, self.paths.stage(name))

    def synthetic(self, name: str) -> list[Utterance]:
        """What `synthesise` left in two folders: every kind of mistake, and the hardest."""
        folders = [self.paths.stage(n) for n in (name, name.replace("synthetic", "synthetic-added"))]
        return [u for folder in folders for u in synthetic.load(folder)] if self.paths.kokoro else []

    def joint(self, which: str) -> None:
        """Encoder, recogniser and judges together."""
        cfg, checkpoint = self.cfg, self.paths.stage(_CHECKPOINT[which])
        if checkpoint.exists() and torch.load(checkpoint, weights_only=True)["epoch"] >= cfg.joint_epochs:
            return
        train, held = self.sets
        if which == "everyone":
            train, held = train + held, []
        Tuner(self.encoder("frozen"), self.recogniser("frozen"), self.judges("frozen"), cfg, checkpoint).train(
            train, data.native(self.paths, cfg), self.synthetic("synthetic"), held, self.synthetic("synthetic-choice"))

    def know(self, which: str) -> None:
        """What the tuned model makes of the recordings that it was trained on: for what sounds like them, and for the networks
        that tell added sounds."""
        out = self.paths.stage(f"{which}/known.npz")
        if out.exists():
            return
        cfg, (train, held) = self.cfg, self.sets
        m, enc, mel, judges, rows, taught, rng = self.recogniser(which), self.encoder(which), LogMel(), self.judges(which), [], [], random.Random(cfg.seed)
        corpus = train + held if which == "everyone" else train
        for u in tqdm(corpus + self.synthetic("synthetic"), desc=f"know {which}", mininterval=10):
            with torch.no_grad():
                frames = enc(mel(torch.from_numpy(data.read_audio(u.path))[None]))[0].numpy()
            logp = recogniser.posteriors(m, frames)
            try:
                x = judging.example(u, logp, frames)
            except NotAlignable:
                continue
            scored = u.scores is not None
            taught += added.lessons(x, logp, frames, rng, cfg.added_lacking if scored else 0)
            if not scored:
                continue
            (raw,) = judging.answers(judges, [x])
            rows.append((likeness.evidence_of(x.evidence).numpy(), raw.sentence[0].numpy(), u.opinion().astype(np.float32) / SENTENCE_SCALE))
        networks = [added.train(taught, cfg, cfg.seed + i).state_dict() for i in tqdm(range(cfg.judge_seeds), desc="added sounds")]
        _save(networks, self.paths.stage(f"{which}/added.pt"))
        _write(out, lambda f: np.savez(f, **{k: np.stack(v) for k, v in zip(likeness.Known._fields, zip(*rows))}))

    def likeness(self, which: str) -> likeness.Likeness:
        with np.load(self.paths.stage(f"{which}/known.npz")) as f:
            return likeness.fit(likeness.Known(**f))

    def calibrate(self, which: str) -> None:
        """Scales, what was heard, and what is speech, all on held-out speakers."""
        out = self.paths.stage(f"{which}/calibration.json")
        if out.exists():
            return
        _, held = self.sets
        found = self.examples(which)
        judges, alike, examples = self.judges(which), self.likeness(which), [found[u.id] for u in held]
        m, enc, mel, folder = self.recogniser(which), self.encoder(which), LogMel(), self.paths.stage(which)
        logps = [recogniser.posteriors(m, features.load(folder, u).astype(np.float32)) for u in held]
        others = [found[u.id] for u in self.synthetic("synthetic-choice")]
        wrong = self._misread(held, logps, folder)

        def lessons(examples: list[Example], by: str, weight: dict[str, float], only: list[int] | None = None) -> list[stack.Lesson]:
            return [stack.Lesson(raw, x, getattr(x.utterance, by), weight, only[i] if only else None)
                    for i, (raw, x) in enumerate(zip(judging.answers(judges, examples, alike), examples))]

        fitted = stack.fit(lessons(examples, "speaker", stack.SCORED) + lessons(others, "id", stack.SYNTHETIC)
                           + lessons([x for x, _ in wrong], "speaker", stack.MISREAD, [j for _, j in wrong]), self.cfg.seed,
                           {u.speaker for u in held})
        _save({"all": fitted.stack.state_dict()} | {k: s.state_dict() for k, s in fitted.apart.items()}, self.paths.stage(f"{which}/stacks.pt"))
        n, s = len(examples), len(others)
        fresh = {"phone": np.concatenate(fitted.fresh["phone"][:n]), "word": WORD_SCALE * np.concatenate(fitted.fresh["word"][:n])}
        _save({k: torch.from_numpy(v) for k, v in fresh.items()}, self.paths.stage(f"{which}/out-of-bag.pt"))
        scales = evaluate.fit_scales(replace(judging.predict(judges, examples, alike), **fresh), judging.truth(held))
        scores = [scales["phone"].scores(x) for x in fitted.fresh["phone"]]
        wrong_sounds = {"synthetic voices": evaluate.wrong_sounds(scores[n : n + s], [x.utterance for x in others]),
                        "learners misread": evaluate.wrong_sounds(scores[n + s :], [x.utterance for x, _ in wrong], [j for _, j in wrong])}

        half = len(held) // 2  # of other speakers: fitted on the one, judged on the other
        cases = heard.cases(held[:half], logps[:half], self.cfg.seed)
        constants = heard.fit(cases)
        judged = heard.cases(held[half:], logps[half:], self.cfg.seed)
        least, precision, recall = heard.threshold(judged, heard.probabilities(judged, *constants))

        said = [speech.decoded(p) for p in logps]
        least_phones, least_posterior = speech.fit(said)
        with torch.no_grad():
            strange = {kind: [speech.decoded(m(enc(mel(torch.from_numpy(x)[None]))).log_softmax(-1)[0].numpy()) for x in xs]
                       for kind, xs in speech.noises([data.read_audio(u.path) for u in held[::10]], self.cfg.seed).items()}
        rates = {k: speech.refused(v, least_phones, least_posterior) for k, v in ({"speech": said} | strange).items()}
        report = {
            "of wrong sounds": wrong_sounds,
            "scales": {k: asdict(s) for k, s in scales.items()},
            "heard": dict(zip(("scale", "expected", "missing"), constants)) | {
                "min_probability": least, "precision": precision, "recall": recall},
            "refusal": {"min_phones": least_phones, "min_posterior": round(least_posterior, 4)},
            "refused as no speech": rates,
        }
        out.write_text(json.dumps(report, indent=2), encoding="utf-8")
        print(json.dumps({k: report[k] for k in ("of wrong sounds", "heard", "refusal", "refused as no speech")}, indent=2))

    def _misread(self, us: list[Utterance], logps: list[np.ndarray], folder: Path) -> list[tuple[Example, int]]:
        """Recordings against another sentence than their own, each aligned to that, and the phone that shows it."""
        rng, out = random.Random(self.cfg.seed), []
        for u, logp in [(u, logp) for _ in range(self.cfg.stack_misread) for u, logp in zip(us, logps)]:
            if found := misread(u, rng):
                try:
                    out.append((judging.example(found[0], logp, features.load(folder, u).astype(np.float32)), found[1]))
                except NotAlignable:
                    pass
        return out

    def export(self, which: str, version: str) -> None:
        """The graphs and their manifest. Fails if the graphs and PyTorch don't agree on held-out recordings.

        What was trained on everyone takes all constants from what wasn't: there is nobody left to fit them on.
        """
        c = self._constants()
        self.write_held_out()
        acoustic = export.Acoustic(self.encoder(which), self.recogniser(which))
        new, out = self.paths.stage("export"), self.folder(which)
        new.mkdir(exist_ok=True)
        export.export_acoustic(acoustic, self.cfg, new / "acoustic.onnx")
        export.export_judge(self._judgement(which), self.hidden, new / "judge.onnx")
        export.check(new, acoustic, self.sets[1][:5])
        out.mkdir(parents=True, exist_ok=True)
        for name in ("acoustic.onnx", "judge.onnx"):  # together, and only what passed
            shutil.copyfile(new / name, out / name)
        manifest.write(out, version, self.cfg, manifest.Refusal(**c["refusal"]), c["heard"]["min_probability"],
                       self.folder("tuned") / "manifest.json")

    def _constants(self) -> dict:
        """What calibrate found on the held-out speakers."""
        return json.loads(self.paths.stage("tuned/calibration.json").read_text(encoding="utf-8"))

    def _judgement(self, which: str) -> export.Judgement:
        """What makes scores of what is heard."""
        c = self._constants()
        scales = {k: calibration.Scale(**s) for k, s in c["scales"].items()}
        heard_scale = HeardScale(*(c["heard"][k] for k in ("scale", "expected", "missing")))
        return export.Judgement(self.judges(which), self.likeness(which), self._stacks()["all"], scales, heard_scale).eval()

    def _stacks(self) -> dict[str, Stack]:
        """The trees: all of them, and for each held-out speaker those that have not seen the speaker."""
        out = {}
        for name, state in torch.load(self.paths.stage("tuned/stacks.pt"), weights_only=True).items():
            out[name] = Stack(state["levels.phone.leaf"].numel() // 2**stack.DEPTH).eval()
            out[name].load_state_dict(state)
        return out

    def golden(self, folder: Path) -> None:
        golden.write(self.paths.out, self.sets[1], folder)

    def evaluate(self, split: str) -> dict:
        held = split == "held-out"
        us = self.sets[1] if held else data.corpus(self.paths, "test")
        return evaluate.run(self.folder("tuned" if held else "everyone"), us, self.paths.work / f"evaluation-{split}", split,
                            self._out_of_bag() if held else {})

    def _out_of_bag(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Phones' and words' scores and probabilities on held-out speakers, by the trees that have not seen the speaker."""
        scales = self._constants()["scales"]
        raw = torch.load(self.paths.stage("tuned/out-of-bag.pt"), weights_only=True)
        found = {k: (calibration.Scale(**scales[k]), x.numpy()) for k, x in raw.items()}
        return {k: (s.scores(x), s.probabilities(x)) for k, (s, x) in found.items()}

    def pairs(self, voices: Path) -> None:
        audio = self.paths.stage("pairs")
        pairs.synthesise(voices, audio)
        self._report("pairs", pairs.run(self.folder("everyone"), audio) | pairs.learners(self.folder("tuned"), self.sets[1]))

    def robust(self) -> None:
        """By the trees that have not seen the speaker."""
        self._report("robust", robust.run(self.folder("tuned"), self._judgement("tuned"), self._stacks(), self.sets[1],
                                          self.paths.stage("robust-answers.json")))

    def _report(self, name: str, figures: dict) -> None:
        text = json.dumps(figures, indent=2)
        self.paths.stage(f"{name}.json").write_text(text, encoding="utf-8")
        print(text)


def _save(state, out: Path) -> None:
    _write(out, lambda f: torch.save(state, f))


def _write(out: Path, write: Callable[[IO[bytes]], None]) -> None:
    """All of a file or nothing."""
    partial = out.with_suffix(".partial")
    with partial.open("wb") as f:
        write(f)
    partial.rename(out)
