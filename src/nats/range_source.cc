#include "nats/range_source.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace weir::nats {
namespace {

void wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

Result<std::unique_ptr<RangeSource>> RangeSource::create(const Connection& connection, const Clock& clock,
                                                         RangeSourceOptions options) {
  if (options.stream.empty()) return invalid_argument("the name of the stream is empty");
  WEIR_ASSIGN_OR_RETURN(JetStreamApi api, JetStreamApi::open(connection));
  return std::unique_ptr<RangeSource>(new RangeSource(clock, std::move(options), std::move(api)));
}

Status RangeSource::seek(Seq first, const std::optional<StreamIdentity>& identity) {
  next_ = first;
  if (identity) known_ = identity;
  waiting_since_.reset();
  return check_stream(next_).status();
}

Result<TimeAtPosition> RangeSource::time_at(int64_t seq) const {
  const auto stored = api_.message_at(options_.stream, seq);
  if (stored.ok()) return TimeAtPosition{TimeAtPosition::Kind::kKnown, stored->time_us};
  if (stored.status().code() == StatusCode::kNotFound) return TimeAtPosition{TimeAtPosition::Kind::kGone, 0};
  return stored.status();
}

Result<StreamInfo> RangeSource::check_stream(std::optional<Seq> first) {
  const auto found = api_.stream_info(options_.stream);
  if (found.status().code() == StatusCode::kNotFound && known_ && known_->created_us != 0) {
    return lost_with_its_stream(options_.stream, next_ - 1);
  }
  WEIR_RETURN_IF_ERROR(found.status());
  if (found->retention != Retention::kLimits) {
    return invalid_argument("stream " + options_.stream + " has " + std::string(to_string(found->retention)) +
                            " retention, which is not supported yet; only streams with limits retention are");
  }
  TimeAtPosition at_position;
  if (known_ && known_->last_seq != 0 && known_->last_time_us != 0) {
    WEIR_ASSIGN_OR_RETURN(at_position, time_at(known_->last_seq));
  }
  const int64_t from = first ? first->value - options_.base : std::max(next_.value - options_.base, found->first_seq);
  WEIR_RETURN_IF_ERROR(check_identity(*found, from, options_.base, known_, at_position));
  if (!known_) known_ = StreamIdentity{};
  known_->created_us = found->created_us;
  return *found;
}

Result<std::unique_ptr<MessageBatch>> RangeSource::next(const ReadLimits& limits, std::stop_token stop) {
  const auto unwanted = [this, stop] { return stop.stop_requested() || given_up_; };
  const auto handed_out = [&](SeqRange range) {
    return std::unique_ptr<MessageBatch>(new UnreadRange(range, unwanted, [this, range](UnreadRange::Question question) {
      return check_stream(question == UnreadRange::Question::kReadable ? std::optional(range.first) : std::nullopt).status();
    }));
  };
  WEIR_ASSIGN_OR_RETURN(const StreamInfo now, check_stream(next_));
  const Seq end{now.last_seq + options_.base};
  const bool full = end - next_ + 1 >= options_.sequences_max;
  if (end < next_) waiting_since_.reset();
  if (end >= next_ && !waiting_since_) waiting_since_ = clock_.now();
  if (end < next_ || (!full && clock_.now() - *waiting_since_ < options_.gather)) {
    wait(limits.wait, stop);
    return handed_out({next_, next_ - 1});
  }
  const SeqRange range{next_, std::min(end, next_ + (options_.sequences_max - 1))};
  const int64_t last = range.last.value - options_.base;
  WEIR_ASSIGN_OR_RETURN(const TimeAtPosition at_end, time_at(last));
  // An event that was deleted says nothing, and what is read again was known before: the one that is known already goes on to
  // speak for what lies below it.
  if (at_end.kind == TimeAtPosition::Kind::kKnown && last > known_->last_seq) {
    known_ = StreamIdentity{.created_us = now.created_us, .last_seq = last, .last_time_us = at_end.time_us};
  }
  next_ = range.last + 1;
  waiting_since_.reset();
  return handed_out(range);
}

Status RangeSource::release_through(Seq) { return ok_status(); }

Result<StreamState> RangeSource::state() {
  WEIR_ASSIGN_OR_RETURN(const StreamInfo now, api_.stream_info(options_.stream));
  return StreamState{.created_us = now.created_us,
                     .first = Seq{now.first_seq + options_.base},
                     .last = Seq{now.last_seq + options_.base}};
}

}  // namespace weir::nats
