#include "transform/derived_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "batch/arrow_memory.h"
#include "batch/row_ids.h"
#include "transform/row_json.h"

namespace weir::transform {
namespace {

// The system columns that a dead letter names a row by.
struct Origin {
  const arrow::TimestampArray& time;
  const arrow::StringArray& subject;
};

Result<Origin> origin_of(const arrow::RecordBatch& rows) {
  const auto time = rows.GetColumnByName(std::string(kTimeColumn));
  const auto subject = rows.GetColumnByName(std::string(kSubjectColumn));
  if (time == nullptr || subject == nullptr || time->type_id() != arrow::Type::TIMESTAMP ||
      subject->type_id() != arrow::Type::STRING) {
    return internal_error("rows without _time and _subject: " + rows.schema()->ToString());
  }
  // The batch keeps its columns alive; the casts are checked by the type ids above.
  return Origin{static_cast<const arrow::TimestampArray&>(*time), static_cast<const arrow::StringArray&>(*subject)};
}

}  // namespace

DerivedRows::DerivedRows(std::shared_ptr<const Plan> plan, SqlRun sql)
    : plan_(std::move(plan)), sql_(std::move(sql)), plan_id_(plan_->id()), row_schema_(row_arrow_schema(*plan_)) {}

Result<std::unique_ptr<DerivedRows>> DerivedRows::create(std::shared_ptr<const Plan> plan, SqlRun sql) {
  if (plan->sql.empty() || sql == nullptr) return invalid_argument("table " + plan->table + " has no SQL to run");
  return std::unique_ptr<DerivedRows>(new DerivedRows(std::move(plan), std::move(sql)));
}

Result<std::shared_ptr<const Slice>> DerivedRows::apply(const Slice& source) const {
  auto slice = std::make_shared<Slice>();
  slice->shard = source.shard;
  slice->range = source.range;
  slice->plan_id = plan_id_;
  slice->events = source.rows->num_rows();
  if (slice->events > 0) {
    WEIR_ASSIGN_OR_RETURN(const Origin origin, origin_of(*source.rows));
    slice->first_time_us = origin.time.Value(0);
    slice->last_time_us = origin.time.Value(slice->events - 1);
  }
  WEIR_ASSIGN_OR_RETURN(SqlRows result, apply_sql(sql_, source.rows, row_schema_));
  slice->rows = std::move(result.rows);
  slice->filtered = result.filtered;
  WEIR_ASSIGN_OR_RETURN(auto unplaceable, take_out_unplaceable(plan_->partition_by, &slice->rows));
  WEIR_ASSIGN_OR_RETURN(slice->rejects, rejects(*source.rows, std::move(result.faults), std::move(unplaceable)));
  slice->bytes = batch_bytes(*slice->rows);
  for (const Reject& reject : slice->rejects) {
    slice->bytes += static_cast<int64_t>(sizeof(Reject) + reject.payload.size() + reject.reason.size());
  }
  return std::shared_ptr<const Slice>(std::move(slice));
}

Result<std::vector<Reject>> DerivedRows::rejects(const arrow::RecordBatch& input, std::vector<SqlFault> faults,
                                                 std::vector<PartitionFault> unplaceable) const {
  std::vector<Reject> rejects;
  if (faults.empty() && unplaceable.empty()) return rejects;
  WEIR_ASSIGN_OR_RETURN(const auto ids, row_ids(input));
  WEIR_ASSIGN_OR_RETURN(const Origin origin, origin_of(input));
  const auto reject_of = [&](int64_t index, std::string_view code, std::string reason) {
    const RowId id = ids[static_cast<size_t>(index)];
    Reject reject;
    reject.seq = id.seq;
    reject.row = id.row;
    reject.time_us = origin.time.Value(index);
    reject.subject = origin.subject.GetString(index);
    reject.code = code;
    reject.reason = std::move(reason);
    reject.payload = row_json(input, index, plan_->input);
    return reject;
  };
  for (SqlFault& fault : faults) rejects.push_back(reject_of(fault.index, kSqlErrorCode, std::move(fault.reason)));
  for (PartitionFault& fault : unplaceable) {
    const int64_t index = std::ranges::lower_bound(ids, fault.id) - ids.begin();  // A slice is sorted by identity.
    rejects.push_back(reject_of(index, kBadPartitionCode, std::move(fault.reason)));
    rejects.back().pointer = std::move(fault.column);
  }
  std::ranges::sort(rejects, {}, [](const Reject& reject) { return RowId{reject.seq, reject.row}; });
  return rejects;
}

}  // namespace weir::transform
