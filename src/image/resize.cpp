#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "image/isa.h"

#ifdef HORNET_IMAGE_AVX2
#include <immintrin.h>
#endif

namespace hornet {
namespace {

constexpr int kPointBits = 22, kLowBits = 15;
// Sums of this many products of a byte and the low part of a weight fit into 32 bits.
constexpr int kMostTaps = 256;
constexpr double kPi = 3.14159265358979323846;
constexpr std::size_t kKeptBytes = std::size_t{32} << 20;

double sinc(double x) {
  if (x == 0) return 1;
  x *= kPi;
  return std::sin(x) / x;
}

double weight(ResizeKernel kernel, double x) {
  switch (kernel) {
    case ResizeKernel::nearest:
      break;
    case ResizeKernel::box:
      return x > -0.5 && x <= 0.5 ? 1 : 0;
    case ResizeKernel::bilinear:
      return std::max(0.0, 1 - std::fabs(x));
    case ResizeKernel::hamming:
      // The constants are floats in Pillow.
      if (x == 0) return 1;
      return std::fabs(x) >= 1
                 ? 0
                 : sinc(std::fabs(x)) * (0.54f + 0.46f * std::cos(std::fabs(x) * kPi));
    case ResizeKernel::bicubic: {
      const double a = -0.5;
      x = std::fabs(x);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    }
    case ResizeKernel::lanczos:
      return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
  }
  return 0;
}

double support_of(ResizeKernel kernel) {
  static const double supports[] = {0, 0.5, 1, 1, 2, 3};
  return supports[static_cast<int>(kernel)];
}

void fill_nearest(ResizeTable& t) {
  t.first.resize(t.out);
  // Summed up, not multiplied: the last bit decides between neighbours.
  const double step = static_cast<double>(t.in) / t.out;
  double at = step * 0.5;
  for (int i = 0; i < t.out; ++i, at += step) t.first[i] = std::min(static_cast<int>(at), t.in - 1);
}

void fill_weights(ResizeTable& t) {
  const double scale = static_cast<double>(t.in) / t.out, stretch = std::max(scale, 1.0);
  const double support = support_of(t.kernel) * stretch;
  t.taps = (static_cast<int>(std::ceil(support)) * 2 + 1 + 7) / 8 * 8;
  t.first.resize(t.out);
  t.count.resize(t.out);
  t.weights.assign(static_cast<std::size_t>(t.out) * t.taps, 0);
  std::vector<double> w(t.taps);
  for (int i = 0; i < t.out; ++i) {
    const double center = (i + 0.5) * scale;
    const int begin = std::max(0, static_cast<int>(center - support + 0.5));
    const int end = std::min(t.in, static_cast<int>(center + support + 0.5));
    const int n = end - begin;
    double sum = 0;
    for (int k = 0; k < n; ++k)
      sum += w[k] = weight(t.kernel, (k + begin - center + 0.5) * (1.0 / stretch));
    std::int32_t* to = &t.weights[static_cast<std::size_t>(i) * t.taps];
    for (int k = 0; k < n; ++k) {
      if (sum != 0) w[k] /= sum;
      to[k] = static_cast<int>(w[k] * (1 << kPointBits) + (w[k] < 0 ? -0.5 : 0.5));
    }
    t.first[i] = begin;
    t.count[i] = n;
  }
  t.high.resize(t.weights.size());
  t.low.resize(t.weights.size());
  for (std::size_t i = 0; i < t.weights.size(); ++i) {
    t.high[i] = static_cast<std::int16_t>(t.weights[i] >> kLowBits);
    t.low[i] = static_cast<std::int16_t>(t.weights[i] & ((1 << kLowBits) - 1));
  }
}

inline std::uint8_t to_byte(int sum) {
  sum >>= kPointBits;
  return static_cast<std::uint8_t>(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

template <int C>
void horizontal_scalar(const Pixels& in, const ResizeTable& t, Pixels& out) {
  for (int y = 0; y < in.shape.height; ++y) {
    const std::uint8_t* row = in.row(y);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < t.out; ++x, to += C) {
      const std::int32_t* w = &t.weights[static_cast<std::size_t>(x) * t.taps];
      const std::uint8_t* p = row + t.first[x] * C;
      int sum[C];
      for (int c = 0; c < C; ++c) sum[c] = 1 << (kPointBits - 1);
      for (int k = 0; k < t.count[x]; ++k) {
        for (int c = 0; c < C; ++c) sum[c] += p[k * C + c] * w[k];
      }
      for (int c = 0; c < C; ++c) to[c] = to_byte(sum[c]);
    }
  }
}

// Columns [begin, row end) of one target row.
void vertical_scalar(const Pixels& in, const ResizeTable& t, int y, std::size_t begin,
                     std::uint8_t* to) {
  const std::size_t row_bytes = in.shape.row_bytes();
  const std::int32_t* w = &t.weights[static_cast<std::size_t>(y) * t.taps];
  const std::uint8_t* p = in.row(t.first[y]);
  for (std::size_t x = begin; x < row_bytes; ++x) {
    int sum = 1 << (kPointBits - 1);
    for (int k = 0; k < t.count[y]; ++k) sum += p[x + row_bytes * k] * w[k];
    to[x] = to_byte(sum);
  }
}

#ifdef HORNET_IMAGE_AVX2
#define AVX2 __attribute__((target("avx2")))

// Two weights side by side, four times.
AVX2 inline __m128i pair(const std::int16_t* w) {
  std::int32_t two;
  std::memcpy(&two, w, sizeof two);
  return _mm_set1_epi32(two);
}

// Sums of products with the high and the low parts (which hold the half that rounds) -> values.
AVX2 inline __m128i rounded(__m128i high, __m128i low) {
  return _mm_srai_epi32(_mm_add_epi32(_mm_slli_epi32(high, kLowBits), low), kPointBits);
}

// Two source pixels a round, their channels in pairs, of four rows at once. Of three channels all
// but a row's last pixel are stored as four, the last of which the next one puts right.
template <int C>
AVX2 void horizontal_avx2(const Pixels& in, const ResizeTable& t, Pixels& out) {
  constexpr int kRows = 4;
  const __m128i spread =
      C == 3 ? _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1)
             : _mm_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1);
  const __m128i half = _mm_set1_epi32(1 << (kPointBits - 1));
  for (int y = 0; y < in.shape.height; y += kRows) {
    const std::uint8_t* from[kRows];
    std::uint8_t* to[kRows];
    for (int i = 0; i < kRows; ++i) {
      from[i] = in.row(std::min(y + i, in.shape.height - 1));
      to[i] = out.row(std::min(y + i, in.shape.height - 1));
    }
    for (int x = 0; x < t.out; ++x) {
      const std::int16_t* high = &t.high[static_cast<std::size_t>(x) * t.taps];
      const std::int16_t* low = &t.low[static_cast<std::size_t>(x) * t.taps];
      const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(t.first[x]) * C;
      const int n = t.count[x];
      __m128i highs[kRows] = {}, lows[kRows] = {half, half, half, half};
      for (int k = 0; k < n; k += 2) {
        const __m128i h = pair(high + k), l = pair(low + k);
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) {
          const auto* p = reinterpret_cast<const __m128i*>(from[i] + first + k * C);
          const __m128i pixels = _mm_shuffle_epi8(_mm_loadl_epi64(p), spread);
          highs[i] = _mm_add_epi32(highs[i], _mm_madd_epi16(pixels, h));
          lows[i] = _mm_add_epi32(lows[i], _mm_madd_epi16(pixels, l));
        }
      }
      const __m128i values =
          _mm_packus_epi16(_mm_packs_epi32(rounded(highs[0], lows[0]), rounded(highs[1], lows[1])),
                           _mm_packs_epi32(rounded(highs[2], lows[2]), rounded(highs[3], lows[3])));
      alignas(16) std::uint8_t bytes[4 * kRows];
      if (C == 4 || x + 1 < t.out) {
        const int each[kRows] = {_mm_cvtsi128_si32(values), _mm_extract_epi32(values, 1),
                                 _mm_extract_epi32(values, 2), _mm_extract_epi32(values, 3)};
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) std::memcpy(to[i] + x * C, &each[i], 4);
      } else {
        _mm_store_si128(reinterpret_cast<__m128i*>(bytes), values);
        for (int i = 0; i < kRows; ++i) std::memcpy(to[i] + x * C, bytes + 4 * i, C);
      }
    }
  }
}

// Eight grey pixels a round.
AVX2 void horizontal_grey_avx2(const Pixels& in, const ResizeTable& t, Pixels& out) {
  auto sum_of = [](__m128i v) {
    v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
  };
  for (int y = 0; y < in.shape.height; ++y) {
    const std::uint8_t* row = in.row(y);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < t.out; ++x) {
      const std::size_t at = static_cast<std::size_t>(x) * t.taps;
      __m128i high = _mm_setzero_si128(), low = high;
      for (int k = 0; k < t.count[x]; k += 8) {
        const __m128i pixels = _mm_cvtepu8_epi16(
            _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + t.first[x] + k)));
        high = _mm_add_epi32(
            high, _mm_madd_epi16(
                      pixels, _mm_loadu_si128(reinterpret_cast<const __m128i*>(&t.high[at + k]))));
        low = _mm_add_epi32(
            low, _mm_madd_epi16(pixels,
                                _mm_loadu_si128(reinterpret_cast<const __m128i*>(&t.low[at + k]))));
      }
      to[x] = to_byte(sum_of(high) * (1 << kLowBits) + sum_of(low) + (1 << (kPointBits - 1)));
    }
  }
}

// Sixteen columns of two source rows a round.
AVX2 void vertical_avx2(const Pixels& in, const ResizeTable& t, Pixels& out) {
  const std::size_t row_bytes = in.shape.row_bytes();
  const __m128i zero = _mm_setzero_si128();
  const __m128i half = _mm_set1_epi32(1 << (kPointBits - 1));
  for (int y = 0; y < t.out; ++y) {
    const std::int16_t* high = &t.high[static_cast<std::size_t>(y) * t.taps];
    const std::int16_t* low = &t.low[static_cast<std::size_t>(y) * t.taps];
    const std::uint8_t* p = in.row(t.first[y]);
    const int n = t.count[y];
    std::uint8_t* to = out.row(y);
    std::size_t x = 0;
    for (; x + 16 <= row_bytes; x += 16) {
      __m128i sums_high[4] = {zero, zero, zero, zero}, sums_low[4] = {half, half, half, half};
      for (int k = 0; k < n; k += 2) {
        const std::uint8_t* q = p + x + row_bytes * k;
        const std::uint8_t* next = k + 1 < n ? q + row_bytes : q;  // or any row: its weight is zero
        const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(q));
        const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(next));
        const __m128i left = _mm_unpacklo_epi8(a, b), right = _mm_unpackhi_epi8(a, b);
        const __m128i pairs[4] = {_mm_unpacklo_epi8(left, zero), _mm_unpackhi_epi8(left, zero),
                                  _mm_unpacklo_epi8(right, zero), _mm_unpackhi_epi8(right, zero)};
        const __m128i h = pair(high + k), l = pair(low + k);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          sums_high[i] = _mm_add_epi32(sums_high[i], _mm_madd_epi16(pairs[i], h));
          sums_low[i] = _mm_add_epi32(sums_low[i], _mm_madd_epi16(pairs[i], l));
        }
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        sums_low[i] = _mm_srai_epi32(
            _mm_add_epi32(_mm_slli_epi32(sums_high[i], kLowBits), sums_low[i]), kPointBits);
      }
      const __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(sums_low[0], sums_low[1]),
                                             _mm_packs_epi32(sums_low[2], sums_low[3]));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + x), bytes);
    }
    vertical_scalar(in, t, y, x, to);
  }
}
#undef AVX2
#endif

void horizontal(const Pixels& in, const ResizeTable& t, Pixels& out) {
  const int channels = in.shape.channels;
  out.reshape({in.shape.height, t.out, channels});
#ifdef HORNET_IMAGE_AVX2
  if (image_isa() == ImageIsa::avx2 && t.taps <= kMostTaps) {
    if (channels == 1) return horizontal_grey_avx2(in, t, out);
    if (channels == 3) return horizontal_avx2<3>(in, t, out);
    return horizontal_avx2<4>(in, t, out);
  }
#endif
  if (channels == 1) horizontal_scalar<1>(in, t, out);
  else if (channels == 3) horizontal_scalar<3>(in, t, out);
  else horizontal_scalar<4>(in, t, out);
}

void vertical(const Pixels& in, const ResizeTable& t, Pixels& out) {
  out.reshape({t.out, in.shape.width, in.shape.channels});
#ifdef HORNET_IMAGE_AVX2
  if (image_isa() == ImageIsa::avx2 && t.taps <= kMostTaps) return vertical_avx2(in, t, out);
#endif
  for (int y = 0; y < t.out; ++y) vertical_scalar(in, t, y, 0, out.row(y));
}

template <int C>
void nearest(const Pixels& in, const ResizeTable& rows, const ResizeTable& columns, Pixels& out) {
  for (int y = 0; y < rows.out; ++y) {
    const std::uint8_t* from = in.row(rows.first[y]);
    std::uint8_t* to = out.row(y);
    // Three bytes are copied as four, the last of which the next pixel puts right.
    for (int x = 0; x + 1 < columns.out; ++x, to += C)
      std::memcpy(to, from + columns.first[x] * C, C == 3 ? 4 : C);
    std::memcpy(to, from + columns.first[columns.out - 1] * C, C);
  }
}

void premultiply(const Pixels& in, Pixels& out) {
  const std::uint8_t* p = in.data();
  std::uint8_t* to = out.reshape(in.shape);
  const std::size_t n = in.shape.bytes();
  for (std::size_t i = 0; i < n; i += 4) {
    for (std::size_t c = 0; c < 3; ++c) {
      const int product = p[i + c] * p[i + 3] + 128;  // rounded division by 255
      to[i + c] = static_cast<std::uint8_t>(((product >> 8) + product) >> 8);
    }
    to[i + 3] = p[i + 3];
  }
}

void unpremultiply(Pixels& pixels) {
  std::uint8_t* p = pixels.data();
  const std::size_t n = pixels.shape.bytes();
  for (std::size_t i = 0; i < n; i += 4) {
    const int alpha = p[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (std::size_t c = 0; c < 3; ++c)
      p[i + c] = static_cast<std::uint8_t>(std::min(255, 255 * p[i + c] / alpha));
  }
}

}  // namespace

const ResizeTable& ResizeTables::get(int in, int out, ResizeKernel kernel) {
  for (const auto& t : tables_) {
    if (t->in == in && t->out == out && t->kernel == kernel) return *t;
  }
  if (tables_.size() < kTables) {
    tables_.push_back(std::make_unique<ResizeTable>());
    newest_ = tables_.size() - 1;
  } else {
    newest_ = (newest_ + 1) % kTables;
  }
  ResizeTable& t = *tables_[newest_];
  t.in = in;
  t.out = out;
  t.kernel = kernel;
  if (kernel == ResizeKernel::nearest) fill_nearest(t);
  else fill_weights(t);
  return t;
}

void ResizeScratch::trim() {
  if (between.buffer.capacity() > kKeptBytes) between.buffer.release();
  if (premultiplied.buffer.capacity() > kKeptBytes) premultiplied.buffer.release();
}

void resize(const Pixels& in, int height, int width, ResizeKernel kernel, ResizeScratch& scratch,
            Pixels& out) {
  const PixelShape from = in.shape, to{height, width, from.channels};
  if (kernel == ResizeKernel::nearest) {
    out.reshape(to);
    const ResizeTable& rows = scratch.rows.get(from.height, height, kernel);
    const ResizeTable& columns = scratch.columns.get(from.width, width, kernel);
    if (from.channels == 1) nearest<1>(in, rows, columns, out);
    else if (from.channels == 3) nearest<3>(in, rows, columns, out);
    else nearest<4>(in, rows, columns, out);
    return;
  }
  const Pixels* source = &in;
  if (from.channels == 4) {
    premultiply(in, scratch.premultiplied);
    source = &scratch.premultiplied;
  }
  if (width != from.width) {
    Pixels& target = height == from.height ? out : scratch.between;
    horizontal(*source, scratch.columns.get(from.width, width, kernel), target);
    source = &target;
  }
  if (height != from.height) vertical(*source, scratch.rows.get(from.height, height, kernel), out);
  else if (source != &out) std::memcpy(out.reshape(to), source->data(), to.bytes());
  if (from.channels == 4) unpremultiply(out);
}

void zoom(const float* in, const PixelShape& shape, int height, int width, float* out) {
  struct At {
    int i0, i1;
    double f;
  };
  auto axis = [](int n_in, int n_out) {
    std::vector<At> at(static_cast<std::size_t>(n_out));
    const double step = n_out > 1 ? static_cast<double>(n_in - 1) / (n_out - 1) : 0;
    for (int i = 0; i < n_out; ++i) {
      const double x = std::min(step * i, static_cast<double>(n_in - 1));
      const int i0 = static_cast<int>(x);
      at[i] = {i0, std::min(i0 + 1, n_in - 1), x - i0};
    }
    return at;
  };
  const auto rows = axis(shape.height, height), columns = axis(shape.width, width);
  const std::size_t row = shape.row_bytes();  // floats a row: one for each byte
  for (const At& r : rows) {
    const float* a = in + row * r.i0;
    const float* b = in + row * r.i1;
    for (const At& q : columns) {
      const float* p[] = {a + q.i0 * shape.channels, a + q.i1 * shape.channels,
                          b + q.i0 * shape.channels, b + q.i1 * shape.channels};
      for (int c = 0; c < shape.channels; ++c) {
        *out++ = static_cast<float>(p[0][c] * (1 - r.f) * (1 - q.f) + p[1][c] * (1 - r.f) * q.f +
                                    p[2][c] * r.f * (1 - q.f) + p[3][c] * r.f * q.f);
      }
    }
  }
}

}  // namespace hornet
