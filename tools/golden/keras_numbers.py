"""What the scripts of this folder share: data made of sines, and a layer's numbers by tf_keras.

Data and weights are sines, so that R makes the same ones without a file (helper-golden.R).
"""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers


def waves(shape, step, scale=1.0):
    """scale * sin(step), sin(2 step), ... in column-major order, as R fills arrays."""
    count = int(np.prod(shape))
    values = scale * np.sin(step * np.arange(1, count + 1))
    return values.reshape(shape, order="F").astype("float32")


def numbers(x):
    """Column-major values and shape, short."""
    x = np.asarray(x)
    values = [float(f"{v:.8g}") for v in x.reshape(-1, order="F").tolist()]
    return {"dim": list(x.shape), "value": values}


def layer_case(layer, shapes, training=False):
    """Output, and the gradients of sum(output * waves) by inputs and weights."""
    inputs = [keras.Input(shape=s[1:]) for s in shapes]
    outputs = layer(inputs if len(inputs) > 1 else inputs[0])
    model = keras.Model(inputs, outputs)
    model.set_weights([waves(w.shape, 0.37 + 0.1 * i, 0.5) + (1.0 if "variance" in model.weights[i].name or
                       "gamma" in model.weights[i].name else 0.0)
                       for i, w in enumerate(model.get_weights())])
    xs = [tf.constant(waves(s, 0.7 + 0.2 * i)) for i, s in enumerate(shapes)]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        y = model(xs if len(xs) > 1 else xs[0], training=training)
        loss = tf.reduce_sum(y * waves(y.shape, 0.11))
    grads = tape.gradient(loss, xs + model.trainable_weights)
    return {
        "output": numbers(y),
        "input_gradients": [numbers(g) for g in grads[:len(xs)]],
        "weight_gradients": [numbers(g) for g in grads[len(xs):]],
        "weights_after": [numbers(w) for w in model.non_trainable_weights],
    }
