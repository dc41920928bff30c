"""A segmentation network: masks as targets, one score per image, an ensemble as the result."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

import hpo


def discs(part, images=400, side=24):
    """Grey images of a bright disc on noise, and the disc's mask; uint8 both."""
    random = np.random.default_rng(0 if part == "development" else 1)
    y, x = np.mgrid[:side, :side]
    centre = random.uniform(6, side - 6, (images, 2, 1, 1))
    radius = random.uniform(3, 6, (images, 1, 1))
    masks = (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 < radius**2
    pixels = random.normal(100, 40, (images, side, side)) + 60 * masks
    return pixels.clip(0, 255).astype(np.uint8), masks.astype(np.uint8)


@hpo.trainable(metrics={"iou": "max"})
def fit(run, data, *, lr=0.01, width=8, batch_size=16):
    model = run.build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    run.track(optimizer=optimizer)
    for _ in run.epochs():
        model.train()
        for images, masks in DataLoader(data.train, batch_size, shuffle=True):
            optimizer.zero_grad()
            logits = model(scaled(images))
            F.binary_cross_entropy_with_logits(logits, masks.float()).backward()
            optimizer.step()
        run.report(evaluate(predict(model, data.validation), data.validation))


@fit.build
def build(run):
    width = run.params["width"]
    return nn.Sequential(
        nn.Conv2d(1, width, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(width, width, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(width, 1, 1),
        nn.Flatten(0, 1),
    )


@fit.predict
def predict(model, dataset):
    model.eval()
    with torch.no_grad():
        return torch.sigmoid(model(scaled(torch.as_tensor(dataset.inputs)))).numpy()


@fit.evaluate
def evaluate(outputs, dataset):
    """Intersection over union of every image; of an ensemble, that of the mean probability."""
    predicted, masks = outputs > 0.5, dataset.targets == 1
    both = (predicted & masks).sum((1, 2))
    return {"iou": both / (predicted | masks).sum((1, 2))}


def scaled(images):
    return images[:, None].float() / 64 - 2
