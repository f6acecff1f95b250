// The forward and backward sums of Graves et al., "Connectionist temporal classification" (2006),
// over all ways to spread the labels, with blanks between them, over the steps. A sample without
// such a way has an infinite loss and no gradient; one whose lengths or labels are out of range has
// a loss of NaN.
#pragma once
#include "backend/functors/ctc.h"

namespace hornet {

struct CtcSizes {
  Dim batch, steps, classes, labels;
  // logits (batch, steps, classes), labels (batch, labels)
  CtcSizes(const Shape& logits, const Shape& labels)
      : batch(logits[0]), steps(logits[1]), classes(logits[2]), labels(labels[1]) {}
  HORNET_FUNCTOR Dim places() const { return 2 * labels + 1; }
  // That an alignment needs as scratch.
  HORNET_FUNCTOR Dim bytes() const {
    return Scratch::padded(places() * sizeof(Dim)) + Scratch::padded(steps * sizeof(double)) +
           Scratch::padded(steps * places() * sizeof(double)) +
           3 * Scratch::padded(places() * sizeof(double));
  }
};

template <class T>
struct CtcInputs {
  const T* logits;
  Numbers labels, steps, counts;

  explicit CtcInputs(const Tensor* in)
      : logits(in[0].as<T>()), labels(in[1]), steps(in[2]), counts(in[3]) {}
};

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// One sample's places: its labels with blanks before, between and after. The threads of a block
// share them out; each has an Alignment of its own on the same scratch.
template <class T, class Block>
class Alignment {
 public:
  HORNET_FUNCTOR Alignment(const Block& block, const CtcSizes& sizes, const CtcInputs<T>& in,
                           Dim sample, void* scratch)
      : block_(block),
        classes_(sizes.classes),
        logits_(in.logits + sample * sizes.steps * sizes.classes),
        steps_(whole_number(in.steps[sample], sizes.steps)) {
    Scratch memory(scratch);
    classes_at_ = memory.take<Dim>(sizes.places());
    normaliser_ = memory.take<double>(sizes.steps);
    alpha_ = memory.take<double>(sizes.steps * sizes.places());
    beta_ = memory.take<double>(sizes.places());
    beta_next_ = memory.take<double>(sizes.places());
    share_ = memory.take<double>(sizes.places());
    const Dim blank = classes_ - 1;
    const Dim count = whole_number(in.counts[sample], sizes.labels);
    valid_ = steps_ >= 0 && count >= 0;
    if (!valid_) return;
    places_ = 2 * count + 1;
    for (Dim i = 0; i < count; ++i) {  // by each thread: all must know whether they are valid
      const Dim label = whole_number(in.labels[sample * sizes.labels + i], blank - 1);
      valid_ = valid_ && label >= 0;
      if (i % block_.size() != block_.thread()) continue;
      classes_at_[2 * i] = blank;
      classes_at_[2 * i + 1] = label;
    }
    if (block_.thread() == 0) classes_at_[2 * count] = blank;
    block_.wait();
  }

  // The log probability of the labels; keeps the sums over their beginnings.
  HORNET_FUNCTOR double forward() {
    if (!valid_) return kNaN;
    if (steps_ == 0) return places_ == 1 ? 0 : kLogZero;
    for (Dim t = block_.thread(); t < steps_; t += block_.size())
      normaliser_[t] = log_normaliser(logits_ + t * classes_, classes_);
    block_.wait();
    for (Dim t = 0; t < steps_; ++t) {
      double* now = alpha_ + t * places_;
      const double* before = t > 0 ? now - places_ : now;
      for (Dim s = block_.thread(); s < places_; s += block_.size()) {
        double ways = t == 0 ? (s < 2 ? 0 : kLogZero) : before[s];
        if (t > 0 && s > 0) ways = log_add(ways, before[s - 1]);
        if (t > 0 && may_skip_to(s)) ways = log_add(ways, before[s - 2]);
        now[s] = ways + log_probability(t, s);
      }
      block_.wait();
    }
    const double* last = alpha_ + (steps_ - 1) * places_;
    return places_ == 1 ? last[0] : log_add(last[places_ - 1], last[places_ - 2]);
  }

  // dlogits = dy (softmax - share of each class in the ways), where forward() gave `total`.
  HORNET_FUNCTOR void backward(double total, double dy, T* dlogits, Dim steps) {
    const T outside = std::isnan(total) ? static_cast<T>(total) : T(0);
    for (Dim i = block_.thread(); i < steps * classes_; i += block_.size()) dlogits[i] = outside;
    if (!std::isfinite(total)) return;
    for (Dim t = steps_ - 1; t >= 0; --t) {
      block_.wait();  // for the sums of the step after, and those who read its shares
      T* row = dlogits + t * classes_;
      for (Dim c = block_.thread(); c < classes_; c += block_.size())
        row[c] = static_cast<T>(dy * std::exp(logits_[t * classes_ + c] - normaliser_[t]));
      for (Dim s = block_.thread(); s < places_; s += block_.size()) {
        beta_[s] = t == steps_ - 1 ? (s >= places_ - 2 ? 0 : kLogZero) : ways_on(t, s);
        share_[s] = std::exp(alpha_[t * places_ + s] + beta_[s] - total);
      }
      block_.wait();
      if (block_.thread() == 0)  // classes occur more than once
        for (Dim s = 0; s < places_; ++s) row[classes_at_[s]] -= static_cast<T>(dy * share_[s]);
      double* const next = beta_next_;
      beta_next_ = beta_;
      beta_ = next;
    }
  }

 private:
  // A label may follow the one before without a blank, unless they are the same.
  HORNET_FUNCTOR bool may_skip_to(Dim s) const {
    return s >= 2 && s % 2 == 1 && classes_at_[s] != classes_at_[s - 2];
  }
  HORNET_FUNCTOR double log_probability(Dim t, Dim s) const {
    return logits_[t * classes_ + classes_at_[s]] - normaliser_[t];
  }
  // The sum over the ways from place s at step t to the end; that of the next step is known.
  HORNET_FUNCTOR double ways_on(Dim t, Dim s) const {
    double ways = beta_next_[s] + log_probability(t + 1, s);
    for (Dim next = s + 1; next <= s + 2 && next < places_; ++next) {
      if (next == s + 1 || may_skip_to(next))
        ways = log_add(ways, beta_next_[next] + log_probability(t + 1, next));
    }
    return ways;
  }

  const Block& block_;
  Dim classes_;
  const T* logits_;
  Dim steps_, places_ = 1;
  bool valid_ = true;
  Dim* classes_at_;
  double *normaliser_, *alpha_, *beta_, *beta_next_, *share_;
};

}  // namespace hornet
