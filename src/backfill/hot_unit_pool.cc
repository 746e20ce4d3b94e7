#include "backfill/hot_unit_pool.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

namespace weir::backfill {
namespace {

// Below this ClickHouse has more work with the parts than with the rows.
constexpr int64_t kBlockBytesMin = 4 << 20;

constexpr RetryPolicy kReadRetry{.first = std::chrono::milliseconds(200), .max = std::chrono::milliseconds(10'000)};

}  // namespace

HotUnitPool::HotUnitPool(const HotUnitSource& source, const HotPlan& plan, OrdinalSet done, HotLanes& lanes,
                         RowThrottle& throttle, HotUnitPoolOptions options)
    : source_(source),
      plan_(plan),
      done_(std::move(done)),
      lanes_(lanes),
      throttle_(throttle),
      options_(std::move(options)),
      working_(options_.threads) {
  for (int32_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
}

bool HotUnitPool::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [&] { return working_ == 0; });
}

Result<HotLanes::Outcome> HotUnitPool::result() const {
  std::lock_guard lock(mutex_);
  if (ended_) return *ended_;
  return HotLanes::Outcome::kPresent;
}

void HotUnitPool::work() {
  while (const auto ordinal = next_unit()) {
    const auto outcome = bring(*ordinal);
    if (!outcome.ok() || *outcome != HotLanes::Outcome::kPresent) {
      end(outcome);
      break;
    }
  }
  std::lock_guard lock(mutex_);
  --working_;
  changed_.notify_all();
}

std::optional<int64_t> HotUnitPool::next_unit() {
  std::lock_guard lock(mutex_);
  while (next_ < static_cast<int64_t>(plan_.units.size()) && done_.contains(next_)) ++next_;
  if (next_ == static_cast<int64_t>(plan_.units.size())) return std::nullopt;
  if (stop_.stop_requested()) {
    if (!ended_) ended_ = shutting_down("stopped before the last unit");
    return std::nullopt;
  }
  return next_++;
}

void HotUnitPool::end(const Result<HotLanes::Outcome>& result) {
  std::lock_guard lock(mutex_);
  // Being stopped is what the others see when one of them fails; the failure is what counts.
  const bool only_stopped = ended_ && ended_->status().code() == StatusCode::kShuttingDown;
  if (!ended_ || only_stopped) ended_ = result;
  stop_.request_stop();
}

Result<HotLanes::Outcome> HotUnitPool::bring(int64_t ordinal) {
  const HotUnit& unit = plan_.units[static_cast<size_t>(ordinal)];
  for (int attempt = 0;; ++attempt) {
    int64_t rows = 0;
    Status unread;
    auto outcome = try_unit(unit, &rows, &unread);
    rows_in_work_ -= rows;
    if (unread.ok()) {
      if (outcome.ok() && *outcome == HotLanes::Outcome::kPresent) {
        std::lock_guard lock(mutex_);
        options_.done(ordinal, rows);
      }
      return outcome;
    }
    const Status judged = options_.judge(unit, unread, attempt);
    if (judged.code() != StatusCode::kUnavailable) return judged;
    if (!wait_to_retry(kReadRetry, attempt, stop_.get_token())) return shutting_down("reading the lake");
  }
}

// `unread`: not ok when the lake's side failed.
Result<HotLanes::Outcome> HotUnitPool::try_unit(const HotUnit& unit, int64_t* rows, Status* unread) {
  HotBlockLimits limits = options_.block;
  // Memory is that of the job, however many work on it.
  limits.bytes_max = std::max(limits.bytes_max / options_.threads, std::min(kBlockBytesMin, limits.bytes_max));
  // Under a throttle blocks are no more than a second's worth, so that they flow instead of coming in bursts.
  if (const int64_t rate = throttle_.rows_per_second(); rate > 0) {
    limits.rows_max = std::min(limits.rows_max, std::max<int64_t>(rate, 100));
  }
  auto reader = HotUnitReader::open(source_, unit, limits);
  if (!reader.ok()) {
    *unread = reader.status();
    return *unread;
  }
  const std::stop_token stop = stop_.get_token();
  while (true) {
    if (stop.stop_requested()) return shutting_down("reading the lake");
    const auto block = (*reader)->next();
    if (!block.ok()) {
      *unread = block.status();
      return *unread;
    }
    if (*block == nullptr) return HotLanes::Outcome::kPresent;
    if (!throttle_.take((*block)->num_rows(), stop)) return shutting_down("throttled");
    WEIR_ASSIGN_OR_RETURN(const HotLanes::Outcome outcome, lanes_.write(*block, stop));
    if (outcome == HotLanes::Outcome::kStartOver) return outcome;
    *rows += (*block)->num_rows();
    rows_in_work_ += (*block)->num_rows();
  }
}

}  // namespace weir::backfill
