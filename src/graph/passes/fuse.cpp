#include "graph/passes.h"

namespace hornet {

Program fuse(const Program& program) { return program; }

}  // namespace hornet
