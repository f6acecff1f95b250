// Recurrent layers. Sequences are independent of each other, so threads share the batch and each
// walks through all steps on its own.
#include <algorithm>
#include <cstring>
#include <utility>

#include "backend/simd/simd_kernels.h"
#include "graph/recurrence.h"
#include "rt/parallel.h"

namespace hornet::simd {

namespace {

// Where a node's numbers lie. Forward ops read x and the first states and write h, c, gate_values
// and product; their adjoints read those and dh, dc and write dx, d_h, d_c and d_product.
struct RnnCall {
  RecurrenceAttrs r;
  Dim steps, units, gates;
  const float* packed = nullptr;  // the recurrent kernel
  const float *x = nullptr, *h_first = nullptr, *c_first = nullptr, *bias = nullptr;
  const float *mask = nullptr, *dropout = nullptr;
  float *h = nullptr, *c = nullptr, *gate_values = nullptr, *product = nullptr;
  const float *dh = nullptr, *dc = nullptr;
  float *dx = nullptr, *d_h = nullptr, *d_c = nullptr, *d_product = nullptr;
  float *scratch = nullptr, *states = nullptr;  // (batch, units) each
};

// Sequences [begin, end).
using RnnFn = void (*)(const RnnCall& call, Dim begin, Dim end);
struct RnnTable {
  Dim (*packed_gate_floats)(Dim units);
  void (*pack)(const float* kernel, Dim units, Dim gates, bool transposed, float* packed);
  RnnFn simple_rnn, simple_rnn_backward, lstm, lstm_backward, gru, gru_backward;
};

}  // namespace

}  // namespace hornet::simd

#define HORNET_SIMD_BODY "backend/simd/rnn_body.h"
#include "backend/simd/each_isa.h"

namespace hornet::simd {

namespace {

// Multiply-adds that are worth a second thread.
constexpr Dim kThreadProducts = 500000;

// The inputs of an op by name, in order: those a node need not have come last and are null then.
using Operand = const float* RnnCall::*;
using Written = float* RnnCall::*;

struct RnnOp {
  RnnFn RnnTable::*run;
  int kernel;  // which input is the recurrent kernel
  bool backward;
  std::vector<std::pair<int, Operand>> reads;
  std::vector<std::pair<int, Written>> keeps;  // outputs of the forward op, read by the adjoint
  std::vector<Written> writes;
  int options;  // the first input that need not be there
};

std::unique_ptr<Kernel> compile(const BoundNode& node, const RnnOp& op) {
  for (const TensorSpec& input : node.inputs)
    if (input.dtype != DType::f32) return nullptr;
  const RnnTable* table = HORNET_PICK(rnn_table);
  const Shape& kernel_shape = node.inputs[op.kernel].shape;
  const Shape& sequence = op.backward ? node.outputs[0].shape : node.inputs[0].shape;
  const Dim batch = sequence[0];
  RnnCall call{RecurrenceAttrs(node.node->attrs), sequence[1], kernel_shape[0], 0};
  call.gates = kernel_shape[1] / call.units;
  const Dim packed = (call.gates * table->packed_gate_floats(call.units) + 15) / 16 * 16;
  const Dim state = batch * call.units;
  const Dim products = call.steps * call.units * kernel_shape[1];
  const Dim grain = std::max<Dim>(1, kThreadProducts / products);
  const RnnFn run = table->*op.run;
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        RnnCall now = call;
        float* memory = static_cast<float*>(workspace);
        table->pack(in[op.kernel].as<float>(), now.units, now.gates, op.backward, memory);
        now.packed = memory;
        now.scratch = memory + packed;
        now.states = now.scratch + state;
        for (const auto& [i, field] : op.reads) now.*field = in[i].as<float>();
        for (const auto& [i, field] : op.keeps) now.*field = in[i].as<float>();
        for (std::size_t i = 0; i < op.writes.size(); ++i) now.*op.writes[i] = out[i].as<float>();
        if (now.r.masked) now.mask = in[op.options].as<float>();
        if (now.r.dropped) now.dropout = in[op.options + now.r.masked].as<float>();
        parallel_for(batch, grain, [&](Dim begin, Dim end) { run(now, begin, end); });
      },
      (packed + 2 * state) * sizeof(float));
}

using C = RnnCall;
using T = RnnTable;

// x, kernel, h -> h
std::unique_ptr<Kernel> compile_simple_rnn(const BoundNode& node) {
  return compile(node, {&T::simple_rnn, 1, false, {{0, &C::x}, {2, &C::h_first}}, {}, {&C::h}, 3});
}

// kernel, h, dh -> dx, gradient of the state before
std::unique_ptr<Kernel> compile_simple_rnn_backward(const BoundNode& node) {
  return compile(
      node, {&T::simple_rnn_backward, 0, true, {{2, &C::dh}}, {{1, &C::h}}, {&C::dx, &C::d_h}, 3});
}

// x, kernel, h, c -> h, c, gates
std::unique_ptr<Kernel> compile_lstm(const BoundNode& node) {
  return compile(node, {&T::lstm,
                        1,
                        false,
                        {{0, &C::x}, {2, &C::h_first}, {3, &C::c_first}},
                        {},
                        {&C::h, &C::c, &C::gate_values},
                        4});
}

// kernel, c before, c, gates, dh, dc -> dx, gradients of h and c before
std::unique_ptr<Kernel> compile_lstm_backward(const BoundNode& node) {
  return compile(node, {&T::lstm_backward,
                        0,
                        true,
                        {{1, &C::c_first}, {4, &C::dh}, {5, &C::dc}},
                        {{2, &C::c}, {3, &C::gate_values}},
                        {&C::dx, &C::d_h, &C::d_c},
                        6});
}

// x, kernel, h, (recurrent bias) -> h, gates, (recurrent product)
std::unique_ptr<Kernel> compile_gru(const BoundNode& node) {
  RnnOp op = {&T::gru, 1, false, {{0, &C::x}, {2, &C::h_first}}, {}, {&C::h, &C::gate_values}, 3};
  if (node.node->attrs.flag("reset_after")) {
    op.reads.push_back({3, &C::bias});
    op.writes.push_back(&C::product);
    op.options = 4;
  }
  return compile(node, op);
}

// kernel, h before, h, gates, dh, (product) -> dx, gradient of h before, (of the product)
std::unique_ptr<Kernel> compile_gru_backward(const BoundNode& node) {
  RnnOp op = {&T::gru_backward,
              0,
              true,
              {{1, &C::h_first}, {4, &C::dh}},
              {{2, &C::h}, {3, &C::gate_values}},
              {&C::dx, &C::d_h},
              5};
  if (node.node->attrs.flag("reset_after")) {
    op.keeps.push_back({5, &C::product});
    op.writes.push_back(&C::d_product);
    op.options = 6;
  }
  return compile(node, op);
}

}  // namespace

void add_rnn_kernels(KernelRows& rows) {
  rows.push_back({"simple_rnn", compile_simple_rnn});
  rows.push_back({"simple_rnn_backward", compile_simple_rnn_backward});
  rows.push_back({"lstm", compile_lstm});
  rows.push_back({"lstm_backward", compile_lstm_backward});
  rows.push_back({"gru", compile_gru});
  rows.push_back({"gru_backward", compile_gru_backward});
}

}  // namespace hornet::simd
