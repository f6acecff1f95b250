#!/usr/bin/python3
"""More numbers for test-images-parity.R: every kind of file, every kernel, fill modes, colours,
standardization and whole batches over the border of a pass, by keras_preprocessing 1.1.0 with
Pillow 9.4, scipy 1.10 and pandas 1.5.

  PYTHONPATH=<keras_preprocessing 1.1.0>:<pandas> /usr/bin/python3 tools/golden/images_parity.py \\
      > tests/testthat/golden/images-parity.json

What must be equal to the last bit is kept as the start of an MD5 sum; of batches, each picture's
mean, a weighted sum and some pixels. Arrays are in row-major order.
"""
import base64
import contextlib
import hashlib
import json
import os
import random
import struct
import sys
import tempfile
import zlib

sys.modules.setdefault("tensorflow", None)
import numpy as np
from PIL import Image
from scipy import ndimage
from keras_preprocessing import image as K
from keras_preprocessing.image.utils import _PIL_INTERPOLATION_METHODS as KERNELS


def picture(height, width, channels, shift=0):
    i, j, k = np.meshgrid(range(height), range(width), range(channels), indexing="ij")
    return ((37 * i + 101 * j + 59 * k + 13 * i * j + shift) % 256).astype("uint8")


def noise(*shape):
    """Lehmer's generator, which R can follow."""
    state, values = 1, np.empty(int(np.prod(shape)))
    for n in range(values.size):
        state = state * 16807 % 2147483647
        values[n] = state % 256
    return values.reshape(shape).astype("float32")


def numbers(x):
    values = [float(f"{v:.8g}") for v in np.asarray(x, dtype="float64").ravel().tolist()]
    return [int(v) if v == int(v) else v for v in values]


def md5(x):
    return hashlib.md5(np.ascontiguousarray(x).tobytes()).hexdigest()[:12]


# --- files -----------------------------------------------------------------------------------------

def tiff(samples, photometric, bits=8, order="<", extra=(), planar=1, tile=None, deflate=False,
         orientation=None, colors=None, big=False, rows=4):
    """A TIFF file; `samples` has rows, columns, samples (bits below 8: packed rows of bytes)."""
    height, width, channels = samples.shape
    if bits < 8:
        width = width * 8 // bits
    kind = {8: "B", 16: "H"}.get(bits, "B")
    planes = [samples[:, :, s:s + 1] for s in range(channels)] if planar == 2 else [samples]
    pieces = []
    for plane in planes:
        if tile:
            padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
            pieces += [padded[y:y + tile, x:x + tile] for y in range(0, height, tile)
                       for x in range(0, width, tile)]
        else:
            pieces += [plane[y:y + rows] for y in range(0, height, rows)]
    pieces = [p.astype(np.dtype(order + {"B": "u1", "H": "u2"}[kind])).tobytes() for p in pieces]
    if deflate:
        pieces = [zlib.compress(p) for p in pieces]
    head = 16 if big else 8
    offsets, at = [], head
    for p in pieces:
        offsets.append(at)
        at += len(p)
    at += at % 2
    fields = {256: ("I", [width]), 257: ("I", [height]), 258: ("H", [bits] * channels),
              259: ("H", [8 if deflate else 1]), 262: ("H", [photometric]), 277: ("H", [channels]),
              284: ("H", [planar])}
    places, counts = ("I", offsets), ("I", [len(p) for p in pieces])
    if tile:
        fields.update({322: ("I", [tile]), 323: ("I", [tile]), 324: places, 325: counts})
    else:
        fields.update({273: places, 278: ("I", [rows]), 279: counts})
    if extra:
        fields[338] = ("H", list(extra))
    if orientation:
        fields[274] = ("H", [orientation])
    if colors is not None:
        fields[320] = ("H", list(colors))
    word, step = ("Q", 20) if big else ("I", 12)
    size = struct.calcsize("=" + word)
    directory, after = b"", b""
    start = at + (8 if big else 2) + step * len(fields) + size
    for tag in sorted(fields):
        code, values = fields[tag]
        data = struct.pack(order + code * len(values), *values)
        if len(data) > size:
            place = struct.pack(order + word, start + len(after))
            after += data + b"\0" * (len(data) % 2)
        else:
            place = data.ljust(size, b"\0")
        directory += struct.pack(order + "HH" + word, tag, {"H": 3, "I": 4}[code], len(values)) + place
    mark = b"II" if order == "<" else b"MM"
    if big:
        header = mark + struct.pack(order + "HHHQ", 43, 8, 0, at)
        directory = struct.pack(order + "Q", len(fields)) + directory
    else:
        header = mark + struct.pack(order + "HI", 42, at)
        directory = struct.pack(order + "H", len(fields)) + directory
    body = header + b"".join(pieces)
    return body + b"\0" * (at - len(body)) + directory + b"\0" * size + after


def files():
    smooth = picture(24, 32, 3) * .3 + np.add.outer(np.arange(24) * 5., np.arange(32) * 3.)[:, :, None]
    big = Image.fromarray(np.clip(smooth, 0, 255).astype("uint8"))
    rgba = big.convert("RGBA")
    rgba.putalpha(Image.fromarray(picture(24, 32, 1)[:, :, 0]))
    turned = Image.Exif()
    turned[0x0112] = 6
    saved = {
        "j444.jpg": (big, dict(quality=85, subsampling=0)), "j422.jpg": (big, dict(quality=85, subsampling=1)),
        "j420.jpg": (big, dict(quality=85, subsampling=2)), "prog.jpg": (big, dict(quality=85, progressive=True)),
        "gray.jpg": (big.convert("L"), dict(quality=85)), "cmyk.jpg": (big.convert("CMYK"), dict(quality=85)),
        "odd.jpg": (big.crop((0, 0, 31, 23)), dict(quality=60)), "exif6.jpg": (big, dict(quality=85, exif=turned)),
        "rgb.png": (big, {}), "gray.png": (big.convert("L"), {}),
        "pal.png": (big.convert("P", palette=Image.ADAPTIVE, colors=16), {}), "bit1.png": (big.convert("1"), {}),
        "rgba.png": (rgba, {}), "la.png": (rgba.convert("LA"), {}),
        "g16.png": (Image.fromarray(picture(24, 32, 1)[:, :, 0].astype("uint16") * 257), {}),
        "rgb.bmp": (big, {}), "gray.bmp": (big.convert("L"), {}), "bit1.bmp": (big.convert("1"), {}),
        "rgb.ppm": (big, {}), "gray.pgm": (big.convert("L"), {}), "bit1.pbm": (big.convert("1"), {}),
        "rgb.tif": (big, {}), "lzw.tiff": (big, dict(compression="tiff_lzw")),
        "deflate.tif": (big, dict(compression="tiff_adobe_deflate")),
        "packbits.tif": (big, dict(compression="packbits")),
        "jpeg.tif": (big, dict(compression="jpeg")), "jpeg_gray.tif": (big.convert("L"), dict(compression="jpeg")),
        "g3.tif": (big.convert("1"), dict(compression="group3")),
        "g4.tif": (big.convert("1"), dict(compression="group4")),
        "rgba_lzw.tif": (rgba, dict(compression="tiff_lzw")), "la.tif": (rgba.convert("LA"), {}),
        "pal.tif": (big.convert("P", palette=Image.ADAPTIVE, colors=16), {}),
        "cmyk.tif": (big.convert("CMYK"), {}), "bit1.tif": (big.convert("1"), {}),
    }
    x = picture(9, 11, 6)
    wide = x.astype("uint16") * 257 - x.T.reshape(9, 11, 6)
    dim = (picture(9, 11, 1).astype("uint16") * 3) % 400
    colors = (np.arange(48) * 1366) % 65536
    made = {"gray_white.tif": tiff(x[:, :, :1], 0), "bits1_white.tif": tiff(x[:, :4, :1], 0, bits=1),
            "bits1.tif": tiff(x[:, :4, :1], 1, bits=1), "bits2.tif": tiff(x[:, :4, :1], 1, bits=2),
            "bits2_white.tif": tiff(x[:, :4, :1], 0, bits=2), "bits4.tif": tiff(x[:, :5, :1], 1, bits=4),
            "palette4.tif": tiff(x[:, :5, :1], 3, bits=4, colors=colors),
            "gray16.tif": tiff(dim, 1, bits=16), "gray16_mm.tif": tiff(dim, 1, bits=16, order=">"),
            "gray16_deflate.tif": tiff(dim, 1, bits=16, order=">", deflate=True),
            "gray16_white.tif": tiff(dim, 0, bits=16), "rgb_mm.tif": tiff(x[:, :, :3], 2, order=">"),
            "rgb16.tif": tiff(wide[:, :, :3], 2, bits=16),
            "rgb16_mm.tif": tiff(wide[:, :, :3], 2, bits=16, order=">", deflate=True),
            "rgba16.tif": tiff(wide[:, :, :4], 2, bits=16, extra=(2,)),
            "rgbx.tif": tiff(x[:, :, :4], 2, extra=(0,)), "rgba.tif": tiff(x[:, :, :4], 2, extra=(2,)),
            "premultiplied.tif": tiff(x[:, :, :4], 2, extra=(1,)),
            "premultiplied16.tif": tiff(wide[:, :, :4], 2, bits=16, extra=(1,)),
            "rgbax.tif": tiff(x[:, :, :5], 2, extra=(2, 0)),
            "planar.tif": tiff(x[:, :, :3], 2, planar=2), "planar_mm.tif": tiff(x[:, :, :3], 2, planar=2, order=">"),
            "planar_deflate.tif": tiff(x[:, :, :3], 2, planar=2, deflate=True),
            "planar_rgba.tif": tiff(x[:, :, :4], 2, planar=2, extra=(2,), deflate=True),
            "tiled.tif": tiff(picture(20, 37, 3), 2, tile=16),
            "tiled_deflate.tif": tiff(picture(20, 37, 3), 2, tile=16, deflate=True),
            "tiled_planar.tif": tiff(picture(20, 37, 3), 2, tile=16, planar=2, deflate=True),
            "tiled_gray16.tif": tiff(dim, 1, bits=16, tile=16, deflate=True),
            "cmyk_mm.tif": tiff(x[:, :, :4], 5, order=">"), "cmyk16.tif": tiff(wide[:, :, :4], 5, bits=16),
            "bigtiff.tif": tiff(x[:, :, :3], 2, big=True)}
    for turn in range(2, 9):
        made["turned%d.tif" % turn] = tiff(x[:, :, :3], 2, orientation=turn, deflate=turn % 2 == 0)
    refused = {"lab.tif": tiff(x[:, :, :3], 8), "ycbcr.tif": tiff(x[:, :, :3], 6), "pal_alpha.tif":
               tiff(x[:, :, :2], 3, extra=(2,), colors=np.arange(768) * 85), "two.tif": tiff(x[:, :, :2], 1)}
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (image, options) in saved.items():
            image.save(os.path.join(folder, name), **options)
        for name, content in {**made, **refused}.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        for name in (*saved, *made, *refused):
            path = os.path.join(folder, name)
            entry = {"base64": base64.b64encode(open(path, "rb").read()).decode()}
            for mode in ("rgb", "grayscale", "rgba") if name not in refused else ():
                entry[mode] = md5(np.asarray(K.load_img(path, color_mode=mode)))
            result[name] = entry
    return result


def resized():
    chosen = random.Random(2019)
    sizes = [[13, 17, *size] for size in ((5, 7), (20, 11), (13, 4), (1, 1), (26, 34))]
    sizes += [[chosen.randint(1, 70) for _ in range(4)] for _ in range(100)]
    cases = []
    for number, (h, w, to_h, to_w) in enumerate(sizes):
        channels = (3, 1, 4)[number % 3] if number >= 5 else 3
        x = picture(h, w, channels, number)
        image = Image.fromarray(x[:, :, 0] if channels == 1 else x)
        sums = [md5(np.asarray(image.resize((to_w, to_h), KERNELS[k]))) for k in METHODS]
        cases.append({"from": [h, w, channels], "to": [to_h, to_w], "md5": sums})
    return {"methods": METHODS, "cases": cases}


METHODS = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]


# --- augmentation ------------------------------------------------------------------------------------

BOOK = dict(rotation_range=40, width_shift_range=.2, height_shift_range=.2, shear_range=.2, zoom_range=.2,
            horizontal_flip=True)
COLOURS = dict(BOOK, vertical_flip=True, channel_shift_range=20., brightness_range=[.5, 1.5])


def affine():
    moves = [dict(theta=30.), dict(theta=-75.5), dict(theta=90.), dict(tx=1.25, ty=-2.5), dict(tx=3., ty=2.),
             dict(shear=20.), dict(zx=.75, zy=1.3), dict(zx=2., zy=.5),
             dict(theta=40., tx=1.3, ty=-.7, shear=.2, zx=.83, zy=1.17),
             dict(theta=-133., tx=-6.2, ty=9.4, shear=35., zx=1.7, zy=1.9)]
    cases = []
    for shape in ((6, 8, 3), (5, 5, 1)):
        x = picture(*shape).astype("float32")
        for mode in ("nearest", "constant", "reflect", "wrap"):
            for move in moves:
                out = K.apply_affine_transform(x, row_axis=0, col_axis=1, channel_axis=2, fill_mode=mode,
                                               cval=17.5, **move)
                cases.append({"shape": shape, "fill_mode": mode, "params": move,
                              "out": [round(float(v), 3) for v in out.ravel()]})
    return cases


def transforms():
    cases = []
    for args in (COLOURS, dict(width_shift_range=3, height_shift_range=[1, 2, 4]),
                 dict(width_shift_range=[.1, .3]), dict(zoom_range=[.5, .5]), {}):
        generator = K.ImageDataGenerator(**args)
        for seed in (0, 1, 7, 2147483647):
            drawn = generator.get_random_transform((150, 100, 3), seed=seed)
            cases.append({"args": args, "seed": seed, "params": {
                key: None if value is None else float(value) for key, value in drawn.items()}})
    return cases


def colours():
    x = picture(4, 5, 3).astype("float32")
    return {
        "channel_shift": [{"by": v, "out": numbers(K.apply_channel_shift(x, v, 2))} for v in (-30.5, 12.25, 300.)],
        "brightness": [{"by": v, "out": numbers(K.apply_brightness_shift(x, v))} for v in (0., .37, 1., 1.63, 3.)],
        "saved": [{"scale": scale, "add": add, "times": times, "out": numbers(
            np.asarray(K.array_to_img(x * np.float32(times) + np.float32(add), scale=scale)))}
            for scale, add, times in ((True, 0, 1), (True, 40, .5), (True, -100, 1), (False, 0, 1))],
    }


def zoomed():
    cases = []
    for size, to in (((6, 8), (3, 4)), ((6, 8), (12, 9)), ((5, 5), (1, 7)), ((4, 6), (4, 6))):
        x = picture(*size, 3).astype("float32")
        out = ndimage.zoom(x, (to[0] / size[0], to[1] / size[1], 1), order=1)
        cases.append({"from": size, "to": to, "out": numbers(out)})
    return cases


def standardized():
    x = noise(400, 5, 4, 3) + 3 * picture(5, 4, 3).astype("float32")  # more pictures than values: its covariance is sound
    featurewise = K.ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    featurewise.fit(x)
    samplewise = K.ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True, rescale=1 / 255)
    result = {"mean": numbers(featurewise.mean), "std": numbers(featurewise.std),
              "featurewise": numbers(featurewise.standardize(x[0].copy())),
              "samplewise": numbers(samplewise.standardize(x[1].copy()))}
    for name, epsilon in (("fine", 1e-6), ("coarse", 1e-2)):
        whitening = K.ImageDataGenerator(zca_whitening=True, featurewise_center=True, zca_epsilon=epsilon)
        whitening.fit(x)
        result["zca_" + name] = {"epsilon": epsilon, "rows": numbers(whitening.principal_components[[0, 31, 59]]),
                                 "out": numbers(whitening.standardize(x[2].copy()))}
    augmented = K.ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True, **BOOK)
    augmented.fit(x[:20], augment=True, rounds=2, seed=3)
    result["augmented"] = {"mean": numbers(augmented.mean), "std": numbers(augmented.std)}
    return result


# --- batches -----------------------------------------------------------------------------------------

def seen(batch):
    """Of each picture its mean, a weighted sum and some pixels."""
    x, y = batch if isinstance(batch, tuple) else (batch, None)
    flat = x.reshape(len(x), -1).astype("float64")
    k = np.arange(flat.shape[1])
    weights = k * 7919 % 1009 / 1009
    marks = np.column_stack([flat.mean(1), flat @ weights / len(k), flat[:, k[::len(k) // 5][:5]]])
    y = [numbers(part) for part in y] if isinstance(y, list) else None if y is None else numbers(y)
    return {"n": len(x), "marks": numbers(marks), "y": y}


PLACES = ["b", "a", "b", "a", "C", "b/sub", "a", "C", "a", "b", "C", "a", "C", "b"]


def write_pictures(folder):
    for n, place in enumerate(PLACES):
        os.makedirs(os.path.join(folder, place), exist_ok=True)
        Image.fromarray(picture(20 + n, 31 - n, 3, 19 * n)).save(os.path.join(folder, place, "i%02d.png" % n))


def directory_flows():
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(folder)
        for args, options in (
                (dict(BOOK, rescale=1 / 255), dict(class_mode="binary")),
                (dict(COLOURS, rescale=1 / 255), dict(class_mode="categorical", interpolation="bilinear")),
                (dict(BOOK, rescale=1 / 255, fill_mode="reflect", validation_split=.5),
                 dict(class_mode="sparse", interpolation="lanczos", subset="validation", color_mode="grayscale"))):
            for seed in (0, 1, 11, 2019, 4000000000):
                flow = K.ImageDataGenerator(**args).flow_from_directory(
                    folder, target_size=(18, 20), batch_size=4, seed=seed, **options)
                count = 2 * len(flow) + 1
                cases.append({"args": args, "options": options, "seed": seed, "filenames": flow.filenames,
                              "batches": [seen(next(flow)) for _ in range(count)]})
    return cases


def mixed_folder():
    """Files of several kinds, endings in capitals, a sub-folder, a file that is no picture."""
    names = [("b", "png"), ("a", "PNG"), ("b", "jpg"), ("a", "png"), ("C", "png"), ("b", "png"), ("a", "png"),
             ("C", "bmp"), ("a", "png"), ("b", "ppm"), ("C", "tif"), ("a", "png")]
    contents = {}
    with tempfile.TemporaryDirectory() as folder:
        for n, (place, ending) in enumerate(names):
            name = "/".join([place, *(["sub"] if n == 5 else []), "i%02d.%s" % (n, ending)])
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Image.fromarray(picture(8, 9, 3, 19 * n)).save(path, **({"quality": 90} if ending == "jpg" else {}))
            contents[name] = base64.b64encode(open(path, "rb").read()).decode()
        open(os.path.join(folder, "a", "notes.txt"), "w").write("x")
        cases = []
        for args, options in (
                (dict(rescale=1 / 255), dict(class_mode="binary")),
                (dict(rescale=1 / 255, **COLOURS), dict(class_mode="categorical", interpolation="bilinear")),
                (dict(validation_split=.4), dict(class_mode="sparse", subset="training")),
                (dict(validation_split=.4), dict(class_mode="categorical", subset="validation",
                                                 interpolation="lanczos")),
                (dict(rescale=1 / 255), dict(class_mode="input", color_mode="rgba"))):
            flow = K.ImageDataGenerator(**args).flow_from_directory(
                folder, target_size=(6, 7), batch_size=5, seed=11, **options)
            batches = [next(flow) for _ in range(2 * len(flow) + 1)]
            if options["class_mode"] == "input":
                batches = [x for x, y in batches if np.array_equal(x, y)]
            cases.append({"args": args, "options": options, "filenames": flow.filenames,
                          "classes": [int(v) for v in flow.classes], "batches": [seen(b) for b in batches]})
    return {"files": contents, "cases": cases}


def dataframe_flows():
    import pandas
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(folder)
        names = ["%s/i%02d.png" % (place, n) for n, place in enumerate(PLACES)]
        frame = {"file": names + ["a/missing.png", "b/notes.txt"],
                 "kind": [("dog", "cat", "ant")[n % 3] for n in range(16)],
                 "pair": [("dog", "cat")[n % 2] for n in range(16)],
                 "size": [n * .5 for n in range(16)], "age": [100 - n for n in range(16)]}
        for args, options in (
                (dict(BOOK, rescale=1 / 255), dict(y_col="kind", class_mode="categorical")),
                (dict(rescale=1 / 255), dict(y_col="pair", class_mode="binary")),
                (dict(rescale=1 / 255), dict(y_col="kind", class_mode="sparse", classes=["cat", "ant"])),
                (dict(rescale=1 / 255, validation_split=.3),
                 dict(y_col="kind", class_mode="sparse", subset="training", interpolation="bicubic")),
                (dict(rescale=1 / 255), dict(y_col="size", class_mode="raw")),
                (dict(rescale=1 / 255), dict(y_col=["size", "age"], class_mode="multi_output"))):
            flow = K.ImageDataGenerator(**args).flow_from_dataframe(
                pandas.DataFrame(frame), folder, x_col="file", target_size=(18, 20), batch_size=4, seed=3, **options)
            cases.append({"args": args, "options": options, "filenames": flow.filenames,
                          "batches": [seen(next(flow)) for _ in range(len(flow) + 1)]})
    return {"frame": frame, "cases": cases}


def array_flows():
    x = np.stack([picture(10, 12, 3, 7 * n) for n in range(11)]).astype("float32")
    cases = []
    for args in (dict(COLOURS, rescale=1 / 255), dict(BOOK, fill_mode="wrap", width_shift_range=3, rescale=1 / 255),
                 dict(BOOK, samplewise_center=True, samplewise_std_normalization=True)):
        flow = K.ImageDataGenerator(**args).flow(x, np.arange(11), batch_size=4, seed=5)
        cases.append({"args": args, "batches": [seen(next(flow)) for _ in range(7)]})
    return cases


def saved_names():
    """What save_to_dir writes: names and pixels."""
    x = np.stack([picture(6, 5, 3, 7 * n) for n in range(3)]).astype("float32")
    args = dict(horizontal_flip=True, rescale=1 / 255)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as pictures:
        write_pictures(pictures)
        next(K.ImageDataGenerator(**args).flow(x, batch_size=3, seed=5, save_to_dir=folder, save_prefix="p"))
        next(K.ImageDataGenerator(**args).flow_from_directory(
            pictures, target_size=(18, 20), batch_size=4, seed=5, save_to_dir=folder, save_prefix="q", save_format="jpeg"))
        return {name: md5(np.asarray(Image.open(os.path.join(folder, name)))) for name in sorted(os.listdir(folder))}


with contextlib.redirect_stdout(sys.stderr):  # flows say what they found
    result = {
        "files": files(), "resized": resized(), "affine": affine(), "transforms": transforms(),
        "colours": colours(), "zoomed": zoomed(), "standardized": standardized(),
        "directory_flows": directory_flows(), "mixed_folder": mixed_folder(), "array_flows": array_flows(),
        "saved_names": saved_names(), "dataframe_flows": dataframe_flows(),
    }
    for name, block in result.items():
        print(name, len(json.dumps(block, separators=(",", ":"))), file=sys.stderr)
print(json.dumps(result, separators=(",", ":")))
