#include <cudnn.h>

#include "backend/cuda/convolution.h"

namespace hornet::cuda {

int convolution_version() { return static_cast<int>(cudnnGetVersion()); }

}  // namespace hornet::cuda
