// "ctc_decode": the labels that predictions stand for. Either the best class of every step, or a
// search that carries on the best beginnings ("beams"): Hannun et al., "First-pass large vocabulary
// continuous speech recognition using bi-directional recurrent DNNs" (2014), without a language
// model.
#include <algorithm>

#include "backend/cpu/cpu_kernels.h"
#include "backend/functors/ctc.h"
#include "rt/parallel.h"

namespace hornet::cpu {
namespace {

constexpr std::int32_t kNone = -1;

// A beginning of labels: the node of its last label, whose parents are those before.
struct Prefix {
  std::int32_t parent, label, first_child, sibling;
  std::int32_t beam;  // that carries it on now, or kNone
};

// Log probabilities of a prefix, by what its steps so far end in.
struct Beam {
  std::int32_t prefix;
  double blank, label;
  double total() const { return log_add(blank, label); }
};

// What may come next: beam `beam` as it is (label kNone), or with one more label.
struct Candidate {
  double total;
  std::int32_t beam, label;
  bool operator<(const Candidate& other) const {
    if (total != other.total) return total > other.total;
    return beam != other.beam ? beam < other.beam : label < other.label;
  }
};

struct Search {
  Dim batch, steps, classes, width, paths;

  Search(const BoundNode& node)
      : batch(node.inputs[0].shape[0]),
        steps(node.inputs[0].shape[1]),
        classes(node.inputs[0].shape[2]),
        width(node.node->attrs.integer("beam_width")),
        paths(node.node->attrs.integer("top_paths")) {}

  Dim prefixes() const { return 1 + width * steps; }
  Dim bytes() const {
    return Scratch::padded(prefixes() * sizeof(Prefix)) +
           2 * Scratch::padded(width * sizeof(Beam)) +
           Scratch::padded(width * classes * sizeof(Candidate)) + Scratch::padded(width * classes) +
           Scratch::padded(classes * sizeof(double));
  }
};

template <class T>
class Beams {
 public:
  Beams(const Search& search, void* scratch) : search_(search) {
    Scratch memory(scratch);
    prefixes_ = memory.take<Prefix>(search.prefixes());
    beams_ = memory.take<Beam>(search.width);
    next_ = memory.take<Beam>(search.width);
    candidates_ = memory.take<Candidate>(search.width * search.classes);
    known_ = memory.take<char>(search.width * search.classes);
    log_p_ = memory.take<double>(search.classes);
    prefixes_[0] = {kNone, kNone, kNone, kNone, 0};
    beams_[0] = {0, 0, kLogZero};
  }

  void step(const T* logits) {
    const double normaliser = log_normaliser(logits, search_.classes);
    // After a step that is no distribution nothing is likely; a NaN could not be sorted.
    for (Dim c = 0; c < search_.classes; ++c) {
      log_p_[c] = std::isfinite(normaliser) ? logits[c] - normaliser : kLogZero;
    }
    carry_on();
    list_candidates();
    const Dim kept = std::min(search_.width, candidate_count_);
    std::nth_element(candidates_, candidates_ + kept, candidates_ + candidate_count_);
    std::sort(candidates_, candidates_ + kept);
    choose(kept);
  }

  // The best prefixes, best first: labels filled up with -1, and log probabilities.
  void write(std::int32_t* paths, T* log_probability) {
    std::sort(beams_, beams_ + count_, [](const Beam& a, const Beam& b) {
      return a.total() != b.total() ? a.total() > b.total() : a.prefix < b.prefix;
    });
    std::fill_n(paths, search_.paths * search_.steps, kNone);
    for (Dim i = 0; i < search_.paths; ++i) {
      log_probability[i] = static_cast<T>(i < count_ ? beams_[i].total() : kLogZero);
      if (i >= count_) continue;
      Dim length = 0;
      for (Dim p = beams_[i].prefix; p != 0; p = prefixes_[p].parent) ++length;
      std::int32_t* end = paths + i * search_.steps + length;
      for (Dim p = beams_[i].prefix; p != 0; p = prefixes_[p].parent) *--end = prefixes_[p].label;
    }
  }

 private:
  // A beam with label c once more: only after a blank, if it ends in c.
  double before_label(const Beam& beam, std::int32_t c) const {
    return prefixes_[beam.prefix].label == c ? beam.blank : beam.total();
  }

  // Every beam at the next step, with what comes to it from the beam it would grow from.
  void carry_on() {
    std::fill_n(known_, count_ * search_.classes, char(0));
    for (Dim i = 0; i < count_; ++i) {
      const Prefix& prefix = prefixes_[beams_[i].prefix];
      next_[i] = {beams_[i].prefix, beams_[i].total() + log_p_[search_.classes - 1], kLogZero};
      if (prefix.parent == kNone) continue;
      double ways = beams_[i].label;
      const std::int32_t from = prefixes_[prefix.parent].beam;
      if (from != kNone) {
        known_[from * search_.classes + prefix.label] = 1;
        ways = log_add(ways, before_label(beams_[from], prefix.label));
      }
      next_[i].label = ways + log_p_[prefix.label];
    }
  }

  void list_candidates() {
    candidate_count_ = 0;
    for (std::int32_t i = 0; i < count_; ++i) {
      candidates_[candidate_count_++] = {next_[i].total(), i, kNone};
      for (std::int32_t c = 0; c < search_.classes - 1; ++c) {
        const double total = before_label(beams_[i], c) + log_p_[c];
        if (known_[i * search_.classes + c] || total == kLogZero) continue;
        candidates_[candidate_count_++] = {total, i, c};
      }
    }
  }

  void choose(Dim kept) {
    for (Dim i = 0; i < count_; ++i) prefixes_[beams_[i].prefix].beam = kNone;
    for (std::int32_t i = 0; i < kept; ++i) {
      const Candidate& chosen = candidates_[i];
      const Beam& from = next_[chosen.beam];
      beams_[i] = chosen.label == kNone
                      ? from
                      : Beam{child(from.prefix, chosen.label), kLogZero, chosen.total};
      prefixes_[beams_[i].prefix].beam = i;
    }
    count_ = kept;
  }

  // Known ones are found again, or one prefix would be two beams.
  std::int32_t child(std::int32_t parent, std::int32_t label) {
    for (std::int32_t p = prefixes_[parent].first_child; p != kNone; p = prefixes_[p].sibling) {
      if (prefixes_[p].label == label) return p;
    }
    prefixes_[prefix_count_] = {parent, label, kNone, prefixes_[parent].first_child, kNone};
    prefixes_[parent].first_child = prefix_count_;
    return prefix_count_++;
  }

  Search search_;
  Prefix* prefixes_;
  Beam *beams_, *next_;
  Candidate* candidates_;
  char* known_;
  double* log_p_;
  std::int32_t prefix_count_ = 1;
  Dim count_ = 1, candidate_count_ = 0;
};

// Repeats merged, blanks left out. The score is, as in the reference, the negative sum of the
// largest logits.
template <class T>
void best_classes(const Search& search, const T* logits, Dim steps, std::int32_t* path, T* score) {
  std::fill_n(path, search.steps, kNone);
  double sum = 0;
  Dim before = search.classes - 1;
  for (Dim t = 0; t < steps; ++t, logits += search.classes) {
    const Dim best = std::max_element(logits, logits + search.classes) - logits;
    sum -= logits[best];
    if (best != before && best != search.classes - 1) *path++ = static_cast<std::int32_t>(best);
    before = best;
  }
  *score = static_cast<T>(sum);
}

std::unique_ptr<Kernel> compile_ctc_decode(const BoundNode& node) {
  const Search search(node);
  const int slots = static_cast<int>(std::clamp<Dim>(search.batch, 1, max_kernel_threads()));
  return for_floats(node.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    return kernel(
        [=](const Tensor* in, const Tensor* out, void* workspace) {
          parallel_tasks(search.batch, slots, [&](int slot, Dim sample) {
            const T* logits = in[0].as<T>() + sample * search.steps * search.classes;
            const Dim steps = std::max<Dim>(0, whole_number(Numbers(in[1])[sample], search.steps));
            std::int32_t* paths = out[0].as<std::int32_t>() + sample * search.paths * search.steps;
            T* score = out[1].as<T>() + sample * search.paths;
            if (search.width == 0) return best_classes(search, logits, steps, paths, score);
            Beams<T> beams(search, static_cast<char*>(workspace) + slot * search.bytes());
            for (Dim t = 0; t < steps; ++t) beams.step(logits + t * search.classes);
            beams.write(paths, score);
          });
        },
        static_cast<std::size_t>(slots * search.bytes()));
  });
}

}  // namespace

void add_ctc_decode_kernels(KernelRows& rows) {
  rows.push_back({"ctc_decode", compile_ctc_decode});
}

}  // namespace hornet::cpu
