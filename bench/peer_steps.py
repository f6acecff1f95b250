#!/usr/bin/python3
"""Training steps of PyTorch on request: compare.py talks to this over stdin and stdout.

A request is "net layout threads seconds"; the answer is "wall cpu", seconds per training step
(forward, loss, backward, update) on one batch that stays in memory. Started by compare.py with
the environment that serves PyTorch best.
"""
import sys
import time

import torch
from torch import nn


def mlp():
    net = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 10))
    return net, torch.rand(128, 784), torch.randint(0, 10, (128,)), nn.CrossEntropyLoss()


def cnn():
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(128, 10))
    return net, torch.rand(128, 1, 28, 28), torch.randint(0, 10, (128,)), nn.CrossEntropyLoss()


def cats():
    blocks = []
    for channels, filters in ((3, 32), (32, 64), (64, 128), (128, 128)):
        blocks += [nn.Conv2d(channels, filters, 3), nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(6272, 512), nn.ReLU(), nn.Linear(512, 1))
    labels = torch.randint(0, 2, (20, 1)).float()
    return net, torch.rand(20, 3, 150, 150), labels, nn.BCEWithLogitsLoss()


def tiny():
    net = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1))
    return net, torch.rand(32, 10), torch.rand(32, 1), nn.MSELoss()


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20000, 128)
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.dense = nn.Linear(128, 1)

    def forward(self, x):
        return self.dense(self.lstm(self.embedding(x))[0][:, -1])


def lstm():
    labels = torch.randint(0, 2, (32, 1)).float()
    return Lstm(), torch.randint(0, 20000, (32, 80)), labels, nn.BCEWithLogitsLoss()


def stepper(name, layout):
    torch.manual_seed(1)
    net, x, y, loss = {"mlp": mlp, "cnn": cnn, "cats": cats, "tiny": tiny, "lstm": lstm}[name]()
    net.train()
    if layout == "nhwc":
        net = net.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    rule = {"tiny": torch.optim.SGD, "lstm": torch.optim.Adam}.get(name, torch.optim.RMSprop)
    optimizer = rule(net.parameters(), lr=1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss(net(x), y).backward()
        optimizer.step()

    for _ in range(3):
        step()
    return step


def measure(step, seconds):
    """The median of short chunks, by the wall and by the processor time of all threads."""
    start = time.perf_counter()
    step()
    repeats = max(1, int(0.05 / (time.perf_counter() - start)))
    wall, cpu = [], []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(wall) < 3:
        w, c = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            step()
        wall.append((time.perf_counter() - w) / repeats)
        cpu.append((time.process_time() - c) / repeats)
    middle = len(wall) // 2
    return sorted(wall)[middle], sorted(cpu)[middle]


steppers = {}
for line in sys.stdin:
    name, layout, threads, seconds = line.split()
    torch.set_num_threads(int(threads))
    if (name, layout) not in steppers:
        steppers[name, layout] = stepper(name, layout)
    print("%.9f %.9f" % measure(steppers[name, layout], float(seconds)), flush=True)
