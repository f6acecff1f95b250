#include "exec/executable.h"

#include <algorithm>

namespace hornet {
namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

template <class From, class To>
void convert(const void* from, void* to, Dim n) {
  std::copy_n(static_cast<const From*>(from), n, static_cast<To*>(to));
}

}  // namespace

Executable::Executable(Plan plan, std::shared_ptr<Variables> variables)
    : plan_(std::move(plan)), variables_(std::move(variables)) {
  const auto add = [&](const std::vector<TensorSpec>& specs, const std::vector<Place>& places) {
    for (std::size_t i = 0; i < specs.size(); ++i) {
      tensors_.push_back({nullptr, specs[i]});
      places_.push_back(places[i]);
    }
  };
  for (const PlanStep& step : plan_.steps) {
    add(step.input_specs, step.inputs);
    add(step.output_specs, step.outputs);
  }
  Tensor* next = tensors_.data();  // tensors_ is complete: its address stays
  for (const PlanStep& step : plan_.steps) {
    Tensor* inputs = next;
    Tensor* outputs = inputs + step.inputs.size();
    next = outputs + step.outputs.size();
    steps_.push_back({step.kernel.get(), inputs, outputs, nullptr});
  }
  for (std::size_t i = 0; i < plan_.fetches.size(); ++i)
    fetches_.push_back({nullptr, plan_.fetch_specs[i]});

  const auto note_feed = [&](const Place& place, Tensor& tensor) {
    if (place.kind == Place::feed) feed_slots_.push_back({&tensor, place.index});
  };
  for (std::size_t i = 0; i < tensors_.size(); ++i) note_feed(places_[i], tensors_[i]);
  for (std::size_t i = 0; i < fetches_.size(); ++i) note_feed(plan_.fetches[i], fetches_[i]);
}

void Executable::resolve(char* arena) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) tensors_[i].data = address(places_[i]);
  for (std::size_t i = 0; i < fetches_.size(); ++i) fetches_[i].data = address(plan_.fetches[i]);
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (plan_.steps[i].workspace_bytes > 0) steps_[i].workspace = arena + plan_.steps[i].workspace;
}

void Executable::check(const std::vector<Tensor>& feeds) const {
  if (feeds.size() != plan_.feed_specs.size())
    throw Error("expected " + std::to_string(plan_.feed_specs.size()) + " inputs, got " +
                std::to_string(feeds.size()));
  for (const FeedSlot& slot : feed_slots_) {
    const TensorSpec& wanted = plan_.feed_specs[slot.feed];
    const TensorSpec& given = feeds[slot.feed].spec;
    if (given != wanted)
      throw shape_error("input " + std::to_string(slot.feed + 1) + ": expected " +
                        name_of(wanted.dtype) + " " + wanted.shape.to_string() + ", got " +
                        name_of(given.dtype) + " " + given.shape.to_string());
  }
}

void Executable::walk(const StopFlag* stop) {
  const auto stopped = [stop] { return stop && stop->load(std::memory_order_relaxed); };
  const Step* step = steps_.data();
  const Step* const first_state = step + plan_.first_state;
  const Step* const end = step + steps_.size();
  for (; step != first_state; ++step) {
    if (stopped()) throw RunStopped();
    step->run();
  }
  if (stopped()) throw RunStopped();
  for (; step != end; ++step) step->run();
}

// --- on the host -----------------------------------------------------------------------------

HostExecutable::HostExecutable(Plan plan, std::shared_ptr<Variables> variables)
    : Executable(std::move(plan), std::move(variables)) {
  std::size_t bytes = 0;
  for (const PlanConstant& constant : plan_.constants) {
    constant_offsets_.push_back(bytes);
    bytes += aligned(Tensor{nullptr, constant.spec}.bytes());
  }
  constants_ = AlignedBuffer(bytes);
  for (std::size_t i = 0; i < plan_.constants.size(); ++i)
    fill_constant(plan_.constants[i], address({Place::constant, i}));
}

void* HostExecutable::address(const Place& place) const {
  switch (place.kind) {
    case Place::arena:
      return variables_->arena().base() + place.index;
    case Place::variable: {
      const int id = static_cast<int>(place.index);
      const auto copy = doubles_.find(id);
      return copy != doubles_.end() ? copy->second.data() : variables_->tensor(id).data;
    }
    case Place::constant:
      return static_cast<char*>(constants_.data()) + constant_offsets_[place.index];
    case Place::feed:
      break;
  }
  return nullptr;
}

void HostExecutable::run(const std::vector<Tensor>& feeds,
                         const std::function<void(const std::vector<Tensor>&)>& fetched,
                         const StopFlag* stop) {
  check(feeds);
  Variables::StepLock lock(*variables_);
  for (int id : plan_.variables) variables_->bring_home(id);
  Arena& arena = variables_->arena();
  arena.reserve(plan_.arena_bytes);
  if (!resolved_ || generation_ != arena.generation()) {
    if (plan_.f64) make_doubles();
    resolve(arena.base());
    generation_ = arena.generation();
    resolved_ = true;
  }
  set_feeds([&](std::size_t feed) { return feeds[feed].data; });
  if (plan_.f64) load_doubles();
  walk(stop);
  if (plan_.f64) store_doubles();
  for (int id : plan_.written) variables_->written_at_home(id);
  if (fetched) fetched(fetches_);
}

// --- double precision ----------------------------------------------------------------------

void HostExecutable::make_doubles() {
  const auto note = [&](const std::vector<Place>& places) {
    for (const Place& place : places) {
      const int id = static_cast<int>(place.index);
      if (place.kind != Place::variable || doubles_.count(id)) continue;
      const TensorSpec& spec = variables_->spec(id);
      if (spec.dtype == DType::f32)
        doubles_[id] = AlignedBuffer(static_cast<std::size_t>(spec.shape.numel()) * sizeof(double));
    }
  };
  for (const PlanStep& step : plan_.steps) {
    note(step.inputs);
    note(step.outputs);
  }
  note(plan_.fetches);
}

void HostExecutable::load_doubles() {
  for (auto& copy : doubles_) {
    const Tensor variable = variables_->tensor(copy.first);
    convert<float, double>(variable.data, copy.second.data(), variable.numel());
  }
}

void HostExecutable::store_doubles() {
  for (int id : plan_.written) {
    const auto copy = doubles_.find(id);
    if (copy == doubles_.end()) continue;
    const Tensor variable = variables_->tensor(id);
    convert<double, float>(copy->second.data(), variable.data, variable.numel());
  }
}

}  // namespace hornet
