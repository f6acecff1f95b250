// The self-test of devices, with the host in the place of one: it covers every op, a right device
// passes, and a wrong one is found. Where HORNET_CUDA_PLUGIN names a plugin, each case is a test
// of that plugin's first device.
#include <dlfcn.h>

#include <chrono>
#include <cstring>
#include <set>

#include "../cuda-emulation/cuda_emulation.h"
#include "check.h"
#include "device_helpers.h"
#include "exec/self_test.h"
#include "graph/op.h"

using namespace hornet;

namespace {

std::vector<SelfTestRow> test_device(const hornet_plugin_table& plugin) {
  return self_test(std::make_shared<Device>(plugin, 0, hornet_device_options{0, 1, 1}));
}

bool covers(const SelfTestRow& row, const std::string& op) {
  for (const std::string& name : row.ops)
    if (name == op) return true;
  return false;
}

// --- plugins that go wrong: their kernels of one op are spoiled ---

const char* spoiled_op = "";
hornet_kernel* spoiled_kernel = nullptr;

int compile_and_note(hornet_device* device, const hornet_node* node, hornet_kernel** kernel,
                     size_t* workspace, hornet_error* error) {
  const int status = hornet_plugin()->compile(device, node, kernel, workspace, error);
  const bool has_elements = node->output[0].rank == 0 || node->output[0].dims[0] > 0;
  if (std::strcmp(node->op, spoiled_op) == 0 && has_elements) spoiled_kernel = *kernel;
  return status;
}

int run_wrongly(hornet_kernel* kernel, void* const* inputs, void* const* outputs, void* workspace,
                hornet_error* error) {
  const int status = hornet_plugin()->run(kernel, inputs, outputs, workspace, error);
  if (kernel == spoiled_kernel) *static_cast<float*>(outputs[0]) += 0.01f;
  return status;
}

int run_and_lose(hornet_kernel* kernel, void* const* inputs, void* const* outputs, void* workspace,
                 hornet_error* error) {
  if (kernel != spoiled_kernel)
    return hornet_plugin()->run(kernel, inputs, outputs, workspace, error);
  std::strcpy(error->kind, "device");
  std::strcpy(error->message, "fell off the bus");
  return 1;
}

// Another kernel may get its address.
void release_and_forget(hornet_kernel* kernel) {
  if (kernel == spoiled_kernel) spoiled_kernel = nullptr;
  hornet_plugin()->release_kernel(kernel);
}

hornet_plugin_table spoiled(const char* op, decltype(hornet_plugin_table::run) run) {
  spoiled_op = op;
  spoiled_kernel = nullptr;
  hornet_plugin_table table = *hornet_plugin();
  table.compile = compile_and_note;
  table.run = run;
  table.release_kernel = release_and_forget;
  return table;
}

// What cuDNN declines goes another way, and nobody notices but who counts. The emulated runtime
// does; with another one there is nothing to ask.
void convolves_by_library(const std::shared_ptr<Device>& device) {
  void* runtime = dlopen("libcudart.so.13", RTLD_NOW | RTLD_NOLOAD);
  const auto read = reinterpret_cast<decltype(&cuda_emulation_counters)>(
      runtime ? dlsym(runtime, "cuda_emulation_counters") : nullptr);
  if (!read) return;
  for (const SelfTestCase& one : self_test_cases()) {
    if (one.name != "conv2d 3x3" && one.name != "conv2d strided, symmetric" &&
        one.name != "conv2d dilated, symmetric")
      continue;
    cuda_emulation_counts before, after;
    read(&before);
    run_case(one, device);
    read(&after);
    // Two convolutions in three directions, of two batches that are not empty, plain and fused.
    const std::uint64_t expected = std::getenv("CUDA_EMULATION_FAIL_CUDNN") ? 0 : 2 * 3 * 2 * 2;
    if (!CHECK(after.convolutions - before.convolutions == expected))
      std::printf("  %s: %d\n", one.name.c_str(),
                  static_cast<int>(after.convolutions - before.convolutions));
  }
}

int test_plugin() {
  const auto device = testing::new_device();
  test("cuDNN convolves what it can", [&] { convolves_by_library(device); });
  for (const SelfTestCase& one : self_test_cases()) {
    test(one.name, [&] {
      const SelfTestRow row = run_case(one, device);
      if (!CHECK(row.ok)) std::printf("  %g: %s\n", row.difference, row.message.c_str());
    });
  }
  return check_result();
}

}  // namespace

int main() {
  if (std::getenv("HORNET_CUDA_PLUGIN")) return test_plugin();
  test("a device that computes rightly passes, and every op is run", [] {
    const auto begin = std::chrono::steady_clock::now();
    std::set<std::string> ops;
    for (const SelfTestRow& row : test_device(*hornet_plugin())) {
      if (!check(row.ok, row.name.c_str(), __FILE__, __LINE__))
        std::printf("  %g: %s\n", row.difference, row.message.c_str());
      CHECK(row.ops.size() > 0);
      ops.insert(row.ops.begin(), row.ops.end());
    }
    for (const OpDef& op : op_table())
      if (!op.is(OpFlag::leaf)) check(ops.count(op.name) > 0, op.name.c_str(), __FILE__, __LINE__);
    std::printf("%.2f s\n",
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  });
  test("a wrong number is found, in the cases that ran the op only", [] {
    int found = 0;
    for (const SelfTestRow& row : test_device(spoiled("gather", run_wrongly))) {
      CHECK(row.ok || covers(row, "gather"));
      if (row.ok) continue;
      ++found;
      CHECK(row.difference > kSelfTestTolerance);
      CHECK(row.message.find("too far from the reference") != std::string::npos);
    }
    CHECK(found > 0);
  });
  test("a lost device ends the test, with what it said", [] {
    const auto rows = test_device(spoiled("gather", run_and_lose));
    CHECK(rows.size() < self_test_cases().size());
    for (std::size_t i = 0; i + 1 < rows.size(); ++i) CHECK(rows[i].ok);
    CHECK(!rows.back().ok);
    CHECK(rows.back().message.find("fell off the bus") != std::string::npos);
  });
  return check_result();
}
