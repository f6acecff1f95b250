/* The border between the package and a device plugin, a shared library of its own: plain C, so
 * that no C++ type, exception or allocation crosses. The plugin exports hornet_plugin(), which
 * returns its table. Functions return 0, or say in `error` what went wrong.
 *
 * Work is enqueued on one of a device's two queues and done later, in the order of the queue;
 * events let one queue wait for another and the host see how far a queue is. Only
 * synchronize() waits. Any thread may call; calls for one device exclude each other. */
#ifndef HORNET_PLUGIN_ABI_H
#define HORNET_PLUGIN_ABI_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { HORNET_PLUGIN_ABI = 1 };

typedef struct {
  char kind[32]; /* class of the condition: "out_of_memory", "device" or none */
  char message[992];
} hornet_error;

/* --- devices --- */

typedef struct {
  char name[128];
  int32_t major, minor;       /* compute capability */
  int32_t driver, runtime;    /* versions as CUDA numbers them: 13000 is 13.0 */
  int32_t blas, convolutions; /* versions of cuBLAS and cuDNN; 0: absent */
  uint64_t memory, free;      /* bytes; `free` is 0 before the device is opened */
} hornet_device_facts;

typedef struct {
  int32_t tf32;                /* let products of matrices round their inputs to 10 bits */
  int32_t library_convolution; /* 0: only our own convolutions */
  int32_t cache_memory;        /* 0: every allocation goes to the driver, for tests */
} hornet_device_options;

typedef struct hornet_device hornet_device; /* one opened device */
typedef struct hornet_event hornet_event;   /* a point in a queue */
typedef struct hornet_kernel hornet_kernel; /* a compiled node */
typedef struct hornet_group hornet_group;   /* devices that compute together */

typedef enum { HORNET_COMPUTE = 0, HORNET_COPIES = 1 } hornet_queue;

/* --- nodes --- */

typedef struct {
  int32_t dtype; /* 0 f32, 1 f64, 2 i32 */
  int32_t rank;
  const int64_t* dims;
} hornet_spec;

typedef struct {
  const char* name;
  int32_t type; /* 'i' integers, 'r' reals, 't' text */
  int32_t is_list;
  size_t count;
  const int64_t* integers;
  const double* reals;
  const char* text;
} hornet_attr;

typedef struct {
  const char* op;
  const char* origin; /* the layer that asked for it, for messages */
  int64_t batch;
  size_t inputs, outputs, attrs;
  const hornet_spec* input;
  const hornet_spec* output;
  const hornet_attr* attr;
} hornet_node;

/* --- the table --- */

typedef struct {
  uint32_t abi_version;
  uint32_t struct_size;

  int (*count_devices)(int* count, hornet_error* error);
  int (*describe)(int index, hornet_device_facts* facts, hornet_error* error);
  int (*open)(int index, const hornet_device_options* options, hornet_device** device,
              hornet_error* error);
  void (*close)(hornet_device* device);

  /* Device memory, 256-byte aligned, and host memory that copies need not stage. A null
   * `device` pins for all. */
  int (*allocate)(hornet_device* device, size_t bytes, void** memory, hornet_error* error);
  void (*release)(hornet_device* device, void* memory);
  int (*allocate_host)(hornet_device* device, size_t bytes, void** memory, hornet_error* error);
  void (*release_host)(hornet_device* device, void* memory);
  /* Gives what the cache keeps back to the driver. */
  void (*trim)(hornet_device* device);

  /* Host memory that was not pinned may be reused when upload() returns; a download is there
   * when its queue has come that far, at the earliest. */
  int (*upload)(hornet_device* device, hornet_queue queue, void* destination, const void* source,
                size_t bytes, hornet_error* error);
  int (*download)(hornet_device* device, hornet_queue queue, void* destination, const void* source,
                  size_t bytes, hornet_error* error);
  int (*copy)(hornet_device* device, void* destination, const void* source, size_t bytes,
              hornet_error* error);
  /* destination[i] = the 4 bytes at source[i]; at most 64. */
  int (*collect)(hornet_device* device, size_t count, const void* const* source, void* destination,
                 hornet_error* error);

  int (*make_event)(hornet_device* device, hornet_event** event, hornet_error* error);
  void (*release_event)(hornet_device* device, hornet_event* event);
  int (*record)(hornet_device* device, hornet_queue queue, hornet_event* event,
                hornet_error* error);
  int (*wait)(hornet_device* device, hornet_queue queue, hornet_event* event, hornet_error* error);
  int (*reached)(hornet_device* device, hornet_event* event, int* answer, hornet_error* error);
  int (*synchronize)(hornet_device* device, hornet_error* error);

  /* *kernel is null where the device has no kernel for the node. */
  int (*compile)(hornet_device* device, const hornet_node* node, hornet_kernel** kernel,
                 size_t* workspace_bytes, hornet_error* error);
  int (*run)(hornet_kernel* kernel, void* const* inputs, void* const* outputs, void* workspace,
             hornet_error* error);
  void (*release_kernel)(hornet_kernel* kernel);

  /* Devices that exchange numbers. all_reduce(): on each device, outputs[d][i] is the sum over
   * all devices e of share[e] * inputs[e][i]; an output may be its input. */
  int (*make_group)(size_t devices, hornet_device* const* device, hornet_group** group,
                    hornet_error* error);
  void (*release_group)(hornet_group* group);
  int (*all_reduce)(hornet_group* group, size_t count, void* const* inputs, void* const* outputs,
                    const float* share, hornet_error* error);
} hornet_plugin_table;

/* What a plugin exports under the name "hornet_plugin". */
typedef const hornet_plugin_table* (*hornet_plugin_entry)(void);

#ifdef __cplusplus
}
#endif
#endif
