// cuBLAS: handles, and products of float matrices.
#include <cublas_v2.h>

#include <algorithm>

#include "libraries/array.h"
#include "runtime/device.h"
#include "runtime/handles.h"
#include "runtime/stream.h"

using namespace cuda_emulation;

// The handle's type is the library's own to define.
struct cublasContext {
  int device = 0;
  std::shared_ptr<Stream> stream;
  cublasPointerMode_t pointer_mode = CUBLAS_POINTER_MODE_HOST;
  cublasMath_t math_mode = CUBLAS_DEFAULT_MATH;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
};

namespace {

Handles<cublasContext, cublasHandle_t>& handles() {
  static auto& all = *new Handles<cublasContext, cublasHandle_t>("cuBLAS handles");
  return all;
}

// One call: under the lock, with a valid handle.
template <class Body>
cublasStatus_t entry(cublasHandle_t handle, const char* who, Body&& body) {
  Lock lock(runtime_mutex());
  const auto found = handle ? handles().find(handle, who) : nullptr;
  if (!found) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (device(found->device).lost) return CUBLAS_STATUS_EXECUTION_FAILED;
  return body(*found);
}

// A matrix in columns, or its transpose.
struct Matrix {
  const float* data;
  int ld;
  long long stride;  // to the next of the batch
  bool transposed;
  int rows, columns;  // as multiplied

  int stored_rows() const { return transposed ? columns : rows; }
  int stored_columns() const { return transposed ? rows : columns; }
  std::size_t extent() const {
    return rows && columns ? static_cast<std::size_t>(ld) * (stored_columns() - 1) + stored_rows()
                           : 0;
  }
  std::size_t at(int row, int column) const {
    return transposed ? column + static_cast<std::size_t>(row) * ld
                      : row + static_cast<std::size_t>(column) * ld;
  }
};

struct Product {
  std::string who;
  Matrix a, b, c;
  int depth, batch;
  double alpha, beta;
};

bool check_matrix(const std::string& who, const char* name, const Matrix& m) {
  if (m.ld >= std::max(1, m.stored_rows())) return true;
  report("bad-leading-dimension", who + ": " + name + " has " + std::to_string(m.stored_rows()) +
                                      " rows, its leading dimension is " + std::to_string(m.ld));
  return false;
}

bool multiply(int on, Product& p, int batch) {
  FloatArray a, b, c;
  const bool reads = p.depth > 0 && p.alpha != 0;
  if (reads && !a.open(on, p.a.data + batch * p.a.stride, p.a.extent(), p.who + ", A"))
    return false;
  if (reads && !b.open(on, p.b.data + batch * p.b.stride, p.b.extent(), p.who + ", B"))
    return false;
  if (!c.open(on, p.c.data + batch * p.c.stride, p.c.extent(), p.who + ", C")) return false;
  for (int j = 0; j < p.c.columns; ++j)
    for (int i = 0; i < p.c.rows; ++i) {
      double sum = 0;
      for (int k = 0; reads && k < p.depth; ++k)
        sum += static_cast<double>(a.get(p.a.at(i, k))) * b.get(p.b.at(k, j));
      c.blend(p.c.at(i, j), p.alpha, sum, p.beta);
    }
  return true;
}

cublasStatus_t gemm(const char* who, cublasContext& h, cublasOperation_t op_a,
                    cublasOperation_t op_b, int m, int n, int k, const float* alpha, const float* a,
                    int lda, long long stride_a, const float* b, int ldb, long long stride_b,
                    const float* beta, float* c, int ldc, long long stride_c, int batch) {
  Product p{who,
            {a, lda, stride_a, op_a != CUBLAS_OP_N, m, k},
            {b, ldb, stride_b, op_b != CUBLAS_OP_N, k, n},
            {c, ldc, stride_c, false, m, n},
            k,
            batch,
            0,
            0};
  if (m < 0 || n < 0 || k < 0 || batch < 0) {
    report("bad-argument", p.who + ": m = " + std::to_string(m) + ", n = " + std::to_string(n) +
                               ", k = " + std::to_string(k) + ", batch = " + std::to_string(batch));
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  const bool a_good = check_matrix(p.who, "A", p.a), b_good = check_matrix(p.who, "B", p.b),
             c_good = check_matrix(p.who, "C", p.c);
  if (!a_good || !b_good || !c_good) return CUBLAS_STATUS_INVALID_VALUE;
  if (m == 0 || n == 0 || batch == 0) return CUBLAS_STATUS_SUCCESS;

  const bool on_device = h.pointer_mode == CUBLAS_POINTER_MODE_DEVICE;
  if (!alpha || !beta || is_device_address(address_of(alpha)) != on_device ||
      is_device_address(address_of(beta)) != on_device) {
    report("bad-argument", p.who + ": alpha and beta must be " + (on_device ? "device" : "host") +
                               " pointers in this pointer mode");
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (!on_device) {
    p.alpha = *alpha;
    p.beta = *beta;
  }
  const int on = h.device;
  enqueue(*h.stream, [p, on, on_device, alpha, beta, workspace = h.workspace,
                      bytes = h.workspace_bytes]() mutable {
    FloatArray factor_a, factor_b;
    bool good = scribble(on, workspace, bytes, p.who);
    if (on_device) {
      good = good && factor_a.open(on, alpha, 1, p.who + ", alpha") &&
             factor_b.open(on, beta, 1, p.who + ", beta");
      if (good) {
        p.alpha = factor_a.get(0);
        p.beta = factor_b.get(0);
      }
    }
    for (int i = 0; good && i < p.batch; ++i) good = multiply(on, p, i);
    if (!good) lose_device(on, cudaErrorIllegalAddress);
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  Lock lock(runtime_mutex());
  if (entry_error()) return CUBLAS_STATUS_NOT_INITIALIZED;
  auto made = std::make_shared<cublasContext>();
  made->device = current_device_index();
  made->stream = current_device().null_stream;
  *handle = handles().add(std::move(made));
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  Lock lock(runtime_mutex());
  return handle && handles().remove(handle, "cublasDestroy") ? CUBLAS_STATUS_SUCCESS
                                                             : CUBLAS_STATUS_NOT_INITIALIZED;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* version) {
  *version = CUBLAS_VERSION;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  return entry(handle, "cublasSetStream", [&](cublasContext& h) {
    const auto s = find_stream(stream, "cublasSetStream");
    if (!s) return CUBLAS_STATUS_INVALID_VALUE;
    if (s->device() != h.device) {
      report("wrong-device", "cublasSetStream: the stream belongs to device " +
                                 std::to_string(s->device()) + ", the handle to device " +
                                 std::to_string(h.device));
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    h.stream = s;
    h.workspace = nullptr;  // as documented: back to the library's own
    h.workspace_bytes = 0;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  return entry(handle, "cublasSetMathMode", [&](cublasContext& h) {
    h.math_mode = mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
  return entry(handle, "cublasGetMathMode", [&](cublasContext& h) {
    *mode = h.math_mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
  return entry(handle, "cublasSetPointerMode", [&](cublasContext& h) {
    h.pointer_mode = mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  return entry(handle, "cublasSetWorkspace", [&](cublasContext& h) {
    if (bytes && address_of(workspace) % 256 != 0) {
      report("misaligned-access", "cublasSetWorkspace: the workspace is not aligned to 256 bytes");
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    Fault fault;
    if (bytes && !find_range(h.device, address_of(workspace), bytes, &fault)) {
      report(fault.kind, "cublasSetWorkspace: " + fault.what);
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    h.workspace = workspace;
    h.workspace_bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                              int m, int n, int k, const float* alpha, const float* a, int lda,
                              const float* b, int ldb, const float* beta, float* c, int ldc) {
  return entry(handle, "cublasSgemm", [&](cublasContext& h) {
    return gemm("cublasSgemm", h, op_a, op_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0,
                1);
  });
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t op_a,
                                         cublasOperation_t op_b, int m, int n, int k,
                                         const float* alpha, const float* a, int lda,
                                         long long stride_a, const float* b, int ldb,
                                         long long stride_b, const float* beta, float* c, int ldc,
                                         long long stride_c, int batch) {
  return entry(handle, "cublasSgemmStridedBatched", [&](cublasContext& h) {
    return gemm("cublasSgemmStridedBatched", h, op_a, op_b, m, n, k, alpha, a, lda, stride_a, b,
                ldb, stride_b, beta, c, ldc, stride_c, batch);
  });
}

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    default:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}

const char* cublasGetStatusString(cublasStatus_t status) { return cublasGetStatusName(status); }

}  // extern "C"
