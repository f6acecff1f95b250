// Fused programs: where registers lie, which outputs must wait, and how threads share the work.
#include "backend/simd/elementwise.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "backend/simd/simd_kernels.h"
#include "rt/parallel.h"

#define HORNET_SIMD_BODY "backend/simd/elementwise_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

// Registers of a piece together take at most half of the first-level cache.
constexpr Dim kRegisterFloats = 4096;
constexpr Dim kMinPiece = 128, kMaxPiece = 512;
// A constant stretch shorter than this is written out rather than made a piece of its own.
constexpr Dim kMinColumn = 64;
constexpr Dim kChunk = 16384;

FusedInput::Kind kind_of(const Access& access, Dim n, Dim piece) {
  if (access.count == 1) return FusedInput::scalar;
  if (access.inner == 1) {
    if (access.count == n) return FusedInput::full;
    return access.count <= piece ? FusedInput::short_row : FusedInput::long_row;
  }
  return access.inner >= kMinColumn ? FusedInput::column : FusedInput::scattered;
}

// Assigns registers to instructions so that a dead one's place is taken again.
class Allocation {
 public:
  explicit Allocation(const FusedProgram& program) : program_(program) {
    const int first = static_cast<int>(program.inputs.size());
    const int count = static_cast<int>(program.code.size());
    std::vector<int> last(first + count, -1);
    for (int i = 0; i < count; ++i) {
      for (int operand : {program.code[i].a, program.code[i].b, program.code[i].c}) {
        if (operand >= 0) last[operand] = i;
      }
    }
    last_read.assign(last.begin(), last.begin() + first);
    for (int output : program.outputs) last[output] = count;
    std::vector<int> free;
    for (int i = 0; i < count; ++i) {
      const Instruction& op = program.code[i];
      if (op.op == Elementwise::constant) {
        places.push_back(-1);
        continue;
      }
      int operands[] = {op.a, op.b, op.c};
      for (int& operand : operands) {
        const bool repeated = std::find(operands, &operand, operand) != &operand;
        if (operand < first || repeated || last[operand] != i) continue;
        if (places[operand - first] >= 0) free.push_back(places[operand - first]);
      }
      if (free.empty()) free.push_back(used++);
      places.push_back(free.back());
      free.pop_back();
      if (last[first + i] < 0) free.push_back(places.back());
    }
  }

  std::vector<int> places;     // by instruction; -1: a constant
  std::vector<int> last_read;  // by input
  int used = 0;

 private:
  const FusedProgram& program_;
};

bool overlap(const float* a, Dim a_size, const float* b, Dim b_size) {
  const auto x = reinterpret_cast<std::uintptr_t>(a), y = reinterpret_cast<std::uintptr_t>(b);
  return x < y + b_size * sizeof(float) && y < x + a_size * sizeof(float);
}

}  // namespace

Fused::Fused(FusedProgram program, Dim n) : table_(HORNET_PICK(fused_table)), n_(n) {
  const Allocation allocation(program);
  int vectors = allocation.used;
  for (const Access& access : program.inputs) vectors += access.count != 1;
  const Dim fitting = kRegisterFloats / std::max(1, vectors) / 64 * 64;
  plan_.piece = std::clamp(fitting, kMinPiece, kMaxPiece);
  plan_.last_read = allocation.last_read;
  Dim top = 0;
  const auto take = [&top](Dim floats) {
    const Dim place = top;
    top += (floats + kSplat - 1) / kSplat * kSplat;
    return place;
  };
  const Dim registers = take(allocation.used * plan_.piece);
  for (int place : allocation.places) {
    plan_.registers.push_back(place < 0 ? take(kSplat) : registers + place * plan_.piece);
  }
  for (const Access& access : program.inputs) {
    FusedInput input{kind_of(access, n, plan_.piece), access, 0};
    switch (input.kind) {
      case FusedInput::full:
      case FusedInput::long_row:
        break;
      case FusedInput::scalar:
      case FusedInput::column:
        input.scratch = take(kSplat);
        break;
      case FusedInput::short_row:
        input.scratch = take(plan_.piece + access.count);
        break;
      case FusedInput::scattered:
        input.scratch = take(plan_.piece);
        break;
    }
    plan_.inputs.push_back(input);
  }
  plan_.scratch_floats = top;
  plan_.program = std::move(program);
  slots_ = static_cast<int>(std::clamp<Dim>(n / kElementGrain, 1, max_kernel_threads()));
}

void Fused::run(const float* const* inputs, float* const* outputs, void* workspace) const {
  const int first = static_cast<int>(plan_.inputs.size());
  bool deferred[kMaxFusedOutputs];
  for (std::size_t o = 0; o < plan_.program.outputs.size(); ++o) {
    const int maker = plan_.program.outputs[o] - first;
    deferred[o] = maker < 0 || plan_.program.code[maker].op == Elementwise::constant;
    for (int i = 0; i < first && !deferred[o]; ++i) {
      deferred[o] = plan_.last_read[i] > maker &&
                    overlap(inputs[i], plan_.inputs[i].access.count, outputs[o], n_);
    }
  }
  float* scratch = static_cast<float*>(workspace);
  if (slots_ == 1) return table_->run(plan_, inputs, outputs, deferred, 0, n_, scratch);
  parallel_tasks((n_ + kChunk - 1) / kChunk, slots_, [&](int slot, Dim task) {
    table_->run(plan_, inputs, outputs, deferred, task * kChunk, std::min(n_, (task + 1) * kChunk),
                scratch + slot * plan_.scratch_floats);
  });
}

namespace {

std::unique_ptr<Kernel> compile_fused(const BoundNode& node) {
  for (const TensorSpec& input : node.inputs)
    if (input.dtype != DType::f32) return nullptr;
  FusedProgram program = FusedProgram::from_attrs(node.node->attrs).bind(node.batch);
  if (program.inputs.size() > kMaxFusedInputs || program.code.size() > kMaxFusedInstructions ||
      program.outputs.size() > kMaxFusedOutputs) {
    return nullptr;
  }
  const std::size_t inputs = program.inputs.size(), outputs = program.outputs.size();
  const Fused fused(std::move(program), node.outputs[0].shape.numel());
  return kernel(
      [fused, inputs, outputs](const Tensor* in, const Tensor* out, void* workspace) {
        const float* sources[kMaxFusedInputs];
        float* results[kMaxFusedOutputs];
        for (std::size_t i = 0; i < inputs; ++i) sources[i] = in[i].as<float>();
        for (std::size_t o = 0; o < outputs; ++o) results[o] = out[o].as<float>();
        fused.run(sources, results, workspace);
      },
      fused.workspace_bytes());
}

}  // namespace

void add_elementwise_kernels(KernelRows& rows) { rows.push_back({"fused", compile_fused}); }

}  // namespace hornet::simd
