#!/usr/bin/env python3
"""Numbers for test-layers-recurrent.R: recurrent layers and wrappers, forward and backward, by
tf_keras, which for these layers computes what Keras 2.1.5 does once it is told the activation of
the gates and the place of the reset gate. (Masked bidirectional layers are put together by hand.)

  python tools/golden/recurrent.py > tests/testthat/golden/recurrent.json      (tf_keras 2.21.0)
"""
import json

from keras_numbers import layer_case, layers, np, numbers, tf, keras, waves

SEQUENCE = (3, 4, 2)
STATE = (3, 3)
MASK = tf.constant(np.array([[1, 1, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]], dtype=bool))
HARD = {"recurrent_activation": "hard_sigmoid"}


def rnn(**kwargs):
    return layers.SimpleRNN(3, **kwargs)


def lstm(**kwargs):
    return layers.LSTM(3, **{**HARD, **kwargs})


def gru(**kwargs):
    return layers.GRU(3, **{**HARD, "reset_after": False, **kwargs})


def masked(layer):
    return lambda x: layer(x, mask=MASK)


def from_states(layer):
    return lambda inputs: layer(inputs[0], initial_state=inputs[1:])


def last_state(layer):
    """The last of the states that a layer with return_state puts out."""
    return lambda x: layer(x)[-1]


class BothWays(layers.Layer):
    """Bidirectional as 2.1.5 has it: at masked steps the outputs stay as they were, while tf_keras
    makes them zero in this wrapper."""

    def __init__(self, layer):
        super().__init__()
        self.forwards = layer(return_sequences=True)
        self.backwards = layer(return_sequences=True, go_backwards=True)

    def call(self, x):
        y = tf.reverse(self.backwards(x, mask=MASK), [1])
        return tf.concat([self.forwards(x, mask=MASK), y], -1)


IMAGES = (2, 3, 5, 4, 2)
CASES = {
    "rnn": (rnn(), [SEQUENCE]),
    "rnn_relu_sequences": (rnn(activation="relu", return_sequences=True), [SEQUENCE]),
    "rnn_backwards_no_bias": (rnn(go_backwards=True, use_bias=False), [SEQUENCE]),
    "rnn_softsign": (rnn(activation="softsign", return_sequences=True), [SEQUENCE]),
    "rnn_states": (from_states(rnn()), [SEQUENCE, STATE]),
    "rnn_masked": (masked(rnn(return_sequences=True)), [SEQUENCE]),
    "lstm": (lstm(), [SEQUENCE]),
    "lstm_sigmoid": (lstm(recurrent_activation="sigmoid"), [SEQUENCE]),
    "lstm_sequences": (lstm(return_sequences=True), [SEQUENCE]),
    "lstm_backwards": (lstm(return_sequences=True, go_backwards=True), [SEQUENCE]),
    "lstm_last_cell": (last_state(lstm(return_state=True)), [SEQUENCE]),
    "lstm_states": (from_states(lstm(return_sequences=True)), [SEQUENCE, STATE, STATE]),
    "lstm_masked": (masked(lstm()), [SEQUENCE]),
    "lstm_masked_sequences": (masked(lstm(return_sequences=True)), [SEQUENCE]),
    "lstm_masked_backwards": (masked(lstm(go_backwards=True)), [SEQUENCE]),
    "gru": (gru(), [SEQUENCE]),
    "gru_sequences": (gru(return_sequences=True, recurrent_activation="sigmoid"), [SEQUENCE]),
    "gru_backwards": (gru(go_backwards=True), [SEQUENCE]),
    "gru_no_bias": (gru(use_bias=False), [SEQUENCE]),
    "gru_states": (from_states(gru()), [SEQUENCE, STATE]),
    "gru_masked": (masked(gru(return_sequences=True)), [SEQUENCE]),
    "gru_reset_after": (gru(reset_after=True), [SEQUENCE]),
    "gru_reset_after_masked": (masked(gru(reset_after=True, return_sequences=True)), [SEQUENCE]),
    "gru_reset_after_no_bias": (gru(reset_after=True, use_bias=False, go_backwards=True), [SEQUENCE]),
    "bidirectional": (layers.Bidirectional(lstm()), [SEQUENCE]),
    "bidirectional_sequences": (layers.Bidirectional(gru(return_sequences=True)), [SEQUENCE]),
    "bidirectional_sum": (layers.Bidirectional(rnn(return_sequences=True), merge_mode="sum"), [SEQUENCE]),
    "bidirectional_mul": (layers.Bidirectional(rnn(), merge_mode="mul"), [SEQUENCE]),
    "bidirectional_ave": (layers.Bidirectional(lstm(return_sequences=True), merge_mode="ave"), [SEQUENCE]),
    "bidirectional_masked": (BothWays(lstm), [SEQUENCE]),
    "time_distributed_dense": (layers.TimeDistributed(layers.Dense(3, activation="tanh")), [SEQUENCE]),
    "time_distributed_conv": (layers.TimeDistributed(layers.Conv2D(2, 2)), [IMAGES]),
    "conv_lstm": (layers.ConvLSTM2D(2, 3, **HARD), [IMAGES]),
    "conv_lstm_sequences": (layers.ConvLSTM2D(2, (2, 3), padding="same", return_sequences=True, **HARD), [IMAGES]),
    "conv_lstm_strides": (layers.ConvLSTM2D(2, 2, strides=2, go_backwards=True, **HARD), [IMAGES]),
}


def stateful_case():
    """Predictions of three batches one after the other, the states forgotten before the third."""
    model = keras.Sequential([lstm(stateful=True, batch_input_shape=SEQUENCE)])
    model.set_weights([waves(w.shape, 0.37 + 0.1 * i, 0.5) for i, w in enumerate(model.get_weights())])
    x = waves(SEQUENCE, 0.7)
    first, second = model.predict_on_batch(x), model.predict_on_batch(x)
    model.reset_states()
    return [numbers(y) for y in (first, second, model.predict_on_batch(x))]


result = {"layers": {name: layer_case(*case) for name, case in CASES.items()}, "stateful": stateful_case()}
for case in result["layers"].values():
    del case["weights_after"]
print(json.dumps(result, separators=(",", ":")))
