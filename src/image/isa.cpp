#include "image/isa.h"

#include <atomic>

namespace hornet {
namespace {

ImageIsa best() {
#ifdef HORNET_IMAGE_AVX2
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return ImageIsa::avx2;
#endif
  return ImageIsa::scalar;
}

std::atomic<ImageIsa>& current() {
  static std::atomic<ImageIsa> isa{best()};
  return isa;
}

}  // namespace

ImageIsa image_isa() { return current().load(std::memory_order_relaxed); }

void force_image_isa(ImageIsa isa) {
  if (isa == ImageIsa::scalar || best() == ImageIsa::avx2) current() = isa;
}

}  // namespace hornet
