// Which back ends this machine has, in order of preference.
#include "backend/backend.h"

namespace hornet {

const std::vector<const Backend*>& cpu_backends() {
  static const std::vector<const Backend*> backends = [] {
    std::vector<const Backend*> list;
    if (const Backend* simd = simd_backend()) list.push_back(simd);
    list.push_back(&reference_backend());
    return list;
  }();
  return backends;
}

}  // namespace hornet
