// Marks what also runs on devices. Such code holds raw pointers and numbers by value, and uses
// neither the standard library's containers nor exceptions.
#pragma once

#ifdef __CUDACC__
#define HORNET_FUNCTOR __host__ __device__
#else
#define HORNET_FUNCTOR
#endif
