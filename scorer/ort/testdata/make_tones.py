"""Writes the tiny model of ort's tests to tones/: run it with onnx and numpy.

It honours the graph contract of docs/model-card.md, and hears tones for
phones: frame t has class c when a sine of 350 * c Hz fills samples
[320 t, 320 t + 320), and is blank where there is none.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

OUT = Path(__file__).parent / "tones"
HOP, RATE, HIDDEN = 320, 16000, 6
PHONEMES = ["AA", "IY", "K", "M", "N", "S", "T", "UW"]
VOWELS = {"AA", "IY", "UW"}
IPA = ["ɑ", "i", "k", "m", "n", "s", "t", "u"]
C = 1 + len(PHONEMES)
LABELS = 5


def save(name, nodes, inputs, outputs, weights, metadata=None):
    graph = h.make_graph(nodes, name, inputs, outputs, [nh.from_array(v, k) for k, v in weights.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    h.set_model_props(model, metadata or {})
    onnx.checker.check_model(model, full_check=True)
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())


def value(name, kind, *shape):
    return h.make_tensor_value_info(name, kind, shape)


def acoustic():
    n = np.arange(HOP)
    freq = 350 * np.arange(1, C)[:, None] / RATE
    filters = np.concatenate([np.sin(2 * np.pi * freq * n), np.cos(2 * np.pi * freq * n)])[:, None] * 2 / HOP
    weights = {
        "filters": filters.astype(np.float32),
        "one": np.array([1], np.int64),
        "two": np.array([2], np.int64),
        "half": np.array([C - 1, C - 1], np.int64),
        "gain": np.array([40], np.float32),
        "blank": np.array([2], np.float32),
        "zero": np.array([0], np.float32),
        "mix": np.random.default_rng(1).normal(size=(C, HIDDEN)).astype(np.float32),
    }
    nodes = [
        h.make_node("Unsqueeze", ["samples", "one"], ["x"]),
        h.make_node("Conv", ["x", "filters"], ["y"], strides=[HOP]),
        h.make_node("Mul", ["y", "y"], ["p"]),
        h.make_node("Split", ["p", "half"], ["ps", "pc"], axis=1),
        h.make_node("Add", ["ps", "pc"], ["power"]),
        h.make_node("Mul", ["power", "gain"], ["tones"]),
        h.make_node("ReduceSum", ["power", "one"], ["sum"], keepdims=1),
        h.make_node("Mul", ["sum", "zero"], ["nothing"]),
        h.make_node("Add", ["nothing", "blank"], ["silence"]),
        h.make_node("Concat", ["silence", "tones"], ["logits"], axis=1),
        h.make_node("Transpose", ["logits"], ["frame_logits"], perm=[0, 2, 1]),
        h.make_node("LogSoftmax", ["frame_logits"], ["logp"], axis=-1),
        h.make_node("MatMul", ["logp", "mix"], ["frames"]),
    ]
    save("acoustic", nodes, [value("samples", T.FLOAT, 1, "n")],
         [value("logp", T.FLOAT, 1, "t", C), value("frames", T.FLOAT, 1, "t", HIDDEN)], weights)


def judge():
    centres = np.array([0.25, 0.75, 1.25, 1.7, 1.95], np.float32)
    weights = {
        "one": np.array([1], np.int64),
        "last_axis": np.array([2], np.int64),
        "one_scalar": np.array(1, np.int64),
        "zero_scalar": np.array(0, np.int64),
        "onoff": np.array([0, 1], np.float32),
        "two": np.array(2, np.float32),
        "five": np.array(5, np.float32),
        "ten": np.array(10, np.float32),
        "sharp": np.array(-8, np.float32),
        "centres": centres,
        "three": np.array([1, 3], np.int64),
        "classes": np.array(C, np.int64),
        "small": np.array(1e-6, np.float32),
    }
    nodes = [
        h.make_node("Exp", ["logp"], ["post"]),
        # heard: the posteriors of the phone's first frame
        h.make_node("Squeeze", ["first", "zero_axis"], ["first_row"]),
        h.make_node("Gather", ["post", "first_row"], ["heard"], axis=1),
        # phone score: twice the expected phoneme's posterior there
        h.make_node("OneHot", ["phoneme", "classes", "onoff"], ["expected"], axis=-1),
        h.make_node("Mul", ["heard", "expected"], ["masked"]),
        h.make_node("ReduceSum", ["masked", "last_axis"], ["right"], keepdims=0),
        h.make_node("Mul", ["right", "two"], ["phone_score"]),
        # words: the mean of their phones
        h.make_node("ReduceMax", ["word"], ["last_word"], keepdims=0),
        h.make_node("Add", ["last_word", "one_scalar"], ["words"]),
        h.make_node("OneHot", ["word", "words", "onoff"], ["member"], axis=1),
        h.make_node("Unsqueeze", ["phone_score", "last_axis"], ["column"]),
        h.make_node("MatMul", ["member", "column"], ["sums"]),
        h.make_node("ReduceSum", ["member", "last_axis"], ["counts"], keepdims=1),
        h.make_node("Div", ["sums", "counts"], ["means"]),
        h.make_node("Squeeze", ["means", "last_axis"], ["word_mean"]),
        h.make_node("Mul", ["word_mean", "five"], ["word_score"]),
        h.make_node("Identity", ["word_score"], ["stress_score"]),
        h.make_node("ReduceMean", ["phone_score"], ["mean"], axes=[1], keepdims=1),
        h.make_node("Mul", ["mean", "five"], ["mean10"]),
        h.make_node("Expand", ["mean10", "three"], ["sentence_score"]),
    ]
    weights["zero_axis"] = np.array([0], np.int64)
    for level in ("phone", "word", "stress", "sentence"):
        scaled = f"{level}_score"
        if level != "phone":
            nodes.append(h.make_node("Div", [scaled, "five"], [f"{level}_2"]))
            scaled = f"{level}_2"
        nodes += [
            h.make_node("Unsqueeze", [scaled, "last_axis"], [f"{level}_column"]),
            h.make_node("Sub", [f"{level}_column", "centres"], [f"{level}_off"]),
            h.make_node("Abs", [f"{level}_off"], [f"{level}_far"]),
            h.make_node("Mul", [f"{level}_far", "sharp"], [f"{level}_logits"]),
            h.make_node("Softmax", [f"{level}_logits"], [f"{level}_probs"], axis=-1),
        ]
    # The contract's other inputs take part, without effect on the values.
    nodes += [
        h.make_node("Cast", ["stress"], ["stress_f"], to=T.FLOAT),
        h.make_node("Cast", ["last"], ["last_f"], to=T.FLOAT),
        h.make_node("ReduceSum", ["stress_f"], ["stress_sum"], keepdims=0),
        h.make_node("ReduceSum", ["last_f"], ["last_sum"], keepdims=0),
        h.make_node("ReduceSum", ["frames"], ["frames_sum"], keepdims=0),
    ]
    save("judge", nodes,
         [value("logp", T.FLOAT, 1, "t", C), value("frames", T.FLOAT, 1, "t", HIDDEN)]
         + [value(k, T.INT64, 1, "n") for k in ("phoneme", "stress", "word", "first", "last")],
         [value("phone_score", T.FLOAT, 1, "n"), value("phone_probs", T.FLOAT, 1, "n", LABELS),
          value("word_score", T.FLOAT, 1, "w"), value("word_probs", T.FLOAT, 1, "w", LABELS),
          value("stress_score", T.FLOAT, 1, "w"), value("stress_probs", T.FLOAT, 1, "w", LABELS),
          value("sentence_score", T.FLOAT, 1, 3), value("sentence_probs", T.FLOAT, 1, 3, LABELS),
          value("heard", T.FLOAT, 1, "n", C)], weights)


def g2p():
    """The i-th letter of a to h says the i-th phoneme."""
    symbols = [p + ("1" if p in VOWELS else "") for p in PHONEMES]
    save("g2p", [h.make_node("Gather", ["table", "letters"], ["logits"], axis=0),
                 h.make_node("LogSoftmax", ["logits"], ["logp"], axis=-1)],
         [value("letters", T.INT64, 1, "l")], [value("logp", T.FLOAT, 1, "u", C)],
         {"table": np.where(np.eye(C), 0, -9).astype(np.float32)},
         {"mynah.g2p": json.dumps({"letters": "abcdefgh", "symbols": symbols})})


def manifest():
    def info(name):
        data = (OUT / name).read_bytes()
        return {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}

    def bands(*edges):
        names = ["Worst", "Bad", "Average", "Good", "Excellent"]
        return [{"label": n, "from": e} for n, e in zip(names, (0, *edges))]

    (OUT / "manifest.json").write_text(json.dumps({
        "format": 1, "name": "tones", "version": "1", "licence": "Apache-2.0",
        "files": {k: info(f"{k}.onnx") for k in ("acoustic", "judge", "g2p")},
        "sample_rate": RATE, "frame_seconds": HOP / RATE, "hidden_size": HIDDEN,
        "min_seconds": 0.1, "max_seconds": 28,
        "phonemes": [{"arpabet": p, "ipa": i, "vowel": p in VOWELS} for p, i in zip(PHONEMES, IPA)],
        "rubric": {"sentence": bands(2.5, 4.5, 6.5, 8.5), "word": bands(1.5, 3.5, 6.5, 9.5),
                   "phone": bands(0.5, 1, 1.5, 1.9)},
        "refusal": {"match": 4, "error_rate": -2, "margin": 0.1, "bias": -1,
                    "min_phones": 2, "min_posterior": 0.5, "skip_word": -5},
        "heard": {"max_label": "Average", "min_probability": 0.5},
    }, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    acoustic()
    judge()
    g2p()
    manifest()
