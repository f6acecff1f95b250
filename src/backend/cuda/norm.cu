// Softmax over the last axis, batch normalisation over all axes but the last.
#include <cmath>

#include "backend/axis_view.h"
#include "backend/cuda/column_sums.h"
#include "backend/cuda/cuda_kernels.h"

namespace hornet::cuda {
namespace {

// --- softmax -----------------------------------------------------------------------------------

struct Larger {
  HORNET_FUNCTOR float operator()(float a, float b) const { return a < b ? b : a; }
};

// A row by the threads of a block.
struct Softmax {
  const float* input;
  float* output;
  Dim channels;

  template <class Block>
  HORNET_FUNCTOR void operator()(const Block& block, Dim row) const {
    const float* x = input + row * channels;
    float* y = output + row * channels;
    // The largest becomes exp(0): nothing overflows and the total is at least 1.
    float largest = x[0];
    for (Dim i = block.thread(); i < channels; i += block.size()) largest = Larger()(largest, x[i]);
    largest = block.all(largest, Larger());
    double total = 0;
    for (Dim i = block.thread(); i < channels; i += block.size()) {
      y[i] = std::exp(x[i] - largest);
      total += y[i];
    }
    total = block.all(total, Plus());
    const float scale = static_cast<float>(1 / total);
    for (Dim i = block.thread(); i < channels; i += block.size()) y[i] *= scale;
  }
};

struct SoftmaxAlone {
  Softmax softmax;

  HORNET_FUNCTOR void operator()(Dim row) const { softmax(Alone(), row); }
};

std::unique_ptr<Kernel> compile_softmax(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const RowsOf shape(node.inputs[0].shape);
  return kernel([&queue, shape](const Tensor* in, const Tensor* out, void*) {
    if (shape.channels == 0) return;
    const Softmax softmax{in[0].as<float>(), out[0].as<float>(), shape.channels};
    if (shape.channels < kThreads / 4) for_each(queue, shape.rows, SoftmaxAlone{softmax});
    else for_rows(queue, shape.rows, softmax);
  });
}

// --- batch_norm --------------------------------------------------------------------------------

struct ElementSum {
  const float* x;
  Dim channels;

  HORNET_FUNCTOR double operator()(Dim row, Dim channel) const {
    return x[row * channels + channel];
  }
};

struct StoreMean {
  double* mean;
  float* result;
  double rows;

  HORNET_FUNCTOR void operator()(Dim channel, double sum) const {
    mean[channel] = sum / rows;
    result[channel] = static_cast<float>(sum / rows);
  }
};

struct SquareSum {
  const float* x;
  const double* mean;
  Dim channels;

  HORNET_FUNCTOR double operator()(Dim row, Dim channel) const {
    const double deviation = x[row * channels + channel] - mean[channel];
    return deviation * deviation;
  }
};

// y = (x - mean) scale + beta. The mean is the sum of two numbers: where it is far larger than the
// deviations from it, one float would not be exact enough.
struct Affine {
  float mean, mean_rest, scale;
};

struct StoreVariance {
  const double* mean;
  const float* gamma;
  Affine* affine;
  float* result;
  double rows, epsilon;

  HORNET_FUNCTOR void operator()(Dim channel, double sum) const {
    const double variance = sum / rows;
    result[channel] = static_cast<float>(variance);
    const float near = static_cast<float>(mean[channel]);
    affine[channel] = {near, static_cast<float>(mean[channel] - near),
                       static_cast<float>(gamma[channel] / std::sqrt(variance + epsilon))};
  }
};

struct Normalise {
  const float* x;
  const Affine* affine;
  const float* beta;
  float* y;
  Dim channels;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim channel = i % channels;
    const Affine a = affine[channel];
    y[i] = (x[i] - a.mean - a.mean_rest) * a.scale + beta[channel];
  }
};

// x, gamma, beta -> y, mean, variance. Workspace: means, affine maps, partial sums.
std::unique_ptr<Kernel> compile_batch_norm(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const RowsOf shape(node.inputs[0].shape);
  const ColumnSums<double> sums(shape.rows, shape.channels);
  const double epsilon = node.node->attrs.real("epsilon"), n = static_cast<double>(shape.rows);
  return kernel(
      [=, &queue](const Tensor* in, const Tensor* out, void* workspace) {
        double* const partial = static_cast<double*>(workspace);
        double* const mean = partial + sums.workspace_bytes() / sizeof(double);
        Affine* const affine = reinterpret_cast<Affine*>(mean + shape.channels);
        const float* x = in[0].as<float>();
        sums.run(queue, ElementSum{x, shape.channels}, StoreMean{mean, out[1].as<float>(), n},
                 partial);
        sums.run(queue, SquareSum{x, mean, shape.channels},
                 StoreVariance{mean, in[1].as<float>(), affine, out[2].as<float>(), n, epsilon},
                 partial);
        for_each(queue, out[0].numel(),
                 Normalise{x, affine, in[2].as<float>(), out[0].as<float>(), shape.channels});
      },
      sums.workspace_bytes() +
          static_cast<std::size_t>(shape.channels) * (sizeof(double) + sizeof(Affine)));
}

// --- batch_norm_backward -----------------------------------------------------------------------

// Of dy, and of dy (x - mean).
struct DiffSums {
  double diff = 0, along = 0;

  HORNET_FUNCTOR DiffSums operator+(const DiffSums& other) const {
    DiffSums sum;
    sum.diff = diff + other.diff;
    sum.along = along + other.along;
    return sum;
  }
};

struct DiffSum {
  const float *x, *dy, *mean;
  Dim channels;

  HORNET_FUNCTOR DiffSums operator()(Dim row, Dim channel) const {
    const Dim i = row * channels + channel;
    DiffSums sum;
    sum.diff = dy[i];
    sum.along = sum.diff * (double{x[i]} - mean[channel]);
    return sum;
  }
};

// dx = scale (dy - shift - (x - mean) slope)
struct DiffAffine {
  float scale, shift, slope;
};

struct StoreDiffs {
  const float *gamma, *variance;
  DiffAffine* affine;
  float *dgamma, *dbeta;
  double rows, epsilon;

  HORNET_FUNCTOR void operator()(Dim channel, const DiffSums& sum) const {
    const double spread = variance[channel] + epsilon, sd = std::sqrt(spread);
    dbeta[channel] = static_cast<float>(sum.diff);
    dgamma[channel] = rows == 0 ? 0 : static_cast<float>(sum.along / sd);  // sd is NaN then
    affine[channel] = {static_cast<float>(gamma[channel] / sd), static_cast<float>(sum.diff / rows),
                       static_cast<float>(sum.along / (rows * spread))};
  }
};

struct NormaliseBackward {
  const float *x, *dy, *mean;
  const DiffAffine* affine;
  float* dx;
  Dim channels;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const Dim channel = i % channels;
    const DiffAffine a = affine[channel];
    dx[i] = a.scale * (dy[i] - a.shift - (x[i] - mean[channel]) * a.slope);
  }
};

// x, gamma, mean, variance, dy -> dx, dgamma, dbeta. With h = (x - mean) / sd, the mean and
// variance depend on x too, which takes from dy its mean and its part along h:
//   dx = gamma / sd (dy - mean(dy) - h mean(h dy)).
std::unique_ptr<Kernel> compile_batch_norm_backward(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  const RowsOf shape(node.inputs[0].shape);
  const ColumnSums<DiffSums> sums(shape.rows, shape.channels);
  const double epsilon = node.node->attrs.real("epsilon"), n = static_cast<double>(shape.rows);
  return kernel(
      [=, &queue](const Tensor* in, const Tensor* out, void* workspace) {
        DiffAffine* const affine =
            reinterpret_cast<DiffAffine*>(static_cast<char*>(workspace) + sums.workspace_bytes());
        const float *x = in[0].as<float>(), *mean = in[2].as<float>(), *dy = in[4].as<float>();
        sums.run(queue, DiffSum{x, dy, mean, shape.channels},
                 StoreDiffs{in[1].as<float>(), in[3].as<float>(), affine, out[1].as<float>(),
                            out[2].as<float>(), n, epsilon},
                 workspace);
        for_each(queue, out[0].numel(),
                 NormaliseBackward{x, dy, mean, affine, out[0].as<float>(), shape.channels});
      },
      sums.workspace_bytes() + static_cast<std::size_t>(shape.channels) * sizeof(DiffAffine));
}

}  // namespace

void add_norm_kernels(KernelRows& rows) {
  rows.push_back({"softmax", compile_softmax});
  rows.push_back({"batch_norm", compile_batch_norm});
  rows.push_back({"batch_norm_backward", compile_batch_norm_backward});
}

}  // namespace hornet::cuda
