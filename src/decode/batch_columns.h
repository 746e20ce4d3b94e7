#pragma once

#include <memory>
#include <vector>

#include "base/status.h"
#include "decode/input_slot.h"
#include "ports/event_source.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace weir {

/// All columns of a batch being made: those of the plan and the system columns. Thread-compatible.
class BatchColumns {
 public:
  /// `plan` must outlive it.
  BatchColumns(const Plan& plan, int32_t shard);

  /// Starts a batch with room for `rows` rows; what was left of the one before is dropped.
  [[nodiscard]] Status begin(int64_t rows);

  /// Makes room for the row after the current one.
  [[nodiscard]] Status reserve_row();

  /// The row that is being written.
  [[nodiscard]] int64_t row() const { return row_; }

  [[nodiscard]] std::vector<InputSlot>& slots() { return slots_; }

  /// Gives the columns that event number `event` said nothing about their default or NULL. False, with `fault` filled,
  /// when one of them is required.
  [[nodiscard]] bool complete(uint64_t event, Fault* fault);

  /// Makes the current row part of the batch. Requires: complete().
  void commit(const Message& message, int32_t row_in_message);

  /// The committed rows. kResourceExhausted when memory ran out since begin().
  [[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> finish();

 private:
  template <typename Visit>
  Status for_each_writer(Visit visit);

  const int32_t shard_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::vector<InputSlot> slots_;
  ColumnWriter shards_, seqs_, rows_, times_, subjects_;
  int64_t row_ = 0;
  int64_t rows_reserved_ = 0;
  std::string scratch_;
};

}  // namespace weir
