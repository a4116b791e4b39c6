"""The model: from a GGUF file to adapters and back."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import Config


def load(path: Path):
    """(tokenizer, model) of a GGUF file of the llama architecture, its weights as float32."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return tokenizer, model


class LowRank(nn.Module):
    """A frozen linear layer with an adapter beside it (LoRA, arXiv 2106.09685): y = Wx + scale B(Ax), B zero at first.

    The product is worked out in W's precision, which halves its time on a CPU that has matrix units for bfloat16; A and B
    themselves are float32, so that small steps are not lost.
    """

    def __init__(self, linear: nn.Linear, rank: int, scale: float):
        super().__init__()
        self.linear, self.scale = linear, scale
        self.a = nn.Parameter(torch.empty(rank, linear.in_features))
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        kind = self.linear.weight.dtype
        return self.linear(x) + F.linear(F.linear(x, self.a.to(kind)), (self.scale * self.b).to(kind))

    def delta(self) -> Tensor:
        """What the adapter adds to W."""
        return self.scale * self.b.detach() @ self.a.detach()


_ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def adapted(model: nn.Module, cfg: Config) -> dict[str, LowRank]:
    """Freezes the model in bfloat16 and puts an adapter on every linear layer of its blocks, which alone are trained.

    Returns them by the name of the layer.
    """
    model.to(torch.bfloat16).requires_grad_(False)
    out = {}
    for name, module in list(model.named_modules()):
        parent, _, last = name.rpartition(".")
        if last in _ADAPTED:
            out[name] = LowRank(module, cfg.rank, cfg.scale)
            setattr(model.get_submodule(parent), last, out[name])
    return out


def merged(weights: dict[str, Tensor], adapters: dict[str, LowRank]) -> dict[str, Tensor]:
    """A model's own weights, float32, with the adapters' added."""
    return weights | {f"{name}.weight": weights[f"{name}.weight"] + a.delta() for name, a in adapters.items()}


_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight",
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _named(tensor: str) -> str:
    """The name in transformers of a tensor of a GGUF file."""
    if tensor in _NAMES:
        return _NAMES[tensor]
    _, block, part, kind = tensor.split(".")
    return f"model.layers.{block}.{_NAMES[part]}.{kind}"


def _interleaved(w: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key matrix in GGUF's order: the halves that rotate together side by side."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def export(weights: dict[str, torch.Tensor], like: Path, to: Path, name: str) -> int:
    """Writes a GGUF file with these weights and everything else of another file (tokenizer, template, dimensions).

    Matrices are quantised to 8 bits (Q8_0), vectors stay float32. Returns the file's bytes.
    """
    source = gguf.GGUFReader(like)
    arch = _text(source, "general.architecture")
    if arch != "llama":
        raise ValueError(f"{like} has the architecture {arch}, not llama")
    heads = int(source.fields["llama.attention.head_count"].contents())
    kv_heads = int(source.fields["llama.attention.head_count_kv"].contents())
    out = gguf.GGUFWriter(to, arch)
    for key, field in source.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.file_type", "general.name"):
            continue
        sub = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        out.add_key_value(key, field.contents(), field.types[0], sub_type=sub)
    out.add_name(name)
    out.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    for tensor in source.tensors:
        w = weights[_named(tensor.name)].detach().to(torch.float32).numpy()
        if tensor.name.endswith("attn_q.weight"):
            w = _interleaved(w, heads)
        elif tensor.name.endswith("attn_k.weight"):
            w = _interleaved(w, kv_heads)
        if w.ndim == 1:
            out.add_tensor(tensor.name, np.ascontiguousarray(w))
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            out.add_tensor(tensor.name, gguf.quants.quantize(np.ascontiguousarray(w), kind), raw_dtype=kind)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return to.stat().st_size


def _text(source: gguf.GGUFReader, key: str) -> str:
    return str(source.fields[key].contents())
