// cuBLAS and cuDNN against plain loops. Sums are in double on both sides, so only the last
// rounding may differ.
#include <cublas_v2.h>
#include <cudnn.h>

#include <algorithm>
#include <cmath>

#include "tests/device.h"

namespace {

float number(unsigned i) {
  return static_cast<float>(static_cast<int>(i * 2654435761u % 1009) - 504) / 64;
}

std::vector<float> numbers(std::size_t n, unsigned seed) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = number(static_cast<unsigned>(i) + seed);
  return v;
}

bool near(float a, double b) { return std::fabs(a - b) <= 1e-6 * std::max(1.0, std::fabs(b)); }

// --- cuBLAS ----------------------------------------------------------------------------------

class Blas {
 public:
  Blas() { MUST(cublasCreate(&handle_)); }
  ~Blas() { cublasDestroy(handle_); }
  Blas(const Blas&) = delete;
  operator cublasHandle_t() const { return handle_; }

 private:
  cublasHandle_t handle_;
};

struct Gemm {
  int m, n, k, more;  // leading dimensions are longer than the columns by `more`
  bool transpose_a, transpose_b;
  float alpha, beta;
  int batch;

  int lda() const { return std::max(1, (transpose_a ? k : m) + more); }
  int ldb() const { return std::max(1, (transpose_b ? n : k) + more); }
  int ldc() const { return std::max(1, m + more); }
  std::size_t size_a() const { return static_cast<std::size_t>(lda()) * (transpose_a ? m : k); }
  std::size_t size_b() const { return static_cast<std::size_t>(ldb()) * (transpose_b ? k : n); }
  std::size_t size_c() const { return static_cast<std::size_t>(ldc()) * n; }
};

void check_gemm(const Blas& blas, const Gemm& g) {
  const std::vector<float> a = numbers(g.size_a() * g.batch, 1),
                           b = numbers(g.size_b() * g.batch, 2);
  const std::vector<float> before = numbers(g.size_c() * g.batch, 3);
  DeviceArray<float> da(a), db(b), dc(before);
  const auto op = [](bool t) { return t ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const cublasStatus_t status =
      g.batch == 1
          ? cublasSgemm(blas, op(g.transpose_a), op(g.transpose_b), g.m, g.n, g.k, &g.alpha,
                        da.data(), g.lda(), db.data(), g.ldb(), &g.beta, dc.data(), g.ldc())
          : cublasSgemmStridedBatched(blas, op(g.transpose_a), op(g.transpose_b), g.m, g.n, g.k,
                                      &g.alpha, da.data(), g.lda(), g.size_a(), db.data(), g.ldb(),
                                      g.size_b(), &g.beta, dc.data(), g.ldc(), g.size_c(), g.batch);
  CHECK(status == CUBLAS_STATUS_SUCCESS);
  const std::vector<float> c = dc.values();
  bool right = true;
  for (int s = 0; s < g.batch; ++s)
    for (int j = 0; j < g.n; ++j)
      for (int i = 0; i < g.ldc(); ++i) {
        const std::size_t at = s * g.size_c() + i + static_cast<std::size_t>(j) * g.ldc();
        if (i >= g.m) {
          right = right && c[at] == before[at];  // between the columns nothing is written
          continue;
        }
        double sum = 0;
        for (int k = 0; k < g.k; ++k) {
          const double x = a[s * g.size_a() + (g.transpose_a ? k + i * g.lda() : i + k * g.lda())];
          const double y = b[s * g.size_b() + (g.transpose_b ? j + k * g.ldb() : k + j * g.ldb())];
          sum += x * y;
        }
        right = right && near(c[at], g.alpha * sum + g.beta * before[at]);
      }
  if (!CHECK(right))
    std::printf("  m %d n %d k %d more %d transposes %d %d beta %g batch %d\n", g.m, g.n, g.k,
                g.more, g.transpose_a, g.transpose_b, g.beta, g.batch);
}

void test_gemm() {
  const Blas blas;
  const int sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {17, 1, 9}, {1, 13, 4},
                          {8, 8, 8}, {0, 3, 2}, {3, 0, 2},  {3, 2, 0}};
  for (const auto& s : sizes)
    for (const int more : {0, 3})
      for (const int transposes : {0, 1, 2, 3})
        for (const float beta : {0.0f, 1.0f, 0.5f})
          for (const int batch : {1, 3})
            check_gemm(blas, {s[0], s[1], s[2], more, (transposes & 1) != 0, (transposes & 2) != 0,
                              1.25f, beta, batch});
}

void test_gemm_ignores_old_values() {  // with beta = 0, be they NaN or never written
  const Blas blas;
  DeviceArray<float> a(std::vector<float>(4, 1)), c(4);
  const float one = 1, zero = 0;
  MUST(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one, a.data(), 2, a.data(), 2, &zero,
                   c.data(), 2));
  CHECK(c.values() == std::vector<float>(4, 2));
  DeviceArray<float> nan(std::vector<float>(4, NAN));
  MUST(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one, a.data(), 2, a.data(), 2, &zero,
                   nan.data(), 2));
  CHECK(nan.values() == std::vector<float>(4, 2));
}

void test_gemm_modes() {
  const Blas blas;
  DeviceArray<float> a(std::vector<float>(4, 1)), c(4), factors(std::vector<float>{3, 0});
  DeviceArray<char> workspace(1024);
  MUST(cublasSetMathMode(blas, CUBLAS_DEFAULT_MATH));
  MUST(cublasSetWorkspace(blas, workspace.data(), 1024));
  MUST(cublasSetPointerMode(blas, CUBLAS_POINTER_MODE_DEVICE));
  MUST(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, factors.data(), a.data(), 2, a.data(),
                   2, factors.data() + 1, c.data(), 2));
  CHECK(c.values() == std::vector<float>(4, 6));
  int version = 0;
  MUST(cublasGetVersion(blas, &version));
  CHECK(version / 10000 == 13);
  CHECK(std::string(cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE)) ==
        "CUBLAS_STATUS_INVALID_VALUE");
  MUST(cudaDeviceSynchronize());
}

// --- cuDNN -----------------------------------------------------------------------------------

struct Case {
  int n, c, h, w;  // of the input
  int k, r, s;     // filters
  int pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, groups;

  int out_h() const { return (h + 2 * pad_h - dilation_h * (r - 1) - 1) / stride_h + 1; }
  int out_w() const { return (w + 2 * pad_w - dilation_w * (s - 1) - 1) / stride_w + 1; }
  std::size_t x_size() const { return static_cast<std::size_t>(n) * c * h * w; }
  std::size_t w_size() const { return static_cast<std::size_t>(k) * (c / groups) * r * s; }
  std::size_t y_size() const { return static_cast<std::size_t>(n) * k * out_h() * out_w(); }
};

// Where element (a, b, i, j) of a tensor is.
struct Layout {
  int b, h, w;
  bool channels_last;
  std::size_t operator()(int a, int channel, int i, int j) const {
    return channels_last ? ((static_cast<std::size_t>(a) * h + i) * w + j) * b + channel
                         : ((static_cast<std::size_t>(a) * b + channel) * h + i) * w + j;
  }
};

template <class Visit>
void each_product(const Case& p, bool nhwc, Visit visit) {
  const Layout x{p.c, p.h, p.w, nhwc}, w{p.c / p.groups, p.r, p.s, nhwc},
      y{p.k, p.out_h(), p.out_w(), nhwc};
  for (int n = 0; n < p.n; ++n)
    for (int k = 0; k < p.k; ++k)
      for (int i = 0; i < p.out_h(); ++i)
        for (int j = 0; j < p.out_w(); ++j)
          for (int c = 0; c < p.c / p.groups; ++c)
            for (int r = 0; r < p.r; ++r)
              for (int s = 0; s < p.s; ++s) {
                const int row = i * p.stride_h - p.pad_h + r * p.dilation_h;
                const int column = j * p.stride_w - p.pad_w + s * p.dilation_w;
                if (row < 0 || row >= p.h || column < 0 || column >= p.w) continue;
                const int group = k / (p.k / p.groups);
                visit(x(n, group * (p.c / p.groups) + c, row, column), w(k, c, r, s),
                      y(n, k, i, j));
              }
}

class Dnn {
 public:
  Dnn(const Case& p, bool nhwc) {
    const cudnnTensorFormat_t format = nhwc ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
    MUST(cudnnCreate(&handle));
    MUST(cudnnCreateTensorDescriptor(&x));
    MUST(cudnnCreateTensorDescriptor(&y));
    MUST(cudnnCreateFilterDescriptor(&w));
    MUST(cudnnCreateConvolutionDescriptor(&convolution));
    MUST(cudnnSetTensor4dDescriptor(x, format, CUDNN_DATA_FLOAT, p.n, p.c, p.h, p.w));
    MUST(cudnnSetFilter4dDescriptor(w, CUDNN_DATA_FLOAT, format, p.k, p.c / p.groups, p.r, p.s));
    MUST(cudnnSetConvolution2dDescriptor(convolution, p.pad_h, p.pad_w, p.stride_h, p.stride_w,
                                         p.dilation_h, p.dilation_w, CUDNN_CROSS_CORRELATION,
                                         CUDNN_DATA_FLOAT));
    MUST(cudnnSetConvolutionMathType(convolution, CUDNN_FMA_MATH));
    MUST(cudnnSetConvolutionGroupCount(convolution, p.groups));
    int n, c, h, width;
    MUST(cudnnGetConvolution2dForwardOutputDim(convolution, x, w, &n, &c, &h, &width));
    CHECK(n == p.n && c == p.k && h == p.out_h() && width == p.out_w());
    MUST(cudnnSetTensor4dDescriptor(y, format, CUDNN_DATA_FLOAT, n, c, h, width));
  }
  ~Dnn() {
    cudnnDestroyConvolutionDescriptor(convolution);
    cudnnDestroyFilterDescriptor(w);
    cudnnDestroyTensorDescriptor(y);
    cudnnDestroyTensorDescriptor(x);
    cudnnDestroy(handle);
  }
  Dnn(const Dnn&) = delete;

  cudnnHandle_t handle;
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t convolution;
};

bool all_near(const std::vector<float>& got, const std::vector<double>& sums, double alpha,
              double beta, const std::vector<float>& before) {
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!near(got[i], alpha * sums[i] + beta * before[i])) return false;
  return true;
}

void check_convolution(const Case& p, bool nhwc, float beta) {
  const Dnn d(p, nhwc);
  const float alpha = 0.5f;
  const std::vector<float> x = numbers(p.x_size(), 1), w = numbers(p.w_size(), 2),
                           y = numbers(p.y_size(), 3);
  std::vector<double> sum_x(x.size()), sum_w(w.size()), sum_y(y.size());
  each_product(p, nhwc, [&](std::size_t xi, std::size_t wi, std::size_t yi) {
    sum_y[yi] += static_cast<double>(x[xi]) * w[wi];
    sum_x[xi] += static_cast<double>(y[yi]) * w[wi];
    sum_w[wi] += static_cast<double>(x[xi]) * y[yi];
  });
  DeviceArray<float> dx(x), dw(w), dy(y);

  int found = 0;
  cudnnConvolutionFwdAlgoPerf_t forward[4];
  MUST(cudnnGetConvolutionForwardAlgorithm_v7(d.handle, d.x, d.w, d.convolution, d.y, 4, &found,
                                              forward));
  cudnnConvolutionBwdDataAlgoPerf_t data[4];
  MUST(cudnnGetConvolutionBackwardDataAlgorithm_v7(d.handle, d.w, d.y, d.convolution, d.x, 4,
                                                   &found, data));
  cudnnConvolutionBwdFilterAlgoPerf_t filter[4];
  MUST(cudnnGetConvolutionBackwardFilterAlgorithm_v7(d.handle, d.x, d.y, d.convolution, d.w, 4,
                                                     &found, filter));
  for (int k = 0; k < found; ++k) {
    std::size_t bytes = 0;
    if (forward[k].status == CUDNN_STATUS_SUCCESS) {
      MUST(cudnnGetConvolutionForwardWorkspaceSize(d.handle, d.x, d.w, d.convolution, d.y,
                                                   forward[k].algo, &bytes));
      DeviceArray<char> workspace(bytes);
      DeviceArray<float> out(y);
      MUST(cudnnConvolutionForward(d.handle, &alpha, d.x, dx.data(), d.w, dw.data(), d.convolution,
                                   forward[k].algo, workspace.data(), bytes, &beta, d.y,
                                   out.data()));
      CHECK(all_near(out.values(), sum_y, alpha, beta, y));
    }
    if (data[k].status == CUDNN_STATUS_SUCCESS) {
      MUST(cudnnGetConvolutionBackwardDataWorkspaceSize(d.handle, d.w, d.y, d.convolution, d.x,
                                                        data[k].algo, &bytes));
      DeviceArray<char> workspace(bytes);
      DeviceArray<float> out(x);
      MUST(cudnnConvolutionBackwardData(d.handle, &alpha, d.w, dw.data(), d.y, dy.data(),
                                        d.convolution, data[k].algo, workspace.data(), bytes, &beta,
                                        d.x, out.data()));
      CHECK(all_near(out.values(), sum_x, alpha, beta, x));
    }
    if (filter[k].status == CUDNN_STATUS_SUCCESS) {
      MUST(cudnnGetConvolutionBackwardFilterWorkspaceSize(d.handle, d.x, d.y, d.convolution, d.w,
                                                          filter[k].algo, &bytes));
      DeviceArray<char> workspace(bytes);
      DeviceArray<float> out(w);
      MUST(cudnnConvolutionBackwardFilter(d.handle, &alpha, d.x, dx.data(), d.y, dy.data(),
                                          d.convolution, filter[k].algo, workspace.data(), bytes,
                                          &beta, d.w, out.data()));
      CHECK(all_near(out.values(), sum_w, alpha, beta, w));
    }
  }
}

void test_convolutions() {
  const Case cases[] = {
      {1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1}, {2, 3, 7, 6, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1},
      {2, 4, 9, 8, 6, 3, 2, 0, 1, 2, 3, 1, 1, 2}, {1, 3, 11, 9, 3, 3, 3, 2, 2, 1, 1, 2, 2, 3},
      {1, 2, 8, 8, 5, 5, 4, 2, 0, 2, 1, 1, 2, 1},
  };
  for (const Case& p : cases)
    for (const bool nhwc : {false, true})
      for (const float beta : {0.0f, 1.0f, 0.5f}) check_convolution(p, nhwc, beta);
}

// Rows, images and channels with gaps between them, in and out.
void test_strided_tensors() {
  const Case p{2, 2, 4, 4, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1};
  const Dnn d(p, false);
  const int row = 6, channel = 30, image = 70;
  MUST(cudnnSetTensor4dDescriptorEx(d.x, CUDNN_DATA_FLOAT, 2, 2, 4, 4, image, channel, row, 1));
  const int dims[] = {2, 2, 4, 4}, strides[] = {image, channel, row, 1};
  MUST(cudnnSetTensorNdDescriptor(d.y, CUDNN_DATA_FLOAT, 4, dims, strides));
  std::size_t bytes = 0;
  MUST(cudnnGetTensorSizeInBytes(d.x, &bytes));
  CHECK(bytes == (image + channel + 3 * row + 3 + 1) * sizeof(float));
  const std::vector<float> x = numbers(2 * image, 1), w = numbers(p.w_size(), 2);
  DeviceArray<float> dx(x), dw(w), dy(std::vector<float>(2 * image, -1));
  const float one = 1, zero = 0;
  MUST(cudnnConvolutionForward(d.handle, &one, d.x, dx.data(), d.w, dw.data(), d.convolution,
                               CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, nullptr, 0, &zero, d.y,
                               dy.data()));
  const auto strided = [&](std::size_t packed) {
    return packed % 4 + packed / 4 % 4 * row + packed / 16 % 2 * channel + packed / 32 * image;
  };
  std::vector<double> sums(2 * image);
  std::vector<bool> in_tensor(2 * image);
  for (std::size_t i = 0; i < 64; ++i) in_tensor[strided(i)] = true;
  each_product(p, false, [&](std::size_t xi, std::size_t wi, std::size_t yi) {
    sums[strided(yi)] += static_cast<double>(x[strided(xi)]) * w[wi];
  });
  const std::vector<float> y = dy.values();
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(in_tensor[i] ? near(y[i], sums[i]) : y[i] == -1);
}

// One dimension as one of two, and three, by the Nd descriptors; and the flipped filter.
void test_other_ranks() {
  const Case p{1, 1, 2, 3, 1, 1, 2, 0, 0, 1, 1, 1, 1, 1};
  const Dnn d(p, false);
  const int x_dims[] = {1, 1, 2, 2, 3}, w_dims[] = {1, 1, 1, 1, 2}, zeros[] = {0, 0, 0},
            ones[] = {1, 1, 1};
  MUST(cudnnSetTensorNdDescriptorEx(d.x, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 5, x_dims));
  MUST(cudnnSetFilterNdDescriptor(d.w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, 5, w_dims));
  MUST(cudnnSetConvolutionNdDescriptor(d.convolution, 3, zeros, ones, ones, CUDNN_CONVOLUTION,
                                       CUDNN_DATA_FLOAT));
  int y_dims[5];
  MUST(cudnnGetConvolutionNdForwardOutputDim(d.convolution, d.x, d.w, 5, y_dims));
  CHECK(y_dims[2] == 2 && y_dims[3] == 2 && y_dims[4] == 2);
  MUST(cudnnSetTensorNdDescriptorEx(d.y, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 5, y_dims));
  DeviceArray<float> x(std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  DeviceArray<float> w(std::vector<float>{1, 100}), y(8);
  const float one = 1, zero = 0;
  MUST(cudnnConvolutionForward(d.handle, &one, d.x, x.data(), d.w, w.data(), d.convolution,
                               CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, nullptr, 0, &zero, d.y,
                               y.data()));
  CHECK(y.values() == (std::vector<float>{1, 102, 304, 405, 607, 708, 910, 1011}));
}

}  // namespace

int main() {
  test("products of matrices: transposes, sizes, gaps, beta, batches", test_gemm);
  test("beta = 0 ignores what was there", test_gemm_ignores_old_values);
  test("pointer mode, workspace, version", test_gemm_modes);
  test("convolutions in three directions and two formats", test_convolutions);
  test("tensors with gaps", test_strided_tensors);
  test("three dimensions of space, and the flipped filter", test_other_ranks);
  return check_result();
}
