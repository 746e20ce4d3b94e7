#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"

namespace arrow {
class RecordBatch;
}

namespace weir {

/// One event that can never become a row, with everything needed to mend and replay it. Value type.
struct Reject {
  Seq seq;
  int32_t row = 0;       ///< Ordinal of the input row inside its message.
  int64_t time_us = 0;   ///< When JetStream stored the message, microseconds UTC.
  std::string subject;
  std::string code;      ///< One of docs/formats/dead-letters.md, e.g. "invalid_json".
  std::string pointer;   ///< JSON Pointer or column at fault; empty: the whole payload.
  std::string reason;    ///< For a person.
  std::string payload;   ///< Raw bytes of the event (one line of ndjson).
  std::string headers;   ///< "Name: value\r\n" lines as sent; empty without headers.
};

/// What others made of a slice and wrote as files of the lake's tables that nobody reads yet, each of the texts as
/// LakeFiles::describe() put it. Immutable.
struct StagedSlice {
  std::vector<std::string> files;         ///< Of the table.
  std::vector<std::string> reject_files;  ///< Of the dead letters.
  int64_t rejects = 0;
};

/// The live micro-batch: all that the plan makes of the messages of one contiguous range of sequences.
/// Immutable once made; shared between sinks.
struct Slice {
  int32_t shard = 0;
  SeqRange range;
  std::shared_ptr<arrow::RecordBatch> rows;  ///< Row columns then system columns, sorted by (_seq, _row); null when staged.
  std::vector<Reject> rejects;
  std::shared_ptr<const StagedSlice> staged;  ///< In place of rows and rejects. Null: they are here.
  int64_t events = 0;    ///< Input rows: rows + filtered + rejects.
  int64_t filtered = 0;  ///< Left out by the plan's SQL.
  int64_t bytes = 0;     ///< Memory it holds, for backpressure.
  std::string plan_id;
  int64_t first_time_us = 0;  ///< Stored time of the first and last message of its range; 0 when it has none.
  int64_t last_time_us = 0;
  Seq last_event{0};  ///< Sequence of its last message, for this table or not; Seq{0} when it has none.
  /// The plan ends with this slice: the message behind it has fields that ask for a column. `range` may then be empty.
  bool ends_plan = false;

  [[nodiscard]] int64_t reject_count() const { return staged ? staged->rejects : static_cast<int64_t>(rejects.size()); }
  [[nodiscard]] int64_t row_count() const { return events - filtered - reject_count(); }
};

}  // namespace weir
