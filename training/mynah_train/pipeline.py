"""The stages, in order. Each reads what the ones before it left in the work folder and does nothing if its own
output is there; to repeat a stage, delete its output.

The corpus's train speakers are divided into parts. A model is trained without each part and asked about it, so that every
recording is answered about by a model that has not met its speaker (cross-fitting): from these answers is learnt and measured
whatever is made of a model's answers. What ships has met everybody.
"""

from __future__ import annotations

import json
import pickle
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from . import added, calibration, ct2, data, encoder, evaluate, export, features, golden, heard, judging, kokoro, likeness, manifest, pairs, recogniser, released, robust, speech, stack, synthetic
from .align import NotAlignable
from .config import Config, Paths
from .data import Utterance
from .export import HeardScale
from .joint import Tuner, misread
from .judge import SENTENCE_SCALE, Judge
from .judging import Answer, Example
from .mel import LogMel
from .stack import Stack

EVERYONE = "everyone"


class Answers(NamedTuple):
    """A model's, of what it has not met."""

    learners: list[Answer]  # whom experts have scored
    misread: list[tuple[Answer, int]]  # the same against other sentences, and the phone that shows it
    voices: list[Answer]  # synthetic, whose mistakes are known
    cases: list[heard.Case]
    decoded: list[tuple[int, float]]  # of the learners' recordings; see speech
    strange: dict[str, list[tuple[int, float]]]  # of what is no speech, by kind


class Pipeline:
    def __init__(self, paths: Paths, cfg: Config):
        self.paths, self.cfg = paths, cfg
        self.parts = [f"part-{i + 1}" for i in range(cfg.parts)]
        torch.set_num_threads(cfg.threads)

    @cached_property
    def corpus(self) -> list[Utterance]:
        """The train split."""
        us = data.corpus(self.paths, "train")
        return us[: self.cfg.limit or len(us)]

    def sets(self, run: str) -> tuple[list[Utterance], list[Utterance]]:
        """What a run trains on, and the rest of the train split."""
        if run == EVERYONE:
            return self.corpus, []
        own = data.parts(self.corpus, self.cfg.parts)[self.parts.index(run)]
        return [u for u in self.corpus if u.speaker not in own], [u for u in self.corpus if u.speaker in own]

    @property
    def hidden(self) -> int:
        return encoder.WIDTH * len(self.cfg.taps)

    # The stages.

    def all(self, version: str) -> None:
        """A model without each part and one of everyone, everything that is fitted on their answers, and the parts' figures."""
        self.features()
        self.synthesise()
        for run in [*self.parts, EVERYONE]:
            if not self._released(run):
                self.train(run)
            self.answer(run)
        self.calibrate()
        for part in self.parts:
            self.export(part, version)
        self.evaluate("train")

    def release(self, version: str) -> None:
        """What ships."""
        self.export(EVERYONE, version)

    def train(self, run: str) -> None:
        self.begin(run)
        self.joint(run)
        self.know(run)

    def features(self) -> None:
        """Frames of Whisper's own encoder, of the whole train split."""
        folder = self.paths.stage("frozen")
        if todo := [u for u in self.corpus if not features.path(folder, u).exists()]:
            features.extract(self._whisper(), todo, folder, exact=False)

    def _whisper(self) -> encoder.Encoder:
        return encoder.from_whisper(ct2.whisper_base(self.paths.whisper), self.cfg.taps)

    def begin(self, run: str) -> None:
        """What the joint stage begins with: a phone recogniser on Whisper's own features, good enough to align with, and on
        the alignments judges, one a seed."""
        out = self.paths.stage(f"{run}/begun.pt")
        if out.exists():
            return
        cfg, folder, (train, rest) = self.cfg, self.paths.stage("frozen"), self.sets(run)
        m = recogniser.train(train, partial(features.load, folder), len(cfg.taps), cfg.recogniser_epochs, cfg.recogniser_rate,
                             cfg.recogniser_seconds * 50, cfg.seed, lambda r: tqdm(r, desc=f"recogniser, {run}"))

        def examples(us: list[Utterance]) -> list[Example]:
            frames = ((u, features.load(folder, u).astype(np.float32)) for u in tqdm(us, desc=f"align {run}", mininterval=10))
            return [judging.example(u, recogniser.posteriors(m, f), f) for u, f in frames]

        taught, others, judges = examples(train), examples(rest), []
        for i in tqdm(range(cfg.judge_seeds), desc=f"judges, {run}"):
            judges.append(judging.train(taught, self.hidden, cfg, cfg.seed + i))
            if others:
                got = judging.predict(judges, others)
                tqdm.write(f"mean of {i + 1}: {evaluate.correlations(got, judging.truth(rest))}")
        _save({"recogniser": m.state_dict(), "judges": [j.state_dict() for j in judges]}, out)

    def synthesise(self) -> None:
        """Synthetic speech with mistakes, if there are voices: to train on, and by other voices to choose on."""
        if not self.paths.kokoro:
            return
        many, few = data.divided(self.corpus, self.cfg.choice_speakers, self.cfg.seed)
        free = [v for v in kokoro.voices(self.paths.kokoro) if v not in kokoro.HELD_OUT + kokoro.CHOICE]
        cfg, choice = self.cfg, list(kokoro.CHOICE)
        for name, us, voices, count, kinds in (("synthetic", many, free, cfg.synthetic, synthetic.MIXED),
                                               ("synthetic-choice", few, choice, cfg.synthetic_choice, synthetic.MIXED),
                                               ("synthetic-added", many, free, cfg.synthetic_added, synthetic.ADDED),
                                               ("synthetic-added-choice", few, choice, cfg.synthetic_added_choice, synthetic.ADDED)):
            synthetic.synthesise(partial(synthetic.plan, us, voices, count, cfg.seed, kinds), self.paths.kokoro, self.paths.stage(name))

    def synthetic(self, name: str) -> list[Utterance]:
        """What `synthesise` left in two folders: every kind of mistake, and the hardest."""
        folders = [self.paths.stage(n) for n in (name, name.replace("synthetic", "synthetic-added"))]
        return [u for folder in folders for u in synthetic.load(folder)] if self.paths.kokoro else []

    def joint(self, run: str) -> None:
        """Encoder, recogniser and judges together."""
        cfg, checkpoint = self.cfg, self.paths.stage(f"{run}/joint.pt")
        if checkpoint.exists() and torch.load(checkpoint, weights_only=True)["epoch"] >= cfg.joint_epochs:
            return
        train, rest = self.sets(run)
        begun = torch.load(self.paths.stage(f"{run}/begun.pt"), weights_only=True)
        Tuner(self._whisper(), self._recogniser(begun["recogniser"]), [self._judge(s) for s in begun["judges"]], cfg, checkpoint).train(
            train, data.native(self.paths, cfg), self.synthetic("synthetic"), rest, self.synthetic("synthetic-choice"))

    # The models, when they are trained, or a released one's.

    def encoder(self, run: str) -> encoder.Encoder:
        e = encoder.Encoder(self.cfg.taps)
        e.load_state_dict(self._weights(run, "encoder"))
        return e.eval()

    def recogniser(self, run: str) -> recogniser.Recogniser:
        return self._recogniser(self._weights(run, "recogniser"))

    def judges(self, run: str) -> list[Judge]:
        out = [self._judge(self._weights(run, f"judges.{i}")) for i in range(self.cfg.judge_seeds)]
        if not self._released(run) and (later := self.paths.stage(f"{run}/added.pt")).exists():
            for m, state in zip(out, torch.load(later, weights_only=True)):
                m.added.load_state_dict(state)
        return out

    def _recogniser(self, state: dict) -> recogniser.Recogniser:
        m = recogniser.Recogniser(len(self.cfg.taps))
        m.load_state_dict(state)
        return m.eval()

    def _judge(self, state: dict) -> Judge:
        m = Judge(self.hidden, self.cfg.judge_width, self.cfg.judge_layers)
        m.load_state_dict(state)
        return m.eval()

    def _released(self, run: str) -> bool:
        """Whether what ships is a released model's but for what is made of its answers."""
        return run == EVERYONE and self.paths.start is not None

    def _weights(self, run: str, module: str) -> dict:
        if self._released(run):
            graph = self.paths.start / ("judge.onnx" if module.startswith("judges") else "acoustic.onnx")
            state = released.state(graph, module)
            return state | {"mix": released.mix(graph, len(self.cfg.taps))} if module == "recogniser" else state
        return {k.removeprefix(f"{module}."): v for k, v in self._tuned(run).items() if k.startswith(f"{module}.")}

    def _tuned(self, run: str) -> dict:
        """All weights after the joint stage, averaged over its epochs."""
        c = torch.load(self.paths.stage(f"{run}/joint.pt"), weights_only=True)
        if c["epoch"] < self.cfg.joint_epochs:
            raise RuntimeError(f"the joint stage has run {c['epoch']} of {self.cfg.joint_epochs} epochs")
        return c["kept"]

    def know(self, run: str) -> None:
        """What the tuned model makes of the recordings that it was trained on: for what sounds like them, and for the networks
        that tell added sounds."""
        out = self.paths.stage(f"{run}/known.npz")
        if out.exists():
            return
        cfg, (train, _) = self.cfg, self.sets(run)
        m, enc, mel, judges, rows, taught, rng = self.recogniser(run), self.encoder(run), LogMel(), self.judges(run), [], [], random.Random(cfg.seed)
        for u in tqdm(train + self.synthetic("synthetic"), desc=f"know {run}", mininterval=10):
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
        _save(networks, self.paths.stage(f"{run}/added.pt"))
        _write(out, lambda f: np.savez(f, **{k: np.stack(v) for k, v in zip(likeness.Known._fields, zip(*rows))}))

    def likeness(self, run: str) -> likeness.Likeness:
        if self._released(run):
            return likeness.load(released.state(self.paths.start / "judge.onnx", "likeness"))
        with np.load(self.paths.stage(f"{run}/known.npz")) as f:
            return likeness.fit(likeness.Known(**f))

    def answer(self, run: str) -> None:
        """What a model makes of speech that it hasn't met: of its part's speakers, as they are and against other sentences,
        of the voices to choose on, and of what is no speech."""
        out = self.paths.stage(f"{run}/answers.pkl")
        if out.exists():
            return
        m, enc, mel, judges, alike = self.recogniser(run), self.encoder(run), LogMel(), self.judges(run), self.likeness(run)

        @torch.no_grad()
        def listen(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            frames = enc(mel(torch.from_numpy(x)[None]))[0].numpy()
            return recogniser.posteriors(m, frames), frames

        def answered(u: Utterance, logp: np.ndarray, frames: np.ndarray) -> list[Answer]:
            """One, or none if it can't be aligned."""
            try:
                x = judging.example(u, logp, frames)
            except NotAlignable:
                return []
            return [Answer(judging.lean(x), raw) for raw in judging.answers(judges, [x], alike)]

        cfg, (_, rest), rng, got = self.cfg, self.sets(run), random.Random(self.cfg.seed), Answers([], [], [], [], [], {})
        logps = []
        for u in tqdm(rest, desc=f"answer {run}", mininterval=10):
            logp, frames = listen(data.read_audio(u.path))
            got.learners.extend(answered(u, logp, frames))
            others = [found for _ in range(cfg.stack_misread) if (found := misread(u, rng))]
            for v, j in others:
                got.misread.extend((a, j) for a in answered(v, logp, frames))
            logps.append(logp)
        for u in tqdm(self.synthetic("synthetic-choice"), desc=f"answer {run}, voices", mininterval=10):
            got.voices.extend(answered(u, *listen(data.read_audio(u.path))))
        got.cases.extend(heard.cases(rest, logps, cfg.seed))
        got.decoded.extend(map(speech.decoded, logps))
        if rest:
            for kind, xs in speech.noises([data.read_audio(u.path) for u in rest[::10]], cfg.seed).items():
                got.strange[kind] = [speech.decoded(listen(x)[0]) for x in xs]
        _write(out, lambda f: pickle.dump(got, f, protocol=5))

    def answers(self, run: str) -> Answers:
        with self.paths.stage(f"{run}/answers.pkl").open("rb") as f:
            return pickle.load(f)

    def calibrate(self) -> None:
        """What is made of a model's answers (trees, scales, what was heard, what is speech), all from answers about what the
        models had not met. A part's own trees are taught by the other parts."""
        out = self.paths.stage("calibration.json")
        if out.exists():
            return
        runs = [*self.parts, EVERYONE]
        got = {run: self.answers(run) for run in runs}
        lessons = {run: stack.lessons(a.learners, a.misread, a.voices) for run, a in got.items()}
        # Everyone's lessons, which are of the voices only, are for all.
        stacks = {run: stack.fit([x for other in runs if other != run or run == EVERYONE for x in lessons[other]], self.cfg.seed)
                  for run in tqdm(runs, desc="trees")}
        _save({run: s.state_dict() for run, s in stacks.items()}, self.paths.stage("stacks.pt"))

        def stacked(kind: str) -> list[tuple[Answer, int | None]]:
            found = [(part, a if isinstance(a, tuple) else (a, None)) for part in self.parts for a in getattr(got[part], kind)]
            return [(replace(a, raw=stack.applied(stacks[part], a)), j) for part, (a, j) in found]

        learners = [a for a, _ in stacked("learners")]
        us = [a.example.utterance for a in learners]
        scales = evaluate.fit_scales(judging.scores_of([a.raw for a in learners], us), judging.truth(us))
        wrong_sounds = {}
        for kind, name in (("voices", "synthetic voices"), ("misread", "learners misread")):
            found = [(scales["phone"].scores(a.raw.phone[0, : len(a.example.utterance.phones)].numpy()), a.example.utterance, j)
                     for a, j in stacked(kind)]
            wrong_sounds[name] = evaluate.wrong_sounds(found)

        cases = [c for part in self.parts[1:] for c in got[part].cases]  # fitted on these, judged on the rest
        constants, judged = heard.fit(cases), got[self.parts[0]].cases
        least, precision, recall = heard.threshold(judged, heard.probabilities(judged, *constants))

        said = [d for a in got.values() for d in a.decoded]
        least_phones, least_posterior = speech.fit(said)
        kinds = got[self.parts[0]].strange
        rates = {k: speech.refused(v, least_phones, least_posterior)
                 for k, v in ({"speech": said} | {k: [d for a in got.values() for d in a.strange.get(k, [])] for k in kinds}).items()}
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

    def folder(self, run: str) -> Path:
        """Where a model is exported to: to be measured on its part's speakers, or to be shipped."""
        return self.paths.out if run == EVERYONE else self.paths.stage(f"{run}/model")

    def export(self, run: str, version: str) -> None:
        """The graphs and their manifest. Fails if the graphs and PyTorch don't agree.

        What was trained on everyone takes all constants from what wasn't: there is nobody left to fit them on.
        """
        c = self._constants(run)
        self.write_held_out()
        acoustic = export.Acoustic(self.encoder(run), self.recogniser(run))
        new, out = self.paths.stage("export"), self.folder(run)
        new.mkdir(exist_ok=True)
        export.export_acoustic(acoustic, self.cfg, new / "acoustic.onnx")
        export.export_judge(self._judgement(run), self.hidden, new / "judge.onnx")
        export.check(new, acoustic, self.corpus[:5])
        out.mkdir(parents=True, exist_ok=True)
        for name in ("acoustic.onnx", "judge.onnx"):  # together, and only what passed
            shutil.copyfile(new / name, out / name)
        manifest.write(out, version, self.cfg, manifest.Refusal(**c["refusal"]), c["heard"]["min_probability"],
                       self.folder(self.parts[0]) / "manifest.json")

    def write_held_out(self) -> None:
        """The first part's speakers, for the scorer's own fit."""
        self.paths.stage("held-out.txt").write_text("".join(f"{s}\n" for s in sorted({u.speaker for u in self.sets(self.parts[0])[1]})))

    def _constants(self, run: str) -> dict:
        """What calibrate found; what a released model knows of what it heard instead stays."""
        c = json.loads(self.paths.stage("calibration.json").read_text(encoding="utf-8"))
        if not self._released(run):
            return c
        before = json.loads((self.paths.start / "manifest.json").read_text(encoding="utf-8"))
        return c | {"heard": released.heard(self.paths.start / "judge.onnx") | before["heard"]}

    def _judgement(self, run: str) -> export.Judgement:
        """What makes scores of what is heard."""
        c = self._constants(run)
        scales = {k: calibration.Scale(**s) for k, s in c["scales"].items()}
        heard_scale = HeardScale(*(c["heard"][k] for k in ("scale", "expected", "missing")))
        trees = Stack.of(torch.load(self.paths.stage("stacks.pt"), weights_only=True)[run])
        return export.Judgement(self.judges(run), self.likeness(run), trees, scales, heard_scale).eval()

    def golden(self, folder: Path) -> None:
        golden.write(self.paths.out, self.corpus, folder)

    def evaluate(self, split: str) -> dict:
        """Of the train split, each part by its own model."""
        cache = self.paths.work / f"evaluation-{split}"
        if split == "test":
            return evaluate.run([(self.folder(EVERYONE), data.corpus(self.paths, "test"))], cache, split)
        return evaluate.run(self._unmet(), cache, split)

    def _unmet(self) -> list[tuple[Path, list[Utterance]]]:
        """Each part's model, and whom it has not met."""
        return [(self.folder(part), self.sets(part)[1]) for part in self.parts]

    def pairs(self, voices: Path) -> None:
        audio = self.paths.stage("pairs")
        pairs.synthesise(voices, audio)
        self._report("pairs", pairs.run(self.folder(EVERYONE), audio) | pairs.learners(self._unmet()))

    def robust(self) -> None:
        part = self.parts[0]
        self._report("robust", robust.run(self.folder(part), self.sets(part)[1], self.paths.stage("robust-answers.json")))

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
