#!/usr/bin/env python3
"""Numbers for test-layers.R, test-losses.R and test-optimizers.R: layers forward and backward,
losses, metrics, optimizers and the training of a small convolutional network, by tf_keras.

  python tools/golden/model_language.py > tests/testthat/golden/model_language.json      (tf_keras 2.21.0)

Where tf_keras has moved away from Keras 2.1.5, the formula of 2.1.5 is written out in numpy:
rmsprop and adagrad (epsilon outside of the root), and the reduction of weighted losses.
"""
import json

from keras_numbers import keras, layer_case, layers, np, numbers, tf, waves

# --- layers ------------------------------------------------------------------------------------

IMG = (2, 6, 5, 3)
LAYERS = {
    "dense": (lambda: layers.Dense(4, activation="tanh"), [(3, 5)]),
    "dense_rank_3": (lambda: layers.Dense(4, use_bias=False), [(2, 3, 5)]),
    "conv_2d_valid": (lambda: layers.Conv2D(4, 3, activation="sigmoid"), [IMG]),
    "conv_2d_same": (lambda: layers.Conv2D(4, (2, 3), padding="same"), [IMG]),
    "conv_2d_same_strides": (lambda: layers.Conv2D(4, 3, strides=(2, 2), padding="same"), [IMG]),
    "conv_2d_valid_strides": (lambda: layers.Conv2D(2, (3, 2), strides=(2, 1)), [IMG]),
    "conv_2d_dilation": (lambda: layers.Conv2D(4, 2, dilation_rate=(2, 3), padding="same"), [IMG]),
    "conv_1d_causal": (lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), [(2, 7, 3)]),
    "conv_1d_same": (lambda: layers.Conv1D(4, 4, strides=2, padding="same"), [(2, 7, 3)]),
    "conv_2d_transpose_same": (lambda: layers.Conv2DTranspose(4, 3, strides=2, padding="same"), [IMG]),
    "conv_2d_transpose_valid": (lambda: layers.Conv2DTranspose(4, (3, 2), strides=(1, 3)), [IMG]),
    "max_pooling_2d": (lambda: layers.MaxPooling2D(2), [IMG]),
    "max_pooling_2d_same": (lambda: layers.MaxPooling2D(3, strides=2, padding="same"), [IMG]),
    "average_pooling_2d": (lambda: layers.AveragePooling2D((2, 3), strides=1), [IMG]),
    "average_pooling_2d_same": (lambda: layers.AveragePooling2D(3, strides=2, padding="same"), [IMG]),
    "max_pooling_1d": (lambda: layers.MaxPooling1D(3, strides=2, padding="same"), [(2, 8, 3)]),
    "average_pooling_1d": (lambda: layers.AveragePooling1D(2), [(2, 7, 3)]),
    "global_average_pooling_2d": (lambda: layers.GlobalAveragePooling2D(), [IMG]),
    "global_max_pooling_2d": (lambda: layers.GlobalMaxPooling2D(), [IMG]),
    "global_max_pooling_1d": (lambda: layers.GlobalMaxPooling1D(), [(2, 7, 3)]),
    "flatten": (lambda: layers.Flatten(), [IMG]),
    "reshape": (lambda: layers.Reshape((5, -1)), [IMG]),
    "permute": (lambda: layers.Permute((3, 1, 2)), [IMG]),
    "repeat_vector": (lambda: layers.RepeatVector(3), [(2, 4)]),
    "zero_padding_2d": (lambda: layers.ZeroPadding2D(((1, 2), (0, 1))), [IMG]),
    "cropping_2d": (lambda: layers.Cropping2D(((1, 2), (0, 1))), [IMG]),
    "upsampling_2d": (lambda: layers.UpSampling2D((2, 3)), [IMG]),
    "add": (lambda: layers.Add(), [(2, 3, 4), (2, 3, 4), (2, 1, 4)]),
    "subtract": (lambda: layers.Subtract(), [(2, 4), (2, 4)]),
    "multiply": (lambda: layers.Multiply(), [(2, 3, 4), (2, 3, 4)]),
    "average": (lambda: layers.Average(), [(2, 4), (2, 4), (2, 4)]),
    "maximum": (lambda: layers.Maximum(), [(2, 4), (2, 4)]),
    "minimum": (lambda: layers.Minimum(), [(2, 4), (2, 4)]),
    "concatenate": (lambda: layers.Concatenate(axis=1), [(2, 3, 4), (2, 2, 4)]),
    "dot": (lambda: layers.Dot(axes=(2, 1)), [(2, 3, 4), (2, 4, 5)]),
    "dot_normalized": (lambda: layers.Dot(axes=1, normalize=True), [(3, 4), (3, 4)]),
    "leaky_relu": (lambda: layers.LeakyReLU(0.2), [(3, 5)]),
    "elu": (lambda: layers.ELU(0.7), [(3, 5)]),
    "thresholded_relu": (lambda: layers.ThresholdedReLU(0.4), [(3, 5)]),
    "prelu": (lambda: layers.PReLU(shared_axes=[1]), [(2, 3, 4)]),
    "softmax_axis": (lambda: layers.Softmax(axis=1), [(2, 3, 4)]),
    "relu_layer": (lambda: layers.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2), [(3, 5)]),
    "batch_normalization_test": (lambda: layers.BatchNormalization(), [(6, 4)]),
}
TRAINING_LAYERS = {
    "batch_normalization": (lambda: layers.BatchNormalization(momentum=0.9), [(6, 4)]),
    "batch_normalization_rank_3": (lambda: layers.BatchNormalization(momentum=0.9), [(4, 3, 2)]),
    "batch_normalization_fused": (lambda: layers.BatchNormalization(momentum=0.9, epsilon=0.01), [(3, 4, 2, 3)]),
    "batch_normalization_plain": (lambda: layers.BatchNormalization(center=False, scale=False), [(6, 4)]),
}
ACTIVATIONS = ["relu", "elu", "selu", "softplus", "softsign", "tanh", "sigmoid", "hard_sigmoid",
               "linear", "softmax", "exponential"]

# --- losses and metrics ---------------------------------------------------------------------------

ROWS, CLASSES = 6, 4


def probabilities(step):
    x = np.exp(2 * waves((ROWS, CLASSES), step))
    return (x / x.sum(axis=1, keepdims=True)).astype("float32")


LABELS = (np.arange(ROWS) * 7 % CLASSES).astype("float32")
ONE_HOT = np.eye(CLASSES, dtype="float32")[LABELS.astype(int)]
SIGNS = np.sign(waves((ROWS, CLASSES), 1.3)).astype("float32")
BITS = (SIGNS > 0).astype("float32")
WEIGHTS = np.array([1, 0, 2, 0.5, 0, 3], dtype="float32")
POSITIVE = np.abs(waves((ROWS, CLASSES), 0.9)) + 0.1
REAL = waves((ROWS, CLASSES), 0.9)
PREDICTED = waves((ROWS, CLASSES), 0.7)
P = probabilities(0.7)
SIGMOID = (1 / (1 + np.exp(-3 * PREDICTED))).astype("float32")

L = keras.losses
LOSSES = {
    "mean_squared_error": (L.mean_squared_error, REAL, PREDICTED),
    "mean_absolute_error": (L.mean_absolute_error, REAL, PREDICTED),
    "mean_absolute_percentage_error": (L.mean_absolute_percentage_error, REAL, PREDICTED),
    "mean_squared_logarithmic_error": (L.mean_squared_logarithmic_error, POSITIVE, np.abs(PREDICTED)),
    "squared_hinge": (L.squared_hinge, SIGNS, PREDICTED),
    "hinge": (L.hinge, SIGNS, PREDICTED),
    "categorical_hinge": (L.categorical_hinge, ONE_HOT, PREDICTED),
    "logcosh": (L.log_cosh, REAL, PREDICTED),
    "categorical_crossentropy": (L.categorical_crossentropy, ONE_HOT, P),
    "sparse_categorical_crossentropy": (L.sparse_categorical_crossentropy, LABELS, P),
    "binary_crossentropy": (L.binary_crossentropy, BITS, SIGMOID),
    "kullback_leibler_divergence": (L.kullback_leibler_divergence, probabilities(0.3), P),
    "poisson": (L.poisson, POSITIVE, np.abs(PREDICTED) + 0.1),
    "cosine_proximity": (L.cosine_similarity, REAL, PREDICTED),
}
M = keras.metrics
METRICS = {
    "binary_accuracy": (M.binary_accuracy, BITS, SIGMOID),
    "categorical_accuracy": (M.categorical_accuracy, ONE_HOT, P),
    "sparse_categorical_accuracy": (M.sparse_categorical_accuracy, LABELS.reshape(-1, 1), P),
    "top_k_categorical_accuracy": (lambda t, p: M.top_k_categorical_accuracy(t, p, k=2), ONE_HOT, P),
    "sparse_top_k_categorical_accuracy":
        (lambda t, p: M.sparse_top_k_categorical_accuracy(t, p, k=2), LABELS.reshape(-1, 1), P),
}


def loss_case(f, y_true, y_pred):
    y_pred = tf.constant(y_pred.astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        values = f(tf.constant(y_true.astype("float32")), y_pred)
        total = tf.reduce_sum(values)
    values = values.numpy()
    return {
        "values": numbers(values),
        "gradient": numbers(tape.gradient(total, y_pred)),
        "mean": float(values.mean()),
        # Keras 2.1.5: mean(values * w) / mean(w != 0)
        "weighted": float((values * WEIGHTS).mean() / (WEIGHTS != 0).mean()),
    }


def metric_case(f, y_true, y_pred):
    values = np.asarray(f(y_true, y_pred), dtype="float32").reshape(ROWS)
    return {"values": numbers(values), "mean": float(values.mean())}


# --- optimizers -------------------------------------------------------------------------------------

def gradients_at(step):
    """Two gradients that don't depend on the weights."""
    return [waves((3, 2), 0.5 + 0.03 * step), waves((2,), 0.9 + 0.05 * step)]


def start():
    return [waves((3, 2), 0.37, 0.5), waves((2,), 0.47, 0.5)]


def run_keras(optimizer, steps=20):
    weights = [tf.Variable(w) for w in start()]
    for step in range(steps):
        optimizer.apply_gradients(zip([tf.constant(g) for g in gradients_at(step)], weights))
    return [numbers(w.numpy()) for w in weights]


def run_numpy(rule, steps=20):
    weights = [w.astype("float64") for w in start()]
    states = [{} for _ in weights]
    for step in range(steps):
        for i, g in enumerate(gradients_at(step)):
            weights[i] = rule(weights[i], g.astype("float64"), states[i], step)
    return [numbers(w) for w in weights]


def rmsprop(lr=0.001, rho=0.9, eps=1e-7):
    def rule(w, g, s, i):
        s["a"] = rho * s.get("a", 0) + (1 - rho) * g ** 2
        return w - lr * g / (np.sqrt(s["a"]) + eps)
    return rule


def adagrad(lr=0.01, eps=1e-7):
    def rule(w, g, s, i):
        s["a"] = s.get("a", 0) + g ** 2
        return w - lr * g / (np.sqrt(s["a"]) + eps)
    return rule


def nadam(lr=0.002, b1=0.9, b2=0.999, eps=1e-7, sd=0.004):
    def rule(w, g, s, i):
        t = i + 1
        now = b1 * (1 - 0.5 * 0.96 ** (t * sd))
        then = b1 * (1 - 0.5 * 0.96 ** ((t + 1) * sd))
        s["S"] = s.get("S", 1) * now
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * g ** 2
        m = (1 - now) * g / (1 - s["S"]) + then * s["m"] / (1 - s["S"] * then)
        return w - lr * m / (np.sqrt(s["v"] / (1 - b2 ** t)) + eps)
    return rule


O, OLD = keras.optimizers, keras.optimizers.legacy
OPTIMIZERS = {
    "sgd": lambda: run_keras(OLD.SGD(0.1)),
    "sgd_momentum": lambda: run_keras(OLD.SGD(0.1, momentum=0.9)),
    "sgd_nesterov": lambda: run_keras(OLD.SGD(0.1, momentum=0.9, nesterov=True)),
    "sgd_decay": lambda: run_keras(OLD.SGD(0.1, decay=0.1)),
    "sgd_clipnorm": lambda: run_keras(OLD.SGD(0.1, global_clipnorm=0.5)),
    "sgd_clipvalue": lambda: run_keras(OLD.SGD(0.1, clipvalue=0.3)),
    "adam": lambda: run_keras(OLD.Adam(0.01)),
    "adam_amsgrad": lambda: run_keras(OLD.Adam(0.01, amsgrad=True, beta_2=0.9)),
    "adam_decay": lambda: run_keras(OLD.Adam(0.01, decay=0.1)),
    "adamax": lambda: run_keras(OLD.Adamax(0.01)),
    "adadelta": lambda: run_keras(OLD.Adadelta(1.0, rho=0.95)),
    "nadam_tf": lambda: run_keras(OLD.Nadam(0.01)),
    "rmsprop": lambda: run_numpy(rmsprop(0.01)),
    "adagrad": lambda: run_numpy(adagrad(0.1)),
    "nadam": lambda: run_numpy(nadam(0.01)),
}

# --- initializers: moments over many draws ------------------------------------------------------------

I = keras.initializers
KERNELS = {"dense": (300, 400), "conv_1d": (5, 80, 120), "conv_2d": (3, 2, 80, 100)}
INITIALIZERS = {
    "glorot_uniform": I.GlorotUniform(1), "glorot_normal": I.GlorotNormal(1),
    "he_uniform": I.HeUniform(1), "he_normal": I.HeNormal(1),
    "lecun_uniform": I.LecunUniform(1), "lecun_normal": I.LecunNormal(1),
    "random_normal": I.RandomNormal(seed=1), "random_uniform": I.RandomUniform(seed=1),
    "truncated_normal": I.TruncatedNormal(seed=1), "orthogonal": I.Orthogonal(seed=1),
}
# tf_keras makes up for what is cut off of the normal distribution of these; 2.1.5 doesn't.
CUT = 0.87962566103423978


def moments(name, initializer, shape):
    x = initializer(shape).numpy().astype("float64")
    if name in ("glorot_normal", "he_normal", "lecun_normal"):
        x *= CUT
    return {"mean": float(x.mean()), "sd": float(x.std()), "largest": float(np.abs(x).max())}


# --- a small convolutional network ----------------------------------------------------------------------

def convnet():
    model = keras.Sequential([
        layers.Conv2D(4, 3, padding="same", activation="relu", input_shape=(8, 8, 2)),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
        layers.Conv2D(6, 3, activation="relu", kernel_regularizer=keras.regularizers.l2(0.01)),
        layers.Flatten(),
        layers.Dense(5, activation="tanh"),
        layers.Dense(3, activation="softmax"),
    ])
    model.set_weights([
        np.ones_like(w) if "gamma" in v.name or "variance" in v.name else
        (waves(w.shape, 0.37 + 0.1 * i, 0.4) if "kernel" in v.name else np.zeros_like(w))
        for i, (w, v) in enumerate(zip(model.get_weights(), model.weights))])
    return model


def train_convnet(optimizer):
    model = convnet()
    model.compile(optimizer, "categorical_crossentropy", metrics=["categorical_accuracy"])
    logs = []
    for step in range(10):
        x = waves((8, 8, 8, 2), 0.7 + 0.01 * step)
        labels = np.arange(8) * (step + 1) % 3
        logs.append([float(v) for v in model.train_on_batch(x, np.eye(3)[labels])])
    x = waves((8, 8, 8, 2), 0.7)
    evaluated = [float(v) for v in model.test_on_batch(x, np.eye(3)[np.arange(8) % 3])]
    return {"logs": logs, "evaluated": evaluated, "prediction": numbers(model.predict_on_batch(x)),
            "last_bias": numbers(model.get_weights()[-1]),
            "moving_variance": numbers(model.layers[1].get_weights()[3])}


result = {
    "layers": {k: layer_case(f(), s) for k, (f, s) in LAYERS.items()},
    "training_layers": {k: layer_case(f(), s, training=True) for k, (f, s) in TRAINING_LAYERS.items()},
    "activations": {a: layer_case(layers.Activation(a), [(3, 5)]) for a in ACTIVATIONS},
    "losses": {k: loss_case(*v) for k, v in LOSSES.items()},
    "metrics": {k: metric_case(*v) for k, v in METRICS.items()},
    "optimizers": {k: f() for k, f in OPTIMIZERS.items()},
    "initializers": {name: {kind: moments(name, f, shape) for kind, shape in KERNELS.items()}
                     for name, f in INITIALIZERS.items()},
    "convnet": {"sgd": train_convnet(OLD.SGD(0.05, momentum=0.9)), "adam": train_convnet(OLD.Adam(0.003))},
}
# Batch norm forgets its updates in layer_case's model call unless run: keep only what moved.
for case in result["layers"].values():
    del case["weights_after"]
print(json.dumps(result, separators=(",", ":")))
