"""From the trained weights to the ONNX file that the service runs."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
import torch

from . import data
from .evaluate import Rates, rates_of
from .model import G2P, greedy

MAX_LETTERS = 64


def export(model: G2P, path: pathlib.Path) -> None:
    length = torch.export.Dim("L", min=2, max=MAX_LETTERS)
    program = torch.onnx.export(
        model.eval(), (torch.ones(1, 7, dtype=torch.long),), input_names=["letters"], output_names=["logp"],
        dynamo=True, dynamic_shapes=({1: length},), verbose=False,
    )
    graph = program.model_proto
    del graph.metadata_props[:]
    graph.producer_name, graph.producer_version, graph.doc_string = "mynah_g2p", "1", ""
    onnx.helper.set_model_props(graph, {"mynah.g2p": json.dumps({"letters": data.LETTERS, "symbols": data.SYMBOLS})})
    for node in graph.graph.node:  # traces of the source tree
        node.doc_string = ""
        del node.metadata_props[:]
    for value in [*graph.graph.value_info, *graph.graph.input, *graph.graph.output, *graph.graph.initializer]:
        if hasattr(value, "metadata_props"):
            del value.metadata_props[:]
    del graph.graph.metadata_props[:]
    onnx.checker.check_model(graph)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(graph.SerializeToString(deterministic=True))


def check(model: G2P, path: pathlib.Path) -> float:
    """The largest difference between the network's log posteriors and the file's."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for word in ("a", "ox", "mynah", "o'shaughnessy", "antidisestablishmentarianism"):
        letters = torch.tensor([data.encode(word)])
        with torch.no_grad():
            want = model(letters).numpy()
        worst = max(worst, float(np.abs(want - session.run(None, {"letters": letters.numpy()})[0]).max()))
    return worst


def evaluate_file(path: pathlib.Path, entries: data.Entries, words: list[str]) -> Rates:
    """Error rates of the exported file itself, one word at a time as the service runs it."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    said = {}
    for w in words:
        logp = session.run(None, {"letters": np.array([data.encode(w)])})[0]
        said[w] = [data.SYMBOLS[c - 1] for c in greedy(torch.from_numpy(logp))[0]]
    return rates_of(said, entries)
