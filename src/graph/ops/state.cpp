// Writers of variables. Their output is the new value; the planner runs them last, as one block,
// and moves the data of "assign" itself: no back end has a kernel for it.
#include "graph/ops/infer.h"

namespace hornet {
namespace {

Specs infer_assign(const Specs& in, const Attrs&) {
  expect_inputs(in, 2);
  if (in[1].dtype != in[0].dtype)
    throw Error(std::string("the variable is ") + name_of(in[0].dtype) + ", the new value is " +
                    name_of(in[1].dtype),
                "type");
  expect_shape(in[1], in[0].shape, "the new value");
  return {in[0]};
}

}  // namespace

void add_state_ops(OpRows& rows) {
  rows.push_back({"assign", infer_assign, nullptr, OpFlag::stateful});
  rows.push_back({"rng_advance", same_as_input, nullptr, OpFlag::stateful});
}

}  // namespace hornet
