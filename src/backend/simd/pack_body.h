// Copies matrices into panels: short lines of `width` floats, one after the other in the order the
// register tiles read them.

// Reads `rows` (at most 8) lines of 8 floats and transposes them.
HORNET_INLINE void load_transposed(const float* p, Dim stride, int rows, __m256 (&r)[8]) {
  for (int i = 0; i < 8; ++i) {
    r[i] = i < rows ? _mm256_loadu_ps(p + i * stride) : _mm256_setzero_ps();
  }
  __m256 t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  __m256 u[8];
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

// packed[k * width + j] = lines[j * stride + k], 0 for j >= count.
inline void pack_transposed(const float* lines, Dim stride, Dim depth, int width, int count,
                            float* packed) {
  for (int j = 0; j < width; j += 8) {
    const int lanes = std::min(8, width - j), rows = std::max(0, std::min(lanes, count - j));
    const float* line = lines + j * stride;
    Dim k = 0;
    for (; k + 8 <= depth; k += 8) {
      __m256 r[8];
      load_transposed(line + k, stride, rows, r);
      float* to = packed + k * width + j;
      if (lanes == 8) {
        HORNET_UNROLL
        for (int i = 0; i < 8; ++i) _mm256_storeu_ps(to + i * width, r[i]);
      } else {
        HORNET_UNROLL
        for (int i = 0; i < 8; ++i) {
          _mm_storeu_ps(to + i * width, _mm256_castps256_ps128(r[i]));
          if (lanes == 6) {
            _mm_storel_pi(reinterpret_cast<__m64*>(to + i * width + 4),
                          _mm256_extractf128_ps(r[i], 1));
          }
        }
      }
    }
    for (; k < depth; ++k) {
      for (int i = 0; i < lanes; ++i)
        packed[k * width + j + i] = i < rows ? line[i * stride + k] : 0;
    }
  }
}

// So many lines ahead: they lie too far apart for the hardware to see it coming.
constexpr Dim kPrefetchedLines = 8;

// packed[k * width + j] = lines[k * stride + j], 0 for j >= count.
inline void pack_straight(const float* lines, Dim stride, Dim depth, int width, int count,
                          float* packed) {
  for (Dim k = 0; k < depth; ++k, lines += stride, packed += width) {
    __builtin_prefetch(lines + kPrefetchedLines * stride);
    int j = 0;
    for (; j + kLanes <= width; j += kLanes) {
      store(packed + j, j + kLanes <= count ? load(lines + j) : load_n(lines + j, count - j));
    }
    if (j < width) store_n(packed + j, load_n(lines + j, count - j), width - j);
  }
}
