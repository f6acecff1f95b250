#!/usr/bin/env python3
"""Numbers for test-embedding.R, test-backend.R, test-ctc.R, test-masking.R and test-optimizers.R.

  python tools/golden/core.py > tests/testthat/golden/core.json      (tf_keras 2.21.0)

Masked and weighted losses, and the optimizers with decay and clipping, are the formulas of Keras
2.1.5 written out: there a masked loss is values * mask / mean(mask), weights divide by the share of
those that aren't zero, and clipnorm takes one norm over all gradients.
"""
import json

from keras_numbers import keras, np, numbers, tf, waves

K = keras.backend

# --- embedding ---------------------------------------------------------------------------------

IDS = np.array([[0, 2, 2, 6], [5, 1, 2, 0]])


def embedding():
    table = tf.Variable(waves((7, 3), 0.37, 0.5))
    layer = keras.layers.Embedding(7, 3)
    layer.build((None, 4))
    layer.set_weights([table.numpy()])
    with tf.GradientTape() as tape:
        y = layer(tf.constant(IDS))
        loss = tf.reduce_sum(y * waves(y.shape, 0.11))
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer.trainable_weights[0]))
    return {"output": numbers(y), "gradient": numbers(gradient)}


# --- losses and metrics with masks and weights -----------------------------------------------------

SHAPE = (3, 4, 2)
MASK = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]], dtype="float32")
WEIGHTS = np.array([1, 0, 2.5], dtype="float32")
STEP_WEIGHTS = np.array([[1, 2, 0, 1], [0.5, 1, 1, 0], [3, 0, 1, 1]], dtype="float32")
P = np.exp(2 * waves(SHAPE, 0.7))
P = (P / P.sum(axis=-1, keepdims=True)).astype("float32")
CLASSES = (np.arange(12).reshape((3, 4), order="F") * 7 % 5 % 2).astype("float32")
ONE_HOT = np.eye(2, dtype="float32")[CLASSES.astype(int)]
L, M = keras.losses, keras.metrics
MASKED = {
    "mean_squared_error": (L.mean_squared_error, waves(SHAPE, 0.9), P),
    "mean_absolute_error": (L.mean_absolute_error, waves(SHAPE, 0.9), P),
    "binary_crossentropy": (L.binary_crossentropy, ONE_HOT, P),
    "categorical_crossentropy": (L.categorical_crossentropy, ONE_HOT, P),
    "sparse_categorical_crossentropy": (L.sparse_categorical_crossentropy, CLASSES[:, :, None], P),
    "poisson": (L.poisson, np.abs(waves(SHAPE, 0.9)), P),
}
MASKED_METRICS = {
    "binary_accuracy": (M.binary_accuracy, ONE_HOT, P),
    "categorical_accuracy": (M.categorical_accuracy, ONE_HOT, P),
    "mean_absolute_error": (L.mean_absolute_error, waves(SHAPE, 0.9), P),
}


def reduce_2_1_5(values, weights=None, mask=None):
    values = tf.cast(values, "float32")
    if mask is not None:
        values = values * mask / tf.reduce_mean(mask)
    if weights is not None:
        if len(values.shape) > len(weights.shape):
            values = tf.reduce_mean(values, axis=1)
        values = values * weights / tf.reduce_mean(tf.cast(weights != 0, "float32"))
    return tf.reduce_mean(values)


def masked_case(f, y_true, y_pred, gradients=True):
    def one(weights, mask):
        p = tf.constant(y_pred)
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = reduce_2_1_5(f(tf.constant(y_true.astype("float32")), p), weights, mask)
        case = {"value": float(value)}
        if gradients:
            case["gradient"] = numbers(tape.gradient(value, p))
        return case
    return {"mask": one(None, MASK), "mask_weights": one(WEIGHTS, MASK),
            "mask_step_weights": one(STEP_WEIGHTS, MASK), "step_weights": one(STEP_WEIGHTS, None)}


# --- optimizers: the rules of 2.1.5 -------------------------------------------------------------------

def gradients_at(step):
    return [waves((3, 2), 0.5 + 0.03 * step), waves((2,), 0.9 + 0.05 * step)]


def run_optimizer(rule, decay=0, clipnorm=None, clipvalue=None, lr=0.01, steps=20, **settings):
    weights = [waves((3, 2), 0.37, 0.5).astype("float64"), waves((2,), 0.47, 0.5).astype("float64")]
    states = [{} for _ in weights]
    for i in range(steps):
        gradients = [g.astype("float64") for g in gradients_at(i)]
        if clipnorm is not None:
            norm = np.sqrt(sum((g ** 2).sum() for g in gradients))
            gradients = [g * clipnorm / norm if norm >= clipnorm else g for g in gradients]
        if clipvalue is not None:
            gradients = [np.clip(g, -clipvalue, clipvalue) for g in gradients]
        rate = lr / (1 + decay * i)
        for w, g, s in zip(weights, gradients, states):
            w += rule(g, s, rate, i + 1, **settings)
    return [numbers(w) for w in weights]


EPS = 1e-7


def average(s, name, x, rho):
    s[name] = rho * s.get(name, 0) + (1 - rho) * x
    return s[name]


def sgd(g, s, lr, t, momentum=0, nesterov=False):
    v = s["v"] = momentum * s.get("v", 0) - lr * g
    return momentum * v - lr * g if nesterov else v


def rmsprop(g, s, lr, t, rho=0.9):
    return -lr * g / (np.sqrt(average(s, "a", g ** 2, rho)) + EPS)


def adagrad(g, s, lr, t):
    s["a"] = s.get("a", 0) + g ** 2
    return -lr * g / (np.sqrt(s["a"]) + EPS)


def adadelta(g, s, lr, t, rho=0.95):
    a = average(s, "a", g ** 2, rho)
    u = g * np.sqrt(s.get("d", 0) + EPS) / np.sqrt(a + EPS)
    average(s, "d", u ** 2, rho)
    return -lr * u


def adam(g, s, lr, t, b1=0.9, b2=0.999, amsgrad=False):
    m, v = average(s, "m", g, b1), average(s, "v", g ** 2, b2)
    if amsgrad:
        v = s["h"] = np.maximum(s.get("h", 0), v)
    return -lr * np.sqrt(1 - b2 ** t) / (1 - b1 ** t) * m / (np.sqrt(v) + EPS)


def adamax(g, s, lr, t, b1=0.9, b2=0.999):
    m = average(s, "m", g, b1)
    u = s["u"] = np.maximum(b2 * s.get("u", 0), np.abs(g))
    return -lr / (1 - b1 ** t) * m / (u + EPS)


def nadam(g, s, lr, t, b1=0.9, b2=0.999, sd=0.004):
    now = b1 * (1 - 0.5 * 0.96 ** (t * sd))
    then = b1 * (1 - 0.5 * 0.96 ** ((t + 1) * sd))
    s["S"] = s.get("S", 1) * now
    m, v = average(s, "m", g, b1), average(s, "v", g ** 2, b2)
    m = (1 - now) * g / (1 - s["S"]) + then * m / (1 - s["S"] * then)
    return -lr * m / (np.sqrt(v / (1 - b2 ** t)) + EPS)


RULES = {"sgd": sgd, "rmsprop": rmsprop, "adagrad": adagrad, "adadelta": adadelta, "adam": adam,
         "adamax": adamax, "nadam": nadam}


def optimizer_cases():
    cases = {}
    for name, rule in RULES.items():
        cases[name] = run_optimizer(rule)
        if name != "nadam":
            cases[name + "_decay"] = run_optimizer(rule, decay=0.1)
        cases[name + "_clipnorm"] = run_optimizer(rule, clipnorm=0.8)
        cases[name + "_clipvalue"] = run_optimizer(rule, clipvalue=0.3)
    cases["sgd_all"] = run_optimizer(sgd, decay=0.05, clipnorm=1, clipvalue=0.4, momentum=0.8, nesterov=True)
    cases["sgd_momentum"] = run_optimizer(sgd, momentum=0.8)
    cases["adam_all"] = run_optimizer(adam, decay=0.05, clipnorm=1, clipvalue=0.4, b1=0.8, b2=0.7, amsgrad=True)
    cases["rmsprop_rho"] = run_optimizer(rmsprop, decay=0.05, rho=0.6)
    cases["adadelta_rho"] = run_optimizer(adadelta, lr=1, rho=0.8)
    cases["adamax_betas"] = run_optimizer(adamax, b1=0.7, b2=0.8)
    cases["nadam_schedule"] = run_optimizer(nadam, sd=0.1, b1=0.8)
    return cases


# --- backend functions -----------------------------------------------------------------------------------

X, Y = waves((4, 3), 0.7, 2), waves((4, 3), 0.9, 2)
A, B = waves((2, 3, 4), 0.7, 2), waves((2, 4, 5), 0.9)
IMAGE, KERNEL = waves((2, 5, 4, 3), 0.7), waves((2, 3, 3, 2), 0.3)
VOLUME = waves((2, 2, 3, 2, 2), 0.7)
SERIES, FILTERS = waves((2, 6, 3), 0.7), waves((2, 3, 4), 0.3)
WHOLE, OTHER = np.round(X), np.round(Y)
POSITIVE = np.abs(X) + np.float32(0.1)
SOFT = (np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)).astype("float32")
BITS = (Y > 0).astype("float32")
TARGET = np.eye(3, dtype="float32")[[0, 2, 1, 1]]
V3 = waves((3,), 0.5)


def backend_cases():
    c = lambda x: tf.constant(np.asarray(x, dtype="float32"))
    x, y, a, b, whole, other = c(X), c(Y), c(A), c(B), c(WHOLE), c(OTHER)
    positive, soft = c(POSITIVE), c(SOFT)
    image, series, volume = c(IMAGE), c(SERIES), c(VOLUME)
    rows = {
        "abs": K.abs(x), "clip": K.clip(x, -0.5, 0.75), "cos": K.cos(x), "sin": K.sin(x), "exp": K.exp(x),
        "log": K.log(positive), "sqrt": K.sqrt(x), "square": K.square(x), "pow": K.pow(x, 3),
        "pow_fraction": K.pow(positive, 1.5), "round": K.round(x), "sign": K.sign(x),
        "maximum": K.maximum(x, y), "minimum": K.minimum(x, y), "relu": K.relu(x),
        "relu_all": K.relu(x, alpha=0.2, max_value=1), "elu": K.elu(x, 0.7), "sigmoid": K.sigmoid(x),
        "hard_sigmoid": K.hard_sigmoid(x), "tanh": K.tanh(x), "softmax": K.softmax(x),
        "softplus": K.softplus(x), "softsign": K.softsign(x),
        "equal": K.equal(whole, other), "not_equal": K.not_equal(whole, other), "greater": K.greater(whole, other),
        "greater_equal": K.greater_equal(whole, other), "less": K.less(whole, other),
        "less_equal": K.less_equal(whole, other), "switch": tf.where(x > 0, x, y),
        "sum": K.sum(x), "sum_axis": K.sum(a, axis=1), "sum_keepdims": K.sum(a, axis=-1, keepdims=True),
        "sum_axes": K.sum(a, axis=[0, 2]), "mean": K.mean(x), "mean_axis": K.mean(a, axis=2),
        "max": K.max(a, axis=1), "min": K.min(a, axis=-1), "prod": K.prod(a, axis=1), "prod_all": K.prod(x),
        "var": K.var(a, axis=1), "std": K.std(x), "any": K.any(K.greater(a, 1.5), axis=2),
        "all": K.all(K.greater(a, -1.5), axis=1), "argmax": K.argmax(a), "argmax_axis": K.argmax(a, axis=1),
        "argmin": K.argmin(a), "cumsum": K.cumsum(x), "cumsum_axis": K.cumsum(a, axis=1),
        "cumprod": K.cumprod(a, axis=2), "logsumexp": tf.reduce_logsumexp(10 * a, axis=1),
        "dot": K.dot(x, c(V3.reshape(3, 1))), "dot_3": K.dot(a, c(waves((4, 2), 0.4))),
        "batch_dot": K.batch_dot(a, b, axes=[2, 1]), "batch_dot_2": K.batch_dot(x, y, axes=1),
        "batch_dot_negative": K.batch_dot(a, a, axes=[2, 2]),
        "transpose": K.transpose(x), "gather": K.gather(x, [2, 0, 2]), "one_hot": K.one_hot([0, 2, 1], 3),
        "l2_normalize": K.l2_normalize(a, axis=2),
        "reshape": K.reshape(a, (-1, 6, 2)), "flatten": K.flatten(a), "batch_flatten": K.batch_flatten(a),
        "expand_dims": K.expand_dims(x), "expand_dims_axis": K.expand_dims(x, 1),
        "squeeze": K.squeeze(K.expand_dims(x, 1), 1), "concatenate": K.concatenate([a, 2 * a]),
        "concatenate_axis": K.concatenate([a, 2 * a], axis=1), "stack": K.stack([x, y], axis=1),
        "permute_dimensions": K.permute_dimensions(a, (0, 2, 1)), "repeat": K.repeat(x, 2),
        "repeat_elements": K.repeat_elements(a, 2, axis=1), "tile": K.tile(a, [1, 2, 3]),
        "reverse": K.reverse(a, axes=[1, 2]), "temporal_padding": K.temporal_padding(a, (1, 2)),
        "spatial_2d_padding": K.spatial_2d_padding(image, ((1, 0), (2, 1))),
        "spatial_3d_padding": K.spatial_3d_padding(volume, ((1, 0), (0, 1), (1, 1))),
        "cast": tf.cast(tf.cast(x, "int32"), "float32"), "zeros_like": K.zeros_like(x), "ones_like": K.ones_like(x),
        "bias_add": K.bias_add(image, c(V3)), "conv1d": K.conv1d(series, c(FILTERS), strides=2, padding="same"),
        "conv2d": K.conv2d(image, c(KERNEL), strides=(2, 1), padding="same"),
        "pool2d": K.pool2d(image, (2, 3), strides=(1, 2), padding="same", pool_mode="avg"),
        "batch_normalization": K.batch_normalization(x, c(V3), c(V3 ** 2 + 1), c(2 * V3), c(V3 + 2)),
        "in_top_k": tf.math.in_top_k(tf.constant([0, 1, 2, 0]), x, 2),
        "binary_crossentropy": K.binary_crossentropy(c(BITS), soft),
        "binary_crossentropy_logits": K.binary_crossentropy(c(BITS), x, from_logits=True),
        "categorical_crossentropy": K.categorical_crossentropy(c(TARGET), soft),
        "categorical_crossentropy_logits": K.categorical_crossentropy(c(TARGET), x, from_logits=True),
        "sparse_categorical_crossentropy": K.sparse_categorical_crossentropy(c([0, 2, 1, 1]), soft),
        "map_fn": tf.map_fn(lambda v: tf.reduce_sum(v * v), x),
        "foldl": tf.foldl(lambda total, v: 2 * total + v, x), "foldr": tf.foldr(lambda total, v: 2 * total + v, x),
        "arange": tf.range(1, 10, 3), "eye": tf.eye(3),
    }
    return {name: numbers(np.asarray(value, dtype="float64")) for name, value in rows.items()}


def second_derivatives():
    """d/dx of sum(w * d(sum of f(x))/dx), f composed of common layers' functions."""
    x, w = tf.constant(X), tf.constant(Y)
    fs = {
        "tanh_softmax": lambda x: K.softmax(K.tanh(x)) ** 2,
        "sigmoid_exp": lambda x: K.sigmoid(x) * K.exp(-x),
        "normalize": lambda x: K.l2_normalize(x, axis=1) ** 3,
        "logsumexp": lambda x: tf.reduce_logsumexp(x, axis=1) ** 2,
        "dot": lambda x: K.dot(x, tf.constant(waves((3, 2), 0.4))) ** 3,
    }
    result = {}
    for name, f in fs.items():
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                total = tf.reduce_sum(f(x))
            slope = tf.reduce_sum(w * inner.gradient(total, x))
        result[name] = numbers(outer.gradient(slope, x))
    return result


# --- CTC ---------------------------------------------------------------------------------------------------

def ctc():
    def probabilities(shape, step):
        p = np.exp(3 * waves(shape, step))
        return tf.constant((p / p.sum(axis=-1, keepdims=True)).astype("float32"))

    p = probabilities((3, 8, 5), 0.7)
    labels = tf.constant([[0, 1, 2], [3, 3, 0], [2, 0, 0]], dtype="float32")
    steps, counts = tf.constant([[8.0], [7.0], [5.0]]), tf.constant([[3.0], [2.0], [1.0]])
    with tf.GradientTape() as tape:
        tape.watch(p)
        cost = K.ctc_batch_cost(labels, p, steps, counts)
        total = tf.reduce_sum(cost * [[1.0], [2.0], [3.0]])
    result = {"cost": numbers(cost), "gradient": numbers(tape.gradient(total, p))}

    def decoded(p, lengths, **how):
        paths, scores = K.ctc_decode(p, tf.constant(lengths), **how)
        width = p.shape[1]
        fill = [np.pad(np.asarray(d), ((0, 0), (0, width - d.shape[1])), constant_values=-1) for d in paths]
        return {"paths": [numbers(d) for d in fill], "scores": numbers(scores)}

    result["greedy"] = decoded(p, [8, 7, 5])
    result["beam"] = decoded(p, [8, 7, 5], greedy=False, beam_width=100, top_paths=3)
    result["narrow"] = decoded(p, [8, 7, 5], greedy=False, beam_width=3, top_paths=2)
    long = probabilities((2, 30, 10), 0.37)
    result["long_narrow"] = decoded(long, [30, 21], greedy=False, beam_width=5, top_paths=2)
    result["long"] = decoded(long, [30, 21], greedy=False, beam_width=60, top_paths=1)
    return result


print(json.dumps({
    "embedding": embedding(),
    "masked_losses": {k: masked_case(*v) for k, v in MASKED.items()},
    "masked_metrics": {k: masked_case(*v, gradients=False) for k, v in MASKED_METRICS.items()},
    "optimizers": optimizer_cases(),
    "backend": backend_cases(),
    "second_derivatives": second_derivatives(),
    "ctc": ctc(),
}, separators=(",", ":")))
