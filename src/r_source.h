// The source behind a generator written in R.
#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "data/source.h"
#include "r_convert.h"
#include "r_serve.h"

namespace hornet {

// Asks R's thread for one value a batch and converts it on the producer's thread. Errors of R
// unwind through the run that serves at that moment; what is wrong with a value is this source's
// own error, which the trainer meets after the batches before it.
class RSource : public Source {
 public:
  // `generator`: a function without arguments; NULL from it is the end of data, or of a pass where
  // next() is called again.
  RSource(SEXP generator, FeedSpec spec);
  ~RSource() override;

  void attach(RunLoop& loop) override { loop_ = &loop; }
  void set_starved(std::function<bool()> starved) override { starved_ = std::move(starved); }
  bool next(Batch& batch) override;
  bool computes() const override { return computing_share_ >= 0.5; }
  void taken() override {
    if (follower_) follower_->taken();
  }
  void finished() noexcept override;  // lets go of the generator
  // Who keeps the place of what the generator reads.
  void set_follower(std::shared_ptr<Follower> follower) { follower_ = std::move(follower); }

  // Called by R where an error leaves the generator that is being asked: serves its run until the
  // trainer has used the batches made before. False: the run is over without this one.
  static bool finish_earlier_batches();

 private:
  SEXP evaluate();
  SEXP timed_evaluate();
  void ask();  // R's thread

  const FeedSpec spec_;
  RunLoop* loop_ = nullptr;
  std::function<bool()> starved_;
  std::shared_ptr<Follower> follower_;
  SEXP call_, env_;  // preserved
  const int owner_pid_;
  std::int64_t batches_ = 0;
  // Of the time in the generator, lately: the rest it waited, for files, servers or sleep. Written
  // in ask(), read by the thread that waits for it.
  double computing_share_ = 1;
  // Answers of ask().
  bool ended_ = false, told_ = false;
  std::exception_ptr error_;
  RHandle value_;
  BatchView view_;
};

}  // namespace hornet
