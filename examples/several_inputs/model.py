"""Items with several inputs and several labels, as a map-style data set gives them."""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

import hpo


class Parcels(Dataset):
    """A picture, a weight and a note of each parcel; two labels: fragile, urgent."""

    def __init__(self, part, size):
        random = torch.Generator().manual_seed(0 if part == "development" else 1)
        self.pictures = torch.randn(size, 1, 8, 8, generator=random)
        self.weights = torch.rand(size, generator=random)
        noise = torch.randn(size, 2, generator=random) / 4
        signs = torch.stack([self.pictures[:, 0, :4].mean((1, 2)) * 4, self.weights * 2 - 1], dim=1)
        self.labels = (signs + noise > 0).float()

    def __len__(self):
        return len(self.weights)

    def __getitem__(self, index):
        note = "heavy" if self.weights[index] > 0.5 else "light"
        return {
            "picture": self.pictures[index],
            "weight": float(self.weights[index]),
            "note": note,
            "label": self.labels[index],
        }


def parcels(part, size=600):
    return Parcels(part, size)


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.picture = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU())
        self.head = nn.Linear(width + 2, 2)

    def forward(self, batch):
        numbers = [batch["weight"].float(), torch.tensor([note == "heavy" for note in batch["note"]])]
        return self.head(torch.cat([self.picture(batch["picture"]), torch.stack(numbers, dim=1)], dim=1))


@hpo.trainable(metrics={"f1": "max", "loss": "min"})
def fit(
    run,
    data,
    *,
    lr: Annotated[float, hpo.Range(1e-5, 1, log=True), "learning rate"] = 0.01,
    width: Annotated[int, hpo.Range(1, 512)] = 16,
    optimizer: Literal["sgd", "adam"] = "adam",
    batch_size=64,
):
    model = run.build()
    optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    steps = optimizers[optimizer](model.parameters(), lr=lr)
    run.track(optimizer=steps)
    for _ in run.epochs():
        for batch in DataLoader(data.train, batch_size, shuffle=True):
            steps.zero_grad()
            F.binary_cross_entropy_with_logits(model(batch), batch["label"]).backward()
            steps.step()
        run.report(evaluate(model, data.validation))


@fit.build
def build(run):
    return Net(run.params["width"])


@fit.evaluate
def evaluate(model, dataset):
    """F1 over all labels is one number, without an interval; the loss is one number per parcel."""
    batch = next(iter(DataLoader(dataset, len(dataset))))
    with torch.no_grad():
        logits = model(batch)
    labels, predicted = batch["label"] == 1, logits > 0
    hits = (labels & predicted).sum()
    loss = F.binary_cross_entropy_with_logits(logits, batch["label"], reduction="none").mean(1)
    return {"f1": 2 * hits / (labels.sum() + predicted.sum()), "loss": loss}
