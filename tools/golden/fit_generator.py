#!/usr/bin/env python3
"""Numbers for test-fit.R: an MLP with fixed weights and data, trained by tf_keras from a
generator with batches of 10, 10 and 5 rows.

  python tools/golden/fit_generator.py > tests/testthat/golden/fit_generator.json      (tf_keras 2.21.0)

Data and weights are sines, so that R makes the same ones without a file. Weights are positive: then
tf_keras divides a weighted loss by the number of rows as Keras 2.1.5 does. RMSprop is the legacy class,
which like 2.1.5 adds epsilon outside of the root.
"""
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np
import tf_keras as keras


def waves(shape, step):
    """sin(step), sin(2 step), ... in column-major order, as R fills arrays."""
    count = int(np.prod(shape))
    return np.sin(step * np.arange(1, count + 1)).reshape(shape, order="F").astype("float32")


X = waves((40, 4), 0.7)
LABELS = np.arange(40) * 7 % 3
WEIGHTS = 1.5 + waves((40,), 0.3)
SIZES = [10, 10, 5]


def batches(labels, sizes, first, weights=None):
    at = first
    while True:
        for size in sizes:
            rows = slice(at, at + size)
            batch = (X[rows], labels[rows])
            yield batch if weights is None else batch + (weights[rows],)
            at += size
        at = first


def make_model(loss, optimizer):
    model = keras.Sequential([
        keras.layers.Dense(6, activation="tanh", input_shape=(4,)),
        keras.layers.Dense(3, activation="softmax"),
    ])
    model.set_weights([waves((4, 6), 1.1), waves((6,), 0.4), waves((6, 3), 1.3), waves((3,), 0.9)])
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def run(loss, optimizer, weights=None, class_weight=None):
    labels = LABELS if loss.startswith("sparse") else np.eye(3, dtype="float32")[LABELS]
    model = make_model(loss, optimizer)
    history = model.fit(
        batches(labels, SIZES, 0, weights), steps_per_epoch=3, epochs=3, verbose=0,
        validation_data=batches(labels, [8, 7], 25), validation_steps=2, class_weight=class_weight)
    values = {key.replace("accuracy", "acc"): [float(v) for v in series]
              for key, series in history.history.items()}
    values["weights"] = [[float(v) for v in w.ravel(order="F")] for w in model.get_weights()]
    return values


print(json.dumps({
    "plain": run("categorical_crossentropy", keras.optimizers.SGD(0.1, momentum=0.9)),
    "sample_weights": run("categorical_crossentropy", keras.optimizers.SGD(0.1, momentum=0.9),
                          weights=WEIGHTS),
    "class_weights": run("sparse_categorical_crossentropy", keras.optimizers.SGD(0.1, momentum=0.9),
                         class_weight={0: 0.5, 1: 2.0, 2: 1.25}),
    "adam": run("sparse_categorical_crossentropy", keras.optimizers.Adam(0.01), weights=WEIGHTS),
    "rmsprop": run("categorical_crossentropy", keras.optimizers.legacy.RMSprop(0.01)),
}, indent=1))
