#!/usr/bin/env python3
"""Numbers for test-sequences.R and test-utils-arrays.R: windows over time series, padded sequences and
skip-grams by keras_preprocessing 1.1.0, indicator vectors and norms by tf_keras.

  PYTHONPATH=<keras_preprocessing 1.1.0> python tools/golden/sequences.py > tests/testthat/golden/sequences.json
                                                                                    (tf_keras 2.21.0)

Data are sines and sequences follow a formula, so that R makes the same ones. Arrays are in
column-major order, as in R.
"""
import itertools
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np
import tf_keras as keras
from keras_preprocessing import sequence as K

np.unicode_ = np.str_  # NumPy 2 has dropped the name


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


# --- padding ---------------------------------------------------------------------------------------

def ragged(shape=()):
    """Sequences of 3, 0, 7, 1, 4, ... steps, of scalars or of arrays."""
    lengths = [3, 0, 7, 1, 4, 5, 2]
    return [(3.3 * i - 4) * waves((n,) + shape, 0.4 + 0.1 * i) if n else [] for i, n in enumerate(lengths)]


def padding():
    cases = []
    for dtype, padding, truncating, maxlen, value in itertools.product(
            ["int32", "float32"], ["pre", "post"], ["pre", "post"], [None, 1, 4, 9], [0.0, -1.5]):
        arguments = dict(dtype=dtype, padding=padding, truncating=truncating, value=value)
        if maxlen is not None:
            arguments["maxlen"] = maxlen
        cases.append({"shape": [], "arguments": arguments, "padded": numbers(K.pad_sequences(ragged(), **arguments))})
    for shape in ([2], [2, 3]):
        arguments = dict(dtype="float32", maxlen=4, truncating="post")
        cases.append({"shape": shape, "arguments": arguments,
                      "padded": numbers(K.pad_sequences(ragged(tuple(shape)), **arguments))})
    return cases


# --- skip-grams ------------------------------------------------------------------------------------

def couples():
    sequence = [int(v) for v in np.arange(1, 41) * 7 % 11]
    cases = []
    for window in (1, 2, 4):
        pairs, labels = K.skipgrams(sequence, 11, window_size=window, negative_samples=0, shuffle=False)
        assert set(labels) == {1}
        cases.append({"window_size": window, "couples": numbers(pairs)})
    return {"sequence": sequence, "cases": cases}


def sampling_tables():
    return [{"size": 200, "factor": factor, "table": numbers(K.make_sampling_table(200, factor))}
            for factor in (1e-5, 1e-3, 0.05)]


# --- arrays ----------------------------------------------------------------------------------------

def norms():
    cases = []
    for shape in ((4, 3), (2, 3, 4)):
        x = waves(shape, 0.7)
        x[1] = 0
        for axis, order in itertools.product([-1] + list(range(len(shape))), [1, 2, 3, np.inf]):
            cases.append({"shape": shape, "axis": axis if axis < 0 else axis + 1, "order": str(order),
                          "normalized": numbers(keras.utils.normalize(x, axis=axis, order=order))})
    return cases


def indicators():
    return [{"y": numbers(np.array(y)), "num_classes": classes,
             "indicators": numbers(keras.utils.to_categorical(np.array(y), classes))}
            for y in ([0, 2, 1], [[1], [0], [3]], [[0, 1, 2], [2, 2, 0]], [[[0], [1]], [[1], [1]]])
            for classes in (4, 6)]


print(json.dumps({
    "windows": windows(),
    "padding": padding(),
    "couples": couples(),
    "sampling_tables": sampling_tables(),
    "norms": norms(),
    "indicators": indicators(),
}))
