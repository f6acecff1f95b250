// The weights of sums over devices.
#include "backend/cuda/collective.h"

#include "backend/cuda/skeletons.h"

namespace hornet::cuda {
namespace {

struct Scale {
  float share;
  const float* from;
  float* to;

  HORNET_FUNCTOR void operator()(Dim i) const { to[i] = share * from[i]; }
};

}  // namespace

void scale(const Queue& queue, Dim count, float share, const float* from, float* to) {
  for_each(queue, count, Scale{share, from, to});
}

}  // namespace hornet::cuda
