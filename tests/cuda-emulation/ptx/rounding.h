// The processor's rounding mode for the duration of a scope. Files that use it are compiled with
// -frounding-math, and pass operands through volatile variables so that nothing moves out.
#pragma once
#include <cfenv>

#include "ptx/instruction.h"

namespace cuda_emulation::ptx {

class RoundingScope {
 public:
  explicit RoundingScope(Rounding rounding) : before_(std::fegetround()) {
    std::fesetround(rounding == Rounding::zero   ? FE_TOWARDZERO
                    : rounding == Rounding::down ? FE_DOWNWARD
                    : rounding == Rounding::up   ? FE_UPWARD
                                                 : FE_TONEAREST);
  }
  ~RoundingScope() { std::fesetround(before_); }
  RoundingScope(const RoundingScope&) = delete;

 private:
  int before_;
};

inline bool is_directed(Rounding rounding) { return rounding > Rounding::nearest; }

}  // namespace cuda_emulation::ptx
