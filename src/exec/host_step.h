// A step of a device's plan that the host computes.
#pragma once
#include <memory>

#include "backend/device.h"

namespace hornet {

// Brings the inputs to the host, runs `kernel` there and takes the outputs back; the host waits
// for the device meanwhile.
std::unique_ptr<Kernel> step_on_host(std::shared_ptr<Device> device, std::unique_ptr<Kernel> kernel,
                                     const BoundNode& node);

}  // namespace hornet
