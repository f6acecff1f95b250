// Which instructions the picture kernels may use.
#pragma once

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define HORNET_IMAGE_AVX2 1
#endif

namespace hornet {

enum class ImageIsa { scalar, avx2 };  // avx2: and fused multiply-add

// The best of this machine, or what force_image_isa() said. Kernels differ in speed alone where
// results are integers, and by float rounding (1e-4 of 255) where they are floats.
ImageIsa image_isa();
void force_image_isa(ImageIsa isa);  // for tests

}  // namespace hornet
