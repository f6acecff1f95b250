// Runs graphs node by node on every back end, each kernel between guard zones. See
// test_kernels.cpp.
#pragma once
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "check.h"
#include "graph/builder.h"
#include "rt/parallel.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace hornet::testing {

// Memory of `bytes` between two zones that nobody may touch; starts as all ones, a NaN no kernel
// computes. Copies share the contents, not the memory.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes) : bytes_(bytes), memory_(bytes + 2 * kZone + 64, kGuard) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data()) + kZone;
    data_ = memory_.data() + kZone + (64 - address % 64) % 64;
    std::memset(data_, 0xFF, bytes);
    poison();
  }
  Guarded(const Guarded& other) : Guarded(other.bytes_) { copy(other); }
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { ASAN_UNPOISON_MEMORY_REGION(memory_.data(), memory_.size()); }

  void copy(const Guarded& other) {
    if (bytes_) std::memcpy(data_, other.data_, bytes_);
  }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_);
  }
  bool same(const Guarded& other) const {
    return bytes_ == 0 || std::memcmp(data_, other.data_, bytes_) == 0;
  }
  bool intact() {
    ASAN_UNPOISON_MEMORY_REGION(memory_.data(), memory_.size());
    bool ok = true;
    for (std::size_t i = 0; i < kZone; ++i) {
      ok = ok && *(data_ - 1 - i) == kGuard && *(data_ + bytes_ + i) == kGuard;
    }
    poison();
    return ok;
  }

 private:
  static constexpr std::size_t kZone = 192;
  static constexpr unsigned char kGuard = 0xA5;

  // AddressSanitizer then also sees those who read there.
  void poison() {
    ASAN_POISON_MEMORY_REGION(data_ - kZone, kZone);
    ASAN_POISON_MEMORY_REGION(data_ + bytes_, kZone);
  }

  std::size_t bytes_;
  std::vector<unsigned char> memory_;
  unsigned char* data_;
};

using Buffers = std::vector<Guarded>;

inline std::size_t bytes_of(const TensorSpec& spec) { return Tensor{nullptr, spec}.bytes(); }

inline Buffers buffers_for(const std::vector<TensorSpec>& specs) {
  Buffers buffers;
  buffers.reserve(specs.size());
  for (const TensorSpec& spec : specs) buffers.emplace_back(bytes_of(spec));
  return buffers;
}

inline std::vector<Tensor> tensors_of(Buffers& buffers, const std::vector<TensorSpec>& specs) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < specs.size(); ++i)
    tensors.push_back({buffers[i].as<char>(), specs[i]});
  return tensors;
}

inline double element(const Guarded& buffer, DType type, Dim i) {
  if (type == DType::f32) return buffer.as<float>()[i];
  if (type == DType::f64) return buffer.as<double>()[i];
  return buffer.as<std::int32_t>()[i];
}

inline void set_element(Guarded& buffer, DType type, Dim i, double value) {
  if (type == DType::f32) buffer.as<float>()[i] = static_cast<float>(value);
  else if (type == DType::f64) buffer.as<double>()[i] = value;
  else buffer.as<std::int32_t>()[i] = static_cast<std::int32_t>(value);
}

// What inputs (by index) and variables (by id) hold at element i.
using Fill = std::function<double(int leaf, Dim i)>;
using Values = std::map<Value, Guarded>;

class Walker {
 public:
  // Names of the ops run, and by back end of those that it claimed.
  std::set<std::string> ops;
  std::map<std::string, std::set<std::string>> claimed;
  // Held against the reference.
  std::vector<const Backend*> backends = cpu_backends();

  // Every node on the reference, whose results the next nodes get, and on every other back end.
  Values walk(const Graph& graph, Dim batch, bool f64, const Fill& fill, const std::string& label) {
    Values values;
    for (int id = 0; id < graph.size(); ++id) {
      const Node& node = graph.node(id);
      BoundNode bound{&node, {}, {}, batch};
      for (const TensorSpec& spec : node.outputs) bound.outputs.push_back(bind(spec, batch, f64));
      if (node.op->name == "assign") continue;  // the planner's own
      if (node.op->is(OpFlag::leaf)) {
        values.emplace(Value{id, 0}, leaf(node, bound.outputs[0], fill));
        continue;
      }
      Buffers inputs;
      inputs.reserve(node.inputs.size());
      for (Value v : node.inputs) {
        bound.inputs.push_back(bind(graph.spec(v), batch, f64));
        inputs.emplace_back(values.at(v));
      }
      where_ = label + ", " + node.op->name + ", batch " + std::to_string(batch) +
               (f64 ? ", double" : "");
      const Buffers outputs = check_node(bound, inputs);
      if (outputs.size() < node.outputs.size()) return values;
      for (int o = 0; o < static_cast<int>(outputs.size()); ++o) {
        values.emplace(Value{id, o}, outputs[o]);
      }
    }
    return values;
  }

  // Equal within `tolerance`, relative to the number or to the usual size of the numbers.
  void compare(const Guarded& got, const Guarded& expected, const TensorSpec& spec,
               double tolerance, const std::string& who) {
    const Dim n = spec.shape.numel();
    double squares = 0, finite = 0;
    for (Dim i = 0; i < n; ++i) {
      const double e = element(expected, spec.dtype, i);
      if (std::isfinite(e)) squares += e * e, ++finite;
    }
    const double usual = finite > 0 ? std::sqrt(squares / finite) : 0;
    for (Dim i = 0; i < n; ++i) {
      const double g = element(got, spec.dtype, i), e = element(expected, spec.dtype, i);
      const bool ok = std::isnan(e)   ? std::isnan(g)
                      : std::isinf(e) ? g == e
                                      : std::abs(g - e) <= tolerance * (std::abs(e) + usual);
      if (ok) continue;
      fail(who + ": element " + std::to_string(i) + " of " + std::to_string(n) + " is " +
           std::to_string(g) + ", expected " + std::to_string(e));
      return;
    }
  }

  void expect(bool ok, const std::string& what) {
    if (ok) ++checks_done();
    else fail(what);
  }

 private:
  static TensorSpec bind(TensorSpec spec, Dim batch, bool f64) {
    spec.shape = spec.shape.bind(batch);
    if (f64 && spec.dtype == DType::f32) spec.dtype = DType::f64;
    return spec;
  }

  static Guarded leaf(const Node& node, const TensorSpec& spec, const Fill& fill) {
    Guarded buffer(bytes_of(spec));
    const bool constant = node.op->name == "constant";
    const int index =
        constant ? 0
                 : static_cast<int>(node.attrs.integer(node.op->name == "input" ? "index" : "id"));
    for (Dim i = 0; i < spec.shape.numel(); ++i) {
      set_element(buffer, spec.dtype, i, constant ? node.attrs.real("value") : fill(index, i));
    }
    return buffer;
  }

  // The reference's outputs; none if it cannot run the node.
  Buffers check_node(const BoundNode& node, const Buffers& inputs) {
    const Backend& reference = reference_backend();
    ops.insert(node.node->op->name);
    if (!reference.compile(node)) {
      fail("the reference does not support it");
      return {};
    }
    set_kernel_threads(1);
    const Buffers expected = run(reference, node, inputs);
    for (const Backend* backend : backends) {
      if (!backend->compile(node)) continue;
      claimed[backend->name()].insert(node.node->op->name);
      check_backend(*backend, node, inputs, expected);
    }
    return expected;
  }

  void check_backend(const Backend& backend, const BoundNode& node, const Buffers& inputs,
                     const Buffers& expected) {
    const std::string who = backend.name();
    set_kernel_threads(1);
    const Buffers out = run(backend, node, inputs);
    for (std::size_t o = 0; o < out.size(); ++o) {
      compare(out[o], expected[o], node.outputs[o], 1e-5, who);
    }
    set_kernel_threads(3);
    expect_same(run(backend, node, inputs), out, who + ": threads change the numbers");
    if (!node.node->op->is(OpFlag::elementwise)) return;
    for (std::size_t o = 0; o < node.outputs.size(); ++o) {
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] != node.outputs[o]) continue;
        expect_same(run_in_place(backend, node, inputs, o, i), out,
                    who + ": writing over input " + std::to_string(i) + " changes the numbers");
      }
    }
  }

  void expect_same(const Buffers& got, const Buffers& expected, const std::string& what) {
    for (std::size_t i = 0; i < got.size(); ++i) expect(got[i].same(expected[i]), what);
  }

  Buffers run(const Backend& backend, const BoundNode& node, const Buffers& inputs) {
    const std::unique_ptr<Kernel> kernel = backend.compile(node);
    Buffers in(inputs), out = buffers_for(node.outputs);
    Guarded workspace(kernel->workspace_bytes());
    kernel->run(tensors_of(in, node.inputs).data(), tensors_of(out, node.outputs).data(),
                workspace.as<char>());
    expect_intact(in, out, workspace, backend.name());
    expect_same(in, inputs, std::string(backend.name()) + ": an input changed");
    for (std::size_t o = 0; o < out.size(); ++o) {
      expect(!left_out(out[o], node.outputs[o]), std::string(backend.name()) +
                                                     ": an element of output " + std::to_string(o) +
                                                     " was left as it was");
    }
    // The second run finds traces of the first in the workspace.
    Buffers again = buffers_for(node.outputs);
    kernel->run(tensors_of(in, node.inputs).data(), tensors_of(again, node.outputs).data(),
                workspace.as<char>());
    expect_same(again, out, std::string(backend.name()) + ": a second run gives other numbers");
    return out;
  }

  // Output `o` takes the place of input `i`.
  Buffers run_in_place(const Backend& backend, const BoundNode& node, const Buffers& inputs,
                       std::size_t o, std::size_t i) {
    const std::unique_ptr<Kernel> kernel = backend.compile(node);
    Buffers in(inputs), out = buffers_for(node.outputs);
    Guarded workspace(kernel->workspace_bytes());
    out[o].copy(inputs[i]);
    std::vector<Tensor> in_tensors = tensors_of(in, node.inputs);
    in_tensors[i].data = out[o].as<char>();
    kernel->run(in_tensors.data(), tensors_of(out, node.outputs).data(), workspace.as<char>());
    expect_intact(in, out, workspace, backend.name());
    return out;
  }

  void expect_intact(Buffers& in, Buffers& out, Guarded& workspace, const std::string& who) {
    for (Guarded& buffer : in) expect(buffer.intact(), who + ": wrote around an input");
    for (Guarded& buffer : out) expect(buffer.intact(), who + ": wrote around an output");
    expect(workspace.intact(), who + ": wrote around the workspace");
  }

  // Whether some element still is the pattern it started with (which -1 is too).
  static bool left_out(const Guarded& buffer, const TensorSpec& spec) {
    static const unsigned char untouched[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    if (spec.dtype == DType::i32) return false;
    const std::size_t size = size_of(spec.dtype);
    for (Dim i = 0; i < spec.shape.numel(); ++i) {
      if (std::memcmp(buffer.as<char>() + i * size, untouched, size) == 0) return true;
    }
    return false;
  }

  void fail(const std::string& what) { check(false, (where_ + ": " + what).c_str(), "kernels", 0); }

  std::string where_;
};

}  // namespace hornet::testing
