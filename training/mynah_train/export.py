"""Writes acoustic.onnx and judge.onnx, and checks them against PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from .calibration import Calibrate, Scale
from .config import Config
from .encoder import Encoder
from .judge import SENTENCE_SCALE, WORD_SCALE, Judge, Phones, evidence
from .judging import average
from .likeness import Likeness
from .mel import LogMel
from .phonemes import CLASSES
from .recogniser import Recogniser
from .stack import Stack

OPSET = 20
_SMALLEST = 1024  # initializers of fewer elements stay float32
# Quiet bands stand out against loud ones by more than float16 can hold; a tree's threshold lies between two values.
_EXACT = ("mel.", "stack.")
LEAST = -4.6  # log posteriors below this (1 %) may differ


class Acoustic(nn.Module):
    """samples (1, n) -> log posteriors (1, T, 40), frames (1, T, D)."""

    def __init__(self, encoder: Encoder, recogniser: Recogniser):
        super().__init__()
        self.mel, self.encoder, self.recogniser = LogMel(), encoder, recogniser

    def forward(self, samples: torch.Tensor):
        frames = self.encoder(self.mel(samples))
        return self.recogniser(frames).log_softmax(-1), frames


class HeardScale(nn.Module):
    """Logits of what was heard -> probabilities: softmax(scale * logits + expected [the expected one] + missing [class 0])."""

    def __init__(self, scale: float, expected: float, missing: float):
        super().__init__()
        self.scale, self.expected, self.missing = scale, expected, missing

    def forward(self, heard: torch.Tensor, phoneme: torch.Tensor) -> torch.Tensor:
        z = heard * self.scale + F.one_hot(phoneme, CLASSES).to(heard.dtype) * self.expected
        return torch.cat([z[..., :1] + self.missing, z[..., 1:]], -1).softmax(-1)


class Judgement(nn.Module):
    """The judge's graph, except that a word's answers stand at each of its phones (see per_word)."""

    OUTPUTS = ("phone_score", "phone_probs", "word_score", "word_probs", "stress_score", "stress_probs",
               "sentence_score", "sentence_probs", "heard")

    def __init__(self, judges: list[Judge], likeness: Likeness, stack: Stack, scales: dict[str, Scale], heard: HeardScale):
        super().__init__()
        self.judges, self.heard, self.likeness, self.stack = nn.ModuleList(judges), heard, likeness, stack
        self.scales = nn.ModuleDict({k: Calibrate(s) for k, s in scales.items()})

    def forward(self, logp, frames, phoneme, stress, word, first, last):
        p = Phones(phoneme, stress, word, first, last)
        e = evidence(logp, frames, p, torch.ones_like(logp[..., 0]))
        raw = self.stack(self.likeness(average([j(e, p) for j in self.judges]), e), p, e)
        out = [*self.scales["phone"](raw.phone)]
        for k, r in (("word", raw.word), ("stress", raw.stress)):
            out += self.scales[k](r * WORD_SCALE)
        aspects = [self.scales[a](raw.sentence[:, i] * SENTENCE_SCALE)
                   for i, a in enumerate(("accuracy", "fluency", "prosody"))]
        out += [torch.stack([s for s, _ in aspects], 1), torch.stack([p for _, p in aspects], 1)]
        return (*out, self.heard(e.heard, phoneme))


def export_acoustic(model: Acoustic, cfg: Config, out: Path) -> None:
    model.eval()
    n = torch.export.Dim("n", min=4000, max=int(cfg.max_seconds * 16000))
    torch.onnx.export(model, (torch.randn(1, 32000) * 0.1,), out, input_names=["samples"], output_names=["logp", "frames"],
                      dynamic_shapes={"samples": {1: n}}, dynamo=True, external_data=False, opset_version=OPSET,
                      verbose=False)
    m = onnx.load(out)
    _name_axes(m, {"samples": (1, "n"), "logp": (1, "frames", CLASSES), "frames": (1, "frames", None)})
    _save(m, out)


def export_judge(model: Judgement, hidden: int, out: Path) -> None:
    model.eval()
    t, n = torch.export.Dim("t", min=2, max=9000), torch.export.Dim("p", min=2, max=2000)
    phones = [torch.ones(1, 7, dtype=torch.long) * 5, torch.zeros(1, 7, dtype=torch.long),
              torch.tensor([[0, 0, 1, 1, 1, 2, 2]]), torch.arange(1, 15, 2)[None], torch.arange(1, 15, 2)[None] + 1]
    args = (torch.randn(1, 50, CLASSES).log_softmax(-1), torch.randn(1, 50, hidden), *phones)
    names = ["logp", "frames", "phoneme", "stress", "word", "first", "last"]
    axes = {k: {1: t if i < 2 else n} for i, k in enumerate(names)}
    torch.onnx.export(model, args, out, input_names=names, output_names=list(Judgement.OUTPUTS), dynamic_shapes=axes,
                      dynamo=True, external_data=False, opset_version=OPSET, verbose=False)
    m = onnx.load(out)
    per_word(m)
    shapes = {k: (1, "frames" if i < 2 else "phones", *([None] if i < 2 else [])) for i, k in enumerate(names)}
    shapes |= {k: (1, {"phone": "phones", "heard": "phones", "word": "words", "stress": "words", "sentence": 3}
                   [k.split("_")[0]], *([None] if k == "heard" or k.endswith("probs") else [])) for k in Judgement.OUTPUTS}
    _name_axes(m, shapes)
    _save(m, out)


def per_word(m: onnx.ModelProto) -> None:
    """Makes the word and stress outputs (1, W) out of (1, N): the answer at each word's first phone."""
    g = m.graph
    outputs = [o for o in g.output if o.name.startswith(("word_", "stress_"))]
    constants = {"w/first_column": [1], "w/end": [2**31], "w/minus_one": [-1], "w/zero": [0], "w/axis": [1], "w/row": [0]}
    for name, values in constants.items():
        g.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
    g.initializer.append(numpy_helper.from_array(np.array([[True]]), "w/true"))
    node = helper.make_node
    g.node.extend([
        node("Slice", ["word", "w/first_column", "w/end", "w/axis"], ["w/later"]),
        node("Slice", ["word", "w/zero", "w/minus_one", "w/axis"], ["w/earlier"]),
        node("Equal", ["w/later", "w/earlier"], ["w/same"]),
        node("Not", ["w/same"], ["w/changed"]),
        node("Concat", ["w/true", "w/changed"], ["w/starts"], axis=1),
        node("NonZero", ["w/starts"], ["w/where"]),
        node("Gather", ["w/where", "w/axis"], ["w/columns"], axis=0),
        node("Squeeze", ["w/columns", "w/row"], ["w/index"]),
    ])
    for o in outputs:
        inner = f"w/{o.name}_of_phones"
        for n in g.node:
            for i, name in enumerate(n.output):
                if name == o.name:
                    n.output[i] = inner
            for i, name in enumerate(n.input):
                if name == o.name:
                    n.input[i] = inner
        g.node.append(node("Gather", [inner, "w/index"], [o.name], axis=1))


def _name_axes(m: onnx.ModelProto, shapes: dict[str, tuple]) -> None:
    for v in (*m.graph.input, *m.graph.output):
        for d, want in zip(v.type.tensor_type.shape.dim, shapes[v.name]):
            if isinstance(want, str):
                d.dim_param = want
            elif want is not None:
                d.dim_value = want


def _save(m: onnx.ModelProto, out: Path) -> None:
    """Stores the large weights as float16 with a cast to float32 behind each: half the file, the same arithmetic."""
    g = m.graph
    del g.value_info[:]
    casts = []
    for w in list(g.initializer):
        a = numpy_helper.to_array(w)
        if w.data_type != TensorProto.FLOAT or a.size < _SMALLEST or w.name.startswith(_EXACT):
            continue
        half = f"{w.name}/float16"
        g.initializer.append(numpy_helper.from_array(a.astype(np.float16), half))
        g.initializer.remove(w)
        casts.append(helper.make_node("Cast", [half], [w.name], to=TensorProto.FLOAT))
    nodes = [*casts, *g.node]
    del g.node[:]
    g.node.extend(nodes)
    for n in g.node:
        n.doc_string = ""
        del n.metadata_props[:]
    del m.metadata_props[:]
    m.producer_name, m.producer_version, m.doc_string = "mynah_train", "", ""
    onnx.checker.check_model(m)
    onnx.save(m, out)


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    o = onnxruntime.SessionOptions()
    o.intra_op_num_threads = threads
    o.log_severity_level = 3
    return onnxruntime.InferenceSession(path, o, providers=["CPUExecutionProvider"])


def listen(acoustic: onnxruntime.InferenceSession, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log posteriors (T, 40) and frames (T, D)."""
    logp, frames = acoustic.run(None, {"samples": samples[None]})
    return logp[0], frames[0]


def judge(graph: onnxruntime.InferenceSession, logp: np.ndarray, frames: np.ndarray, phones: np.ndarray,
          stress: np.ndarray, words: np.ndarray, first: np.ndarray, last: np.ndarray) -> dict[str, np.ndarray]:
    """The judge's outputs by name, without the batch dimension."""
    feeds = dict(logp=logp, frames=frames, phoneme=phones, stress=stress, word=words, first=first, last=last)
    names = [o.name for o in graph.get_outputs()]
    return {k: v[0] for k, v in zip(names, graph.run(names, {k: v[None] for k, v in feeds.items()}))}


def check(model: Path, torch_acoustic: Acoustic, utterances: list, tolerance: float = 2e-2) -> None:
    """Raises if log posteriors of the exported acoustic graph differ from PyTorch's by more than the tolerance."""
    from .data import read_audio

    graph = session(model / "acoustic.onnx")
    for u in utterances:
        x = read_audio(u.path)
        got, _ = listen(graph, x)
        with torch.no_grad():
            want = torch_acoustic.eval()(torch.from_numpy(x)[None])[0][0].numpy()
        # Where the probability is next to nothing its logarithm may differ.
        off = float(np.abs(np.where(np.maximum(got, want) > LEAST, got - want, 0)).max())
        if off > tolerance:
            raise AssertionError(f"{u.id}: log posteriors differ by {off:.4f}")
