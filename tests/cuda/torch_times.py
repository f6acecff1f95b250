"""How long PyTorch takes for what `cuda_check --times` measures, in single precision without TF32.

  python3 tests/cuda/torch_times.py
"""
import time

import torch
import torch.nn.functional as F

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.benchmark = True


def normal(*shape):
    return torch.randn(*shape, device="cuda")


def measure(name, run, amount=0.0, unit=""):
    def time_of(runs):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(runs):
            run()
        torch.cuda.synchronize()
        return (time.perf_counter() - begin) / runs

    time_of(3)
    seconds = time_of(max(3, int(0.3 / (time_of(3) + 1e-6))))
    rate = "  %8.2f %s" % (amount / seconds * (1e-12 if unit[0] == "T" else 1e-9), unit) if amount else ""
    print("torch %-27s %10.4f ms%s" % (name, 1e3 * seconds, rate), flush=True)


def main():
    for n in (1024, 4096):
        a, b = normal(n, n), normal(n, n)
        measure("matmul %d" % n, lambda: a @ b, 2.0 * n**3, "TFLOP/s")
    work = 2.0 * 64 * 56 * 56 * 64 * 9 * 64
    images = normal(64, 64, 56, 56).to(memory_format=torch.channels_last)
    filters = normal(64, 64, 3, 3).to(memory_format=torch.channels_last)
    backward = torch.ops.aten.convolution_backward
    rest = ([64], [1, 1], [1, 1], [1, 1], False, [0, 0], 1)
    measure("conv 3x3 forward", lambda: F.conv2d(images, filters, padding=1), work, "TFLOP/s")
    measure("conv 3x3 backward data",
            lambda: backward(images, images, filters, *rest, [True, False, False]), work, "TFLOP/s")
    measure("conv 3x3 backward weights",
            lambda: backward(images, images, filters, *rest, [False, True, False]), work, "TFLOP/s")
    x, y = normal(1 << 24), normal(1 << 24)
    measure("add 16M", lambda: x + y, 3.0 * 4 * (1 << 24), "GB/s")
    m = normal(4096, 4096)
    measure("sum of rows 4096x4096", lambda: m.sum(1), 4.0 * (1 << 24), "GB/s")
    measure("sum of columns 4096x4096", lambda: m.sum(0), 4.0 * (1 << 24), "GB/s")
    measure("softmax 4096x4096", lambda: m.softmax(1), 8.0 * (1 << 24), "GB/s")
    lstm = torch.nn.LSTM(256, 256, batch_first=True, device="cuda")
    sequence = normal(64, 50, 256).requires_grad_()

    def both_ways():
        lstm(sequence)[0].square().sum().backward()

    measure("lstm 64x50x256, both ways", both_ways)


main()
