// Convolutions of images and volumes: by the library where it has one that fits, else by products
// of matrices. Weights (cells, in, out) are a matrix (cells * in, out) as they lie. The columns of
// an output pixel are the inputs under its window, so
//   y = columns w,   dw = columns' dy,   columns of dx = dy w'.
#include <algorithm>

#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/epilogue.h"
#include "backend/cuda/skeletons.h"
#include "backend/functors/window.h"

namespace hornet::cuda {
namespace {

// One element of the columns; `first`: the output pixel in row 0.
struct Unfold {
  Sliding g;
  const float* x;
  float* columns;
  Dim first;

  HORNET_FUNCTOR void operator()(Dim i) const {
    Dim rest = i;
    const int channel = take_index(&rest, g.channels);
    const int kx = take_index(&rest, g.x.cells);
    const int ky = take_index(&rest, g.y.cells);
    const int kz = take_index(&rest, g.z.cells);
    rest += first;
    const int ix = g.x.input_of(take_index(&rest, g.x.outputs), kx);
    const int iy = g.y.input_of(take_index(&rest, g.y.outputs), ky);
    const int iz = g.z.input_of(take_index(&rest, g.z.outputs), kz);
    const bool inside = ix >= 0 && iy >= 0 && iz >= 0;
    columns[i] = inside ? x[g.input_pixel(rest, iz, iy, ix) * g.channels + channel] : 0;
  }
};

// One element of the input: the sum of its copies in the columns.
struct Fold {
  Sliding g;
  const float* columns;
  float* x;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const WindowPlace at = WindowPlace::in_input(g, i);
    float sum = 0;
    for (int kz = 0; kz < g.z.cells; ++kz) {
      const int oz = g.z.output_of(at.z, kz);
      if (oz < 0) continue;
      for (int ky = 0; ky < g.y.cells; ++ky) {
        const int oy = g.y.output_of(at.y, ky);
        if (oy < 0) continue;
        for (int kx = 0; kx < g.x.cells; ++kx) {
          const int ox = g.x.output_of(at.x, kx);
          if (ox < 0) continue;
          const int cell = (kz * g.y.cells + ky) * g.x.cells + kx;
          const Dim row = g.output_pixel(at.volume, oz, oy, ox);
          sum += columns[(row * g.cells() + cell) * g.channels + at.channel];
        }
      }
    }
    x[i] = sum;
  }
};

struct Transpose {
  const float* x;
  float* y;
  Dim rows, columns;

  HORNET_FUNCTOR void operator()(Dim i) const { y[i] = x[i % rows * columns + i / rows]; }
};

// Our own way. The output pixels of all volumes are taken in turns, so that the columns never fill
// more than the queue allows; folding needs those of whole volumes.
class Products {
 public:
  Products(const Queue& queue, Pass pass, const Window& window)
      : queue_(queue),
        pass_(pass),
        g_(window),
        volume_pixels_(window.out_depth * window.out_height * window.out_width),
        pixels_(window.batch * volume_pixels_),
        width_(g_.cells() * window.channels),
        volume_(window.volume()),
        unfolds_(!is_identity(window)) {
    const Dim limit = static_cast<Dim>(queue.column_bytes / sizeof(float));
    const Dim unit = pass == Pass::backward_data ? volume_pixels_ : 1;
    const Dim units = limit / std::max<Dim>(1, unit * width_);
    turn_ = unfolds_ ? std::min(pixels_, std::max<Dim>(1, units) * unit) : pixels_;
  }

  std::size_t workspace_bytes() const {
    return unfolds_ ? static_cast<std::size_t>(turn_ * width_) * sizeof(float) : 0;
  }

  void run(const float* first, const float* second, float* result, void* workspace) const {
    float* columns = static_cast<float*>(workspace);
    const Dim out = g_.out_channels;
    if (pass_ == Pass::backward_weights && pixels_ == 0)
      fill_with_zeros(result, static_cast<std::size_t>(width_ * out) * sizeof(float),
                      queue_.stream);
    for (Dim pixel = 0; pixel < pixels_; pixel += turn_) {
      const Dim count = std::min(turn_, pixels_ - pixel);
      switch (pass_) {
        case Pass::forward:
          queue_.blas->multiply({count, out, width_}, unfold(first, pixel, count, columns), second,
                                result + pixel * out);
          break;
        case Pass::backward_weights: {
          Product product{width_, out, count};
          product.transpose_a = true;
          product.beta = pixel == 0 ? 0 : 1;
          queue_.blas->multiply(product, unfold(first, pixel, count, columns), second + pixel * out,
                                result);
          break;
        }
        case Pass::backward_data: {
          Product product{count, width_, out};
          product.transpose_b = true;
          queue_.blas->multiply(product, first + pixel * out, second, unfolds_ ? columns : result);
          if (!unfolds_) break;
          const Dim volumes = count / volume_pixels_;
          for_each(queue_, volumes * volume_,
                   Fold{g_, columns, result + pixel / volume_pixels_ * volume_});
          break;
        }
      }
    }
  }

 private:
  // Whether the input is its own columns.
  static bool is_identity(const Window& g) {
    return g.planes * g.rows * g.columns == 1 && g.stride_z * g.stride_y * g.stride_x == 1 &&
           g.front + g.top + g.left == 0 &&
           g.volume() * g.out_channels == g.out_volume() * g.channels;
  }

  const float* unfold(const float* x, Dim pixel, Dim count, float* columns) const {
    if (!unfolds_) return x;
    for_each(queue_, count * width_, Unfold{g_, x, columns, pixel});
    return columns;
  }

  const Queue& queue_;
  Pass pass_;
  Sliding g_;
  Dim volume_pixels_, pixels_;  // of the output: in a volume, in all
  Dim width_;                   // of the columns
  Dim volume_;                  // elements of the input
  bool unfolds_;
  Dim turn_;  // pixels at once
};

class ConvolutionKernel : public Kernel {
 public:
  ConvolutionKernel(const Queue& queue, Pass pass, const Window& window)
      : own_(queue, pass, window) {
    if (queue.convolutions && is_image(window))
      library_ = queue.convolutions->prepare(pass, window);
  }
  std::size_t workspace_bytes() const override {
    return std::max(own_.workspace_bytes(), library_ ? library_->workspace_bytes() : 0);
  }
  void run(const Tensor* in, const Tensor* out, void* workspace) override {
    const float *first = in[0].as<float>(), *second = in[1].as<float>();
    float* result = out[0].as<float>();
    if (library_ && library_->run(first, second, result, workspace)) return;
    library_.reset();
    own_.run(first, second, result, workspace);
  }

 private:
  static bool is_image(const Window& g) {
    return g.depth == 1 && g.out_depth == 1 && g.planes == 1 && g.front == 0;
  }

  Products own_;
  std::unique_ptr<Convolution> library_;
};

class BiasedConvolutionKernel final : public ConvolutionKernel {
 public:
  BiasedConvolutionKernel(const Queue& queue, const Window& window, const Epilogue& epilogue)
      : ConvolutionKernel(queue, Pass::forward, window), queue_(queue), epilogue_(epilogue) {}
  void run(const Tensor* in, const Tensor* out, void* workspace) override {
    ConvolutionKernel::run(in, out, workspace);
    epilogue_.run(queue_, in[2].as<float>(), out[0].as<float>());
  }

 private:
  const Queue& queue_;
  const Epilogue epilogue_;
};

Window window_of(const BoundNode& node, const TensorSpec& x, const TensorSpec& w,
                 const TensorSpec& y) {
  return Window(node.node->attrs, x.shape, y.shape, w.shape.dims());
}

std::unique_ptr<Kernel> compile_forward(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  return std::make_unique<ConvolutionKernel>(
      queue, Pass::forward, window_of(node, node.inputs[0], node.inputs[1], node.outputs[0]));
}

std::unique_ptr<Kernel> compile_backward_data(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  return std::make_unique<ConvolutionKernel>(
      queue, Pass::backward_data, window_of(node, node.outputs[0], node.inputs[1], node.inputs[0]));
}

std::unique_ptr<Kernel> compile_backward_weights(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  return std::make_unique<ConvolutionKernel>(
      queue, Pass::backward_weights,
      window_of(node, node.inputs[0], node.outputs[0], node.inputs[1]));
}

std::unique_ptr<Kernel> compile_conv2d_bias(const BoundNode& node, const Queue& queue) {
  if (node.outputs[0].dtype != DType::f32) return nullptr;
  return std::make_unique<BiasedConvolutionKernel>(
      queue, window_of(node, node.inputs[0], node.inputs[1], node.outputs[0]), Epilogue(node));
}

}  // namespace

void transpose(Stream stream, const float* x, float* y, Dim rows, Dim columns) {
  Queue queue;
  queue.stream = stream;
  for_each(queue, rows * columns, Transpose{x, y, rows, columns});
}

void add_conv_kernels(KernelRows& rows) {
  rows.push_back({"conv2d", compile_forward});
  rows.push_back({"conv2d_backward_data", compile_backward_data});
  rows.push_back({"conv2d_backward_weights", compile_backward_weights});
  rows.push_back({"conv3d", compile_forward});
  rows.push_back({"conv3d_backward_data", compile_backward_data});
  rows.push_back({"conv3d_backward_weights", compile_backward_weights});
  rows.push_back({"conv2d_bias", compile_conv2d_bias});
}

}  // namespace hornet::cuda
