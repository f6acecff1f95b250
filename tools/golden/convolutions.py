#!/usr/bin/env python3
"""Numbers for test-layers-convolutional.R: layers for volumes, separable and locally connected
layers, forward and backward, by tf_keras.

  python tools/golden/convolutions.py > tests/testthat/golden/convolutions.json      (tf_keras 2.21.0)
"""
import json

from keras_numbers import layer_case, layers

SEQUENCE = (2, 7, 3)
IMAGE = (2, 5, 6, 2)
VOLUME = (2, 4, 5, 3, 2)

LAYERS = {
    "conv_3d_valid": (lambda: layers.Conv3D(3, (2, 3, 2), activation="tanh"), VOLUME),
    "conv_3d_same": (lambda: layers.Conv3D(2, (3, 2, 3), padding="same", use_bias=False), VOLUME),
    "conv_3d_same_strides": (lambda: layers.Conv3D(3, 3, strides=2, padding="same"), VOLUME),
    "conv_3d_valid_strides": (lambda: layers.Conv3D(2, (2, 2, 1), strides=(1, 2, 3)), VOLUME),
    "conv_3d_dilation": (lambda: layers.Conv3D(2, 2, dilation_rate=(2, 3, 1)), VOLUME),
    "conv_3d_transpose_same":
        (lambda: layers.Conv3DTranspose(3, 3, strides=2, padding="same"), (2, 2, 3, 2, 2)),
    "conv_3d_transpose_valid":
        (lambda: layers.Conv3DTranspose(2, (3, 2, 2), strides=(1, 3, 2)), (2, 2, 2, 3, 2)),
    "separable_conv_1d": (lambda: layers.SeparableConv1D(4, 3, activation="relu"), SEQUENCE),
    "separable_conv_1d_same":
        (lambda: layers.SeparableConv1D(2, 4, strides=2, padding="same", depth_multiplier=2), SEQUENCE),
    "separable_conv_2d":
        (lambda: layers.SeparableConv2D(3, (3, 2), depth_multiplier=2, activation="tanh"), IMAGE),
    "separable_conv_2d_same":
        (lambda: layers.SeparableConv2D(4, 3, strides=2, padding="same", use_bias=False), IMAGE),
    "depthwise_conv_2d": (lambda: layers.DepthwiseConv2D(3, padding="same", activation="sigmoid"), IMAGE),
    "depthwise_conv_2d_strides":
        (lambda: layers.DepthwiseConv2D((2, 3), strides=2, depth_multiplier=3), IMAGE),
    "locally_connected_1d": (lambda: layers.LocallyConnected1D(4, 3, activation="tanh"), SEQUENCE),
    "locally_connected_1d_strides": (lambda: layers.LocallyConnected1D(2, 2, strides=3, use_bias=False), SEQUENCE),
    "locally_connected_1d_channels_first":
        (lambda: layers.LocallyConnected1D(2, 3, data_format="channels_first"), (2, 3, 6)),
    "locally_connected_2d": (lambda: layers.LocallyConnected2D(3, (2, 3)), IMAGE),
    "locally_connected_2d_strides":
        (lambda: layers.LocallyConnected2D(2, 2, strides=(2, 3), activation="relu"), IMAGE),
    "locally_connected_2d_channels_first":
        (lambda: layers.LocallyConnected2D(2, (3, 2), strides=(1, 2), data_format="channels_first"), (2, 3, 4, 5)),
    "max_pooling_3d": (lambda: layers.MaxPooling3D(2), VOLUME),
    "max_pooling_3d_same": (lambda: layers.MaxPooling3D((2, 3, 2), strides=(1, 2, 2), padding="same"), VOLUME),
    "average_pooling_3d": (lambda: layers.AveragePooling3D((2, 2, 3), strides=1), VOLUME),
    "average_pooling_3d_same": (lambda: layers.AveragePooling3D(3, strides=2, padding="same"), VOLUME),
    "global_average_pooling_1d": (lambda: layers.GlobalAveragePooling1D(), SEQUENCE),
    "global_average_pooling_3d": (lambda: layers.GlobalAveragePooling3D(), VOLUME),
    "global_max_pooling_3d": (lambda: layers.GlobalMaxPooling3D(), VOLUME),
    "zero_padding_1d": (lambda: layers.ZeroPadding1D((1, 2)), SEQUENCE),
    "zero_padding_3d": (lambda: layers.ZeroPadding3D(((1, 0), (0, 2), (1, 1))), (2, 2, 3, 2, 2)),
    "cropping_1d": (lambda: layers.Cropping1D((2, 1)), SEQUENCE),
    "cropping_3d": (lambda: layers.Cropping3D(((1, 1), (0, 2), (1, 0))), VOLUME),
    "upsampling_1d": (lambda: layers.UpSampling1D(3), (2, 3, 2)),
    "upsampling_3d": (lambda: layers.UpSampling3D((2, 1, 3)), (2, 2, 3, 2, 1)),
}

result = {}
for name, (make, shape) in LAYERS.items():
    result[name] = layer_case(make(), [shape])
    del result[name]["weights_after"]
print(json.dumps({"layers": result}, separators=(",", ":")))
