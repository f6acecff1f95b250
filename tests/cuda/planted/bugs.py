"""Bugs to plant: which text of which source becomes what, and how that must show.

`shows` is a kind of finding, how such a line begins ("leak: 2 of streams"), "wrong value" (a test
fails), "signal" or "time-out". `unit` is the source to compile where `file` is a header. `tests`
chooses among the program's tests by a part of their names.
"""
from dataclasses import dataclass

DEVICE, SELF = "test_device", "test_self_test"


@dataclass
class Bug:
    name: str
    file: str  # below src/
    old: str
    new: str
    shows: str
    program: str
    tests: str
    mode: str = "lazy"
    unit: str = ""
    devices: int = 1
    seconds: int = 0  # a time-out that is expected comes after so many

    def __post_init__(self):
        self.unit = self.unit or self.file


SKELETONS = "backend/cuda/skeletons.h"
NORM, SHAPE, INDEX = "backend/cuda/norm.cu", "backend/cuda/shape.cu", "backend/cuda/index.cu"
BLAS, RUNTIME, PLUGIN = "backend/cuda/blas.cpp", "backend/cuda/runtime.cpp", "backend/cuda/plugin.cpp"
CONVOLUTION, CUDNN_SHAPES = "backend/cuda/convolution.cpp", "backend/cuda/cudnn_shapes.h"
COLLECTIVE, MEMORY = "backend/cuda/collective.cpp", "backend/cuda/memory.cpp"
PIPELINE, VARIABLES = "exec/pipeline.cpp", "exec/variables.cpp"

TRAINING, HOOKS, TWO = "training on a device", "batch hooks", "training on two devices"

BUGS = [
    # --- barriers and shared memory ---
    Bug("no barrier after the values are written", SKELETONS, unit=NORM,
        old="slots[t] = value;\n    __syncthreads();", new="slots[t] = value;",
        shows="race", program=SELF, tests="softmax 257", mode="races"),
    Bug("no barrier between the levels of the tree", SKELETONS, unit=NORM,
        old="slots[t + half]);\n      __syncthreads();", new="slots[t + half]);",
        shows="race", program=SELF, tests="softmax 257", mode="races"),
    Bug("no barrier between the levels, without looking for races", SKELETONS, unit=NORM,
        old="slots[t + half]);\n      __syncthreads();", new="slots[t + half]);",
        shows="wrong value", program=SELF, tests="softmax 257"),
    Bug("no barrier before the next values are written", SKELETONS, unit=NORM,
        old="const T result = slots[0];\n    __syncthreads();", new="const T result = slots[0];",
        shows="race", program=SELF, tests="softmax 257", mode="races"),
    Bug("a barrier that only some threads come to", SKELETONS, unit=NORM,
        old="if (t < half) slots[t] = combine(slots[t], slots[t + half]);\n      __syncthreads();",
        new="if (t < half) {\n slots[t] = combine(slots[t], slots[t + half]);\n __syncthreads();\n }",
        shows="barrier-divergence", program=SELF, tests="softmax 257"),
    Bug("half of the tree is left out", SKELETONS, unit=NORM,
        old="for (int half = kThreads / 2;", new="for (int half = kThreads / 4;",
        shows="wrong value", program=SELF, tests="softmax 257"),
    Bug("too little shared memory", SKELETONS, unit=NORM,
        old="shared[kThreads * Block::kSharedPerThread]", new="shared[kThreads * 4]",
        shows="shared-oob", program=SELF, tests="softmax 257"),
    Bug("alignments do not wait for the step before", "backend/functors/ctc_alignment.h",
        unit="backend/cuda/ctc.cu", old="        now[s] = ways + log_probability(t, s);\n      }\n      block_.wait();",
        new="        now[s] = ways + log_probability(t, s);\n      }",
        shows="race", program=SELF, tests="ctc_loss", mode="races"),

    # --- loops of kernels ---
    Bug("one element too many", SKELETONS, unit=SHAPE,
        old="threadIdx.x; i < n; i += stride", new="threadIdx.x; i <= n; i += stride",
        shows="wrong value", program=SELF, tests="shapes, float32"),
    Bug("gridDim in the place of blockIdx", SKELETONS, unit=SHAPE,
        old="static_cast<Dim>(blockIdx.x) * kThreads", new="static_cast<Dim>(gridDim.x) * kThreads",
        shows="uninitialised-read", program=SELF, tests="shapes, float32"),
    Bug("a stride that is too long", SKELETONS, unit=SHAPE,
        old="static_cast<Dim>(gridDim.x) * kThreads;", new="static_cast<Dim>(gridDim.x) * kThreads + 1;",
        shows="wrong value", program=SELF, tests="shapes, float32", mode="blocks"),
    Bug("blocks of rows go on by the wrong number", SKELETONS, unit=NORM,
        old="row += gridDim.x", new="row += blockDim.x",
        shows="uninitialised-read", program=SELF, tests="softmax 257", mode="blocks"),
    Bug("twice as many threads as the kernel takes", SKELETONS, unit=SHAPE,
        old="blocks_of((n + kThreads - 1) / kThreads), kThreads, 0",
        new="blocks_of((n + kThreads - 1) / kThreads), 2 * kThreads, 0",
        shows="bad-launch", program=SELF, tests="shapes, float32"),
    Bug("a window begins in the padding", "backend/functors/pool.h", unit="backend/cuda/pool.cu",
        old="    if (begin < 0) begin = 0;\n", new="",
        shows="wrong value", program=SELF, tests="pools"),
    Bug("reading past the end of the row", NORM,
        old="i < channels; i += block.size()) largest", new="i <= channels; i += block.size()) largest",
        shows="uninitialised-read", program=SELF, tests="softmax 257"),

    # --- what kernels are given ---
    Bug("the atomic addition is a plain one", "backend/cuda/types.h", unit=INDEX,
        old="atomicAdd(sum, value);", new="*sum += value;",
        shows="race", program=SELF, tests="rows by number, float32", mode="races"),
    Bug("sums start from whatever was there", INDEX,
        old="      fill_with_zeros(out[0].data, out[0].bytes(), queue.stream);\n", new="",
        shows="uninitialised-read", program=SELF, tests="rows by number, float32"),
    Bug("an empty product is not filled with zeros", "backend/cuda/matmul.cu",
        old="if (product_.k == 0)", new="if (product_.k == 0) return;\n  if (product_.k < 0)",
        shows="wrong value", program=SELF, tests="matmul 31"),
    Bug("half a workspace", "backend/cuda/reduce.cu",
        old="static_cast<std::size_t>(items) * sizeof(Total) : 0);",
        new="static_cast<std::size_t>(items) * sizeof(Total) / 2 : 0);",
        shows="wrong value", program=SELF, tests="reductions of (None, 3, 5, 33)"),
    Bug("partial sums and means share memory", "backend/cuda/column_sums.h", unit=NORM,
        old="static_cast<std::size_t>(pieces_ * columns_) * sizeof(Sum);",
        new="static_cast<std::size_t>(pieces_ * columns_) * sizeof(Sum) / 2;",
        shows="wrong value", program=SELF, tests="batch_norm 33"),
    Bug("the result is written to the input", SHAPE,
        old="             Pad{in[0].as<Element>(), out[0].as<Element>(), x_row",
        new="             Pad{in[0].as<Element>(), in[0].as<Element>(), x_row",
        shows="wrong value", program=SELF, tests="shapes, float32"),
    Bug("the second input is the first", "backend/cuda/elementwise.cu",
        old="const std::size_t last = node.inputs.size() - 1;", new="const std::size_t last = 0;",
        shows="wrong value", program=SELF, tests="sub"),
    Bug("a kernel gets the host's pointers", "backend/cuda/state.cu",
        old="static_cast<const std::uint32_t*>(sources[i])",
        new="reinterpret_cast<const std::uint32_t*>(&sources[i])",
        shows="host-pointer-as-device", program=DEVICE, tests=HOOKS),
    Bug("the host reads the device's memory", "backend/cuda/state.cu",
        old="functor.sources[i] = static_cast<const std::uint32_t*>(sources[i]);",
        new="functor.sources[i] = sources[i] && *static_cast<const volatile int*>(sources[i]) == 1 ? nullptr : "
            "static_cast<const std::uint32_t*>(sources[i]);",
        shows="signal", program=DEVICE, tests=HOOKS),
    Bug("random numbers of the block before", "backend/functors/random.h", unit="backend/cuda/random.cu",
        old="static_cast<std::uint64_t>(index), stream", new="static_cast<std::uint64_t>(index + 1), stream",
        shows="wrong value", program=SELF, tests="dropout of a third"),
    Bug("the count of steps does not carry over", "backend/cuda/state.cu",
        old="state[3] + (low == 0 ? 1 : 0)", new="state[3]",
        shows="wrong value", program=SELF, tests="random_uniform"),

    # --- products by cuBLAS ---
    Bug("rows in the place of the leading dimension", BLAS,
        old="lda = whole(std::max<Dim>(1, a_stride))", new="lda = whole(std::max<Dim>(1, p.m))",
        shows="bad-leading-dimension", program=SELF, tests="matmul 31"),
    Bug("operands the wrong way around", BLAS,
        old="&one, b, ldb, a, lda, &p.beta, c, whole(c_stride)),\n            \"",
        new="&one, a, lda, b, ldb, &p.beta, c, whole(c_stride)),\n            \"",
        shows="bad-leading-dimension", program=SELF, tests="matmul 31"),
    Bug("a product forgets what it adds to", "backend/cuda/rnn.cu",
        old="product.c_stride = sums.stride;\n    product.beta = 1;", new="product.c_stride = sums.stride;",
        shows="wrong value", program=SELF, tests="simple_rnn, masked"),
    Bug("a product adds to what was never written", BLAS,
        old="&one, b, ldb, a, lda, &p.beta, c, whole(c_stride)),\n            \"",
        new="&one, b, ldb, a, lda, &one, c, whole(c_stride)),\n            \"",
        shows="wrong value", program=SELF, tests="matmul 31"),
    Bug("products of a batch are taken one matrix further", "backend/cuda/matmul.cu",
        old="product_.a_step = product_.m * product_.k;", new="product_.a_step = product_.m * product_.n;",
        shows="wrong value", program=SELF, tests="batch_matmul 31"),

    # --- convolutions by cuDNN ---
    Bug("height and width of a descriptor are swapped", CUDNN_SHAPES, unit=CONVOLUTION,
        old="whole(g.channels), whole(g.height), whole(g.width)",
        new="whole(g.channels), whole(g.width), whole(g.height)",
        shows="bad-output-dims", program=SELF, tests="conv2d 3x3"),
    Bug("the two strides are swapped", CUDNN_SHAPES, unit=CONVOLUTION,
        old="whole(g.stride_y), whole(g.stride_x)", new="whole(g.stride_x), whole(g.stride_y)",
        shows="bad-output-dims", program=SELF, tests="conv2d strided, symmetric"),
    Bug("images are described as channels first", CUDNN_SHAPES, unit=CONVOLUTION,
        old="cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NHWC", new="cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NCHW",
        shows="wrong value", program=SELF, tests="cuDNN convolves"),
    Bug("the library gets half of its workspace", CONVOLUTION,
        old="shapes_.convolution, forward_.algorithm, rest, bytes_,",
        new="shapes_.convolution, forward_.algorithm, rest, bytes_ / 2,",
        shows="small-workspace", program=SELF, tests="conv2d 3x3"),
    Bug("the library's workspace is not asked for", CONVOLUTION,
        old="return filter_bytes() + bytes_; }", new="return filter_bytes(); }",
        shows="wrong value", program=SELF, tests="conv2d 3x3"),
    Bug("descriptors are not destroyed", CUDNN_SHAPES, unit=CONVOLUTION,
        old="if (descriptor_) release(descriptor_);", new="",
        shows="leak", program=SELF, tests="conv2d 1x1"),

    # --- copies, streams and events ---
    Bug("the direction of copies is swapped", RUNTIME,
        old="direction == Direction::to_device ? cudaMemcpyHostToDevice\n"
            "                              : direction == Direction::to_host ? cudaMemcpyDeviceToHost",
        new="direction == Direction::to_device ? cudaMemcpyDeviceToHost\n"
            "                              : direction == Direction::to_host ? cudaMemcpyHostToDevice",
        shows="bad-memcpy-direction", program=DEVICE, tests=HOOKS),
    Bug("every event counts as reached", RUNTIME,
        old="if (status == cudaErrorNotReady) return false;", new="if (status == cudaErrorNotReady) return true;",
        shows="wrong value", program=DEVICE, tests=HOOKS),
    Bug("computing does not wait for the copies", PIPELINE,
        old="    place.copied.hold_back(Device::compute);\n", new="",
        shows="uninitialised-read", program=DEVICE, tests=HOOKS),
    Bug("the event of the copies is recorded in the other queue", PIPELINE,
        old="place.copied.record(Device::copies);", new="place.copied.record(Device::compute);",
        shows="uninitialised-read", program=DEVICE, tests=HOOKS),
    Bug("the event of the copies is recorded before them", PIPELINE,
        old="    part.executable->upload(Device::copies, *part.feeds, place.inputs.data());\n"
            "    place.copied.record(Device::copies);\n",
        new="    place.copied.record(Device::copies);\n"
            "    part.executable->upload(Device::copies, *part.feeds, place.inputs.data());\n",
        shows="uninitialised-read", program=DEVICE, tests=HOOKS),
    Bug("both stages use the inputs of one", PIPELINE,
        old="Place& place = *stages_[stage][p];", new="Place& place = *stages_[0][p];",
        shows="wrong value", program=DEVICE, tests=TRAINING, mode="odd"),
    Bug("the end of a step is recorded before its work", PIPELINE,
        old="  DeviceExecutable::enqueue(parts_, *group_, fetched, stop);\n"
            "  for (std::size_t p = 0; p < parts.size(); ++p)\n"
            "    stages_[stage][p]->finished.record(Device::compute);\n",
        new="  for (std::size_t p = 0; p < parts.size(); ++p)\n"
            "    stages_[stage][p]->finished.record(Device::compute);\n"
            "  DeviceExecutable::enqueue(parts_, *group_, fetched, stop);\n",
        shows="wrong value", program=DEVICE, tests="predictions"),
    Bug("new input memory is filled at once", PIPELINE,
        old="      place.finished.hold_back(Device::copies);\n", new="",
        shows="wrong value", program=DEVICE, tests="memory is given back", mode="odd"),
    Bug("batches are not kept until they are copied", PIPELINE,
        old="  for (const auto& place : stages_[stage])\n    if (!wait_for(place->copied, stop)) return false;\n"
            "  return true;",
        new="  return true;",
        shows="host-buffer-changed", program=DEVICE, tests=TRAINING),
    Bug("nobody waits for the numbers of the steps", "exec/scalar_log.cpp",
        old="    if (!wait_for(came_, stop)) return false;\n", new="",
        shows="wrong value", program=DEVICE, tests=HOOKS),

    # --- memory and handles ---
    Bug("memory is not given back", MEMORY,
        old="  else give_memory(memory);\n", new="",
        shows="leak", program=DEVICE, tests=HOOKS),
    Bug("memory is given back twice", MEMORY,
        old="  kept_.clear();\n", new="",
        shows="double-free", program=DEVICE, tests="memory is kept"),
    Bug("kept memory is handed out twice", MEMORY,
        old="    kept_.erase(found);\n", new="",
        shows="wrong value", program=DEVICE, tests="memory is kept"),
    Bug("addresses of an arena that has moved", "exec/device_executable.cpp",
        old="generation_ != arena.generation()", new="false",
        shows="use-after-free", program=DEVICE, tests="batches of other sizes"),
    Bug("events are not destroyed", RUNTIME,
        old="{ cudaEventDestroy(event); }", new="{}",
        shows="leak", program=DEVICE, tests=HOOKS),
    Bug("a stream is not destroyed", PLUGIN,
        old="    if (copies) release_stream(copies);\n", new="",
        shows="leak", program=DEVICE, tests=HOOKS),
    Bug("the handle of cuBLAS is not destroyed", BLAS,
        old="{ cublasDestroy(handle_); }", new="{}",
        shows="leak", program=DEVICE, tests=HOOKS),

    # --- several devices ---
    Bug("every device counts as large as the first", PLUGIN, devices=2,
        old="scale(device.compute, static_cast<Dim>(count), share[d],",
        new="scale(device.compute, static_cast<Dim>(count), share[0],",
        shows="wrong value", program=DEVICE, tests=TWO),
    Bug("a sum outside of a group", COLLECTIVE, devices=2,
        old="    nccl().check(nccl().group_start(), \"adding up\");\n", new="",
        shows="outside-of-group", program=DEVICE, tests=TWO),
    Bug("sums in whatever device is current", COLLECTIVE, devices=2,
        old="      use_device(devices_[d]);\n", new="",
        shows="wrong-device", program=DEVICE, tests=TWO),
    Bug("work for whatever device is current", PLUGIN, devices=2,
        old="    use_device(device->index);\n    body();", new="    body();",
        shows="wrong-device", program=DEVICE, tests=TWO),
    Bug("sums on the stream of the first device", COLLECTIVE, devices=2,
        old="communicators_[d], queues_[d]->stream", new="communicators_[d], queues_[0]->stream",
        shows="wrong-device", program=DEVICE, tests=TWO),
    Bug("ranks are not left", COLLECTIVE, devices=2,
        old="for (ncclComm_t communicator : communicators_) nccl().destroy(communicator);", new="",
        shows="leak", program=DEVICE, tests=TWO),
    Bug("a value that one device wrote counts for all", VARIABLES, devices=2,
        old="copy.newest = std::find(devices.begin(), devices.end(), copy.device) != devices.end();",
        new="copy.newest = true;",
        shows="wrong value", program=DEVICE, tests="take turns"),
]
