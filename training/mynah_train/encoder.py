"""Whisper's encoder on audio of its own length (no padding to 30 s), tapped at several layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .mel import MELS

WIDTH, HEADS, LAYERS, POSITIONS = 512, 8, 6, 1500


def frames_of(samples: int) -> int:
    """Encoder frames (20 ms each) of that many samples."""
    return (samples // 160 + 1) // 2


class Layer(nn.Module):
    """Pre-norm transformer layer; q, k and v share one projection."""

    def __init__(self):
        super().__init__()
        self.norm1, self.qkv, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.norm2, self.up, self.down = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(a.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Encoder(nn.Module):
    """(B, 80, L) log-mel frames -> (B, (L+1)//2, len(taps) * 512): the tapped layers side by side."""

    def __init__(self, taps: tuple[int, ...]):
        super().__init__()
        self.taps = taps
        self.conv1 = nn.Conv1d(MELS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(POSITIONS, WIDTH), requires_grad=False)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, mel: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """lengths (B): mel frames that are not padding; a padded row's frames equal those of the row alone."""
        x = F.gelu(self.conv1(mel))
        mask = None
        if lengths is not None:
            x = x * (torch.arange(mel.shape[2])[None] < lengths[:, None])[:, None]
            t = (mel.shape[2] + 1) // 2
            mask = (torch.arange(t)[None] < ((lengths + 1) // 2)[:, None])[:, None, None]
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        tapped = []
        for i, layer in enumerate(self.layers, 1):
            x = layer(x, mask)
            if i in self.taps:
                tapped.append(self.norm(x) if i == LAYERS else x)
        return torch.cat(tapped, -1)

    def freeze(self, layers: int) -> None:
        """Fixes the convolutions and the first layers."""
        for m in (self.conv1, self.conv2, *self.layers[:layers]):
            m.requires_grad_(False)


def from_whisper(weights: dict, taps: tuple[int, ...]) -> Encoder:
    """The encoder with Whisper base's weights, as ct2.whisper_base reads them."""
    e = Encoder(taps)

    def put(module: nn.Module, name: str, weight: str = "weight", bias: str = "bias") -> None:
        module.weight.data = torch.tensor(weights[f"{name}/{weight}"].astype("float32"))
        module.bias.data = torch.tensor(weights[f"{name}/{bias}"].astype("float32"))

    def norm(module: nn.Module, name: str) -> None:
        put(module, name, "gamma", "beta")

    put(e.conv1, "encoder/conv1")
    put(e.conv2, "encoder/conv2")
    e.positions.data = torch.tensor(weights["encoder/position_encodings/encodings"].astype("float32"))
    for i, layer in enumerate(e.layers):
        p = f"encoder/layer_{i}"
        norm(layer.norm1, f"{p}/self_attention/layer_norm")
        put(layer.qkv, f"{p}/self_attention/linear_0")
        put(layer.out, f"{p}/self_attention/linear_1")
        norm(layer.norm2, f"{p}/ffn/layer_norm")
        put(layer.up, f"{p}/ffn/linear_0")
        put(layer.down, f"{p}/ffn/linear_1")
    norm(e.norm, "encoder/layer_norm")
    return e.eval()
