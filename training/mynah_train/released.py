"""The weights of a released model, read back from its graphs: a start that saves most of the encoder's training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper


def state(graph: Path, prefix: str) -> dict[str, torch.Tensor]:
    """The state dict of the exported module `prefix` ("encoder", "judges.0").

    The exporter keeps most parameters by name; a linear layer's weight it
    transposes and numbers, so that one is found by the bias that is added to its
    product.
    """
    m = onnx.load(graph)
    values = {i.name.removesuffix("/float16"): numpy_helper.to_array(i).astype(np.float32)
              for i in m.graph.initializer if i.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)}
    start = prefix + "."
    out = {k.removeprefix(start): v for k, v in values.items() if k.startswith(start)}
    products = {n.output[0]: n for n in m.graph.node if n.op_type == "MatMul"}
    for n in m.graph.node:
        if n.op_type != "Add":
            continue
        bias = [i for i in n.input if i.startswith(start) and i.endswith(".bias")]
        product = [products[i] for i in n.input if i in products]
        if bias and product:
            weight = [i for i in product[0].input if i in values]
            out[bias[0].removeprefix(start).removesuffix("bias") + "weight"] = values[weight[0]].T
    return {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in out.items()}


def mix(graph: Path, taps: int) -> torch.Tensor:
    """The recogniser's mix of the taps, whose softmax the exporter folds: the factor of each tap's normalised frames."""
    m = onnx.load(graph)
    values = {i.name: float(numpy_helper.to_array(i)) for i in m.graph.initializer
              if i.data_type == onnx.TensorProto.FLOAT and not i.dims}
    norms = {n.output[0]: int(n.input[1].split(".")[2]) for n in m.graph.node
             if n.op_type == "LayerNormalization" and n.input[1].startswith("recogniser.norms.")}
    found = {}
    for n in m.graph.node:
        if n.op_type == "Mul" and (tap := [norms[i] for i in n.input if i in norms]):
            found[tap[0]] = values[next(i for i in n.input if i in values)]
    return torch.tensor([found[i] for i in range(taps)]).log()
