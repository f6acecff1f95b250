#!/usr/bin/python3
"""Small files in the formats of Keras's data sets, and what tf_keras makes of them, for
test-datasets.R.

  python3 tools/golden/datasets.py > tests/testthat/golden/datasets.json

needs tf_keras. Files are in the output as base64.
"""
import base64
import io
import json
import os
import pickle
import sys
import tarfile
import tempfile

import numpy as np
import tf_keras.datasets as datasets
from tf_keras.src.datasets import boston_housing, cifar10, cifar100, imdb, reuters

from keras_numbers import numbers

rng = np.random.RandomState(7)


def base64_of(data):
    return base64.b64encode(data).decode()


def texts(n):
    return np.array([[int(w) for w in rng.zipf(1.6, size=rng.randint(2, 9)) % 40 + 1] for _ in range(n)],
                    dtype=object)


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def split(parts):
    """((x, y), (x, y)) with texts as lists, arrays as numbers."""
    return [{"x": [list(map(int, t)) for t in x] if x.dtype == object else numbers(x), "y": numbers(y)}
            for x, y in parts]


def loaded(module, content, cases, name):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(content)
        module.get_file = lambda *args, **kwargs: path
        return {"file": base64_of(content),
                "cases": [{"args": case, "parts": split(module.load_data(**case))} for case in cases]}


def word_sets():
    def y(n):
        return rng.randint(0, 2, n)
    n = 9
    imdb_file = npz(x_train=texts(n), y_train=y(n), x_test=texts(n + 1), y_test=y(n + 1))
    reuters_file = npz(x=texts(23), y=rng.randint(0, 46, 23))
    common = [{}, {"num_words": 12}, {"num_words": 20, "skip_top": 5, "seed": 4},
              {"num_words": 15, "oov_char": None}, {"start_char": None, "index_from": 2, "maxlen": 6}]
    return {
        "imdb": loaded(imdb, imdb_file, common, "imdb.npz"),
        "reuters": loaded(reuters, reuters_file, common + [{"test_split": 0.35, "maxlen": 7}], "reuters.npz"),
        "boston": loaded(boston_housing, npz(x=rng.rand(11, 3), y=rng.rand(11)),
                         [{}, {"test_split": 0.5, "seed": 1}], "boston_housing.npz"),
    }


def cifar_batch(n, labels):
    """As Python 2 wrote them: byte strings as keys, an array of bytes."""
    batch = {b"batch_label": b"a batch", b"data": rng.randint(0, 256, (n, 3072)).astype("uint8"),
             b"filenames": [b"%d.png" % i for i in range(n)]}
    for label in labels:
        batch[label] = [int(k) for k in rng.randint(0, 10, n)]
    return pickle.dumps(batch, protocol=2)


def archive(folder, files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(folder + "/" + name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def cifar_sets():
    ten = {"data_batch_%d" % i: cifar_batch(2, [b"labels"]) for i in range(1, 6)}
    ten["test_batch"] = cifar_batch(2, [b"labels"])
    hundred = {name: cifar_batch(2, [b"fine_labels", b"coarse_labels"]) for name in ("train", "test")}
    result = {}
    for module, inner, files, cases in (
            (cifar10, "cifar-10-batches-py", ten, [{}]),
            (cifar100, "cifar-100-python", hundred, [{}, {"label_mode": "coarse"}])):
        # tf_keras counts on the real sizes: its own reader of a batch does the work here.
        packed = archive(inner, files)
        with tempfile.TemporaryDirectory() as folder:
            tarfile.open(fileobj=io.BytesIO(packed)).extractall(folder)
            made = []
            for case in cases:
                key = {} if module is cifar10 else {"label_key": case.get("label_mode", "fine") + "_labels"}
                parts = []
                for names in ([n for n in files if not n.startswith("test")], [n for n in files if n.startswith("test")]):
                    read = [module.load_batch(os.path.join(folder, inner, name), **key) for name in names]
                    x = np.concatenate([x for x, _ in read]).transpose(0, 2, 3, 1)
                    y = np.reshape([label for _, labels in read for label in labels], (-1, 1))
                    parts.append({"sum": int(x.astype("int64").sum()), "corner": numbers(x[:, :2, :3, :]), "y": numbers(y)})
                made.append({"args": case, "parts": parts})
        result[inner] = {"file": base64_of(packed), "cases": made}
    return result


def arrays():
    """.npy files of all kinds; "pickles" of all protocols."""
    def npy(x):
        buffer = io.BytesIO()
        np.save(buffer, x, allow_pickle=True)
        return {"file": base64_of(buffer.getvalue()), "value": numbers(x)}
    x = np.arange(24).reshape(2, 3, 4) * 5 - 30
    kinds = {code: npy(x.astype(code)) for code in ("i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<f4", ">f4", "<f8", ">f8")}
    kinds["u1"] = npy((x + 40).astype("u1"))
    kinds["u2"] = npy((x + 40).astype("u2"))
    kinds["b1"] = npy(x % 2 == 0)
    kinds["fortran"] = npy(np.asfortranarray(x.astype("f4")))
    kinds["large"] = npy(np.array([3e9, 1], dtype="u8"))
    kinds["empty"] = npy(np.zeros((0, 3)))
    kinds["scalar"] = npy(np.array(4.5))
    data = {"a": [1, 2, 70000, -5], "b": (1.5, None, True), "c": {"d": "\u00fc\u4e2d"}, "e": b"bytes",
            "f": np.arange(6, dtype="<i2").reshape(2, 3), "g": [2 ** 40, 2 ** 31 - 1], "h": [], "i": np.float64(2.5)}
    return {"npy": kinds, "pickles": [base64_of(pickle.dumps(data, protocol=p)) for p in range(5)]}


result = {"words": word_sets(), "cifar": cifar_sets(), "arrays": arrays()}
json.dump(result, sys.stdout, separators=(",", ":"))
