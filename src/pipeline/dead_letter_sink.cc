#include "pipeline/dead_letter_sink.h"

#include <utility>

#include "base/crash_point.h"

namespace weir::pipeline {

DeadLetterSink::DeadLetterSink(LakeTable& table, std::string table_name, int32_t shard, Epoch epoch,
                               RejectRows reject_rows)
    : ledger_(table, position_app_id(table_name, shard), epoch, Seq{0}), reject_rows_(std::move(reject_rows)) {}

Result<Seq> DeadLetterSink::resolve() { return ledger_.take_over(); }

Status DeadLetterSink::write(const std::vector<std::shared_ptr<const Slice>>& slices) {
  std::vector<const Reject*> rejects;
  std::vector<std::string> staged;
  Seq last = position();
  for (const auto& slice : slices) {
    if (slice->range.last <= position()) continue;
    if (slice->range.first <= position()) {
      return internal_error("slice " + to_string(slice->range) + " straddles dead-letter position " +
                            to_string(position()));
    }
    for (const Reject& reject : slice->rejects) rejects.push_back(&reject);
    if (slice->staged) {
      staged.insert(staged.end(), slice->staged->reject_files.begin(), slice->staged->reject_files.end());
    }
    if (slice->reject_count() > 0) last = slice->range.last;
  }
  if (rejects.empty() && staged.empty()) return ok_status();
  std::vector<std::shared_ptr<arrow::RecordBatch>> rows;
  if (!rejects.empty()) {
    WEIR_ASSIGN_OR_RETURN(rows.emplace_back(), reject_rows_(rejects));
  }
  WEIR_ASSIGN_OR_RETURN(const auto files, ledger_.files_of(rows, std::move(staged)));
  WEIR_RETURN_IF_ERROR(ledger_.commit(position(), last, files.get(), {}, "{}"));
  crash_point("dead_letters_committed");
  return ok_status();
}

}  // namespace weir::pipeline
