// Convolution of volumes by convolution of images: the planes that an output plane sees are laid
// side by side as its channels, so a volume becomes a batch of `out_depth` images.
#include <algorithm>
#include <utility>

#include "backend/simd/conv.h"
#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

namespace hornet::simd {

namespace {

// Volumes are taken in groups whose images fit into this many floats, or one by one.
constexpr Dim kGroupFloats = 1 << 21;

struct VolumeGeometry {
  Dim batch, depth, pixels, channels;  // of x; pixels of a plane
  Dim out_depth, out_floats;           // floats of a plane of y
  Dim planes, taps;                    // of the kernel; taps of a plane
  Dim out_channels;
  Dim stride, front, dilation;  // along the depth
  Dim group;                    // volumes at a time
  ConvGeometry images;          // of a group

  VolumeGeometry(const Attrs& attrs, const Shape& x, const Shape& w, const Shape& y)
      : batch(x[0]),
        depth(x[1]),
        pixels(x[2] * x[3]),
        channels(x[4]),
        out_depth(y[1]),
        out_floats(y[2] * y[3] * y[4]),
        planes(w[0]),
        taps(w[1] * w[2]),
        out_channels(w[4]),
        stride(attrs.integers("strides", {1, 1, 1})[0]),
        front(attrs.integers("padding", {0, 0, 0, 0, 0, 0})[0]),
        dilation(attrs.integers("dilation", {1, 1, 1})[0]),
        group(group_of()),
        images(image_attrs(attrs), {group * out_depth, x[2], x[3], planes * channels},
               {w[1], w[2], planes * channels, w[4]}, {group * out_depth, y[2], y[3], y[4]}) {}

  // The planes of a volume are the images as they are.
  bool is_flat() const { return planes == 1 && stride == 1 && front == 0 && out_depth == depth; }
  Dim volume() const { return depth * pixels * channels; }
  Dim out_volume() const { return out_depth * out_floats; }
  Dim image_floats() const {
    return is_flat() ? 0 : group * out_depth * pixels * planes * channels;
  }
  Dim weights() const { return planes * taps * channels * out_channels; }
  // The input plane under the kernel's plane k at output plane z; outside of [0, depth): padding.
  Dim input_plane(Dim z, Dim k) const { return z * stride - front + k * dilation; }

 private:
  // The largest divisor of the batch that fits.
  Dim group_of() const {
    if (batch == 0) return 1;
    const Dim floats = std::max<Dim>(1, out_depth * pixels * planes * channels);
    Dim size = is_flat() ? batch : std::clamp<Dim>(kGroupFloats / floats, 1, batch);
    while (batch % size != 0) --size;
    return size;
  }
  static Attrs image_attrs(const Attrs& attrs) {
    const auto strides = attrs.integers("strides", {1, 1, 1});
    const auto padding = attrs.integers("padding", {0, 0, 0, 0, 0, 0});
    const auto dilation = attrs.integers("dilation", {1, 1, 1});
    return {{"strides", std::vector<Dim>(strides.begin() + 1, strides.end())},
            {"padding", std::vector<Dim>(padding.begin() + 2, padding.end())},
            {"dilation", std::vector<Dim>(dilation.begin() + 1, dilation.end())}};
  }
};

// Planes that are worth a thread.
Dim grain_of(const VolumeGeometry& g) {
  return std::max<Dim>(1, kElementGrain / std::max<Dim>(1, g.pixels * g.planes * g.channels));
}

// The images of a group, made of its volumes.
void gather_planes(const VolumeGeometry& g, const float* x, float* images) {
  const Dim line = g.planes * g.channels;
  parallel_for(g.group * g.out_depth, grain_of(g), [&](Dim begin, Dim end) {
    for (Dim i = begin; i < end; ++i) {
      for (Dim k = 0; k < g.planes; ++k) {
        const Dim plane = g.input_plane(i % g.out_depth, k);
        float* to = images + i * g.pixels * line + k * g.channels;
        if (plane < 0 || plane >= g.depth) {
          for (Dim p = 0; p < g.pixels; ++p) std::fill_n(to + p * line, g.channels, 0.0f);
          continue;
        }
        const float* from = x + (i / g.out_depth * g.depth + plane) * g.pixels * g.channels;
        for (Dim p = 0; p < g.pixels; ++p)
          std::copy_n(from + p * g.channels, g.channels, to + p * line);
      }
    }
  });
}

// The adjoint: each plane of the volumes is the sum of what became of it.
void scatter_planes(const VolumeGeometry& g, const float* images, float* x) {
  const Dim line = g.planes * g.channels, plane_floats = g.pixels * g.channels;
  parallel_for(g.group * g.depth, grain_of(g), [&](Dim begin, Dim end) {
    std::fill(x + begin * plane_floats, x + end * plane_floats, 0.0f);
    for (Dim i = begin; i < end; ++i) {
      for (Dim k = 0; k < g.planes; ++k) {
        const Dim ahead = i % g.depth + g.front - k * g.dilation, z = ahead / g.stride;
        if (ahead < 0 || ahead % g.stride != 0 || z >= g.out_depth) continue;
        const float* from =
            images + (i / g.depth * g.out_depth + z) * g.pixels * line + k * g.channels;
        float* to = x + i * plane_floats;
        for (Dim p = 0; p < g.pixels; ++p)
          for (Dim c = 0; c < g.channels; ++c) to[p * g.channels + c] += from[p * line + c];
      }
    }
  });
}

// (planes, taps, in, out) -> (taps, planes, in, out), and back.
void swap_axes(Dim rows, Dim columns, Dim floats, const float* from, float* to) {
  for (Dim row = 0; row < rows; ++row)
    for (Dim column = 0; column < columns; ++column)
      std::copy_n(from + (row * columns + column) * floats, floats,
                  to + (column * rows + row) * floats);
}

// Scratch memory in pieces that start at a cache line.
struct Scratch {
  std::size_t bytes = 0;
  // `floats` more; returns where they begin, in bytes.
  std::size_t take(Dim floats) {
    const std::size_t begin = bytes;
    bytes += (floats * sizeof(float) + 63) / 64 * 64;
    return begin;
  }
};

float* at(void* workspace, std::size_t bytes) {
  return reinterpret_cast<float*>(static_cast<char*>(workspace) + bytes);
}

Tensor view(const float* p) { return {const_cast<float*>(p), {}}; }

void run_images(Kernel& kernel, const float* a, const float* b, float* out, void* workspace) {
  const Tensor inputs[] = {view(a), view(b)}, outputs[] = {view(out)};
  kernel.run(inputs, outputs, workspace);
}

std::unique_ptr<Kernel> compile_forward(const BoundNode& node) {  // x, w -> y
  const VolumeGeometry g(node.node->attrs, node.inputs[0].shape, node.inputs[1].shape,
                         node.outputs[0].shape);
  std::unique_ptr<Kernel> product = conv_kernel(g.images);
  if (!product) return nullptr;
  Scratch scratch;
  const auto inner = scratch.take(product->workspace_bytes() / sizeof(float));
  const auto weights = scratch.take(g.weights()), images = scratch.take(g.image_floats());
  return kernel(
      [=, product = std::move(product)](const Tensor* in, const Tensor* out, void* space) {
        swap_axes(g.planes, g.taps, g.channels * g.out_channels, in[1].as<float>(),
                  at(space, weights));
        for (Dim n = 0; n < g.batch; n += g.group) {
          const float* x = in[0].as<float>() + n * g.volume();
          if (!g.is_flat()) gather_planes(g, x, at(space, images));
          run_images(*product, g.is_flat() ? x : at(space, images), at(space, weights),
                     out[0].as<float>() + n * g.out_volume(), at(space, inner));
        }
      },
      scratch.bytes);
}

std::unique_ptr<Kernel> compile_backward_data(const BoundNode& node) {  // dy, w -> dx
  const VolumeGeometry g(node.node->attrs, node.outputs[0].shape, node.inputs[1].shape,
                         node.inputs[0].shape);
  std::unique_ptr<Kernel> product = conv_data_kernel(g.images);
  if (!product) return nullptr;
  Scratch scratch;
  const auto inner = scratch.take(product->workspace_bytes() / sizeof(float));
  const auto weights = scratch.take(g.weights()), images = scratch.take(g.image_floats());
  return kernel(
      [=, product = std::move(product)](const Tensor* in, const Tensor* out, void* space) {
        swap_axes(g.planes, g.taps, g.channels * g.out_channels, in[1].as<float>(),
                  at(space, weights));
        for (Dim n = 0; n < g.batch; n += g.group) {
          float* dx = out[0].as<float>() + n * g.volume();
          run_images(*product, in[0].as<float>() + n * g.out_volume(), at(space, weights),
                     g.is_flat() ? dx : at(space, images), at(space, inner));
          if (!g.is_flat()) scatter_planes(g, at(space, images), dx);
        }
      },
      scratch.bytes);
}

std::unique_ptr<Kernel> compile_backward_weights(const BoundNode& node) {  // x, dy -> dw
  const VolumeGeometry g(node.node->attrs, node.inputs[0].shape, node.outputs[0].shape,
                         node.inputs[1].shape);
  std::unique_ptr<Kernel> product = conv_weights_kernel(g.images);
  if (!product) return nullptr;
  Scratch scratch;
  const auto inner = scratch.take(product->workspace_bytes() / sizeof(float));
  const auto images = scratch.take(g.image_floats());
  const auto weights = scratch.take(g.weights()), total = scratch.take(g.weights());
  return kernel(
      [=, product = std::move(product)](const Tensor* in, const Tensor* out, void* space) {
        float* const sum = at(space, total);
        if (g.batch == 0) std::fill_n(sum, g.weights(), 0.0f);
        for (Dim n = 0; n < g.batch; n += g.group) {
          const float* x = in[0].as<float>() + n * g.volume();
          if (!g.is_flat()) gather_planes(g, x, at(space, images));
          float* const part = n == 0 ? sum : at(space, weights);
          run_images(*product, g.is_flat() ? x : at(space, images),
                     in[1].as<float>() + n * g.out_volume(), part, at(space, inner));
          if (n > 0)
            for (Dim i = 0; i < g.weights(); ++i) sum[i] += part[i];
        }
        swap_axes(g.taps, g.planes, g.channels * g.out_channels, sum, out[0].as<float>());
      },
      scratch.bytes);
}

}  // namespace

void add_conv3d_kernels(KernelRows& rows) {
  rows.push_back({"conv3d", compile_forward});
  rows.push_back({"conv3d_backward_data", compile_backward_data});
  rows.push_back({"conv3d_backward_weights", compile_backward_weights});
}

}  // namespace hornet::simd
