// Element types of tensors.
#pragma once
#include <cstddef>
#include <cstdint>

namespace hornet {

// f64 appears only in plans made for gradient checks: there every f32 of a graph is bound to f64.
enum class DType : std::uint8_t { f32, f64, i32 };

inline std::size_t size_of(DType type) { return type == DType::f64 ? 8 : 4; }
inline const char* name_of(DType type) {
  return type == DType::f32 ? "float32" : type == DType::f64 ? "float64" : "int32";
}

}  // namespace hornet
