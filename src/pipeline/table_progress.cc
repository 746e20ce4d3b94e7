#include "pipeline/table_progress.h"

#include <algorithm>
#include <utility>

namespace weir::pipeline {
namespace {

constexpr std::chrono::milliseconds kLookAgain{2'000};

// Maintenance deletes files that nobody committed after an hour at the earliest (src/maintain/retention.h). They may be as old as
// their job, twenty minutes, when they come here; and nobody begins to commit one that may cross that line meanwhile.
constexpr std::chrono::minutes kStagedLifetime{30};

}  // namespace

std::string_view to_string(HotMode mode) {
  switch (mode) {
    case HotMode::kNone: return "none";
    case HotMode::kDetached: return "detached";
    case HotMode::kCatchingUp: return "catching_up";
    case HotMode::kLive: return "live";
  }
  return "none";
}

TableProgress::TableProgress(TableIndex index, TableOptions options)
    : index_(index), options_(std::move(options)), hot_mode_(options_.has_hot ? HotMode::kDetached : HotMode::kNone) {}

SinkProgress& TableProgress::sink(SinkKind kind) {
  switch (kind) {
    case SinkKind::kLake: return lake_;
    case SinkKind::kDeadLetters: return dead_letters_;
    case SinkKind::kHot: break;
  }
  return hot_;
}

void TableProgress::stop(Status status) {
  if (stopped_) return;
  stopped_ = std::move(status);
  // What it held must not count against the tables that go on. Writes under way own their slices.
  pending_.clear();
  pending_bytes_ = 0;
  committing_ = 0;
  hot_queue_.clear();
}

// After any failure only the store knows where it stands, so the way back always leads through resolve. ClickHouse never
// stops a table; for the lake an error that repetition cannot mend does.
void TableProgress::fail(SinkProgress* failed, const Status& status, TimePoint now) {
  failed->state = SinkProgress::State::kUnresolved;
  failed->last_error = status;
  failed->retry_at = now + options_.retry.delay(failed->failures++, 0.0);
  committing_ = 0;
  if (status.code() == StatusCode::kFenced) {
    fenced_ = status.with_context("table " + options_.name);
  } else if (failed != &hot_ && status.disposition() == Disposition::kStop) {
    stop(status);
  }
  if (failed == &hot_) detach();
}

void TableProgress::lose_slices() {
  pending_.clear();
  pending_bytes_ = 0;
  committing_ = 0;
  next_ = lake_.position + 1;
  lost_slices_ = true;
  plan_ended_ = false;
}

void TableProgress::detach() {
  hot_mode_ = HotMode::kDetached;
  hot_queue_.clear();
}

void TableProgress::on_resolved(const Resolved& event, TimePoint now) {
  SinkProgress& resolved = sink(event.sink);
  resolved.tried = true;
  if (!event.position.ok()) return fail(&resolved, event.position.status(), now);
  resolved.state = SinkProgress::State::kIdle;
  resolved.ever_resolved = true;
  if (event.counts) counts_ = *event.counts;
  switch (event.sink) {
    case SinkKind::kLake: return lake_at(*event.position);
    case SinkKind::kDeadLetters: dead_letters_.position = *event.position; return;
    case SinkKind::kHot:
      rechecked_ = recheck_begun_;  // Begun only while nothing ran, so this resolve came after it.
      hot_look_at_ = now + options_.hot_look_interval;
      hot_look_failed_ = false;
      hot_at(*event.position);
      return try_attach(now);
  }
}

void TableProgress::on_written(const Written& event, TimePoint now) {
  SinkProgress& written = sink(event.sink);
  if (options_.staged && event.sink != SinkKind::kHot && event.status.code() == StatusCode::kNotFound) {
    // Files that stood around uncommitted for too long are cleaned up.
    lose_slices();
    return fail(&written, unavailable(event.status.message()), now);
  }
  if (!event.status.ok()) return fail(&written, event.status, now);
  written.state = SinkProgress::State::kIdle;
  written.failures = 0;
  written.last_error = ok_status();
  if (event.counts) counts_ = *event.counts;
  switch (event.sink) {
    case SinkKind::kLake:
      ++commits_since_checkpoint_;
      pending_oldest_ = pending_since_;  // What came after the commit began.
      return lake_at(event.position);
    case SinkKind::kDeadLetters: dead_letters_.position = event.position; return;
    case SinkKind::kHot:
      hot_unsettled_ = true;
      return hot_at(event.position);
  }
}

void TableProgress::on_caught_up(const CaughtUp& event, TimePoint now) {
  if (!event.status.ok()) return fail(&hot_, event.status, now);
  hot_.state = SinkProgress::State::kIdle;
  hot_.failures = 0;
  hot_.last_error = ok_status();
  hot_unsettled_ = true;
  hot_at(event.position);
  try_attach(now);
}

void TableProgress::on_settled(const Settled& event, TimePoint now) {
  if (!event.status.ok()) return fail(&hot_, event.status, now);
  hot_.state = SinkProgress::State::kIdle;
  hot_unsettled_ = false;
}

// A busy server may leave one look unanswered; finding out where it stands would only be more work for it.
void TableProgress::on_looked(const Looked& event, TimePoint now) {
  const bool no_answer = event.status.disposition() == Disposition::kRetry;
  if (!event.status.ok() && (!no_answer || hot_look_failed_)) return fail(&hot_, event.status, now);
  hot_.state = SinkProgress::State::kIdle;
  hot_look_failed_ = !event.status.ok();
  hot_look_at_ = now + (hot_look_failed_ ? kLookAgain : options_.hot_look_interval);
  if (!hot_look_failed_) hot_.failures = 0;
}

void TableProgress::on_skipped(const Skipped& event, TimePoint now) {
  if (!event.status.ok()) return fail(&hot_, event.status, now);
  hot_.state = SinkProgress::State::kIdle;
  hot_at(event.position);
  try_attach(now);
}

void TableProgress::recheck(int64_t number, TimePoint now) {
  if (hot_mode_ == HotMode::kNone || stopped_) return;
  recheck_asked_ = std::max(recheck_asked_, number);
  hot_.retry_at = now;
}

void TableProgress::skip_ahead() { skip_asked_ = hot_mode_ == HotMode::kCatchingUp; }

// A checkpoint is a convenience: a failed one is tried again after as many commits.
void TableProgress::on_checkpointed(const Checkpointed&) {
  lake_.state = SinkProgress::State::kIdle;
  commits_since_checkpoint_ = 0;
}

void TableProgress::lake_at(Seq position) {
  lake_.position = position;
  committing_ = 0;
  while (!pending_.empty() && pending_.front()->range.last <= position) {
    pending_bytes_ -= pending_.front()->bytes;
    pending_.pop_front();
  }
  if (!pending_.empty() && pending_.front()->range.first != position + 1) {
    stop(internal_error("the lake stands at " + to_string(position) + ", inside slice " +
                        to_string(pending_.front()->range)));
  }
}

void TableProgress::hot_at(Seq position) {
  hot_.position = position;
  while (!hot_queue_.empty() && hot_queue_.front().slice->range.last <= position) hot_queue_.pop_front();
}

int64_t TableProgress::held_bytes() const {
  int64_t bytes = pending_bytes_;
  for (const Queued& queued : hot_queue_) {
    if (queued.slice->range.last > lake_.position) break;  // From here on it is pending too.
    bytes += queued.slice->bytes;
  }
  return bytes;
}

void TableProgress::on_slice(const SlicePtr& slice, TimePoint now) {
  if (slice->range.first != next_) {
    return stop(internal_error("slice " + to_string(slice->range) + " where " + to_string(next_) + " was due"));
  }
  transform_error_ = ok_status();
  transform_failures_ = 0;
  plan_ended_ = slice->ends_plan;
  if (slice->range.empty()) return;  // The very first message ended it.
  next_ = slice->range.last + 1;
  if (pending_.empty()) pending_since_ = pending_oldest_ = now;
  pending_.push_back(slice);
  pending_bytes_ += slice->bytes;
  if (hot_mode_ != HotMode::kLive || options_.staged || slice->range.last <= hot_.position) return;
  if (slice->range.first <= hot_.position) {
    // Cut before ClickHouse told its position, which lies inside: the lake brings the rest.
    hot_queue_.clear();
    hot_mode_ = HotMode::kCatchingUp;
    return;
  }
  hot_queue_.push_back({slice, now});
}

bool TableProgress::ready() const {
  return lake_.ever_resolved && dead_letters_.ever_resolved && (hot_mode_ == HotMode::kNone || hot_.tried);
}

void TableProgress::start_reading() {
  next_ = std::max(next_, lake_.position + 1);
  behind_ = false;
}

void TableProgress::fall_behind(Status why, TimePoint again_at) {
  behind_ = true;
  read_again_at_ = again_at;
  transform_error_ = std::move(why);
  ++transform_failures_;
}

std::vector<SeqRange> TableProgress::cut(SeqRange range) const {
  std::vector<SeqRange> parts;
  Seq first = std::max(range.first, next_);
  while (first <= range.last) {
    Seq last = range.last;
    for (const Seq position : {dead_letters_.position, hot_.position}) {
      if (first <= position && position < last) last = position;
    }
    parts.push_back({first, last});
    first = last + 1;
  }
  return parts;
}

// ClickHouse may be fed by slices again exactly where they begin; behind that, the lake has what it lacks.
void TableProgress::try_attach(TimePoint now) {
  const Seq due = hot_.position + 1;
  const auto begins = std::find_if(pending_.begin(), pending_.end(),
                                   [&](const SlicePtr& slice) { return slice->range.first >= due; });
  const bool at_boundary = begins != pending_.end() ? (*begins)->range.first == due : due >= next_;
  // Before the lake has told where it stands, nobody knows what ClickHouse lacks.
  if (!lake_.ever_resolved || hot_.position < lake_.position || !at_boundary) {
    hot_mode_ = HotMode::kCatchingUp;
    return;
  }
  hot_mode_ = HotMode::kLive;
  skip_asked_ = false;
  hot_queue_.clear();
  if (options_.staged) return;
  for (auto it = begins; it != pending_.end(); ++it) hot_queue_.push_back({*it, now});
}

bool TableProgress::commit_due(TimePoint now, bool hurry) const {
  if (pending_.empty()) return false;
  if (hurry || pending_bytes_ >= options_.commit_bytes) return true;
  const bool empty = std::all_of(pending_.begin(), pending_.end(), [](const SlicePtr& slice) {
    return slice->events == 0;
  });
  return now - pending_since_ >= (empty ? options_.idle_commit_interval : options_.commit_interval);
}

void TableProgress::advance(TimePoint now, bool hurry, bool draining, std::vector<Action>* actions) {
  if (fenced_) return;
  if (recheck_asked_ > recheck_begun_ && !draining && !hot_.working()) {
    recheck_begun_ = recheck_asked_;
    hot_.state = SinkProgress::State::kUnresolved;
    detach();
  }
  for (const SinkKind kind : {SinkKind::kLake, SinkKind::kDeadLetters, SinkKind::kHot}) {
    if (stopped_ || (kind == SinkKind::kHot && hot_mode_ == HotMode::kNone)) continue;
    SinkProgress& unresolved = sink(kind);
    if (unresolved.state != SinkProgress::State::kUnresolved || now < unresolved.retry_at) continue;
    if (draining && kind == SinkKind::kHot) continue;
    unresolved.state = SinkProgress::State::kWorking;
    actions->push_back(Resolve{index_, kind, lake_.position});
  }
  if (stopped_) return;
  advance_lake(now, hurry, actions);
  if (hot_mode_ != HotMode::kNone) advance_hot(now, hurry, draining, actions);
}

// Dead letters first, rows second: a table commits S only after all its rejects up to S are in (I3).
void TableProgress::advance_lake(TimePoint now, bool hurry, std::vector<Action>* actions) {
  if (!lake_.idle() || !dead_letters_.idle()) return;
  if (options_.staged && !pending_.empty() && now - pending_oldest_ > kStagedLifetime) lose_slices();
  if (committing_ == 0) {
    if (commits_since_checkpoint_ >= options_.checkpoint_commits) {
      lake_.state = SinkProgress::State::kWorking;
      actions->push_back(Checkpoint{index_});
      return;
    }
    if (!commit_due(now, hurry)) return;
    committing_ = pending_.size();
    pending_since_ = now;
  }
  const std::vector<SlicePtr> slices(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(committing_));
  const bool rejects_due = std::any_of(slices.begin(), slices.end(), [&](const SlicePtr& slice) {
    return slice->reject_count() > 0 && slice->range.last > dead_letters_.position;
  });
  const SinkKind kind = rejects_due ? SinkKind::kDeadLetters : SinkKind::kLake;
  sink(kind).state = SinkProgress::State::kWorking;
  actions->push_back(Write{index_, kind, slices});
}

std::vector<SlicePtr> TableProgress::hot_write() const {
  std::vector<SlicePtr> slices;
  int64_t bytes = 0;
  for (const Queued& queued : hot_queue_) {
    if (!slices.empty() && bytes + queued.slice->bytes > options_.hot_write_bytes) break;
    slices.push_back(queued.slice);
    bytes += queued.slice->bytes;
  }
  return slices;
}

bool TableProgress::flush_due(TimePoint now, bool hurry) const {
  if (hot_queue_.empty()) return false;
  if (hurry || now - hot_queue_.front().since >= options_.flush_interval) return true;
  int64_t bytes = 0;
  for (const Queued& queued : hot_queue_) bytes += queued.slice->bytes;
  return bytes >= options_.hot_write_bytes;
}

void TableProgress::advance_hot(TimePoint now, bool hurry, bool draining, std::vector<Action>* actions) {
  if (hot_mode_ == HotMode::kLive && !draining && !hot_queue_.empty() &&
      now - hot_queue_.front().since > options_.hot_wait_max) {
    // Too slow to keep up: the lake must not wait for it. What it lacks comes from the lake, in larger pieces.
    hot_queue_.clear();
    hot_mode_ = HotMode::kCatchingUp;
  }
  if (!hot_.idle() || now < hot_.retry_at) return;
  if (hot_mode_ == HotMode::kCatchingUp && hot_.position >= lake_.position) try_attach(now);
  const bool from_lake = hot_mode_ == HotMode::kCatchingUp || (hot_mode_ == HotMode::kLive && options_.staged);
  if (from_lake && hot_.position < lake_.position && !draining) {
    hot_.state = SinkProgress::State::kWorking;
    const Seq first = hot_.position + 1;
    if (skip_asked_) return actions->push_back(SkipTo{index_, lake_.position});
    actions->push_back(CatchUp{index_, {first, std::min(lake_.position, first + (options_.catch_up_sequences - 1))}});
  } else if (hot_mode_ == HotMode::kLive && flush_due(now, hurry)) {
    hot_.state = SinkProgress::State::kWorking;
    actions->push_back(Write{index_, SinkKind::kHot, hot_write()});
  } else if (hot_unsettled_ && (draining || hot_queue_.empty())) {
    hot_.state = SinkProgress::State::kWorking;
    actions->push_back(Settle{index_});
  } else if (hot_mode_ == HotMode::kLive && !draining && now >= hot_look_at_) {
    // Where no event comes nobody would notice that it is gone, and whoever reads it would go on being sent there.
    hot_.state = SinkProgress::State::kWorking;
    actions->push_back(Look{index_});
  }
}

bool TableProgress::drained() const {
  if (stopped_) return !lake_.working() && !dead_letters_.working();
  const bool hot_done =
      hot_mode_ != HotMode::kLive || (hot_queue_.empty() && !hot_unsettled_ && !hot_.working());
  return pending_.empty() && !lake_.working() && !dead_letters_.working() && hot_done;
}

bool TableProgress::reached(Seq goal) const {
  const bool hot_reached = hot_mode_ == HotMode::kNone || hot_.position >= goal;
  return lake_.ever_resolved && lake_.position >= goal && hot_reached;
}

}  // namespace weir::pipeline
