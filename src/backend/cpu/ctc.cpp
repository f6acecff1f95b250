// "ctc_loss" and its gradient: the forward and backward sums of Graves et al., "Connectionist
// temporal classification" (2006), over all ways to spread the labels, with blanks between them,
// over the steps. A sample without such a way has an infinite loss and no gradient; one whose
// lengths or labels are out of range has a loss of NaN.
#include "backend/cpu/ctc.h"

#include <algorithm>

#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

struct Sizes {
  Dim batch, steps, classes, labels;
  explicit Sizes(const BoundNode& node)
      : batch(node.inputs[0].shape[0]),
        steps(node.inputs[0].shape[1]),
        classes(node.inputs[0].shape[2]),
        labels(node.inputs[1].shape[1]) {}
  Dim places() const { return 2 * labels + 1; }
  Dim bytes() const {
    return Scratch::padded(places() * sizeof(Dim)) + Scratch::padded(steps * sizeof(double)) +
           Scratch::padded(steps * places() * sizeof(double)) +
           2 * Scratch::padded(places() * sizeof(double));
  }
};

// One sample's places: its labels with blanks before, between and after.
template <class T>
class Alignment {
 public:
  Alignment(const Sizes& sizes, const Tensor* in, Dim sample, void* scratch)
      : classes_(sizes.classes),
        logits_(in[0].as<T>() + sample * sizes.steps * sizes.classes),
        steps_(whole_number(number_at(in[2], sample), sizes.steps)) {
    Scratch memory(scratch);
    classes_at_ = memory.take<Dim>(sizes.places());
    normaliser_ = memory.take<double>(sizes.steps);
    alpha_ = memory.take<double>(sizes.steps * sizes.places());
    beta_ = memory.take<double>(sizes.places());
    beta_next_ = memory.take<double>(sizes.places());
    const Dim blank = classes_ - 1;
    const Dim count = whole_number(number_at(in[3], sample), sizes.labels);
    valid_ = steps_ >= 0 && count >= 0;
    if (!valid_) return;
    places_ = 2 * count + 1;
    for (Dim i = 0; i < count; ++i) {
      const double label = number_at(in[1], sample * sizes.labels + i);
      classes_at_[2 * i] = blank;
      classes_at_[2 * i + 1] = whole_number(label, blank - 1);
      valid_ = valid_ && classes_at_[2 * i + 1] >= 0;
    }
    classes_at_[2 * count] = blank;
  }

  // The log probability of the labels; keeps the sums over their beginnings.
  double forward() {
    if (!valid_) return std::numeric_limits<double>::quiet_NaN();
    if (steps_ == 0) return places_ == 1 ? 0 : kLogZero;
    for (Dim t = 0; t < steps_; ++t) {
      normaliser_[t] = log_normaliser(logits_ + t * classes_, classes_);
      double* now = alpha_ + t * places_;
      const double* before = t > 0 ? now - places_ : now;
      for (Dim s = 0; s < places_; ++s) {
        double ways = t == 0 ? (s < 2 ? 0 : kLogZero) : before[s];
        if (t > 0 && s > 0) ways = log_add(ways, before[s - 1]);
        if (t > 0 && may_skip_to(s)) ways = log_add(ways, before[s - 2]);
        now[s] = ways + log_probability(t, s);
      }
    }
    const double* last = alpha_ + (steps_ - 1) * places_;
    return places_ == 1 ? last[0] : log_add(last[places_ - 1], last[places_ - 2]);
  }

  // dlogits = dy (softmax - share of each class in the ways), where forward() gave `total`.
  void backward(double total, double dy, T* dlogits, Dim steps) {
    std::fill_n(dlogits, steps * classes_, std::isnan(total) ? static_cast<T>(total) : T(0));
    if (!std::isfinite(total)) return;
    for (Dim t = steps_ - 1; t >= 0; --t) {
      T* row = dlogits + t * classes_;
      for (Dim c = 0; c < classes_; ++c) {
        row[c] = static_cast<T>(dy * std::exp(logits_[t * classes_ + c] - normaliser_[t]));
      }
      for (Dim s = 0; s < places_; ++s) {
        beta_[s] = t == steps_ - 1 ? (s >= places_ - 2 ? 0 : kLogZero) : ways_on(t, s);
        const double share = std::exp(alpha_[t * places_ + s] + beta_[s] - total);
        row[classes_at_[s]] -= static_cast<T>(dy * share);
      }
      std::swap(beta_, beta_next_);
    }
  }

 private:
  // A label may follow the one before without a blank, unless they are the same.
  bool may_skip_to(Dim s) const {
    return s >= 2 && s % 2 == 1 && classes_at_[s] != classes_at_[s - 2];
  }
  double log_probability(Dim t, Dim s) const {
    return logits_[t * classes_ + classes_at_[s]] - normaliser_[t];
  }
  // The sum over the ways from place s at step t to the end; that of the next step is known.
  double ways_on(Dim t, Dim s) const {
    double ways = beta_next_[s] + log_probability(t + 1, s);
    for (Dim next = s + 1; next <= s + 2 && next < places_; ++next) {
      if (next == s + 1 || may_skip_to(next))
        ways = log_add(ways, beta_next_[next] + log_probability(t + 1, next));
    }
    return ways;
  }

  Dim classes_;
  const T* logits_;
  Dim steps_, places_ = 1;
  bool valid_ = true;
  Dim* classes_at_;
  double *normaliser_, *alpha_, *beta_, *beta_next_;
};

// Samples are shared out; body(sample, scratch).
template <class Body>
std::unique_ptr<Kernel> by_sample(const Sizes& sizes, Body body) {
  const int slots = static_cast<int>(std::clamp<Dim>(sizes.batch, 1, max_kernel_threads()));
  return kernel(
      [=](const Tensor* in, const Tensor* out, void* workspace) {
        parallel_tasks(sizes.batch, slots, [&](int slot, Dim sample) {
          body(in, out, sample, static_cast<char*>(workspace) + slot * sizes.bytes());
        });
      },
      static_cast<std::size_t>(slots * sizes.bytes()));
}

std::unique_ptr<Kernel> compile_ctc_loss(const BoundNode& node) {
  const Sizes sizes(node);
  return for_floats(node.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return by_sample(sizes, [sizes](const Tensor* in, const Tensor* out, Dim sample,
                                    void* scratch) {
      out[0].as<T>()[sample] = static_cast<T>(-Alignment<T>(sizes, in, sample, scratch).forward());
    });
  });
}

std::unique_ptr<Kernel> compile_ctc_loss_backward(const BoundNode& node) {
  const Sizes sizes(node);
  return for_floats(node.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return by_sample(
        sizes, [sizes](const Tensor* in, const Tensor* out, Dim sample, void* scratch) {
          Alignment<T> alignment(sizes, in, sample, scratch);
          const double total = alignment.forward();
          alignment.backward(total, in[4].as<T>()[sample],
                             out[0].as<T>() + sample * sizes.steps * sizes.classes, sizes.steps);
        });
  });
}

}  // namespace

void add_ctc_kernels(KernelRows& rows) {
  rows.push_back({"ctc_loss", compile_ctc_loss});
  rows.push_back({"ctc_loss_backward", compile_ctc_loss_backward});
}

}  // namespace hornet::cpu
