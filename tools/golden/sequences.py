#!/usr/bin/python3
"""Numbers for test-sequences.R: windows over time series, padded sequences, skip-grams and norms, by
keras_preprocessing 1.1.0 and, for to_categorical() and normalize(), by what tf_keras computes.

  PYTHONPATH=<keras_preprocessing 1.1.0> /usr/bin/python3 tools/golden/sequences.py > tests/testthat/golden/sequences.json

Data are sines and sequences follow a formula, so that R makes the same ones. Arrays are in
column-major order, as in R.
"""
import itertools
import json
import sys

sys.modules.setdefault("tensorflow", None)
import numpy as np
from keras_preprocessing import sequence as K


def waves(shape, step):
    """sin(step), sin(2 step), ... in column-major order, as R fills arrays."""
    count = int(np.prod(shape))
    return np.sin(step * np.arange(1, count + 1)).reshape(shape, order="F")


def numbers(x):
    x = np.asarray(x)
    values = [float(f"{v:.8g}") for v in x.reshape(-1, order="F").tolist()]
    if all(v == int(v) for v in values):
        values = [int(v) for v in values]
    return {"dim": list(x.shape), "value": values}


# --- windows ---------------------------------------------------------------------------------------

def windows_case(shape, target_shape, **arguments):
    generator = K.TimeseriesGenerator(waves(shape, 0.7), waves(target_shape, 0.3), **arguments)
    batches = [generator[i] for i in range(len(generator))]
    return {"shape": shape, "target_shape": target_shape, "arguments": arguments, "count": len(generator),
            "x": [numbers(x) for x, _ in batches], "y": [numbers(y) for _, y in batches]}


def windows():
    cases = []
    for rate, stride, reverse in itertools.product([1, 2, 3], [1, 2, 5], [False, True]):
        cases.append(windows_case([20, 2], [20], length=6, sampling_rate=rate, stride=stride,
                                  reverse=reverse, batch_size=3))
    cases += [
        windows_case([12], [12], length=4, batch_size=5),
        windows_case([12], [12, 2], length=5, sampling_rate=2, reverse=True),
        windows_case([12, 2, 3], [12, 1], length=3, batch_size=4),
        windows_case([12, 2, 2, 2], [12, 2, 2], length=2, sampling_rate=2, stride=3, batch_size=2),
        windows_case([30, 1], [30], length=4, start_index=5, end_index=20, batch_size=4),
        windows_case([30, 1], [30], length=4, start_index=25, stride=4, batch_size=1),
        windows_case([30, 1], [30], length=10, start_index=7, end_index=17),
        windows_case([9, 1], [9], length=8, batch_size=2),
        windows_case([9, 1], [9], length=1, sampling_rate=4, batch_size=4),
    ]
    return cases


print(json.dumps({
    "windows": windows(),
}))
