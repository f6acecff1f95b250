#!/usr/bin/env python3
"""The file for test-hdf5.R, as Python writes such files.

  python tools/golden/h5py_file.py tests/testthat/golden/h5py.h5      (h5py 3.14.0)
"""
import sys

import h5py
import numpy as np

with h5py.File(sys.argv[1], "w") as file:
    x = np.arange(24, dtype="float32").reshape(4, 3, 2)
    file.create_dataset("group/x", data=x, chunks=(2, 3, 2), compression="gzip")
    file["mask"] = np.array([True, False, True])
    file["long"] = np.array([1, 2**40], dtype="int64")
    file["scalar"] = 3.5
    file["pair"] = np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])
    file.create_dataset("huge", (3 * 10**9, 2), "uint8", chunks=(1024, 2))
    file.create_dataset("wide", (2, 2**40), "uint8", chunks=(1, 1024))
    file.create_dataset("elsewhere", (4,), "uint8", external=[("/dev/null", 0, 4)])
