// Our convolutions, NHWC, against oneDNN's direct ones in the layout oneDNN prefers (reorders not
// timed): milliseconds of both and the ratio, three directions, each thread count.
// Usage: conv [threads ...]
#include <omp.h>

#include <cmath>
#include <cstdlib>
#include <oneapi/dnnl/dnnl.hpp>
#include <random>
#include <vector>

#include "backend/simd/conv.h"
#include "backend/simd/conv_weights.h"
#include "backend/simd/isa.h"
#include "bench.h"
#include "exec/memory.h"
#include "rt/parallel.h"

using hornet::AlignedBuffer;
using hornet::Dim;
namespace simd = hornet::simd;

namespace {

struct Case {
  Dim batch, size, in, out, padding;
  bool first;  // nobody needs the gradient of its input
};

const Case kCases[] = {{32, 150, 3, 32, 0, true},
                       {128, 28, 1, 32, 0, true},
                       {32, 56, 64, 64, 1, false},
                       {128, 26, 32, 64, 0, false}};

void fill(AlignedBuffer& buffer, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  float* p = static_cast<float*>(buffer.data());
  for (std::size_t i = 0; i < buffer.bytes() / sizeof(float); ++i) p[i] = uniform(random);
}

using tag = dnnl::memory::format_tag;

// oneDNN's side of one case.
class Peer {
 public:
  Peer(const Case& c, const AlignedBuffer& x, const AlignedBuffer& w, const AlignedBuffer& bias,
       const AlignedBuffer& dy)
      : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    const Dim out_size = c.size + 2 * c.padding - 2;
    const dnnl::memory::dims xd = {c.batch, c.in, c.size, c.size}, wd = {c.out, c.in, 3, 3},
                             yd = {c.batch, c.out, out_size, out_size}, one = {1, 1},
                             pad = {c.padding, c.padding};
    const auto any = [](const dnnl::memory::dims& d) {
      return dnnl::memory::desc(d, dnnl::memory::data_type::f32, tag::any);
    };
    const dnnl::memory::desc bd({c.out}, dnnl::memory::data_type::f32, tag::x);
    const auto direct = dnnl::algorithm::convolution_direct;
    dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, direct, any(xd), any(wd), bd, any(yd), one, pad, pad},
        engine_);
    dnnl::convolution_backward_data::primitive_desc data(
        {direct, any(xd), any(wd), any(yd), one, pad, pad}, engine_, forward);
    dnnl::convolution_backward_weights::primitive_desc weights(
        {direct, any(xd), any(wd), any(yd), one, pad, pad}, engine_, forward);
    info = std::string(forward.impl_info_str()) + ", " + data.impl_info_str() + ", " +
           weights.impl_info_str();
    x_ = place(forward.src_desc(), x, xd, tag::nhwc);
    w_ = place(forward.weights_desc(), w, wd, tag::hwio);
    bias_ = place(bd, bias, {c.out}, tag::x);
    y = dnnl::memory(forward.dst_desc(), engine_);
    dy_ = place(data.diff_dst_desc(), dy, yd, tag::nhwc);
    w_data_ = place(data.weights_desc(), w, wd, tag::hwio);
    dx = dnnl::memory(data.diff_src_desc(), engine_);
    x_weights_ = place(weights.src_desc(), x, xd, tag::nhwc);
    dy_weights_ = place(weights.diff_dst_desc(), dy, yd, tag::nhwc);
    dw = dnnl::memory(weights.diff_weights_desc(), engine_);
    forward_ = dnnl::convolution_forward(forward);
    data_ = dnnl::convolution_backward_data(data);
    weights_ = dnnl::convolution_backward_weights(weights);
  }

  void forward() {
    forward_.execute(
        stream_,
        {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, w_}, {DNNL_ARG_BIAS, bias_}, {DNNL_ARG_DST, y}});
    stream_.wait();
  }
  void backward_data() {
    data_.execute(stream_,
                  {{DNNL_ARG_DIFF_DST, dy_}, {DNNL_ARG_WEIGHTS, w_data_}, {DNNL_ARG_DIFF_SRC, dx}});
    stream_.wait();
  }
  void backward_weights() {
    weights_.execute(stream_, {{DNNL_ARG_SRC, x_weights_},
                               {DNNL_ARG_DIFF_DST, dy_weights_},
                               {DNNL_ARG_DIFF_WEIGHTS, dw}});
    stream_.wait();
  }
  std::vector<float> plain(dnnl::memory& m, tag format) {
    const dnnl::memory::desc desc(m.get_desc().dims(), dnnl::memory::data_type::f32, format);
    std::vector<float> values(desc.get_size() / sizeof(float));
    dnnl::memory target(desc, engine_, values.data());
    dnnl::reorder(m, target).execute(stream_, m, target);
    stream_.wait();
    return values;
  }

  std::string info;
  dnnl::memory y, dx, dw;

 private:
  dnnl::memory place(const dnnl::memory::desc& desc, const AlignedBuffer& values,
                     const dnnl::memory::dims& dims, tag format) {
    dnnl::memory source({dims, dnnl::memory::data_type::f32, format}, engine_, values.data());
    dnnl::memory placed(desc, engine_);
    dnnl::reorder(source, placed).execute(stream_, source, placed);
    stream_.wait();
    return placed;
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::memory x_, w_, bias_, dy_, w_data_, x_weights_, dy_weights_;
  dnnl::convolution_forward forward_;
  dnnl::convolution_backward_data data_;
  dnnl::convolution_backward_weights weights_;
};

bool close(const float* own, const std::vector<float>& peer) {
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < peer.size(); ++i) {
    worst = std::max<double>(worst, std::fabs(own[i] - peer[i]));
    largest = std::max<double>(largest, std::fabs(peer[i]));
  }
  return worst <= 1e-4 * largest;
}

void report(const char* direction, const Case& c, int threads, double flops, bench::Pair t,
            bool right) {
  std::printf(
      "N%ld %ldx%ldx%ld -> %ld %-5s %-16s %dT  own %8.2f  oneDNN %8.2f ms  "
      "(%6.1f GFLOP/s)  ratio %.2f%s\n",
      static_cast<long>(c.batch), static_cast<long>(c.in), static_cast<long>(c.size),
      static_cast<long>(c.size), static_cast<long>(c.out), c.padding ? "same" : "valid", direction,
      threads, t.own * 1e3, t.peer * 1e3, flops / t.own / 1e9, t.ratio, right ? "" : "  WRONG");
  std::fflush(stdout);
}

void run(const Case& c, int threads) {
  const Dim out_size = c.size + 2 * c.padding - 2;
  const hornet::Shape xs{c.batch, c.size, c.size, c.in}, ws{3, 3, c.in, c.out},
      ys{c.batch, out_size, out_size, c.out};
  AlignedBuffer x(xs.numel() * 4), w(ws.numel() * 4), bias(c.out * 4), dy(ys.numel() * 4),
      y(ys.numel() * 4), dx(xs.numel() * 4), dw(ws.numel() * 4);
  fill(x, 1);
  fill(w, 2);
  fill(bias, 3);
  fill(dy, 4);
  const hornet::Attrs attrs = {{"padding", std::vector<std::int64_t>(4, c.padding)}};
  const simd::ConvGeometry geometry(attrs, xs, ws, ys);
  const simd::Convolution forward(geometry, simd::Convolution::forward, simd::Activation::linear);
  const simd::Convolution data(geometry, simd::Convolution::backward_data,
                               simd::Activation::linear);
  const simd::ConvWeightsGradient weights(geometry);
  AlignedBuffer workspace(
      std::max({forward.workspace_bytes(), data.workspace_bytes(), weights.workspace_bytes()}));
  const auto in = [](const AlignedBuffer& b) { return static_cast<const float*>(b.data()); };
  const auto out = [](const AlignedBuffer& b) { return static_cast<float*>(b.data()); };
  Peer peer(c, x, w, bias, dy);
  if (threads == 1) std::printf("# oneDNN: %s\n", peer.info.c_str());

  const double flops = geometry.flops();
  bench::Pair t =
      bench::compare([&] { forward.run(in(x), in(w), in(bias), out(y), workspace.data()); },
                     [&] { peer.forward(); }, threads);
  report("forward", c, threads, flops, t, close(out(y), peer.plain(peer.y, tag::nhwc)));
  if (!c.first) {
    t = bench::compare([&] { data.run(in(dy), in(w), nullptr, out(dx), workspace.data()); },
                       [&] { peer.backward_data(); }, threads);
    report("backward data", c, threads, flops, t, close(out(dx), peer.plain(peer.dx, tag::nhwc)));
  }
  t = bench::compare([&] { weights.run(in(x), in(dy), out(dw), workspace.data()); },
                     [&] { peer.backward_weights(); }, threads);
  report("backward weights", c, threads, flops, t, close(out(dw), peer.plain(peer.dw, tag::hwio)));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> counts;
  for (int i = 1; i < argc; ++i) counts.push_back(std::atoi(argv[i]));
  if (counts.empty()) counts = {1, 2};
  if (simd::isa() == simd::Isa::none) {
    std::puts("no SIMD kernels for this machine");
    return 0;
  }
  for (int threads : counts) {
    hornet::set_kernel_threads(threads);
    omp_set_num_threads(threads);
    for (const Case& c : kCases) run(c, threads);
  }
  return 0;
}
