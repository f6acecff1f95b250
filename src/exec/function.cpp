// Function: from a traced graph to executables, one per batch size and device.
#include <algorithm>

#include "exec/device_executable.h"

namespace hornet {
namespace {

// Training, a short last batch, validation and its last batch; then some.
constexpr std::size_t kCachedPlans = 8;

bool fits(const Shape& given, const Shape& wanted, Dim batch) {
  if (given.rank() != wanted.rank()) return false;
  for (int i = 0; i < wanted.rank(); ++i)
    if (given[i] != (wanted[i] < 0 ? -wanted[i] * batch : wanted[i])) return false;
  return true;
}

}  // namespace

Function::Function(const Graph& graph, const Targets& targets, std::shared_ptr<Variables> variables)
    : plain_(simplify(graph, targets)), fused_(fuse(plain_)), variables_(std::move(variables)) {}

Dim Function::batch_of(const std::vector<Tensor>& feeds) const {
  const auto& specs = fused_.feeds;
  if (feeds.size() != specs.size())
    throw Error("expected " + std::to_string(specs.size()) +
                (specs.size() == 1 ? " input, got " : " inputs, got ") +
                std::to_string(feeds.size()));
  Dim batch = 0;
  for (std::size_t i = 0; i < feeds.size() && batch == 0; ++i) {
    const Shape& wanted = specs[i].shape;
    const Shape& given = feeds[i].spec.shape;
    if (wanted.rank() == 0 || wanted[0] >= 0) continue;
    if (given.rank() == 0) continue;  // reported below
    batch = given[0] / -wanted[0];
    if (batch == 0) throw shape_error("input " + std::to_string(i + 1) + " has no rows");
  }
  if (batch == 0) batch = 1;
  for (std::size_t i = 0; i < feeds.size(); ++i)
    if (!fits(feeds[i].spec.shape, specs[i].shape, batch))
      throw shape_error("input " + std::to_string(i + 1) + ": expected shape " +
                        specs[i].shape.to_string() + ", got " + feeds[i].spec.shape.to_string() +
                        (specs[i].shape.is_symbolic()
                             ? " in a batch of " + std::to_string(batch) + " rows"
                             : ""));
  return batch;
}

std::shared_ptr<Executable> Function::executable(const PlanOptions& options) {
  std::lock_guard<std::mutex> lock(cache_mutex_);
  const auto found = std::find_if(cache_.begin(), cache_.end(),
                                  [&](const Cached& c) { return c.options == options; });
  if (found != cache_.end()) {
    std::rotate(cache_.begin(), found, found + 1);
    return cache_.front().executable;
  }
  Plan plan = make_plan(options.reference_only ? plain_ : fused_, options);
  std::shared_ptr<Executable> made;
  if (options.device) made = std::make_shared<DeviceExecutable>(std::move(plan), variables_);
  else made = std::make_shared<HostExecutable>(std::move(plan), variables_);
  if (cache_.size() >= kCachedPlans * static_cast<std::size_t>(options.parts)) cache_.pop_back();
  cache_.insert(cache_.begin(), Cached{options, made});
  return made;
}

}  // namespace hornet
