// Softmax over the last axis, batch normalisation over all axes but the last.
#include <algorithm>
#include <cmath>

#include "backend/axis_view.h"
#include "backend/cpu/cpu_kernels.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

std::unique_ptr<Kernel> compile_softmax(const BoundNode& node) {
  const RowsOf shape(node.inputs[0].shape);
  return for_floats(node.outputs[0].dtype, [shape](auto zero) {
    using T = decltype(zero);
    return kernel([shape](const Tensor* in, const Tensor* out, void*) {
      const Dim n = shape.channels;
      parallel_for(shape.rows, grain_of(n), [&](Dim begin, Dim end) {
        for (Dim row = begin; row < end; ++row) {
          const T* x = in[0].as<T>() + row * n;
          T* y = out[0].as<T>() + row * n;
          // The largest becomes exp(0): nothing overflows and the total is at least 1.
          const T largest = n == 0 ? T(0) : *std::max_element(x, x + n);
          double total = 0;
          for (Dim i = 0; i < n; ++i) {
            y[i] = std::exp(x[i] - largest);
            total += y[i];
          }
          for (Dim i = 0; i < n; ++i) y[i] = static_cast<T>(y[i] / total);
        }
      });
    });
  });
}

// x, gamma, beta -> y, mean, variance
std::unique_ptr<Kernel> compile_batch_norm(const BoundNode& node) {
  const RowsOf shape(node.inputs[0].shape);
  const double epsilon = node.node->attrs.real("epsilon");
  return for_floats(node.outputs[0].dtype, [=](auto zero) {
    using T = decltype(zero);
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      const Dim n = shape.rows, channels = shape.channels;
      parallel_for(channels, grain_of(n), [&](Dim begin, Dim end) {
        for (Dim channel = begin; channel < end; ++channel) {
          const T* x = in[0].as<T>() + channel;
          T* y = out[0].as<T>() + channel;
          double mean = 0, variance = 0;
          for (Dim row = 0; row < n; ++row) mean += x[row * channels];
          mean /= n;
          for (Dim row = 0; row < n; ++row) {
            const double deviation = x[row * channels] - mean;
            variance += deviation * deviation;
          }
          variance /= n;
          const double scale = in[1].as<T>()[channel] / std::sqrt(variance + epsilon);
          const double beta = in[2].as<T>()[channel];
          for (Dim row = 0; row < n; ++row) {
            y[row * channels] = static_cast<T>((x[row * channels] - mean) * scale + beta);
          }
          out[1].as<T>()[channel] = static_cast<T>(mean);
          out[2].as<T>()[channel] = static_cast<T>(variance);
        }
      });
    });
  });
}

// x, gamma, mean, variance, dy -> dx, dgamma, dbeta. With h = (x - mean) / sd, the mean and
// variance depend on x too, which takes from dy its mean and its part along h:
//   dx = gamma / sd (dy - mean(dy) - h mean(h dy)).
std::unique_ptr<Kernel> compile_batch_norm_backward(const BoundNode& node) {
  const RowsOf shape(node.inputs[0].shape);
  const double epsilon = node.node->attrs.real("epsilon");
  return for_floats(node.outputs[0].dtype, [=](auto zero) {
    using T = decltype(zero);
    return kernel([=](const Tensor* in, const Tensor* out, void*) {
      const Dim n = shape.rows, channels = shape.channels;
      parallel_for(channels, grain_of(n), [&](Dim begin, Dim end) {
        for (Dim channel = begin; channel < end; ++channel) {
          const T* x = in[0].as<T>() + channel;
          const T* dy = in[4].as<T>() + channel;
          T* dx = out[0].as<T>() + channel;
          const double mean = in[2].as<T>()[channel];
          const double sd = std::sqrt(in[3].as<T>()[channel] + epsilon);
          double dgamma = 0, dbeta = 0;
          for (Dim row = 0; row < n; ++row) {
            const double diff = dy[row * channels];
            dbeta += diff;
            dgamma += diff * (x[row * channels] - mean) / sd;
          }
          const double scale = in[1].as<T>()[channel] / sd;
          for (Dim row = 0; row < n; ++row) {
            const double h = (x[row * channels] - mean) / sd;
            dx[row * channels] =
                static_cast<T>(scale * (dy[row * channels] - dbeta / n - h * dgamma / n));
          }
          out[1].as<T>()[channel] = static_cast<T>(dgamma);
          out[2].as<T>()[channel] = static_cast<T>(dbeta);
        }
      });
    });
  });
}

}  // namespace

void add_norm_kernels(KernelRows& rows) {
  rows.push_back({"softmax", compile_softmax});
  rows.push_back({"batch_norm", compile_batch_norm});
  rows.push_back({"batch_norm_backward", compile_batch_norm_backward});
}

}  // namespace hornet::cpu
