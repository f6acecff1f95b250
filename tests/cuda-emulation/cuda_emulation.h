/* What the emulated CUDA runtime has counted. The functions are in the emulation's libcudart.so.13:
   dlsym(dlopen("libcudart.so.13", RTLD_NOW | RTLD_NOLOAD), "cuda_emulation_counters"), once a
   program or plugin has loaded it. The real runtime lacks them, which tells where a test runs. */
#ifndef CUDA_EMULATION_H
#define CUDA_EMULATION_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cuda_emulation_counts {
  uint64_t findings; /* lines reported so far; those at exit come too late */
  uint64_t kernel_launches;
  uint64_t host_synchronisations; /* calls in which the host waits for the device */
  uint64_t queries;               /* cudaStreamQuery and cudaEventQuery */
  uint64_t bytes_to_device, bytes_to_host, bytes_on_device; /* copied */
  uint64_t allocations;                                     /* cudaMalloc that succeeded */
  uint64_t bytes_in_use, bytes_peak; /* device memory, all devices; reset makes the peak the use */
  uint64_t ptx_instructions;
  uint64_t convolutions; /* by cuDNN, in any direction */
} cuda_emulation_counts;

void cuda_emulation_counters(cuda_emulation_counts* counts);
void cuda_emulation_reset_counters(void); /* all but bytes_in_use */

#ifdef __cplusplus
}
#endif
#endif
