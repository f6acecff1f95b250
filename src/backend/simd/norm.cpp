// Softmax over the last axis; batch normalisation over all axes but the last. Statistics are taken
// chunk by chunk, each in two passes over memory that is still near, and combined in double.
#include <algorithm>
#include <cmath>

#include "backend/simd/columns.h"
#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

namespace hornet::simd {

namespace {

struct NormTable {
  int lanes;
  void (*softmax)(const float* x, float* y, Dim n, Dim begin, Dim end);
  void (*moments)(const float* x, Dim rows, Dim width, float* mean, float* squares);
  void (*apply)(const float* x, Dim rows, Dim width, const float* mean, const float* scale,
                const float* shift, float* y);
  void (*gradient_sums)(const float* x, const float* dy, Dim rows, Dim width, const float* mean,
                        float* sums);
  void (*gradient)(const float* x, const float* dy, Dim rows, Dim width, const float* mean,
                   const float* scale, const float* slope, const float* shift, float* dx);
};

}  // namespace

}  // namespace hornet::simd

#define HORNET_SIMD_BODY "backend/simd/norm_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

std::unique_ptr<Kernel> compile_softmax(const BoundNode& node) {
  const Dim n = node.inputs[0].shape[-1];
  const NormTable* table = HORNET_PICK(norm_table);
  // An exponential costs some eight times a copy.
  const Dim grain = std::max<Dim>(1, kElementGrain / 8 / n);
  return kernel([=](const Tensor* in, const Tensor* out, void*) {
    parallel_for(in[0].numel() / n, grain, [&](Dim begin, Dim end) {
      table->softmax(in[0].as<float>(), out[0].as<float>(), n, begin, end);
    });
  });
}

// What both directions share: columns cut into chunks, and numbers a column written side by side
// as often as columns are folded.
class Normalisation {
 public:
  Normalisation(const Shape& x, int lanes)
      : columns_(x.numel() / x[-1], x[-1], lanes),
        grain_(std::max<Dim>(1, kElementGrain / (columns_.chunk_rows * columns_.channels))) {}

  const Columns& columns() const { return columns_; }
  Dim chunk_floats() const { return columns_.width() + columns_.channels; }

  // body(first element, rows, width, which statistic of the chunk: offset in chunk_floats()).
  template <class Body>
  void each_part(Dim chunk, Body body) const {
    const Dim start = columns_.begin(chunk) * columns_.channels;
    const Dim folded = columns_.folded(chunk), rest = columns_.rest(chunk);
    if (folded > 0) body(start, folded, columns_.width(), Dim{0});
    if (rest > 0) {
      body(start + folded * columns_.width(), rest, columns_.channels, columns_.width());
    }
  }
  template <class Body>
  void each_chunk(Body body) const {
    parallel_for(columns_.chunks, grain_, [&](Dim begin, Dim end) {
      for (Dim chunk = begin; chunk < end; ++chunk) body(chunk);
    });
  }
  // visit(rows, place) for each group of rows that has a statistic of channel c of its own.
  template <class Visit>
  void each_group(Dim c, Visit visit) const {
    for (Dim chunk = 0; chunk < columns_.chunks; ++chunk) {
      const Dim at = chunk * chunk_floats() + c;
      for (Dim f = 0; f < columns_.fold && columns_.folded(chunk) > 0; ++f) {
        visit(columns_.folded(chunk), at + f * columns_.channels);
      }
      if (columns_.rest(chunk) > 0) visit(columns_.rest(chunk), at + columns_.width());
    }
  }
  // values[c] = value, repeated over the fold.
  void set(float* values, Dim c, double value) const {
    for (Dim f = c; f < columns_.width(); f += columns_.channels) {
      values[f] = static_cast<float>(value);
    }
  }

 private:
  Columns columns_;
  Dim grain_;
};

// x, gamma, beta -> y, mean, variance
std::unique_ptr<Kernel> compile_batch_norm(const BoundNode& node) {
  const NormTable* table = HORNET_PICK(norm_table);
  const Normalisation norm(node.inputs[0].shape, table->lanes);
  const double epsilon = node.node->attrs.real("epsilon");
  const Dim statistic = norm.columns().statistic_floats(), width = norm.columns().width();
  const double rows = static_cast<double>(norm.columns().rows);
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        const float* x = in[0].as<float>();
        float* means = static_cast<float*>(workspace);
        float* squares = means + statistic;
        norm.each_chunk([&](Dim chunk) {
          norm.each_part(chunk, [&](Dim first, Dim count, Dim part_width, Dim place) {
            const Dim at = chunk * norm.chunk_floats() + place;
            table->moments(x + first, count, part_width, means + at, squares + at);
          });
        });
        float* mean = squares + statistic;
        float* scale = mean + width;
        float* shift = scale + width;
        for (Dim c = 0; c < norm.columns().channels; ++c) {
          double centre = 0, spread = 0;
          norm.each_group(
              c, [&](Dim count, Dim at) { centre += static_cast<double>(count) * means[at]; });
          centre /= rows;
          norm.each_group(c, [&](Dim count, Dim at) {
            const double d = means[at] - centre;
            spread += squares[at] + static_cast<double>(count) * d * d;
          });
          const double variance = spread / rows;
          out[1].as<float>()[c] = static_cast<float>(centre);
          out[2].as<float>()[c] = static_cast<float>(variance);
          const double slope = in[1].as<float>()[c] / std::sqrt(variance + epsilon);
          // The mean is subtracted in float, so what its rounding lost goes to the shift.
          norm.set(mean, c, centre);
          norm.set(scale, c, slope);
          norm.set(shift, c, in[2].as<float>()[c] + (static_cast<float>(centre) - centre) * slope);
        }
        norm.each_chunk([&](Dim chunk) {
          norm.each_part(chunk, [&](Dim first, Dim count, Dim part_width, Dim) {
            table->apply(x + first, count, part_width, mean, scale, shift,
                         out[0].as<float>() + first);
          });
        });
      },
      (2 * statistic + 3 * width) * sizeof(float));
}

// x, gamma, mean, variance, dy -> dx, dgamma, dbeta
std::unique_ptr<Kernel> compile_batch_norm_backward(const BoundNode& node) {
  const NormTable* table = HORNET_PICK(norm_table);
  const Normalisation norm(node.inputs[0].shape, table->lanes);
  const double epsilon = node.node->attrs.real("epsilon");
  const Dim statistic = norm.columns().statistic_floats(), width = norm.columns().width();
  const double rows = static_cast<double>(norm.columns().rows);
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        const float *x = in[0].as<float>(), *dy = in[4].as<float>();
        // A part's two sums lie one after the other, so it takes twice its place.
        float* sums = static_cast<float*>(workspace);
        float* mean = sums + 2 * statistic;
        float* scale = mean + width;
        float* slope = scale + width;
        float* shift = slope + width;
        for (Dim c = 0; c < norm.columns().channels; ++c) norm.set(mean, c, in[2].as<float>()[c]);
        norm.each_chunk([&](Dim chunk) {
          norm.each_part(chunk, [&](Dim first, Dim count, Dim part_width, Dim place) {
            table->gradient_sums(x + first, dy + first, count, part_width, mean,
                                 sums + 2 * (chunk * norm.chunk_floats() + place));
          });
        });
        for (Dim c = 0; c < norm.columns().channels; ++c) {
          double total = 0, product = 0;
          for (Dim chunk = 0; chunk < norm.columns().chunks; ++chunk) {
            norm.each_part(chunk, [&](Dim, Dim, Dim part_width, Dim place) {
              const float* part = sums + 2 * (chunk * norm.chunk_floats() + place);
              for (Dim j = c; j < part_width; j += norm.columns().channels) {
                total += part[j];
                product += part[part_width + j];
              }
            });
          }
          const double sd = std::sqrt(in[3].as<float>()[c] + epsilon);
          const double d_gamma = product / sd, factor = in[1].as<float>()[c] / sd;
          out[1].as<float>()[c] = static_cast<float>(d_gamma);
          out[2].as<float>()[c] = static_cast<float>(total);
          norm.set(scale, c, factor);
          norm.set(slope, c, -factor * d_gamma / (rows * sd));
          norm.set(shift, c, -factor * total / rows);
        }
        norm.each_chunk([&](Dim chunk) {
          norm.each_part(chunk, [&](Dim first, Dim count, Dim part_width, Dim) {
            table->gradient(x + first, dy + first, count, part_width, mean, scale, slope, shift,
                            out[0].as<float>() + first);
          });
        });
      },
      (2 * statistic + 4 * width) * sizeof(float));
}

}  // namespace

void add_norm_kernels(KernelRows& rows) {
  rows.push_back({"softmax", compile_softmax});
  rows.push_back({"batch_norm", compile_batch_norm});
  rows.push_back({"batch_norm_backward", compile_batch_norm_backward});
}

}  // namespace hornet::simd
