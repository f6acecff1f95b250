// One SIMD loop an instruction, over pieces of a few hundred elements.
#include "backend/simd/math_body.h"

// Operands advance by their stride, 0 for a splat and 1 otherwise.
struct Step {
  const float *a, *b, *c;
  Dim a_stride, b_stride, c_stride;
  float* out;
  Dim n;
};

template <class F>
HORNET_INLINE void each(const Step& s, F f) {
  const float* a = s.a;
  float* out = s.out;
  const Dim da = s.a_stride * kLanes;
  Dim n = s.n;
  for (; n >= 2 * kLanes; n -= 2 * kLanes, a += 2 * da, out += 2 * kLanes) {
    const Vec y = f(load(a)), z = f(load(a + da));
    store(out, y);
    store(out + kLanes, z);
  }
  for (; n > 0; n -= kLanes, a += da, out += kLanes) {
    const int lanes = static_cast<int>(n);
    store_n(out, f(load_n(a, lanes)), lanes);
  }
}

template <class F>
HORNET_INLINE void each_pair(const Step& s, F f) {
  const float *a = s.a, *b = s.b;
  float* out = s.out;
  const Dim da = s.a_stride * kLanes, db = s.b_stride * kLanes;
  Dim n = s.n;
  for (; n >= 2 * kLanes; n -= 2 * kLanes, a += 2 * da, b += 2 * db, out += 2 * kLanes) {
    const Vec y = f(load(a), load(b)), z = f(load(a + da), load(b + db));
    store(out, y);
    store(out + kLanes, z);
  }
  for (; n > 0; n -= kLanes, a += da, b += db, out += kLanes) {
    const int lanes = static_cast<int>(n);
    store_n(out, f(load_n(a, lanes), load_n(b, lanes)), lanes);
  }
}

// Functions without a vector form.
template <class F>
void each_number(const Step& s, F f) {
  for (Dim i = 0; i < s.n; ++i) {
    s.out[i] = f(s.a[i * s.a_stride], s.b ? s.b[i * s.b_stride] : 0.0f);
  }
}

HORNET_INLINE Vec one_where(Mask m) { return keep(m, set1(1)); }

void select_each(const Step& s) {
  for (Dim i = 0; i < s.n; i += kLanes) {
    const int lanes = static_cast<int>(std::min<Dim>(kLanes, s.n - i));
    const Mask m = not_equal(load_n(s.a + i * s.a_stride, lanes), zero());
    store_n(s.out + i,
            select(m, load_n(s.b + i * s.b_stride, lanes), load_n(s.c + i * s.c_stride, lanes)),
            lanes);
  }
}

// The lambdas capture although they need not: without, g++ also makes functions of them that
// return vectors, and warns of it.
void run_step(const Instruction& op, const Step& s) {
  switch (op.op) {
    case Elementwise::constant:
      return;  // a splat since the run began
    case Elementwise::neg:
      return each(s, [&](Vec x) { return bit_xor(x, set1(-0.0f)); });
    case Elementwise::abs:
      return each(s, [&](Vec x) { return abs(x); });
    case Elementwise::sign:
      return each(s, [&](Vec x) {
        const Vec y = bit_or(sign_bit(x), set1(1));
        return select(either(equal(x, zero()), is_nan(x)), x, y);
      });
    case Elementwise::exp:
      return each(s, [&](Vec x) { return exp(x); });
    case Elementwise::log:
      return each(s, [&](Vec x) { return log(x); });
    case Elementwise::sqrt:
      return each(s, [&](Vec x) { return sqrt(x); });
    case Elementwise::square:
      return each(s, [&](Vec x) { return mul(x, x); });
    case Elementwise::reciprocal:
      return each(s, [&](Vec x) { return div(set1(1), x); });
    case Elementwise::sin:
      return each_number(s, [&](float x, float) { return std::sin(x); });
    case Elementwise::cos:
      return each_number(s, [&](float x, float) { return std::cos(x); });
    case Elementwise::round:
      return each(s, [&](Vec x) { return round_even(x); });
    case Elementwise::floor:
      return each(s, [&](Vec x) { return floor(x); });
    case Elementwise::tanh:
      return each(s, [&](Vec x) { return tanh(x); });
    case Elementwise::sigmoid:
      return each(s, [&](Vec x) { return sigmoid(x); });
    case Elementwise::softplus:
      return each(s, [&](Vec x) { return softplus(x); });
    case Elementwise::relu:
      return each(s, [&](Vec x) { return relu(x); });
    case Elementwise::elu: {
      const Vec alpha = set1(static_cast<float>(op.number));
      return each(s, [=](Vec x) {
        return select(less(zero(), x), x, mul(alpha, expm1_negative(min_or(zero(), x))));
      });
    }
    case Elementwise::clip: {
      const Vec low = set1(static_cast<float>(op.number));
      const Vec high = set1(static_cast<float>(op.number2));
      return each(s, [=](Vec x) { return min_or(high, max_or(low, x)); });
    }
    case Elementwise::add:
      return each_pair(s, [&](Vec x, Vec y) { return add(x, y); });
    case Elementwise::sub:
      return each_pair(s, [&](Vec x, Vec y) { return sub(x, y); });
    case Elementwise::mul:
      return each_pair(s, [&](Vec x, Vec y) { return mul(x, y); });
    case Elementwise::div:
      return each_pair(s, [&](Vec x, Vec y) { return div(x, y); });
    case Elementwise::pow:
      return each_number(s, [&](float x, float y) { return std::pow(x, y); });
    case Elementwise::maximum:
      return each_pair(s, [&](Vec x, Vec y) { return maximum(x, y); });
    case Elementwise::minimum:
      return each_pair(s, [&](Vec x, Vec y) { return minimum(x, y); });
    case Elementwise::equal:
      return each_pair(s, [&](Vec x, Vec y) { return one_where(equal(x, y)); });
    case Elementwise::not_equal:
      return each_pair(s, [&](Vec x, Vec y) { return one_where(not_equal(x, y)); });
    case Elementwise::greater:
      return each_pair(s, [&](Vec x, Vec y) { return one_where(less(y, x)); });
    case Elementwise::greater_equal:
      return each_pair(s, [&](Vec x, Vec y) { return one_where(less_equal(y, x)); });
    case Elementwise::less:
      return each_pair(s, [&](Vec x, Vec y) { return one_where(less(x, y)); });
    case Elementwise::less_equal:
      return each_pair(s, [&](Vec x, Vec y) { return one_where(less_equal(x, y)); });
    case Elementwise::select:
      return select_each(s);
  }
}

HORNET_INLINE void splat(float* to, float x) {
  for (Dim i = 0; i < kSplat; i += kLanes) store(to + i, set1(x));
}

// Where each register is read and written during a piece.
struct Registers {
  const float* read[kMaxFusedInputs + kMaxFusedInstructions];
  Dim stride[kMaxFusedInputs + kMaxFusedInstructions];
  float* written[kMaxFusedInstructions];
};

// What does not change from piece to piece.
void start_registers(const FusedPlan& plan, const float* const* inputs, Dim begin, Dim end,
                     float* scratch, Registers& r) {
  const int count = static_cast<int>(plan.inputs.size());
  for (int i = 0; i < count; ++i) {
    const FusedInput& input = plan.inputs[i];
    float* const own = scratch + input.scratch;
    r.read[i] = own;
    r.stride[i] = 1;
    switch (input.kind) {
      case FusedInput::scalar:
        splat(own, inputs[i][0]);
        r.stride[i] = 0;
        break;
      case FusedInput::column:
        r.stride[i] = 0;
        break;
      case FusedInput::short_row: {
        const Dim period = input.access.count;
        const Dim size = std::min(plan.piece + period, begin % period + end - begin);
        for (Dim k = 0; k < size; k += period) {
          std::memcpy(own + k, inputs[i], std::min(period, size - k) * sizeof(float));
        }
        break;
      }
      default:
        break;
    }
  }
  for (std::size_t i = 0; i < plan.program.code.size(); ++i) {
    float* const own = scratch + plan.registers[i];
    r.read[count + i] = r.written[i] = own;
    r.stride[count + i] = 1;
    if (plan.program.code[i].op == Elementwise::constant) {
      splat(own, static_cast<float>(plan.program.code[i].number));
      r.stride[count + i] = 0;
    }
  }
}

// Turns the inputs to the piece that starts at `i`; returns its length, at most n.
Dim turn_inputs(const FusedPlan& plan, const float* const* inputs, Dim i, Dim n, float* scratch,
                Registers& r) {
  for (const FusedInput& input : plan.inputs) {
    if (input.kind == FusedInput::long_row) {
      n = std::min(n, input.access.count - i % input.access.count);
    } else if (input.kind == FusedInput::column) {
      n = std::min(n, input.access.inner - i % input.access.inner);
    }
  }
  for (std::size_t k = 0; k < plan.inputs.size(); ++k) {
    const FusedInput& input = plan.inputs[k];
    float* const own = scratch + input.scratch;
    switch (input.kind) {
      case FusedInput::full:
        r.read[k] = inputs[k] + i;
        break;
      case FusedInput::scalar:
        break;
      case FusedInput::short_row:
        r.read[k] = own + i % input.access.count;
        break;
      case FusedInput::long_row:
        r.read[k] = inputs[k] + i % input.access.count;
        break;
      case FusedInput::column:
        splat(own, inputs[k][i / input.access.inner % input.access.count]);
        break;
      case FusedInput::scattered: {
        const Dim count = input.access.count, inner = input.access.inner;
        Dim element = i / inner % count, left = inner - i % inner;
        for (Dim j = 0; j < n;) {
          const float value = inputs[k][element];
          for (const Dim end = std::min(n, j + left); j < end; ++j) own[j] = value;
          left = inner;
          if (++element == count) element = 0;
        }
        break;
      }
    }
  }
  return n;
}

void fused_run(const FusedPlan& plan, const float* const* inputs, float* const* outputs,
               const bool* deferred, Dim begin, Dim end, float* scratch) {
  const FusedProgram& program = plan.program;
  const int first = static_cast<int>(plan.inputs.size());
  Registers r;
  start_registers(plan, inputs, begin, end, scratch, r);
  const auto operand = [&](std::int16_t index, const float*& read, Dim& stride) {
    read = index < 0 ? nullptr : r.read[index];
    stride = index < 0 ? 0 : r.stride[index];
  };
  for (Dim i = begin; i < end;) {
    const Dim n = turn_inputs(plan, inputs, i, std::min(plan.piece, end - i), scratch, r);
    for (std::size_t o = 0; o < program.outputs.size(); ++o) {
      if (deferred[o]) continue;
      const int index = program.outputs[o];
      r.read[index] = r.written[index - first] = outputs[o] + i;
    }
    for (std::size_t k = 0; k < program.code.size(); ++k) {
      const Instruction& op = program.code[k];
      Step step;
      operand(op.a, step.a, step.a_stride);
      operand(op.b, step.b, step.b_stride);
      operand(op.c, step.c, step.c_stride);
      step.out = r.written[k];
      step.n = n;
      run_step(op, step);
    }
    for (std::size_t o = 0; o < program.outputs.size(); ++o) {
      if (!deferred[o]) continue;
      const int index = program.outputs[o];
      Step copy{r.read[index], nullptr, nullptr, r.stride[index], 0, 0, outputs[o] + i, n};
      each(copy, [&](Vec x) { return x; });
    }
    i += n;
  }
}

const FusedTable fused_table = {fused_run};
