#include "ptx/types.h"

namespace cuda_emulation::ptx {
namespace {

constexpr std::string_view kNames[] = {"",    "pred", "b8",  "b16", "b32", "b64",
                                       "u8",  "u16",  "u32", "u64", "s8",  "s16",
                                       "s32", "s64",  "f16", "f32", "f64"};
constexpr std::size_t kSizes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};

}  // namespace

Type type_named(std::string_view name) {
  for (std::size_t i = 1; i < sizeof kNames / sizeof *kNames; ++i)
    if (kNames[i] == name) return static_cast<Type>(i);
  return Type::none;
}

std::size_t size_of(Type type) { return kSizes[static_cast<std::size_t>(type)]; }
bool is_signed(Type type) { return type >= Type::s8 && type <= Type::s64; }
bool is_float(Type type) { return type >= Type::f16; }

}  // namespace cuda_emulation::ptx
