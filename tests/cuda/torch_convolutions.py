"""Holds the convolutions that `cuda_check --sweep FOLDER` computed against PyTorch's.

  python3 tests/cuda/torch_convolutions.py FOLDER
"""
import sys

import numpy
import torch
import torch.nn.functional as F

TOLERANCE = 1e-4


def difference(a, b):
    usual = b.pow(2).mean().sqrt()
    return ((a - b).abs() / (b.abs() + usual)).max().item()


def main(folder):
    wrong = 0
    for line in open(folder + "/convolutions.txt"):
        numbers = [int(n) for n in line.split()]
        name, x_shape, w_shape, y_shape = numbers[0], numbers[1:5], numbers[5:9], numbers[9:13]
        strides, padding, dilation = numbers[13:15], numbers[15:19], numbers[19:21]
        data = torch.from_numpy(numpy.fromfile(f"{folder}/convolution_{name}.bin", numpy.float32))
        shapes = [x_shape, w_shape, y_shape, y_shape, x_shape, w_shape]
        sizes = [int(numpy.prod(s)) for s in shapes]
        parts = [p.reshape(s).double() for p, s in zip(data.split(sizes), shapes)]
        x, w, dy, y, dx, dw = parts
        # The processor's double precision: nothing to doubt. Channels come last here.
        x = x.permute(0, 3, 1, 2).requires_grad_()
        w = w.permute(3, 2, 0, 1).requires_grad_()
        top, bottom, left, right = padding
        expected = F.conv2d(F.pad(x, (left, right, top, bottom)), w, None, strides, 0, dilation)
        expected.backward(dy.permute(0, 3, 1, 2))
        found = [
            difference(y, expected.detach().permute(0, 2, 3, 1)),
            difference(dx, x.grad.permute(0, 2, 3, 1)),
            difference(dw, w.grad.permute(2, 3, 1, 0)),
        ]
        ok = max(found) <= TOLERANCE
        wrong += not ok
        print("ok" if ok else "WRONG", "torch convolution", name,
              "y %.2e  dx %.2e  dw %.2e" % tuple(found))
    print("torch_convolutions:", wrong, "wrong")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
