"""A script as people write it: PyTorch's MNIST example, on the digits that scikit-learn brings along."""

import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, 1)
        self.conv2 = nn.Conv2d(16, 32, 3, 1)
        self.dropout = nn.Dropout(0.25)
        self.fc1 = nn.Linear(128, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = self.dropout(torch.flatten(x, 1))
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


def data(part):
    digits = load_digits()
    images = torch.tensor(digits.images / 16, dtype=torch.float32)[:, None]
    rows = slice(0, 1400) if part == "development" else slice(1400, None)
    return TensorDataset(images[rows], torch.tensor(digits.target[rows]))


def train_one_epoch(model, dataset, optimizer, batch_size):
    model.train()
    for images, labels in DataLoader(dataset, batch_size=batch_size, shuffle=True):
        optimizer.zero_grad()
        loss = F.nll_loss(model(images), labels)
        loss.backward()
        optimizer.step()


def evaluate(model, dataset):
    model.eval()
    images, labels = next(iter(DataLoader(dataset, batch_size=len(dataset))))
    with torch.no_grad():
        output = model(images)
    loss = F.nll_loss(output, labels)
    correct = output.argmax(dim=1).eq(labels).float().mean()
    return {"accuracy": correct, "loss": loss}


def fit(train, test, *, epochs=5, lr=1.0, gamma=0.7, batch_size=64):
    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=lr)
    schedule = StepLR(optimizer, step_size=1, gamma=gamma)
    for epoch in range(1, epochs + 1):
        train_one_epoch(model, train, optimizer, batch_size)
        schedule.step()
        scores = evaluate(model, test)
        print(epoch, scores)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1.0)
    parser.add_argument("--gamma", type=float, default=0.7)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    fit(data("development"), data("test"), lr=arguments.lr, gamma=arguments.gamma)
