#include "pipeline/lake_ledger.h"

#include <utility>

namespace weir::pipeline {
namespace {

// Other writers of the table (maintenance, other shards) may make the epoch commit lose a few times in a row.
constexpr int kTakeOverAttemptsMax = 20;

// A snapshot reads parts of its log only when asked. Clean-up may have removed them from under one that is days old; then
// the newest version knows what this one no longer can say.
Status judged(const Status& read) {
  return read.code() == StatusCode::kNotFound ? conflict(read.message()) : read;
}

}  // namespace

LakeLedger::LakeLedger(LakeTable& table, std::string app_id, Epoch epoch, std::optional<Seq> initial)
    : table_(table), app_id_(std::move(app_id)), epoch_(epoch), initial_(initial) {}

Result<Seq> LakeLedger::take_over() {
  Status last_error;
  for (int attempt = 0; attempt < kTakeOverAttemptsMax; ++attempt) {
    WEIR_ASSIGN_OR_RETURN(snapshot_, table_.snapshot());
    WEIR_ASSIGN_OR_RETURN(const std::optional<int64_t> position, snapshot_->txn(app_id_));
    if (!position && !initial_) {
      return data_loss("the table holds no position for " + app_id_ +
                       ": its Delta transactions were removed. Set delta.setTransactionRetentionDuration off and restore "
                       "the table to a version that still has them");
    }
    WEIR_ASSIGN_OR_RETURN(const std::optional<int64_t> epoch, snapshot_->txn(app_id_of("epoch")));
    const int64_t held = epoch.value_or(0);
    if (held > epoch_.value) {
      return fenced(app_id_ + " is held by epoch " + std::to_string(held) + ", ours is " + std::to_string(epoch_.value));
    }
    if (held == epoch_.value && position && !unsure_) {
      position_ = Seq{*position};
      return position_;
    }
    std::vector<LakeTxn> txns{{app_id_of("epoch"), epoch_.value}};
    if (!position) txns.push_back({app_id_, initial_->value});
    auto committed = table_.commit(*snapshot_, nullptr, txns, "{}");
    last_error = committed.status();
    if (committed.ok()) unsure_ = false;
    if (last_error.code() == StatusCode::kOutcomeUnknown) unsure_ = true;
    // Whatever the answer was, the next snapshot says whether our epoch is in.
    if (!committed.ok() && last_error.disposition() != Disposition::kReconcile) return last_error;
  }
  return last_error.ok() ? unavailable("the take-over of " + app_id_ + " did not become visible") : last_error;
}

Status LakeLedger::commit(Seq expected, Seq last, const LakeFiles* files, const std::vector<LakeTxn>& also,
                          std::string_view info_json) {
  if (snapshot_ == nullptr) return internal_error("commit before take_over of " + app_id_);
  const auto position = snapshot_->txn(app_id_);
  WEIR_RETURN_IF_ERROR(judged(position.status()));
  const auto epoch = snapshot_->txn(app_id_of("epoch"));
  WEIR_RETURN_IF_ERROR(judged(epoch.status()));
  if (*position != expected.value || *epoch != epoch_.value) {
    return conflict(app_id_ + ": the snapshot holds position " + std::to_string(position->value_or(-1)) + " of epoch " +
                    std::to_string(epoch->value_or(-1)) + ", expected " + to_string(expected) + " of epoch " +
                    std::to_string(epoch_.value));
  }
  std::vector<LakeTxn> txns{{app_id_, last.value}, {app_id_of("epoch"), epoch_.value}};
  txns.insert(txns.end(), also.begin(), also.end());
  auto committed = table_.commit(*snapshot_, files, txns, info_json);
  if (committed.status().code() == StatusCode::kOutcomeUnknown) unsure_ = true;
  WEIR_RETURN_IF_ERROR(judged(committed.status()));
  snapshot_ = std::move(*committed);
  position_ = last;
  return ok_status();
}

Result<std::unique_ptr<LakeFiles>> LakeLedger::files_of(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows,
                                                        std::vector<std::string> staged) {
  std::unique_ptr<LakeFiles> written;
  if (!rows.empty()) {
    WEIR_ASSIGN_OR_RETURN(written, table_.write_files(rows));
  }
  if (staged.empty()) return written;
  if (written != nullptr) {
    WEIR_ASSIGN_OR_RETURN(staged.emplace_back(), written->describe());
  }
  return table_.adopt_files(staged);
}

Result<int64_t> LakeLedger::counter(std::string_view name) const {
  if (snapshot_ == nullptr) return int64_t{0};
  WEIR_ASSIGN_OR_RETURN(const std::optional<int64_t> value, snapshot_->txn(app_id_of(name)));
  return value.value_or(0);
}

}  // namespace weir::pipeline
