#include "backend/cuda/epilogue.h"

#include <string>

#include "backend/cuda/skeletons.h"
#include "backend/functors/elementwise.h"

namespace hornet::cuda {
namespace {

struct AddBias {
  const float* bias;
  float* y;
  Dim channels;
  bool activates;
  Operation<float> activation;

  HORNET_FUNCTOR void operator()(Dim i) const {
    const float value = y[i] + bias[i % channels];
    y[i] = activates ? compute(activation, value, value, value) : value;
  }
};

}  // namespace

Epilogue::Epilogue(const BoundNode& node)
    : elements_(node.outputs[0].shape.numel()), channels_(node.outputs[0].shape[-1]) {
  const std::string name = node.node->attrs.text("activation");
  activates_ = !name.empty() && elementwise_code(name, &activation_.op);
  activation_.number = node.node->attrs.real("alpha", 1);
}

void Epilogue::run(const Queue& queue, const float* bias, float* y) const {
  for_each(queue, elements_,
           AddBias{bias, y, channels_, activates_, Operation<float>(activation_)});
}

}  // namespace hornet::cuda
