// The GPUs of this machine.
#include "backend/devices.h"
#include "exec/self_test.h"
#include "r_serve.h"

using namespace hornet;

// Where the plugin is; "" if hornet was built without.
// [[Rcpp::export(rng = false)]]
void cpp_set_plugin(std::string path) { set_plugin_path(path); }

// For devices that are opened from now on.
// [[Rcpp::export(rng = false)]]
void cpp_set_device_options(bool tf32, bool library_convolution, bool cache_memory) {
  set_device_options({tf32, library_convolution, cache_memory});
}

// One row a device, as columns; attribute "why_none" says why there is none.
// [[Rcpp::export(rng = false)]]
SEXP cpp_devices() {
  return glue_entry("cpp_devices", [&]() -> SEXP {
    const DeviceList& list = list_devices();
    Rcpp::CharacterVector device, name, capability;
    Rcpp::NumericVector memory, free, driver, runtime, blas, convolutions;
    for (std::size_t i = 0; i < list.devices.size(); ++i) {
      const hornet_device_facts facts = describe_device(static_cast<int>(i));
      device.push_back("gpu:" + std::to_string(i));
      name.push_back(facts.name);
      capability.push_back(std::to_string(facts.major) + "." + std::to_string(facts.minor));
      memory.push_back(static_cast<double>(facts.memory));
      free.push_back(facts.free > 0 ? static_cast<double>(facts.free) : NA_REAL);
      driver.push_back(facts.driver);
      runtime.push_back(facts.runtime);
      blas.push_back(facts.blas);
      convolutions.push_back(facts.convolutions);
    }
    using Rcpp::Named;
    Rcpp::List columns = Rcpp::List::create(
        Named("device") = device, Named("name") = name, Named("capability") = capability,
        Named("memory") = memory, Named("free") = free, Named("driver") = driver,
        Named("runtime") = runtime, Named("blas") = blas, Named("convolutions") = convolutions);
    columns.attr("why_none") = list.why_none;
    return columns;
  });
}

// Before the feeder of a run is made, which pins its batches only while a device is open.
// [[Rcpp::export(rng = false)]]
SEXP cpp_open_device(int device) {
  return glue_entry("cpp_open_device", [&]() -> SEXP {
    open_device(device);
    return R_NilValue;
  });
}

// To be opened anew, with other options.
// [[Rcpp::export(rng = false)]]
SEXP cpp_close_device(int device) {
  return glue_entry("cpp_close_device", [&]() -> SEXP {
    close_device(device);
    return R_NilValue;
  });
}

// Runs the self-test on that device: one row a case, as columns; `op` names what it covers.
// [[Rcpp::export(rng = false)]]
SEXP cpp_device_selftest(int device) {
  return glue_entry("cpp_device_selftest", [&]() -> SEXP {
    Rcpp::CharacterVector op, name, message;
    Rcpp::NumericVector difference;
    Rcpp::LogicalVector ok;
    for (const SelfTestRow& row : self_test(open_device(device))) {
      std::string ops;
      for (const std::string& o : row.ops) ops += (ops.empty() ? "" : " ") + o;
      op.push_back(ops);
      name.push_back(row.name);
      difference.push_back(row.difference);
      ok.push_back(row.ok);
      message.push_back(row.message);
    }
    using Rcpp::Named;
    return Rcpp::List::create(Named("op") = op, Named("case") = name,
                              Named("difference") = difference, Named("ok") = ok,
                              Named("message") = message);
  });
}
