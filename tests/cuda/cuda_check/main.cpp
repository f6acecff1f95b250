// What a machine with a GPU is asked: does the plugin compute what the processor computes, and how
// fast? No R, no network.
//
//   cuda_check PLUGIN [--quick] [--own-convolutions] [--sweep FOLDER | --times]
//
// --quick: a few steps of training only, for slow tools; --sweep and --times: that part only.
#include <cfloat>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "backend/devices.h"
#include "exec/self_test.h"
#include "parts.h"

namespace hornet::cuda_check {

double difference(const Floats& a, const Floats& b) {
  double squares = 0, worst = 0;
  for (float v : b) squares += double{v} * v;
  const double usual = b.empty() ? 0 : std::sqrt(squares / static_cast<double>(b.size()));
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (a[i] == b[i]) continue;
    const double d = std::abs(double{a[i]} - b[i]) / (std::abs(b[i]) + usual);
    worst = std::isnan(d) ? INFINITY : std::max(worst, d);
  }
  return worst;
}

std::vector<Floats> run(Executable& executable, const std::vector<Tensor>& feeds) {
  std::vector<Floats> results;
  executable.run(feeds, [&](const std::vector<Tensor>& fetched) {
    for (const Tensor& t : fetched) results.emplace_back(t.as<float>(), t.as<float>() + t.numel());
  });
  return results;
}

int check_ops(const std::shared_ptr<Device>& device) {
  int wrong = 0;
  for (const SelfTestRow& row : self_test(device)) {
    std::printf("%s op %-32s %9.2e  %8.1f ulp  %s\n", row.ok ? "ok" : "WRONG", row.name.c_str(),
                row.difference, row.difference / FLT_EPSILON, row.message.c_str());
    if (!row.ok) ++wrong;
  }
  return wrong;
}

namespace {

std::string version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

void print_facts() {
  const DeviceList& list = list_devices();
  for (std::size_t i = 0; i < list.devices.size(); ++i) {
    const hornet_device_facts& f = list.devices[i];
    std::printf(
        "gpu:%zu %s, compute capability %d.%d, %.1f GB (%.1f free), driver %s, runtime %s, "
        "cuBLAS %d, cuDNN %d\n",
        i, f.name, f.major, f.minor, static_cast<double>(f.memory) * 1e-9,
        static_cast<double>(f.free) * 1e-9, version(f.driver).c_str(), version(f.runtime).c_str(),
        f.blas, f.convolutions);
  }
}

}  // namespace
}  // namespace hornet::cuda_check

int main(int argc, char** argv) {
  using namespace hornet;
  using namespace hornet::cuda_check;
  const auto given = [&](const char* option) {
    for (int i = 2; i < argc; ++i)
      if (std::strcmp(argv[i], option) == 0) return i;
    return 0;
  };
  if (argc < 2) {
    std::printf(
        "usage: cuda_check PLUGIN [--quick] [--own-convolutions] [--sweep FOLDER | --times]\n");
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what was said stays said if time runs out
  const std::string path = argv[1];
  set_plugin_path(path.find('/') == std::string::npos ? "./" + path : path);
  set_device_options({0, given("--own-convolutions") ? 0 : 1, 1});
  int wrong = 0;
  try {
    const std::shared_ptr<Device> device = open_device(0);
    print_facts();
    const int sweep = given("--sweep");
    if (sweep) {
      wrong = check_convolutions(device, sweep + 1 < argc ? argv[sweep + 1] : ".");
    } else if (given("--times")) {
      measure(device);
    } else {
      wrong = check_ops(device);
      wrong += check_training(device, given("--quick") ? 2 : 20);
    }
  } catch (const Error& error) {
    std::printf("WRONG %s\n", error.what());
    ++wrong;
  }
  std::printf("cuda_check: %d wrong\n", wrong);
  return wrong == 0 ? 0 : 1;
}
