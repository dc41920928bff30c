"""A small GPT on the characters of a text, with nanoGPT's way of drawing batches from one long stream."""

from pydoc_data.topics import topics

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import hpo

BLOCK = 64
TEXTS = ("assert", "assignment", "class", "exceptions", "function", "import", "objects", "with", "yield")


def text(part):
    """Chapters of Python's own manual, a token for each character; the end of the text is the test part."""
    letters = "\n".join(topics[name] for name in TEXTS).encode("ascii", "replace")
    return hpo.Stream(np.frombuffer(letters, np.uint8), block=BLOCK).part(part)


class Layer(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        n, length, width = x.shape
        parts = self.attention(self.norm1(x)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(
            *parts, is_causal=True, dropout_p=self.dropout if self.training else 0.0
        )
        x = x + self.project(mixed.transpose(1, 2).reshape(n, length, width))
        return x + self.feed(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, width, heads, layers, dropout):
        super().__init__()
        self.token, self.position = nn.Embedding(128, width), nn.Embedding(BLOCK, width)
        self.layers = nn.Sequential(*(Layer(width, heads, dropout) for _ in range(layers)))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 128))

    def forward(self, tokens):
        return self.head(self.layers(self.token(tokens) + self.position.weight))


def batch_of(tokens, size):
    """Draw sequences that begin anywhere in the stream, as nanoGPT's get_batch does."""
    starts = torch.randint(len(tokens) - BLOCK, (size,)).tolist()
    rows = torch.tensor(np.stack([tokens[start : start + BLOCK + 1] for start in starts])).long()
    return rows[:, :-1], rows[:, 1:]


@hpo.trainable(metrics={"loss": "min"})
def fit(run, data, *, lr=3e-3, width=32, heads=2, layers=1, dropout=0.0, batch_size=16):
    model = run.build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    run.track(optimizer=optimizer)
    for step in run.steps(report_every=30):
        model.train()
        inputs, targets = batch_of(data.train.tokens, batch_size)
        optimizer.zero_grad()
        F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).backward()
        optimizer.step()
        if step % 30 == 0:
            run.report(evaluate(model, data.validation))


@fit.build
def build(run):
    return GPT(*(run.params[name] for name in ("width", "heads", "layers", "dropout")))


@fit.evaluate
def evaluate(model, dataset):
    """The mean loss of every block of the text; their mean is the loss per character."""
    model.eval()
    inputs, targets = torch.tensor(dataset.inputs).long(), torch.tensor(dataset.targets).long()
    with torch.no_grad():
        losses = F.cross_entropy(model(inputs).transpose(1, 2), targets, reduction="none")
    return {"loss": losses.mean(1)}
