// The plugin's side of plugin_abi.h: checks the borders, catches what is thrown, and hands over to
// the kernels and the runtime.
#include "backend/plugin_abi.h"

#include <cstring>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "backend/cuda/collective.h"
#include "backend/cuda/cuda_kernels.h"
#include "backend/cuda/memory.h"
#include "graph/op.h"

using namespace hornet;
using namespace hornet::cuda;

struct hornet_device {
  int index;
  std::mutex mutex;
  Queue compute;
  Stream copies = nullptr;
  MemoryCache memory;

  hornet_device(int index, const hornet_device_options& options)
      : index(index), memory(options.cache_memory != 0) {
    compute.stream = make_stream();
    copies = make_stream();
    compute.blas = make_blas(compute.stream, options.tf32 != 0);
    if (options.library_convolution)
      compute.convolutions = make_convolution_library(compute.stream, options.tf32 != 0);
  }
  ~hornet_device() {
    compute.convolutions.reset();
    compute.blas.reset();
    if (copies) release_stream(copies);
    if (compute.stream) release_stream(compute.stream);
  }
  Stream stream(hornet_queue queue) const {
    return queue == HORNET_COPIES ? copies : compute.stream;
  }
};

struct hornet_event {
  Event event;
};

struct hornet_kernel {
  hornet_device* device;
  std::unique_ptr<Kernel> kernel;
  std::vector<Tensor> tensors;  // inputs, then outputs
  std::size_t inputs;
};

struct hornet_group {
  std::vector<hornet_device*> devices;
  std::unique_ptr<Collective> collective;
  std::vector<float*> values;
};

namespace {

void put(char* to, std::size_t room, const std::string& text) {
  std::strncpy(to, text.c_str(), room - 1);
  to[room - 1] = '\0';
}

// Runs `body`; what it throws goes into `error`.
template <class Body>
int guarded(hornet_error* error, Body body) noexcept {
  try {
    body();
    return 0;
  } catch (const Error& e) {
    put(error->kind, sizeof error->kind, e.kind());
    put(error->message, sizeof error->message, e.what());
  } catch (const std::bad_alloc&) {
    put(error->kind, sizeof error->kind, "out_of_memory");
    put(error->message, sizeof error->message, "the host has no memory left for the GPU plugin");
  } catch (const std::exception& e) {
    put(error->kind, sizeof error->kind, "device");
    put(error->message, sizeof error->message, e.what());
  }
  return 1;
}

// The same with the device locked and chosen.
template <class Body>
int guarded(hornet_device* device, hornet_error* error, Body body) noexcept {
  return guarded(error, [&] {
    std::lock_guard<std::mutex> lock(device->mutex);
    use_device(device->index);
    body();
  });
}

// For functions that cannot fail: a lost device has nothing left to release.
template <class Body>
void quietly(hornet_device* device, Body body) noexcept {
  hornet_error ignored;
  guarded(device, &ignored, body);
}

TensorSpec spec_of(const hornet_spec& spec) {
  return {static_cast<DType>(spec.dtype),
          Shape(std::vector<Dim>(spec.dims, spec.dims + spec.rank))};
}

Attr attr_of(const hornet_attr& attr) {
  switch (attr.type) {
    case 'i':
      if (!attr.is_list) return attr.integers[0];
      return std::vector<std::int64_t>(attr.integers, attr.integers + attr.count);
    case 'r':
      if (!attr.is_list) return attr.reals[0];
      return std::vector<double>(attr.reals, attr.reals + attr.count);
    default:
      return std::string(attr.text, attr.count);
  }
}

// --- the table's functions -----------------------------------------------------------------

std::set<int>& opened() {
  static std::set<int> indices;
  return indices;
}

int count_devices_c(int* count, hornet_error* error) {
  return guarded(error, [&] { *count = count_devices(); });
}

int describe_c(int index, hornet_device_facts* facts, hornet_error* error) {
  return guarded(error, [&] {
    *facts = describe(index, opened().count(index) > 0);
    facts->blas = blas_version();
    facts->convolutions = convolution_version();
  });
}

int open_c(int index, const hornet_device_options* options, hornet_device** device,
           hornet_error* error) {
  return guarded(error, [&] {
    use_device(index);
    *device = new hornet_device(index, *options);
    opened().insert(index);
  });
}

void close_c(hornet_device* device) {
  hornet_error ignored;
  guarded(&ignored, [&] {
    use_device(device->index);
    delete device;
  });
}

int allocate_c(hornet_device* device, std::size_t bytes, void** memory, hornet_error* error) {
  return guarded(device, error, [&] { *memory = device->memory.take(bytes); });
}
void release_c(hornet_device* device, void* memory) {
  quietly(device, [&] { device->memory.give(memory); });
}
int allocate_host_c(hornet_device* device, std::size_t bytes, void** memory, hornet_error* error) {
  return guarded(device, error, [&] { *memory = take_host_memory(bytes); });
}
void release_host_c(hornet_device* device, void* memory) {
  quietly(device, [&] { give_host_memory(memory); });
}
void trim_c(hornet_device* device) {
  quietly(device, [&] { device->memory.trim(); });
}

int upload_c(hornet_device* device, hornet_queue queue, void* destination, const void* source,
             std::size_t bytes, hornet_error* error) {
  return guarded(device, error, [&] {
    copy(destination, source, bytes, Direction::to_device, device->stream(queue));
  });
}
int download_c(hornet_device* device, hornet_queue queue, void* destination, const void* source,
               std::size_t bytes, hornet_error* error) {
  return guarded(device, error, [&] {
    copy(destination, source, bytes, Direction::to_host, device->stream(queue));
  });
}
int copy_c(hornet_device* device, void* destination, const void* source, std::size_t bytes,
           hornet_error* error) {
  return guarded(device, error, [&] {
    copy(destination, source, bytes, Direction::on_device, device->compute.stream);
  });
}
int collect_c(hornet_device* device, std::size_t count, const void* const* sources,
              void* destination, hornet_error* error) {
  return guarded(device, error, [&] { collect(device->compute, count, sources, destination); });
}

int make_event_c(hornet_device* device, hornet_event** event, hornet_error* error) {
  return guarded(device, error, [&] { *event = new hornet_event{make_event()}; });
}
void release_event_c(hornet_device* device, hornet_event* event) {
  quietly(device, [&] { release_event(event->event); });
  delete event;
}
int record_c(hornet_device* device, hornet_queue queue, hornet_event* event, hornet_error* error) {
  return guarded(device, error, [&] { record(event->event, device->stream(queue)); });
}
int wait_c(hornet_device* device, hornet_queue queue, hornet_event* event, hornet_error* error) {
  return guarded(device, error, [&] { wait(device->stream(queue), event->event); });
}
int reached_c(hornet_device* device, hornet_event* event, int* answer, hornet_error* error) {
  return guarded(device, error, [&] { *answer = reached(event->event); });
}
// Without the lock: others may enqueue while this one waits.
int synchronize_c(hornet_device* device, hornet_error* error) {
  return guarded(error, [&] {
    use_device(device->index);
    synchronize(device->copies);
    synchronize(device->compute.stream);
  });
}

int compile_c(hornet_device* device, const hornet_node* asked, hornet_kernel** kernel,
              std::size_t* workspace_bytes, hornet_error* error) {
  return guarded(device, error, [&] {
    OpDef op;
    op.name = asked->op;
    Node node;
    node.op = &op;
    node.origin = asked->origin;
    for (std::size_t i = 0; i < asked->attrs; ++i)
      node.attrs.set(asked->attr[i].name, attr_of(asked->attr[i]));
    BoundNode bound{&node, {}, {}, asked->batch};
    auto made = std::make_unique<hornet_kernel>();
    for (std::size_t i = 0; i < asked->inputs; ++i) {
      bound.inputs.push_back(spec_of(asked->input[i]));
      made->tensors.push_back({nullptr, bound.inputs.back()});
    }
    for (std::size_t i = 0; i < asked->outputs; ++i) {
      bound.outputs.push_back(spec_of(asked->output[i]));
      made->tensors.push_back({nullptr, bound.outputs.back()});
    }
    made->device = device;
    made->inputs = asked->inputs;
    made->kernel = compile(bound, device->compute);
    *kernel = nullptr;
    *workspace_bytes = 0;
    if (!made->kernel) return;
    *workspace_bytes = made->kernel->workspace_bytes();
    *kernel = made.release();
  });
}

int run_c(hornet_kernel* kernel, void* const* inputs, void* const* outputs, void* workspace,
          hornet_error* error) {
  return guarded(kernel->device, error, [&] {
    Tensor* const out = kernel->tensors.data() + kernel->inputs;
    const std::size_t count = kernel->tensors.size() - kernel->inputs;
    for (std::size_t i = 0; i < kernel->inputs; ++i) kernel->tensors[i].data = inputs[i];
    for (std::size_t i = 0; i < count; ++i) out[i].data = outputs[i];
    kernel->kernel->run(kernel->tensors.data(), out, workspace);
  });
}

void release_kernel_c(hornet_kernel* kernel) {
  quietly(kernel->device, [&] { kernel->kernel.reset(); });
  delete kernel;
}

int make_group_c(std::size_t count, hornet_device* const* devices, hornet_group** group,
                 hornet_error* error) {
  return guarded(error, [&] {
    auto made = std::make_unique<hornet_group>();
    std::vector<int> indices;
    std::vector<const Queue*> queues;
    for (std::size_t d = 0; d < count; ++d) {
      made->devices.push_back(devices[d]);
      indices.push_back(devices[d]->index);
      queues.push_back(&devices[d]->compute);
    }
    made->values.resize(count);
    made->collective = make_collective(indices, queues);
    *group = made.release();
  });
}

void release_group_c(hornet_group* group) {
  hornet_error ignored;
  guarded(&ignored, [&] { delete group; });
}

int all_reduce_c(hornet_group* group, std::size_t count, void* const* inputs, void* const* outputs,
                 const float* share, hornet_error* error) {
  // One sum at a time in the whole process: all devices meet them in one order.
  static std::mutex order;
  return guarded(error, [&] {
    std::lock_guard<std::mutex> in_order(order);
    for (std::size_t d = 0; d < group->devices.size(); ++d) {
      hornet_device& device = *group->devices[d];
      std::lock_guard<std::mutex> lock(device.mutex);
      use_device(device.index);
      group->values[d] = static_cast<float*>(outputs[d]);
      scale(device.compute, static_cast<Dim>(count), share[d], static_cast<float*>(inputs[d]),
            group->values[d]);
    }
    if (count > 0) group->collective->sum(count, group->values);
  });
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const hornet_plugin_table* hornet_plugin() {
  static const hornet_plugin_table table = {HORNET_PLUGIN_ABI,
                                            sizeof(hornet_plugin_table),
                                            count_devices_c,
                                            describe_c,
                                            open_c,
                                            close_c,
                                            allocate_c,
                                            release_c,
                                            allocate_host_c,
                                            release_host_c,
                                            trim_c,
                                            upload_c,
                                            download_c,
                                            copy_c,
                                            collect_c,
                                            make_event_c,
                                            release_event_c,
                                            record_c,
                                            wait_c,
                                            reached_c,
                                            synchronize_c,
                                            compile_c,
                                            run_c,
                                            release_kernel_c,
                                            make_group_c,
                                            release_group_c,
                                            all_reduce_c};
  return &table;
}
