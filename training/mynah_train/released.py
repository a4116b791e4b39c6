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
    out |= {k: v for norm, layer in _NORMS.items() for k, v in _standard(m, values, norm, start + layer).items()}
    return {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in out.items()}


# A judge's constants that centre and scale, and the layer that is given what comes of them.
_NORMS = {"norm_scalars": "scalars", "norm_globals": "globals", "sounds.norm_scalars": "sounds.net.0", "added.norm_scalars": "added.net.0"}


def _standard(m: onnx.ModelProto, values: dict[str, np.ndarray], norm: str, layer: str) -> dict[str, np.ndarray]:
    """The constants before a layer; {} if there is no such layer. Judges that have the same ones share one step of the graph,
    which has the first judge's name."""
    made = {o: n for n in m.graph.node for o in n.output}
    todo, seen = [o for n in m.graph.node if f"{layer}.bias" in n.input for o in n.input], set()
    while todo:
        name = todo.pop(0)
        if name in seen or name not in made:
            continue
        seen.add(name)
        n = made[name]
        scale = [i for i in n.input if "norm_" in i and i.endswith(".scale")]
        if scale:
            mean = scale[0].removesuffix("scale") + "mean"
            return {f"{norm}.mean": values[mean], f"{norm}.scale": values[scale[0]]}
        todo += n.input
    return {}


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


def heard(graph: Path) -> dict[str, float]:
    """The constants of export.HeardScale: of the last steps before the output, which the exporter gives no names."""
    m = onnx.load(graph)
    values = {i.name: numpy_helper.to_array(i) for i in m.graph.initializer}
    made = {o: n for n in m.graph.node for o in n.output}

    def constant(n: onnx.NodeProto) -> float:
        (value,) = (float(values[i]) for i in n.input if i in values)
        return value

    def found(name: str, kind: str) -> list[onnx.NodeProto]:
        """The nearest nodes of a kind behind a value."""
        if name not in made:
            return []
        n = made[name]
        return [n] if n.op_type == kind else [x for i in n.input for x in found(i, kind)]

    joined = made[made["heard"].input[0]]  # class 0, and the rest
    missing = found(joined.input[0], "Add")[0]
    scaled, expected = found(found(joined.input[1], "Add")[0].input[0], "Mul") + found(found(joined.input[1], "Add")[0].input[1], "Mul")
    return {"scale": constant(scaled), "expected": constant(expected), "missing": constant(missing)}
