// What is handed to cuDNN, held against the real library: the shapes of convolutions, which need no
// device. Thousands of random ones, with no padding, with that of "same", and with any.
#include <algorithm>
#include <random>

#include "../native/check.h"
#include "backend/cuda/cudnn_shapes.h"
#include "graph/builder.h"

using namespace hornet;
using namespace hornet::cuda;

namespace {

std::mt19937 random_bits(1);
Dim below(Dim n) { return static_cast<Dim>(random_bits() % static_cast<std::uint32_t>(n)); }

struct Case {
  Shape x, w, y;
  WindowSpec window{2};

  explicit Case(int padding) {
    x = {1 + below(5), 0, 0, 1 + below(20)};
    w = {1 + below(7), 1 + below(7), x[3], 1 + below(20)};
    for (int axis = 0; axis < 2; ++axis) {
      const Dim stride = window.strides[axis] = 1 + below(4);
      const Dim dilation = window.dilation[axis] = 1 + below(3);
      const Dim span = (w[axis] - 1) * dilation + 1;
      const Dim size = x[axis + 1] = (padding == 0 ? span : 1) + below(40);
      Dim before = 0, after = 0;
      if (padding == 1) {  // ceil(size / stride) outputs
        const Dim outputs = (size + stride - 1) / stride;
        const Dim total = std::max<Dim>(0, (outputs - 1) * stride + span - size);
        before = total / 2;
        after = total - before;
      } else if (padding == 2) {
        before = below(6);
        after = below(6);
      }
      after = std::max(after, span - size - before);  // one window at least
      window.padding[2 * axis] = before;
      window.padding[2 * axis + 1] = after;
    }
    Graph graph;
    Builder b(graph);
    const Value result =
        b.conv2d(graph.input(0, {DType::f32, x}), graph.input(1, {DType::f32, w}), window);
    y = b.shape(result);
    geometry = std::make_unique<Window>(graph.node(result.node).attrs, x, y, w.dims());
  }

  bool is_even() const {  // as much padding before as after
    return window.padding[0] == window.padding[1] && window.padding[2] == window.padding[3];
  }
  std::unique_ptr<Window> geometry;
};

bool is_tensor(cudnnTensorDescriptor_t tensor, const Shape& shape) {
  cudnnDataType_t type;
  int n, c, h, w, n_stride, c_stride, h_stride, w_stride;
  std::size_t bytes;
  return cudnnGetTensor4dDescriptor(tensor, &type, &n, &c, &h, &w, &n_stride, &c_stride, &h_stride,
                                    &w_stride) == CUDNN_STATUS_SUCCESS &&
         cudnnGetTensorSizeInBytes(tensor, &bytes) == CUDNN_STATUS_SUCCESS &&
         type == CUDNN_DATA_FLOAT && Shape({n, h, w, c}) == shape && c_stride == 1 &&
         w_stride == c && h_stride == w * c && n_stride == h * w * c &&
         bytes == static_cast<std::size_t>(shape.numel()) * sizeof(float);
}

bool is_filter(cudnnFilterDescriptor_t filter, const Shape& w) {
  cudnnDataType_t type;
  cudnnTensorFormat_t format;
  int out, in, rows, columns;
  return cudnnGetFilter4dDescriptor(filter, &type, &format, &out, &in, &rows, &columns) ==
             CUDNN_STATUS_SUCCESS &&
         type == CUDNN_DATA_FLOAT && format == CUDNN_TENSOR_NHWC &&
         Shape({rows, columns, in, out}) == w;
}

bool is_convolution(cudnnConvolutionDescriptor_t convolution, const WindowSpec& window) {
  int top, left, stride_y, stride_x, dilation_y, dilation_x;
  cudnnConvolutionMode_t mode;
  cudnnDataType_t type;
  cudnnMathType_t math;
  return cudnnGetConvolution2dDescriptor(convolution, &top, &left, &stride_y, &stride_x,
                                         &dilation_y, &dilation_x, &mode,
                                         &type) == CUDNN_STATUS_SUCCESS &&
         cudnnGetConvolutionMathType(convolution, &math) == CUDNN_STATUS_SUCCESS &&
         mode == CUDNN_CROSS_CORRELATION && type == CUDNN_DATA_FLOAT && math == CUDNN_FMA_MATH &&
         top == window.padding[0] && left == window.padding[2] && stride_y == window.strides[0] &&
         stride_x == window.strides[1] && dilation_y == window.dilation[0] &&
         dilation_x == window.dilation[1];
}

// The output that cuDNN expects of what was described.
Shape cudnn_output(const CudnnShapes& shapes) {
  int n, c, h, w;
  if (cudnnGetConvolution2dForwardOutputDim(shapes.convolution, shapes.x, shapes.w, &n, &c, &h,
                                            &w) != CUDNN_STATUS_SUCCESS)
    return {};
  return {n, h, w, c};
}

void random_cases() {
  int described = 0, declined = 0, uneven = 0;
  for (int i = 0; i < 6000; ++i) {
    const Case c(i % 3);
    CudnnShapes shapes;
    if (shapes.describe(*c.geometry, CUDNN_FMA_MATH)) {
      ++described;
      if (!c.is_even()) ++uneven;
      CHECK(cudnn_output(shapes) == c.y);
      CHECK(is_tensor(shapes.x, c.x));
      CHECK(is_tensor(shapes.y, c.y));
      CHECK(is_filter(shapes.w, c.w));
      CHECK(is_convolution(shapes.convolution, c.window));
    } else {
      ++declined;
      CHECK(!c.is_even());
      // Rightly so: without our look at its size, cuDNN would compute another one.
      Window moved = *c.geometry;
      moved.out_height = (c.x[1] + 2 * moved.top - (c.w[0] - 1) * moved.dilation_y - 1);
      moved.out_width = (c.x[2] + 2 * moved.left - (c.w[1] - 1) * moved.dilation_x - 1);
      if (moved.out_height < 0 || moved.out_width < 0) continue;  // no window fits
      moved.out_height = moved.out_height / moved.stride_y + 1;
      moved.out_width = moved.out_width / moved.stride_x + 1;
      CHECK(shapes.describe(moved, CUDNN_FMA_MATH));
      CHECK(cudnn_output(shapes) != c.y);
    }
  }
  std::printf("%d described, %d of them padded unevenly; %d declined\n", described, uneven,
              declined);
  CHECK(described > 2500);
  CHECK(uneven > 100);
  CHECK(declined > 500);
}

void limits() {
  Window g = *Case(0).geometry;
  CudnnShapes shapes;
  CHECK(shapes.describe(g, CUDNN_TENSOR_OP_MATH));
  g.batch = 0;
  CHECK(!shapes.describe(g, CUDNN_FMA_MATH));
  g.batch = Dim{1} << 31;
  CHECK(!shapes.describe(g, CUDNN_FMA_MATH));
}

}  // namespace

int main() {
  std::printf("cuDNN %zu\n", cudnnGetVersion());
  test("cuDNN and we agree about convolutions", random_cases);
  test("cuDNN is not asked for what it cannot have", limits);
  return check_result();
}
