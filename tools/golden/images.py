#!/usr/bin/python3
"""Numbers for test-images.R: decoding, resizing, augmentation and batches of pictures, by
keras_preprocessing 1.1.0 with Pillow 9.4 and scipy 1.10.

  PYTHONPATH=<keras_preprocessing 1.1.0> /usr/bin/python3 tools/golden/images.py > tests/testthat/golden/images.json

Pictures follow a formula, so that R makes the same ones; where the bytes of a file matter, they are
in the output. Arrays are in column-major order, as in R.
"""
import base64
import contextlib
import json
import os
import sys
import tempfile

sys.modules.setdefault("tensorflow", None)
import numpy as np
from PIL import Image
from keras_preprocessing import image as K


def picture(height, width, channels, shift=0):
    i, j, k = np.meshgrid(range(height), range(width), range(channels), indexing="ij")
    return ((37 * i + 101 * j + 59 * k + 13 * i * j + shift) % 256).astype("uint8")


def numbers(x):
    x = np.asarray(x)
    values = [float(f"{v:.8g}") for v in x.reshape(-1, order="F").tolist()]
    if all(v == int(v) for v in values):
        values = [int(v) for v in values]
    return {"dim": list(x.shape), "value": values}


# --- files -----------------------------------------------------------------------------------------

def files():
    smooth = np.add.outer(np.arange(9) * 9.0, np.arange(11) * 7.0)[:, :, None] + picture(9, 11, 3) * 0.3
    rgb = Image.fromarray(np.clip(smooth, 0, 255).astype("uint8"))
    rgba = rgb.convert("RGBA")
    rgba.putalpha(Image.fromarray(picture(9, 11, 1)[:, :, 0]))
    wide = Image.fromarray((picture(9, 11, 1)[:, :, 0].astype("uint16") * 257))
    kinds = {
        "444.jpg": (rgb, dict(quality=85, subsampling=0)),
        "420.jpg": (rgb, dict(quality=85, subsampling=2)),
        "progressive.jpg": (rgb, dict(quality=85, progressive=True)),
        "gray.jpg": (rgb.convert("L"), dict(quality=85)),
        "rgb.png": (rgb, {}),
        "gray.png": (rgb.convert("L"), {}),
        "palette.png": (rgb.convert("P", palette=Image.ADAPTIVE, colors=16), {}),
        "alpha.png": (rgba, {}),
        "gray_alpha.png": (rgba.convert("LA"), {}),
        "16.png": (wide, {}),
        "rgb.bmp": (rgb, {}),
        "rgb.ppm": (rgb, {}),
    }
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (image, options) in kinds.items():
            path = os.path.join(folder, name)
            image.save(path, **options)
            with open(path, "rb") as file:
                content = base64.b64encode(file.read()).decode()
            result[name] = {
                "base64": content,
                "rgb": numbers(np.asarray(K.load_img(path, color_mode="rgb"))),
                "grayscale": numbers(np.asarray(K.load_img(path, color_mode="grayscale"))),
            }
    return result


def resized():
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.png")
        Image.fromarray(picture(13, 17, 3)).save(path)
        for method in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"):
            for size in ((5, 7), (20, 6)):
                image = K.load_img(path, target_size=size, interpolation=method)
                cases.append({"method": method, "size": list(size), "out": numbers(np.asarray(image))})
    return cases


# --- augmentation ------------------------------------------------------------------------------------

EVERYTHING = dict(rotation_range=40, width_shift_range=0.2, height_shift_range=0.2, shear_range=20,
                  zoom_range=0.2, horizontal_flip=True, vertical_flip=True, channel_shift_range=20.0,
                  brightness_range=[0.5, 1.5])


def transforms():
    cases = []
    for args in (EVERYTHING, dict(width_shift_range=[0.1, 0.3]), dict(zoom_range=[0.5, 0.9]), {}):
        generator = K.ImageDataGenerator(**args)
        for seed in (0, 7, 42):
            params = generator.get_random_transform((150, 100, 3), seed=seed)
            cases.append({"args": args, "seed": seed, "params": {
                key: None if value is None else float(value) for key, value in params.items()}})
    return cases


def applied():
    x = picture(6, 8, 3).astype("float32")
    shifts = (dict(theta=30.0), dict(tx=1.25, ty=-2.5), dict(shear=20.0), dict(zx=0.75, zy=1.3),
              dict(theta=-133.0, tx=-6.2, ty=9.4, shear=35.0, zx=1.7, zy=1.9))
    cases = []
    for mode in ("nearest", "constant", "reflect", "wrap"):
        generator = K.ImageDataGenerator(fill_mode=mode, cval=17.5)
        for params in shifts:
            cases.append({"fill_mode": mode, "params": params,
                          "out": numbers(generator.apply_transform(x, dict(params)))})
    colours = (dict(flip_horizontal=True), dict(flip_vertical=True), dict(channel_shift_intensity=12.25),
               dict(brightness=0.37), dict(brightness=1.63))
    generator = K.ImageDataGenerator()
    for params in colours:
        cases.append({"fill_mode": "nearest", "params": params,
                      "out": numbers(generator.apply_transform(x, dict(params)))})
    return cases


# --- batches -----------------------------------------------------------------------------------------

PLACES = [("b", "png"), ("a", "png"), ("b", "png"), ("a", "png"), ("C", "png"), ("b/sub", "png"),
          ("a", "png"), ("C", "png"), ("a", "png"), ("b", "png"), ("C", "png"), ("a", "png")]


def batch_of(batch):
    x, y = batch if isinstance(batch, tuple) else (batch, None)
    return {"n": len(x), "mean": float(x.mean()), "first": numbers(x[0, 0]), "last": numbers(x[-1, -1]),
            "y": None if y is None else numbers(y)}


def directory_flows():
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        for n, (place, ending) in enumerate(PLACES):
            os.makedirs(os.path.join(folder, place), exist_ok=True)
            path = os.path.join(folder, place, "i%02d.%s" % (n, ending))
            Image.fromarray(picture(8, 9, 3, 19 * n)).save(path)
        for args, mode, subset, method in (
                (dict(rescale=1 / 255), "binary", None, "nearest"),
                (dict(rescale=1 / 255, **EVERYTHING), "categorical", None, "bilinear"),
                (dict(validation_split=0.4), "sparse", "training", "nearest"),
                (dict(validation_split=0.4), "categorical", "validation", "lanczos")):
            flow = K.ImageDataGenerator(**args).flow_from_directory(
                folder, target_size=(6, 7), batch_size=5, class_mode=mode, seed=11, subset=subset,
                interpolation=method)
            cases.append({
                "args": args, "class_mode": mode, "subset": subset, "interpolation": method,
                "filenames": flow.filenames, "classes": [int(c) for c in flow.classes],
                "batches": [batch_of(next(flow)) for _ in range(2 * len(flow) + 1)]})
    return cases


def array_flow():
    x = np.stack([picture(6, 5, 3, 7 * n) for n in range(11)]).astype("float32")
    args = dict(EVERYTHING, samplewise_center=True, samplewise_std_normalization=True)
    flow = K.ImageDataGenerator(**args).flow(x, np.arange(11), batch_size=4, seed=5)
    return {"args": args, "batches": [batch_of(next(flow)) for _ in range(4)]}


with contextlib.redirect_stdout(sys.stderr):  # flows say what they found
    result = {
        "files": files(), "resized": resized(), "transforms": transforms(), "applied": applied(),
        "directory_flows": directory_flows(), "array_flow": array_flow(),
    }
print(json.dumps(result, separators=(",", ":")))
