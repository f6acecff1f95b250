#include "exec/plan.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <sstream>

#include "backend/function_kernel.h"
#include "exec/arena_layout.h"
#include "exec/host_step.h"
#include "exec/schedule.h"
#include "graph/fused.h"
#include "graph/op.h"

namespace hornet {
namespace {

class Planner {
 public:
  Planner(const Program& program, const PlanOptions& options)
      : graph_(program.graph), options_(options), schedule_(make_schedule(program)) {
    for (const TensorSpec& feed : program.feeds) plan_.feed_specs.push_back(bound(feed));
    plan_.f64 = options.f64;
    plan_.device = options.device;
    plan_.written = schedule_.written;
  }

  Plan run() {
    for (const ScheduledStep& step : schedule_.compute) add_step(step);
    plan_.first_state = plan_.steps.size();
    for (const ScheduledStep& step : schedule_.state) add_step(step);
    for (Value v : schedule_.fetches) {
      const auto saved = saved_.find(v);
      plan_.fetches.push_back(saved != saved_.end() ? saved->second : place_of(v));
      plan_.fetch_specs.push_back(bound(graph_.spec(v)));
    }
    note_variables();
    measure_lifetimes();
    reuse_dying_inputs();
    assign_offsets();
    return std::move(plan_);
  }

 private:
  // While planning, an arena place's index is a tenant: one tensor's stay in the arena. Tenants
  // of one `buffer` share memory, one after the other.
  struct Tenant {
    std::size_t bytes;
    int first, last;
    int buffer;
  };

  TensorSpec bound(const TensorSpec& spec) const {
    return {options_.f64 && spec.dtype == DType::f32 ? DType::f64 : spec.dtype,
            spec.shape.bind(options_.batch)};
  }

  static std::size_t bytes_of(const TensorSpec& spec) {
    return static_cast<std::size_t>(spec.shape.numel()) * size_of(spec.dtype);
  }

  Place new_tenant(std::size_t bytes) {
    const int at = static_cast<int>(plan_.steps.size());
    tenants_.push_back({bytes, at, at, static_cast<int>(tenants_.size())});
    return {Place::arena, tenants_.size() - 1};
  }

  Place place_of(Value v) {
    const Value root = storage_root(graph_, v);
    const Node& node = graph_.node(root);
    if (node.op->name == "input")
      return {Place::feed, static_cast<std::size_t>(node.attrs.integer("index"))};
    if (node.op->name == "variable")
      return {Place::variable, static_cast<std::size_t>(node.attrs.integer("id"))};
    if (node.op->name == "constant") return constant(node);
    return outputs_.at(root);
  }

  Place constant(const Node& node) {
    const PlanConstant wanted = {bound(node.outputs[0]), node.attrs.real("value")};
    auto& known = plan_.constants;
    std::size_t i = 0;
    while (i < known.size() && !(known[i].spec == wanted.spec && known[i].value == wanted.value))
      ++i;
    if (i == known.size()) known.push_back(wanted);
    return {Place::constant, i};
  }

  void add_step(const ScheduledStep& scheduled) {
    PlanStep step;
    step.node = scheduled.node;
    if (scheduled.node < 0) add_copy(scheduled, step);
    else add_node(scheduled.node, step);
    step.workspace_bytes = step.kernel->workspace_bytes();
    if (step.workspace_bytes > 0) step.workspace = new_tenant(step.workspace_bytes).index;
    plan_.steps.push_back(std::move(step));
  }

  void add_copy(const ScheduledStep& scheduled, PlanStep& step) {
    const TensorSpec spec = bound(graph_.spec(scheduled.source));
    const auto saved = saved_.find(scheduled.source);
    step.inputs = {saved != saved_.end() ? saved->second : place_of(scheduled.source)};
    if (scheduled.variable >= 0) {
      step.outputs = {{Place::variable, static_cast<std::size_t>(scheduled.variable)}};
    } else {
      step.outputs = {new_tenant(bytes_of(spec))};
      saved_[scheduled.source] = step.outputs[0];
    }
    step.input_specs = step.output_specs = {spec};
    step.kernel = copy_kernel(bytes_of(spec));
    step.backend = "copy";
  }

  void add_node(int id, PlanStep& step) {
    const Node& node = graph_.node(id);
    for (Value in : node.inputs) {
      step.inputs.push_back(place_of(in));
      step.input_specs.push_back(bound(graph_.spec(in)));
    }
    for (int o = 0; o < static_cast<int>(node.outputs.size()); ++o) {
      step.output_specs.push_back(bound(node.outputs[o]));
      const int variable = schedule_.variable_of[id][o];
      const Place place = variable >= 0 ? Place{Place::variable, static_cast<std::size_t>(variable)}
                                        : new_tenant(bytes_of(step.output_specs.back()));
      outputs_[{id, o}] = place;
      step.outputs.push_back(place);
    }
    compile(node, step);
  }

  void compile(const Node& node, PlanStep& step) {
    if (options_.parts > 1 && node.op->name == "all_reduce") {
      step.collective = true;
      step.kernel = kernel([](const Tensor*, const Tensor*, void*) {});
      step.backend = "group";
      return;
    }
    const Node own = of_this_part(node);
    const BoundNode asked = {&own, step.input_specs, step.output_specs, options_.batch};
    if (options_.device && (step.kernel = options_.device->compile(asked))) {
      step.backend = options_.device->name();
      return;
    }
    const auto ask = [&](const Backend& backend) {
      step.kernel = backend.compile(asked);
      step.backend = backend.name();
      if (step.kernel && options_.device)
        step.kernel = step_on_host(options_.device, std::move(step.kernel), asked);
      return step.kernel != nullptr;
    };
    if (options_.reference_only) {
      if (ask(reference_backend())) return;
    } else {
      for (const Backend* backend : cpu_backends())
        if (ask(*backend)) return;
    }
    std::string types;
    for (const TensorSpec& spec : step.input_specs) {
      if (!types.empty()) types += ", ";
      types += name_of(spec.dtype);
    }
    throw Error(node.op->name + " is not available for tensors of type " + types)
        .where(node.origin);
  }

  // Parts of a batch draw from streams of their own.
  Node of_this_part(Node node) const {
    constexpr std::int64_t kStreamsOfAPart = std::int64_t{1} << 26;
    if (options_.part > 0 && node.attrs.has("stream"))
      node.attrs.set("stream", node.attrs.integer("stream") + options_.part * kStreamsOfAPart);
    return node;
  }

  std::unique_ptr<Kernel> copy_kernel(std::size_t bytes) const {
    if (options_.device) {
      return kernel([device = options_.device, bytes](const Tensor* in, const Tensor* out, void*) {
        device->copy(out[0].data, in[0].data, bytes);
      });
    }
    return kernel([bytes](const Tensor* in, const Tensor* out, void*) {
      std::memcpy(out[0].data, in[0].data, bytes);
    });
  }

  void note_variables() {
    std::set<int> ids(plan_.written.begin(), plan_.written.end());
    const auto note = [&](const std::vector<Place>& places) {
      for (const Place& place : places)
        if (place.kind == Place::variable) ids.insert(static_cast<int>(place.index));
    };
    for (const PlanStep& step : plan_.steps) {
      note(step.inputs);
      note(step.outputs);
    }
    note(plan_.fetches);
    plan_.variables.assign(ids.begin(), ids.end());
  }

  template <class Fn>
  void each_arena_place(Fn&& fn) {
    for (std::size_t at = 0; at < plan_.steps.size(); ++at) {
      for (const Place& place : plan_.steps[at].inputs)
        if (place.kind == Place::arena) fn(tenants_[place.index], static_cast<int>(at));
    }
    const int after_all = static_cast<int>(plan_.steps.size());
    for (const Place& place : plan_.fetches)
      if (place.kind == Place::arena) fn(tenants_[place.index], after_all);
  }

  void measure_lifetimes() {
    each_arena_place([](Tenant& tenant, int at) { tenant.last = std::max(tenant.last, at); });
    for (const Tenant& tenant : tenants_)
      plan_.naive_bytes += (tenant.bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
  }

  // An elementwise step may write over an input that nobody reads later.
  void reuse_dying_inputs() {
    for (std::size_t at = 0; at < plan_.steps.size(); ++at) {
      PlanStep& step = plan_.steps[at];
      if (step.node < 0) continue;
      for (std::size_t o = 0; o < step.outputs.size(); ++o) {
        if (step.outputs[o].kind != Place::arena) continue;
        Tenant& out = tenants_[step.outputs[o].index];
        for (std::size_t i = 0; i < step.inputs.size(); ++i) {
          if (!may_move_in(step, i, out, static_cast<int>(at))) continue;
          out.buffer = tenants_[step.inputs[i].index].buffer;
          break;
        }
      }
    }
  }

  bool may_move_in(const PlanStep& step, std::size_t i, const Tenant& out, int at) const {
    const Place& from = step.inputs[i];
    if (from.kind != Place::arena) return false;
    const Tenant& in = tenants_[from.index];
    if (in.last != at || in.bytes != out.bytes) return false;
    // Every input in that memory must be read in step, this one and others alike.
    for (std::size_t k = 0; k < step.inputs.size(); ++k)
      if (step.inputs[k] == from && !(reads_in_step(graph_.node(step.node), static_cast<int>(k)) &&
                                      bytes_of(step.input_specs[k]) == out.bytes))
        return false;
    // Two outputs cannot move into one input.
    for (const Place& place : step.outputs)
      if (place.kind == Place::arena && &tenants_[place.index] != &out &&
          tenants_[place.index].buffer == in.buffer)
        return false;
    return true;
  }

  void assign_offsets() {
    std::vector<Lifetime> buffers(tenants_.size());
    for (Lifetime& buffer : buffers) buffer.last = -1;
    for (const Tenant& tenant : tenants_) {
      Lifetime& buffer = buffers[tenant.buffer];
      if (buffer.last < 0) buffer.first = tenant.first;
      buffer.first = std::min(buffer.first, tenant.first);
      buffer.last = std::max(buffer.last, tenant.last);
      buffer.bytes = std::max(buffer.bytes, tenant.bytes);
    }
    plan_.arena_bytes = lay_out_arena(buffers);
    const auto offset = [&](std::size_t tenant) { return buffers[tenants_[tenant].buffer].offset; };
    const auto settle = [&](std::vector<Place>& places) {
      for (Place& place : places)
        if (place.kind == Place::arena) place.index = offset(place.index);
    };
    for (PlanStep& step : plan_.steps) {
      settle(step.inputs);
      settle(step.outputs);
      if (step.workspace_bytes > 0) step.workspace = offset(step.workspace);
    }
    settle(plan_.fetches);
  }

  const Graph& graph_;
  const PlanOptions& options_;
  const Schedule schedule_;
  Plan plan_;
  std::vector<Tenant> tenants_;
  std::map<Value, Place> outputs_;  // of nodes that run
  std::map<Value, Place> saved_;    // copies of old values
};

}  // namespace

Plan make_plan(const Program& program, const PlanOptions& options) {
  return Planner(program, options).run();
}

void fill_constant(const PlanConstant& constant, void* data) {
  const Dim n = constant.spec.shape.numel();
  switch (constant.spec.dtype) {
    case DType::f32:
      std::fill_n(static_cast<float*>(data), n, static_cast<float>(constant.value));
      break;
    case DType::f64:
      std::fill_n(static_cast<double*>(data), n, constant.value);
      break;
    case DType::i32:
      std::fill_n(static_cast<std::int32_t*>(data), n, static_cast<std::int32_t>(constant.value));
      break;
  }
}

// --- text ----------------------------------------------------------------------------------

namespace {

std::string place_text(const Place& place) {
  const std::string index = std::to_string(place.index);
  switch (place.kind) {
    case Place::arena:
      return "@" + index;
    case Place::feed:
      return "feed " + index;
    case Place::variable:
      return "variable " + index;
    case Place::constant:
      return "constant " + index;
  }
  return "";
}

void write_tensors(std::ostream& out, const std::vector<TensorSpec>& specs,
                   const std::vector<Place>& places) {
  for (std::size_t i = 0; i < specs.size(); ++i)
    out << (i ? ", " : "") << specs[i].shape.to_string() << " " << place_text(places[i]);
}

}  // namespace

std::string to_string(const Plan& plan, const Graph& graph) {
  std::ostringstream out;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& step = plan.steps[i];
    if (i == plan.first_state) out << "state:\n";
    const std::string name = step.node < 0 ? "copy" : graph.node(step.node).op->name;
    out << name << " [" << step.backend << "] ";
    write_tensors(out, step.output_specs, step.outputs);
    out << " <- ";
    write_tensors(out, step.input_specs, step.inputs);
    if (name == "fused")
      out << "  {" << FusedProgram::from_attrs(graph.node(step.node).attrs).to_string() << "}";
    if (step.node >= 0 && !graph.node(step.node).origin.empty())
      out << "  # " << graph.node(step.node).origin;
    out << "\n";
  }
  out << plan.steps.size() << " steps, " << plan.steps.size() - plan.first_state
      << " of them state; arena " << plan.arena_bytes << " bytes (" << plan.naive_bytes
      << " without reuse)\n";
  return out.str();
}

}  // namespace hornet
