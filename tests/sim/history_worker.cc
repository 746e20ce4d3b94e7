#include "tests/sim/history_worker.h"

#include <algorithm>
#include <utility>

#include "batch/row_ids.h"
#include "tests/fakes/fake_stream.h"

namespace weir::sim {
namespace {

constexpr int64_t kBlockRowsMax = 15;

}  // namespace

HistoryWorker::HistoryWorker(Stores& stores, LakeTable& lake, HotTable& table, KeyValue& key_value, Epoch epoch,
                             Random random, std::function<Status()> keep_job)
    : stores_(stores),
      lake_(lake),
      table_(table),
      random_(std::move(random)),
      keep_job_(std::move(keep_job)),
      sink_(table, key_value, {.table = "t", .shard = 0, .epoch = epoch, .upper_without_live = {}, .look_ids_max = 3},
            [&stores](RowId id, const std::string&) {
              stores.quarantined.insert(id);
              return ok_status();
            }) {}

void HistoryWorker::start_over() {
  starting_ = true;
  resolved_ = false;
}

bool HistoryWorker::step() {
  if (stopped_) return false;
  const HistoryJob& job = stores_.job;
  if (job.number == 0 || job.done) {
    if (starting_ || random_(20) > 0) return starting_ && !resolving_ && resolve();
    start_over();
    return random_(2) == 0;
  }
  if (!resolved_) return !resolving_ && resolve();
  if (bound_ < job.upper) {  // The live path went back; it comes again.
    resolved_ = false;
    sink_.expire();
    return false;
  }
  if (plan_ != job.number) {
    plan_ = job.number;
    done_.clear();
    writing_.clear();
  }
  for (size_t block = 0; block < blocks(); ++block) {
    if (job.blocks_done.contains(block) || done_.contains(block) || writing_.contains(block)) continue;
    return write_block(block);
  }
  keep_done(true);
  if (job.blocks_done.size() == blocks()) finish();
  return false;
}

bool HistoryWorker::resolve() {
  resolving_ = true;
  if (starting_) sink_.expire();
  const bool starts = starting_;
  const auto bound = sink_.resolve();
  ++stores_.job.resolves;
  Status planned;
  // In another table than the job began with, nothing that it did is there.
  if (bound.ok() && (starts || sink_.table_id() != stores_.job.table_id)) planned = plan(*bound);
  resolving_ = false;
  if (!bound.ok()) return after(bound.status());
  if (!planned.ok()) return after(planned);
  resolved_ = true;
  bound_ = *bound;
  return false;
}

// As the product's runner: the position first, then the version, and both are kept before anything is read.
Status HistoryWorker::plan(Seq upper) {
  WEIR_ASSIGN_OR_RETURN(const auto pinned, lake_.snapshot());
  WEIR_RETURN_IF_ERROR(keep_job_());
  starting_ = false;
  HistoryJob& job = stores_.job;
  ++job.number;
  job.done = false;
  job.version = static_cast<size_t>(pinned->version());
  const auto& txns = stores_.lake.log[job.version].txns;
  const auto position = txns.find(position_app_id("t", 0));
  job.upper = std::min(upper, Seq{position == txns.end() ? 0 : position->second});
  job.rows = lake_rows(stores_, job.version, job.upper);
  job.table_id = sink_.table_id();
  job.rows_per_block = static_cast<size_t>(1 + random_(kBlockRowsMax));
  job.blocks_done.clear();
  return ok_status();
}

size_t HistoryWorker::blocks() const {
  return (stores_.job.rows.size() + stores_.job.rows_per_block - 1) / stores_.job.rows_per_block;
}

std::vector<RowId> HistoryWorker::block_rows(size_t block) const {
  const std::vector<RowId>& all = stores_.job.rows;
  const size_t first = block * stores_.job.rows_per_block;
  const size_t last = std::min(all.size(), first + stores_.job.rows_per_block);
  return {all.begin() + static_cast<std::ptrdiff_t>(first), all.begin() + static_cast<std::ptrdiff_t>(last)};
}

bool HistoryWorker::write_block(size_t block) {
  const int plan = plan_;
  writing_.insert(block);
  const int64_t inserted = sink_.rows_inserted();
  const Status status = sink_.write(fakes::rows_of(block_rows(block)));
  ++stores_.job.writes;
  stores_.job.rows_inserted += sink_.rows_inserted() - inserted;
  if (plan != plan_ || plan != stores_.job.number) return false;  // Somebody began anew meanwhile.
  writing_.erase(block);
  if (!status.ok()) return after(status);
  done_.insert(block);
  keep_done(false);
  return false;
}

// Progress is kept now and then, so that a killed process leaves blocks that are in and not known to be.
void HistoryWorker::keep_done(bool all) {
  if (plan_ != stores_.job.number || (!all && random_(3) > 0)) return;
  stores_.job.blocks_done.insert(done_.begin(), done_.end());
}

void HistoryWorker::finish() {
  const int number = stores_.job.number;
  const auto id = table_.table_id();
  if (!id.ok() || stores_.job.number != number) return;
  if (*id != stores_.job.table_id) return start_over();
  stores_.job.done = true;
  ++stores_.job.finished;
}

bool HistoryWorker::after(const Status& status) {
  switch (status.code()) {
    case StatusCode::kConflict:
    case StatusCode::kOutcomeUnknown: resolved_ = false; return false;
    case StatusCode::kUnavailable:
    case StatusCode::kResourceExhausted: return random_(5) == 0;
    case StatusCode::kNotFound: resolved_ = false; return true;
    case StatusCode::kFenced: stopped_ = true; return false;
    default: break;
  }
  stopped_ = true;
  violation_ = "the backfill met: " + status.to_string();
  return false;
}

}  // namespace weir::sim
