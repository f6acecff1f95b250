// Marks what also runs on devices. Such code holds raw pointers and numbers by value, and uses
// neither the standard library's containers nor exceptions.
#pragma once

#ifdef __CUDACC__
#define HORNET_FUNCTOR __host__ __device__
#else
#define HORNET_FUNCTOR
#endif

// Before a loop of few turns that devices shall not unroll: it would only make their code long.
#ifdef __CUDA_ARCH__
#define HORNET_SHORT_LOOP _Pragma("unroll 1")
#else
#define HORNET_SHORT_LOOP
#endif
