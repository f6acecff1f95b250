#include "image/affine.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "image/isa.h"

#ifdef HORNET_IMAGE_AVX2
#include <immintrin.h>
#endif

namespace hornet {
namespace {

constexpr double kPi = 3.14159265358979323846;

struct Matrix {
  double at[3][3];
};

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c{};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 3; ++k) c.at[i][j] += a.at[i][k] * b.at[k][j];
    }
  }
  return c;
}

// Folds a coordinate outside [0, n - 1] back into it.
double fold(double x, int n, FillMode mode) {
  const double last = n - 1;
  if (mode == FillMode::nearest || n == 1) return x < 0 ? 0 : last;
  if (mode == FillMode::wrap) {
    return x < 0 ? x + last * (std::floor(-x / last) + 1) : x - last * std::floor(x / last);
  }
  // Half-sample symmetric; between an edge pixel and its mirror image the picture is flat.
  const double period = 2.0 * n;
  if (x < 0) x = -x - 1;
  if (x >= period) x -= period * std::floor(x / period);
  if (x >= n) x = period - x - 1;
  return x < 0 ? 0 : x > last ? last : x;
}

// The source of one output row is walked from its start or its end.
struct Row {
  float* start;
  std::ptrdiff_t step;
};

Row output_row(const Geometry& g, const PixelShape& shape, int y, float* out) {
  const int to = g.flip_vertical ? shape.height - 1 - y : y;
  float* start = out + shape.row_bytes() * to;
  if (!g.flip_horizontal) return {start, shape.channels};
  return {start + static_cast<std::ptrdiff_t>(shape.width - 1) * shape.channels, -shape.channels};
}

template <class T>
void copy(const T* in, const PixelShape& shape, const Geometry& g, float scale, float* out) {
  for (int y = 0; y < shape.height; ++y) {
    const T* p = in + shape.row_bytes() * y;
    Row to = output_row(g, shape, y, out);
    if (!g.flip_horizontal) {
      for (std::size_t i = 0; i < shape.row_bytes(); ++i) to.start[i] = p[i] * scale;
      continue;
    }
    for (int x = 0; x < shape.width; ++x, p += shape.channels, to.start += to.step) {
      for (int c = 0; c < shape.channels; ++c) to.start[c] = p[c] * scale;
    }
  }
}

template <class T>
void resample_exact(const T* in, const PixelShape& shape, const Geometry& g, float scale,
                    float* out) {
  const double* m = g.map.m;
  const double last_row = shape.height - 1, last_column = shape.width - 1;
  const int channels = shape.channels;
  for (int y = 0; y < shape.height; ++y) {
    Row to = output_row(g, shape, y, out);
    const double row0 = m[2] + y * m[0], column0 = m[5] + y * m[3];
    for (int x = 0; x < shape.width; ++x, to.start += to.step) {
      double r = row0 + x * m[1], q = column0 + x * m[4];
      const bool outside = !(r >= 0 && r <= last_row && q >= 0 && q <= last_column);
      if (outside && g.fill == FillMode::constant) {
        for (int c = 0; c < channels; ++c) to.start[c] = g.cval * scale;
        continue;
      }
      if (!(r >= 0 && r <= last_row)) r = fold(r, shape.height, g.fill);
      if (!(q >= 0 && q <= last_column)) q = fold(q, shape.width, g.fill);
      const int i0 = static_cast<int>(r), j0 = static_cast<int>(q);
      const int i1 = std::min(i0 + 1, shape.height - 1), j1 = std::min(j0 + 1, shape.width - 1);
      const double fr = r - i0, fq = q - j0;
      const T* a = in + shape.row_bytes() * i0;
      const T* b = in + shape.row_bytes() * i1;
      for (int c = 0; c < channels; ++c) {
        double sum = static_cast<double>(a[j0 * channels + c]) * (1 - fr) * (1 - fq);
        sum += static_cast<double>(a[j1 * channels + c]) * (1 - fr) * fq;
        sum += static_cast<double>(b[j0 * channels + c]) * fr * (1 - fq);
        sum += static_cast<double>(b[j1 * channels + c]) * fr * fq;
        to.start[c] = static_cast<float>(sum) * scale;
      }
    }
  }
}

#ifdef HORNET_IMAGE_AVX2
#define AVX2 __attribute__((target("avx2,fma")))

// A stretch of output pixels: where each is taken from. The corner is at most the last but one
// row and column, so that its neighbours exist; the fraction is then 1 at the edge.
struct Taken {
  static constexpr int kMost = 256;
  alignas(32) std::int32_t corner[kMost];       // element of the upper left neighbour; -1: outside
  alignas(32) float row[kMost], column[kMost];  // fractions
};

// Coordinates in double, without fused multiply-add: they are scipy's to the last bit, so that
// the discontinuous fill modes switch at the same pixel.
__attribute__((target("avx2"))) void locate(const Geometry& g, const PixelShape& shape, int y,
                                            int x0, int n, Taken& taken) {
  const double* m = g.map.m;
  const __m256d row0 = _mm256_set1_pd(m[2] + y * m[0]), column0 = _mm256_set1_pd(m[5] + y * m[3]);
  const __m256d row_step = _mm256_set1_pd(m[1]), column_step = _mm256_set1_pd(m[4]);
  const __m256d zero = _mm256_setzero_pd(), four = _mm256_set1_pd(4);
  const __m256d last_row = _mm256_set1_pd(shape.height - 1),
                last_column = _mm256_set1_pd(shape.width - 1);
  const __m256d corner_row = _mm256_set1_pd(std::max(shape.height - 2, 0));
  const __m256d corner_column = _mm256_set1_pd(std::max(shape.width - 2, 0));
  const __m256d row_size = _mm256_set1_pd(static_cast<double>(shape.row_bytes()));
  const __m256d pixel_size = _mm256_set1_pd(shape.channels);
  const bool folds = g.fill == FillMode::reflect || g.fill == FillMode::wrap;

  __m256d x = _mm256_setr_pd(x0, x0 + 1, x0 + 2, x0 + 3);
  for (int i = 0; i < n; i += 4, x = _mm256_add_pd(x, four)) {
    __m256d r = _mm256_add_pd(row0, _mm256_mul_pd(x, row_step));
    __m256d q = _mm256_add_pd(column0, _mm256_mul_pd(x, column_step));
    __m256d clamped_r = _mm256_min_pd(_mm256_max_pd(r, zero), last_row);
    __m256d clamped_q = _mm256_min_pd(_mm256_max_pd(q, zero), last_column);
    __m128i outside = _mm_setzero_si128();
    if (g.fill != FillMode::nearest) {
      const __m256d same = _mm256_and_pd(_mm256_cmp_pd(r, clamped_r, _CMP_EQ_OQ),
                                         _mm256_cmp_pd(q, clamped_q, _CMP_EQ_OQ));
      const int inside = _mm256_movemask_pd(same);
      if (inside != 15 && folds) {
        alignas(32) double rs[4], qs[4];
        _mm256_store_pd(rs, r);
        _mm256_store_pd(qs, q);
        for (int k = 0; k < 4; ++k) {
          if (!(rs[k] >= 0 && rs[k] <= shape.height - 1)) rs[k] = fold(rs[k], shape.height, g.fill);
          if (!(qs[k] >= 0 && qs[k] <= shape.width - 1)) qs[k] = fold(qs[k], shape.width, g.fill);
        }
        clamped_r = _mm256_min_pd(_mm256_max_pd(_mm256_load_pd(rs), zero), last_row);
        clamped_q = _mm256_min_pd(_mm256_max_pd(_mm256_load_pd(qs), zero), last_column);
      } else if (inside != 15) {
        outside = _mm_setr_epi32((inside & 1) - 1, (inside >> 1 & 1) - 1, (inside >> 2 & 1) - 1,
                                 (inside >> 3) - 1);
      }
    }
    const __m256d ri = _mm256_min_pd(_mm256_floor_pd(clamped_r), corner_row);
    const __m256d qi = _mm256_min_pd(_mm256_floor_pd(clamped_q), corner_column);
    const __m128i corner = _mm256_cvttpd_epi32(
        _mm256_add_pd(_mm256_mul_pd(ri, row_size), _mm256_mul_pd(qi, pixel_size)));
    _mm_store_si128(reinterpret_cast<__m128i*>(taken.corner + i), _mm_or_si128(corner, outside));
    _mm_store_ps(taken.row + i, _mm256_cvtpd_ps(_mm256_sub_pd(clamped_r, ri)));
    _mm_store_ps(taken.column + i, _mm256_cvtpd_ps(_mm256_sub_pd(clamped_q, qi)));
  }
}

// Four channels of a pixel. One that has three brings along a value of its neighbour.
AVX2 inline __m128 pixel(const float* p) { return _mm_loadu_ps(p); }
AVX2 inline __m128 pixel(const std::uint8_t* p) {
  std::int32_t bytes;
  std::memcpy(&bytes, p, sizeof bytes);
  return _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)));
}

// The four neighbours of a place, mixed.
template <class T>
AVX2 inline __m128 mix(const T* p, std::ptrdiff_t right, std::ptrdiff_t down, const float& fr,
                       const float& fq) {
  const __m128 a = pixel(p), b = pixel(p + right), c = pixel(p + down), d = pixel(p + down + right);
  const __m128 across = _mm_broadcast_ss(&fq);
  const __m128 upper = _mm_fmadd_ps(across, _mm_sub_ps(b, a), a);
  const __m128 lower = _mm_fmadd_ps(across, _mm_sub_ps(d, c), c);
  return _mm_fmadd_ps(_mm_broadcast_ss(&fr), _mm_sub_ps(lower, upper), upper);
}

// A pixel and nothing else: what follows may be another thread's.
template <int C>
AVX2 inline void store(float* to, __m128 value) {
  if (C == 4) return _mm_storeu_ps(to, value);
  if (C == 1) return _mm_store_ss(to, value);
  _mm_storel_pi(reinterpret_cast<__m64*>(to), value);
  _mm_store_ss(to + 2, _mm_movehl_ps(value, value));
}

// `n` pixels that follow each other at `to`, taken from the places at `i`, i + step, ... Of three
// channels all but the last pixel are stored as four, the last of which the next one puts right.
template <class T, int C, bool Constant>
AVX2 void mix_stretch(const T* in, std::ptrdiff_t right, std::ptrdiff_t down, const Taken& taken,
                      int i, int step, int n, float scale, float cval, float* to) {
  const __m128 times = _mm_set1_ps(scale), outside = _mm_set1_ps(cval * scale);
  auto value = [&](int at) AVX2 {
    const std::int32_t corner = taken.corner[at];
    if (Constant && corner < 0) return outside;
    return _mm_mul_ps(times, mix(in + corner, right, down, taken.row[at], taken.column[at]));
  };
  for (; n > 1; --n, i += step, to += C) store<C == 3 ? 4 : C>(to, value(i));
  store<C>(to, value(i));
}

template <class T, int C>
AVX2 void resample_avx2(const T* in, const PixelShape& shape, const Geometry& g, float scale,
                        float* out) {
  const std::ptrdiff_t right = shape.width > 1 ? C : 0;
  const std::ptrdiff_t down = shape.height > 1 ? static_cast<std::ptrdiff_t>(shape.row_bytes()) : 0;
  const auto mix =
      g.fill == FillMode::constant ? mix_stretch<T, C, true> : mix_stretch<T, C, false>;
  Taken taken;
  for (int y = 0; y < shape.height; ++y) {
    float* row = out + shape.row_bytes() * (g.flip_vertical ? shape.height - 1 - y : y);
    for (int x0 = 0; x0 < shape.width; x0 += Taken::kMost) {
      const int n = std::min(Taken::kMost, shape.width - x0);
      locate(g, shape, y, x0, n, taken);
      if (g.flip_horizontal)
        mix(in, right, down, taken, n - 1, -1, n, scale, g.cval, row + (shape.width - x0 - n) * C);
      else mix(in, right, down, taken, 0, 1, n, scale, g.cval, row + x0 * C);
    }
  }
}

template <class T>
bool resample_fast(const T* in, const PixelShape& shape, const Geometry& g, float scale,
                   float* out) {
  if (image_isa() != ImageIsa::avx2 || shape.bytes() > 0x7fffffff) return false;
  if (shape.channels == 1) resample_avx2<T, 1>(in, shape, g, scale, out);
  else if (shape.channels == 3) resample_avx2<T, 3>(in, shape, g, scale, out);
  else if (shape.channels == 4) resample_avx2<T, 4>(in, shape, g, scale, out);
  else return false;
  return true;
}
#undef AVX2
#else
template <class T>
bool resample_fast(const T*, const PixelShape&, const Geometry&, float, float*) {
  return false;
}
#endif

template <class T>
void transform_of(const T* in, const PixelShape& shape, const Geometry& g, float scale, bool exact,
                  float* out) {
  if (g.map.identity) copy(in, shape, g, scale, out);
  else if (exact || !resample_fast(in, shape, g, scale, out))
    resample_exact(in, shape, g, scale, out);
}

void transform_any(const ImageView& in, const Geometry& g, float scale, bool exact, float* out) {
  if (in.bytes) transform_of(in.bytes, in.shape, g, scale, exact, out);
  else transform_of(in.floats, in.shape, g, scale, exact, out);
}

}  // namespace

AffineMap affine_map(double theta, double tx, double ty, double shear, double zx, double zy,
                     int height, int width) {
  AffineMap map;
  Matrix m{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  auto times = [&](const Matrix& next) {
    m = map.identity ? next : m * next;
    map.identity = false;
  };
  if (theta != 0) {
    const double a = theta * (kPi / 180);
    times({{{std::cos(a), -std::sin(a), 0}, {std::sin(a), std::cos(a), 0}, {0, 0, 1}}});
  }
  if (tx != 0 || ty != 0) times({{{1, 0, tx}, {0, 1, ty}, {0, 0, 1}}});
  if (shear != 0) {
    const double a = shear * (kPi / 180);
    times({{{1, -std::sin(a), 0}, {0, std::cos(a), 0}, {0, 0, 1}}});
  }
  if (zx != 1 || zy != 1) times({{{zx, 0, 0}, {0, zy, 0}, {0, 0, 1}}});
  if (map.identity) return map;
  const double oy = height / 2.0 + 0.5, ox = width / 2.0 + 0.5;
  m = Matrix{{{1, 0, oy}, {0, 1, ox}, {0, 0, 1}}} * m *
      Matrix{{{1, 0, -oy}, {0, 1, -ox}, {0, 0, 1}}};
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) map.m[3 * i + j] = m.at[i][j];
  }
  return map;
}

void transform(const ImageView& in, const Geometry& geometry, float scale, float* out) {
  transform_any(in, geometry, scale, /* exact = */ false, out);
}

void transform_exact(const ImageView& in, const Geometry& geometry, float scale, float* out) {
  transform_any(in, geometry, scale, /* exact = */ true, out);
}

}  // namespace hornet
