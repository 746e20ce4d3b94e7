#include "backfill/follow_shard.h"

#include <algorithm>
#include <utility>

#include "pipeline/lake_slices.h"

namespace weir::backfill {

FollowedShard::FollowedShard(LakeTable& source, int32_t shard, pipeline::LakeSink& lake,
                             pipeline::DeadLetterSink& dead_letters, Derive derive, FollowOptions options,
                             Committed committed)
    : source_(source),
      shard_(shard),
      lake_(lake),
      dead_letters_(dead_letters),
      derive_(std::move(derive)),
      options_(options),
      committed_(std::move(committed)) {}

Status FollowedShard::resolve() {
  drop_pending();
  WEIR_RETURN_IF_ERROR(dead_letters_.resolve().status());
  return lake_.resolve().status();
}

Status FollowedShard::advance(Seq through, bool commit_empty, const std::stop_token& stop) {
  while (position() < through) {
    // Dead letters of a commit that was cut short may be in already. No slice may straddle where they end, and how the rows
    // are cut is the reader's affair: so their range is read by itself.
    const Seq letters = dead_letters_.position();
    const Seq last = position() < letters ? std::min(letters, through) : through;
    WEIR_RETURN_IF_ERROR(pipeline::for_each_lake_slice(source_, shard_, {position() + 1, last}, stop,
                                                       [this](const pipeline::SlicePtr& slice) { return take(*slice); }));
    if (pending_events_ == 0 && !commit_empty) {
      drop_pending();
      return ok_status();
    }
    WEIR_RETURN_IF_ERROR(commit_pending());
  }
  return ok_status();
}

Status FollowedShard::take(const Slice& source) {
  WEIR_ASSIGN_OR_RETURN(pipeline::SlicePtr derived, derive_(source));
  if (derived->range != source.range) {
    return internal_error("rows of " + to_string(source.range) + " became a slice of " + to_string(derived->range));
  }
  pending_bytes_ += derived->bytes;
  pending_events_ += derived->events;
  pending_.push_back(std::move(derived));
  const bool full = pending_bytes_ >= options_.commit_bytes || pending_events_ >= options_.commit_events;
  return full ? commit_pending() : ok_status();
}

// Dead letters first, rows second: a position never passes a dead letter that is not in.
Status FollowedShard::commit_pending() {
  if (pending_.empty()) return ok_status();
  WEIR_RETURN_IF_ERROR(dead_letters_.write(pending_));
  WEIR_RETURN_IF_ERROR(lake_.write(pending_));
  if (committed_) committed_(pending_);
  drop_pending();
  return ok_status();
}

void FollowedShard::drop_pending() {
  pending_.clear();
  pending_bytes_ = 0;
  pending_events_ = 0;
}

Status follow_hot(LakeTable& table, int32_t shard, pipeline::HotSink& hot, Seq through, const FollowOptions& options,
                  const std::stop_token& stop) {
  while (hot.position() < through) {
    const Seq first = hot.position() + 1;
    const SeqRange step{first, std::min(through, first + (options.hot_step_sequences - 1))};
    WEIR_RETURN_IF_ERROR(pipeline::for_each_lake_slice(table, shard, step, stop, [&](const pipeline::SlicePtr& slice) {
      return hot.write({slice});
    }));
  }
  return hot.settle();
}

}  // namespace weir::backfill
