// Native objects in R's hands: external pointers that share ownership with native code.
#pragma once
#include <Rcpp.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "r_serve.h"

namespace hornet {

// In a forked child an object of the parent is leaked: threads and locks it counts on are not
// there, and destroying it could wait for them for ever.
template <class T>
struct Handle {
  std::shared_ptr<T> object;
  pid_t owner = getpid();

  static void finalize(SEXP pointer) {
    auto* handle = static_cast<Handle*>(R_ExternalPtrAddr(pointer));
    if (!handle) return;
    R_ClearExternalPtr(pointer);
    if (handle->owner == getpid()) delete handle;
  }
};

// `kind` is the word users know it by ("feeder"); get_handle() checks it. With `at_exit` it is
// also destroyed when R ends. Unprotected, as what R's own constructors return.
template <class T>
SEXP make_handle(std::shared_ptr<T> object, const char* kind, bool at_exit = false) {
  auto handle = std::make_unique<Handle<T>>(Handle<T>{std::move(object)});
  SEXP pointer = r_protect([&]() -> SEXP {
    SEXP made = PROTECT(R_MakeExternalPtr(nullptr, Rf_install(kind), R_NilValue));
    R_RegisterCFinalizerEx(made, Handle<T>::finalize, at_exit ? TRUE : FALSE);
    UNPROTECT(1);
    return made;
  });
  R_SetExternalPtrAddr(pointer, handle.release());
  return pointer;
}

template <class T>
std::shared_ptr<T> get_handle(SEXP pointer, const char* kind) {
  if (TYPEOF(pointer) != EXTPTRSXP || R_ExternalPtrTag(pointer) != Rf_install(kind)) {
    throw Error(std::string("expected a ") + kind + " handle", "value");
  }
  auto* handle = static_cast<Handle<T>*>(R_ExternalPtrAddr(pointer));
  if (!handle) {
    throw Error(std::string("this ") + kind + " is gone: it was made in another R session", "value")
        .hint("R's own save() and saveRDS() do not keep what lives outside R.");
  }
  return handle->object;
}

}  // namespace hornet
