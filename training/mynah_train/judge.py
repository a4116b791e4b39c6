"""The judge: what the recogniser heard of each expected phone, and the scores that experts would give.

`evidence` and `Judge` are the same code in training and in the exported graph,
so the scorer in Go passes integers only.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from .encoder import WIDTH
from .phonemes import CLASSES

REACH = 6  # frames around a phone's middle that belong to it at most, unless its own state is longer
ALONE = 10  # frames around a phone's state in which another sound in its place is looked for
SCALARS, GLOBALS = 14, 12
POSITIONS = 128
# The network works on scores of 0 to 2 at every level.
WORD_SCALE = SENTENCE_SCALE = 5.0


class Phones(NamedTuple):
    """N aligned phones of B utterances; see scorer.AlignedPhone. All (B, N) int64."""

    phoneme: torch.Tensor  # 1..39; 0 pads
    stress: torch.Tensor
    word: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor


class Evidence(NamedTuple):
    pooled: torch.Tensor  # B, N, D: mean frame of the phone's segment
    peak: torch.Tensor  # B, N, 512: last tap in the middle of its state
    posterior: torch.Tensor  # B, N, 39: log of each phoneme's share of the segment
    heard: torch.Tensor  # B, N, 40: log odds of each phoneme against nothing; see heard_logits
    gaps: torch.Tensor  # B, N, 80: the same of the frames before the phone's state, and of those after it; see between
    scalars: torch.Tensor  # B, N, SCALARS
    utterance: torch.Tensor  # B, 2D: mean and deviation of the frames
    globals: torch.Tensor  # B, GLOBALS


def segments(p: Phones, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Middle, begin and end (exclusive) of each phone's segment, (B, N) float32, whole frames.

    A segment runs from midpoint to midpoint between the middles of neighbouring
    states, at most REACH frames from its own middle or to its state's ends.
    frames (B): how many there are.
    """
    first, last = p.first.float(), p.last.float()
    middle = (first + last) / 2
    # A padding phone 10 frames after the last one puts the last midpoint 5 frames after it.
    end = torch.where(p.phoneme > 0, middle, torch.zeros(())).amax(1, keepdim=True) + 10
    following = torch.cat([torch.where(p.phoneme > 0, middle, end)[:, 1:], end], 1)
    previous = torch.cat([middle[:, :1] - 10, middle[:, :-1]], 1)
    begin = torch.maximum((previous + middle) / 2, torch.minimum(first, middle - REACH)).floor()
    stop = torch.minimum((middle + following) / 2, torch.maximum(last, middle + REACH)).ceil() + 1
    limit = frames.float()[:, None]
    begin = torch.minimum(begin.clamp(min=0), limit - 1)
    stop = torch.minimum(stop.clamp(min=1), limit)
    return middle, begin, torch.maximum(stop, begin + 1)


def alone(p: Phones, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Begin and end (exclusive) of the frames between the neighbours' states, (B, N) float32: in them nothing but
    this phone was said, if the neighbours are where the alignment has them. Arguments as of segments."""
    first, last = p.first.float(), p.last.float()
    before = torch.cat([torch.full_like(last[:, :1], -1), last[:, :-1]], 1)
    next_first = torch.where(following(p), torch.cat([first[:, 1:], first[:, -1:]], 1), frames.float()[:, None])
    return torch.maximum(before + 1, first - ALONE), torch.minimum(next_first, last + ALONE + 1)


def between(p: Phones, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Begin and end (exclusive) of the frames before the first phone's state, and after each one's until the next one's,
    (B, N + 1) float32: what was said there, if anything was, nobody expected. Arguments as of segments."""
    first, last = p.first.float(), p.last.float()
    _, stop = alone(p, frames)
    begin = torch.cat([(first[:, :1] - ALONE).clamp(min=0), last + 1], 1)
    return begin, torch.cat([first[:, :1], stop], 1)


def following(p: Phones) -> torch.Tensor:
    """(B, N): whether another phone comes after this one."""
    return F.pad(p.phoneme[:, 1:], (0, 1)) > 0


def within(begin: torch.Tensor, stop: torch.Tensor, frames: int) -> torch.Tensor:
    """(B, N, T): 1 in the frames from begin to before stop."""
    t = torch.arange(frames, device=begin.device).float()
    return ((t >= begin[..., None]) & (t < stop[..., None])).float()


def evidence(logp: torch.Tensor, frames: torch.Tensor, p: Phones, frame_mask: torch.Tensor) -> Evidence:
    """logp (B, T, 40), frames (B, T, D), frame_mask (B, T): 1 where a frame is not padding."""
    count = frame_mask.sum(1)
    middle, begin, stop = segments(p, count)
    valid = (p.phoneme > 0).float()
    inside = within(begin, stop, logp.shape[1])
    width = (stop - begin)[..., None]

    pooled = inside @ frames / width
    at = middle.floor().long().clamp(min=0)
    at = torch.minimum(at, (count.long() - 1)[:, None])
    peak = frames[..., -WIDTH:].gather(1, at[..., None].expand(-1, -1, WIDTH))

    share = (inside @ logp.exp())[..., 1:]
    total = share.sum(-1, keepdim=True)
    posterior = (share / (total + 1e-6) + 1e-6).log()
    heard = heard_logits(logp, within(*alone(p, count), logp.shape[1]))
    gaps = heard_logits(logp, within(*between(p, count), logp.shape[1]))
    gaps = torch.cat([gaps[:, :-1], gaps[:, 1:]], -1)

    own = F.one_hot(p.phoneme, CLASSES).to(logp.dtype)  # B, N, 40
    own_posterior = (posterior * own[..., 1:]).sum(-1)
    other_posterior = (posterior - 1e4 * own[..., 1:]).amax(-1)
    own_heard = (heard * own).sum(-1)
    other_heard = (heard - 1e4 * own).amax(-1)
    best = torch.where(inside > 0, own @ logp.transpose(1, 2), torch.full((), -1e4)).amax(-1)  # of the own phoneme

    first, last = p.first.float(), p.last.float()
    before = torch.cat([torch.full_like(last[:, :1], -1), last[:, :-1]], 1)
    gap = torch.log1p((first - before - 1).clamp(min=0))
    more = following(p)
    after = torch.where(more, torch.cat([first[:, 1:], first[:, -1:]], 1), count[:, None])
    gap_after = torch.log1p((after - last - 1).clamp(min=0))
    step = torch.log1p((middle - torch.cat([(middle[:, :1] - 4).clamp(min=0), middle[:, :-1]], 1)).clamp(min=0))
    length = torch.log(width[..., 0])
    n = valid.sum(1).clamp(min=1)

    def mean(x: torch.Tensor) -> torch.Tensor:
        return (x * valid).sum(1) / n

    new_word = torch.cat([torch.ones_like(first[:, :1]), (p.word[:, 1:] != p.word[:, :-1]).float()], 1)
    last_of_word = torch.cat([new_word[:, 1:], torch.ones_like(first[:, :1])], 1)
    last_of_word = torch.where(more, last_of_word, torch.ones(()))
    scalars = torch.stack([
        own_posterior, own_posterior - other_posterior, own_heard, own_heard - other_heard, best,
        torch.log(total[..., 0] + 1e-3), torch.log(last - first + 1), gap, gap_after,
        step, step - mean(step)[:, None], length, new_word, last_of_word,
    ], -1)

    mask = frame_mask[..., None]
    size = count[:, None]
    centre = (frames * mask).sum(1) / size
    deviation = (((frames - centre[:, None]) ** 2 * mask).sum(1) / size + 1e-6).sqrt()
    start = (first * torch.cat([valid[:, :1], torch.zeros_like(valid[:, 1:])], 1)).sum(1)
    finish = (last * valid).amax(1)
    step_spread = (mean((step - mean(step)[:, None]) ** 2) + 1e-6).sqrt()
    overall = torch.stack([
        torch.log(count), 10 * n / count, 10 * n / (finish - start + 1), mean(gap), (gap * valid).amax(1),
        (new_word * valid * (gap > math.log(10)).float()).sum(1) / 5, mean(own_posterior),
        mean(own_posterior - other_posterior), mean((own_heard < other_heard).float()),
        (new_word * valid).sum(1) / 10, start / 50, step_spread,
    ], -1)
    return Evidence(pooled, peak, posterior, heard, gaps, scalars, torch.cat([centre, deviation], -1), overall)


def heard_logits(logp: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Log odds of each class having been said once in the frames inside against nothing: (B, N, 40), 0 for class 0.

    In CTC's topology the path that emits c in one of the frames and blank in
    the others is exp(logp[t, c] - logp[t, blank]) times as likely as
    the one with blank only; the sum over the frames weighs c against a deletion.
    """
    odds = (logp - logp[..., :1]).clamp(max=12).exp()
    summed = (inside @ odds + 1e-6).log()
    return torch.cat([torch.zeros_like(summed[..., :1]), summed[..., 1:]], -1)


class Standard(nn.Module):
    """Centres and scales by constants that fit() takes from the training data; what is further off than so many standard
    deviations means no more."""

    def __init__(self, width: int, furthest: float = 6.0):
        super().__init__()
        self.furthest = furthest
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def fit(self, x: torch.Tensor) -> None:
        self.mean, self.scale = x.mean(0), 1 / x.std(0).clamp(min=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return ((x - self.mean) * self.scale).clamp(-self.furthest, self.furthest)


class Block(nn.Module):
    """Pre-norm transformer layer over the sentence tokens and the phones."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        b, n, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=self.dropout if self.training else 0.0)
        x = x + self.drop(self.out(a.transpose(1, 2).reshape(b, n, d)))
        return x + self.drop(self.down(self.drop(F.gelu(self.up(self.norm2(x))))))


class Raw(NamedTuple):
    """Uncalibrated scores on 0-2; a word's stand at each of its phones."""

    phone: torch.Tensor  # B, N
    word: torch.Tensor  # B, N
    stress: torch.Tensor  # B, N
    sentence: torch.Tensor  # B, 3
    wrong: torch.Tensor  # B, N: log odds that another sound was said, none, or one too many
    added: torch.Tensor  # B, N: log odds of one too many, beside this one


class Sounds(nn.Module):
    """Evidence of one phone and its neighbours -> log odds that it was not said.

    It sees what the recogniser heard and nothing else: not how the rest of the sentence sounded, for which experts
    forgive, nor the encoder's frames, from which it would learn that.
    """

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.phoneme = nn.Embedding(CLASSES, 24)
        self.norm_scalars = Standard(SCALARS)
        size = 2 * CLASSES - 1 + SCALARS + 24
        self.net = nn.Sequential(nn.Linear(size + 2 * 64, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width // 2),
                                 nn.GELU(), nn.Dropout(dropout), nn.Linear(width // 2, 1))
        self.beside = nn.Linear(24 + CLASSES, 64)
        self.gaps = _silent(width)

    def forward(self, e: Evidence, p: Phones) -> torch.Tensor:
        said = self.phoneme(p.phoneme)
        valid = (p.phoneme > 0).to(said.dtype)[..., None]
        beside = self.beside(torch.cat([said, e.heard / 5], -1)) * valid
        nothing = torch.zeros_like(beside[:, :1])
        before, after = torch.cat([nothing, beside[:, :-1]], 1), torch.cat([beside[:, 1:], nothing], 1)
        x = torch.cat([e.heard / 5, e.posterior / 5, self.norm_scalars(e.scalars), said, before, after], -1)
        return self.net[1:](self.net[0](x) + self.gaps(e.gaps / 5))[..., 0]


class Added(nn.Module):
    """What was heard before and after one phone's state -> log odds that a sound was added there. The phone before it
    answers for an added sound, and only at the beginning of a word the one after it."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.phoneme = nn.Embedding(CLASSES, 16)
        self.norm_scalars = Standard(SCALARS)
        self.net = nn.Sequential(nn.Linear(3 * CLASSES + SCALARS + 3 * 16, width), nn.GELU(), nn.Dropout(dropout),
                                 nn.Linear(width, width // 2), nn.GELU(), nn.Dropout(dropout), nn.Linear(width // 2, 1))

    def forward(self, e: Evidence, p: Phones) -> torch.Tensor:
        said = self.phoneme(p.phoneme) * (p.phoneme > 0).float()[..., None]
        nothing = torch.zeros_like(said[:, :1])
        before, after = torch.cat([nothing, said[:, :-1]], 1), torch.cat([said[:, 1:], nothing], 1)
        x = torch.cat([e.gaps / 5, e.heard / 5, self.norm_scalars(e.scalars), said, before, after], -1)
        return self.net(x)[..., 0]


def _silent(width: int) -> nn.Linear:
    """Takes Evidence.gaps; adds nothing to a judge that is begun without it."""
    layer = nn.Linear(2 * CLASSES, width)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Judge(nn.Module):
    """Evidence -> scores: a small transformer over the phones with a token for each aspect of the sentence."""

    def __init__(self, hidden: int, width: int, layers: int, dropout: float = 0.2):
        super().__init__()
        self.norm_pooled, self.pooled = nn.LayerNorm(hidden), nn.Linear(hidden, width)
        self.norm_peak, self.peak = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, width)
        self.posterior, self.heard = nn.Linear(CLASSES - 1, width), nn.Linear(CLASSES, width)
        self.gaps = _silent(width)
        self.norm_scalars, self.scalars = Standard(SCALARS), nn.Linear(SCALARS, width)
        self.phoneme, self.stress = nn.Embedding(CLASSES, width), nn.Embedding(3, width)
        self.position = nn.Embedding(POSITIONS, width)
        self.norm_utterance, self.utterance = nn.LayerNorm(2 * hidden), nn.Linear(2 * hidden, width)
        self.norm_globals, self.globals = Standard(GLOBALS), nn.Linear(GLOBALS, width)
        self.aspects = nn.Parameter(torch.randn(3, width) * 0.02)
        self.drop, self.drop_features = nn.Dropout(dropout), nn.Dropout(0.3)
        self.blocks = nn.ModuleList(Block(width, 4, dropout) for _ in range(layers))
        self.to_phone = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1))
        self.to_word, self.to_stress = self._word_head(width, dropout), self._word_head(width, dropout)
        self.to_sentence = nn.ModuleList(nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1)) for _ in range(3))
        self.sounds, self.added = Sounds(width, dropout), Added(width, dropout)

    def fit(self, scalars: torch.Tensor, overall: torch.Tensor) -> None:
        """Takes the constants that centre and scale (P, SCALARS) and (U, GLOBALS) of the training data."""
        self.norm_scalars.fit(scalars)
        self.sounds.norm_scalars.fit(scalars)
        self.added.norm_scalars.fit(scalars)
        self.norm_globals.fit(overall)

    @staticmethod
    def _word_head(width: int, dropout: float) -> nn.Module:
        return nn.Sequential(nn.LayerNorm(2 * width), nn.Linear(2 * width, width), nn.GELU(), nn.Dropout(dropout),
                             nn.Linear(width, 1))

    def forward(self, e: Evidence, p: Phones) -> Raw:
        valid = p.phoneme > 0
        n = p.phoneme.shape[1]
        position = torch.arange(n, device=p.phoneme.device).clamp(max=POSITIONS - 1)
        said = self.phoneme(p.phoneme)
        x = (self.pooled(self.drop_features(self.norm_pooled(e.pooled)))
             + self.peak(self.drop_features(self.norm_peak(e.peak)))
             + self.posterior(e.posterior / 5) + self.heard(e.heard / 5) + self.gaps(e.gaps / 5)
             + self.scalars(self.norm_scalars(e.scalars))
             + said + self.stress(p.stress) + self.position(position)[None])
        whole = (self.utterance(self.drop_features(self.norm_utterance(e.utterance)))
                 + self.globals(self.norm_globals(e.globals)))
        x = self.drop(torch.cat([self.aspects + whole[:, None], x], 1))
        mask = F.pad(valid, (3, 0), value=True)[:, None, None]
        for block in self.blocks:
            x = block(x, mask)
        sentence = torch.cat([head(x[:, i]) for i, head in enumerate(self.to_sentence)], -1)
        phones = x[:, 3:]
        same = (p.word[:, :, None] == p.word[:, None]) & valid[:, None]
        same = same.float()
        same = same / same.sum(-1, keepdim=True).clamp(min=1)
        word = torch.cat([same @ phones, same @ said], -1)
        return Raw(self.to_phone(phones)[..., 0], self.to_word(word)[..., 0], self.to_stress(word)[..., 0], sentence,
                   self.sounds(e, p), self.added(e, p))
