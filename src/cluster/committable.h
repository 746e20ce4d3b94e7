#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "batch/slice.h"
#include "schema/table_schema.h"

namespace weir::cluster {

/// A contiguous piece of a job's range, the work of one task.
struct Part {
  int32_t number = 0;  ///< From 0 in the order of the range.
  SeqRange range;
  friend bool operator==(const Part&, const Part&) = default;
};

/// What one execution of a part left behind. Value type.
struct Committable {
  Part part;
  std::string execution;  ///< Drawn when the execution began; no two have the same.
  Status failure;         ///< Not ok: why there is nothing; the rest is meaningless then.
  int64_t events = 0;     ///< As in Slice, as are the rest.
  int64_t filtered = 0;
  StagedSlice staged;
  int64_t first_time_us = 0;
  int64_t last_time_us = 0;
  Seq last_event{0};
  /// The plan ends inside the part (Slice::ends_plan): only this far it was done, and these columns the next event asks for.
  std::optional<Seq> ends_plan_after;
  std::vector<InputColumn> new_columns;
};

/// docs/formats/lake.md. From text: kDataLoss when it is malformed.
[[nodiscard]] std::string to_json(const Part& part);
[[nodiscard]] std::string to_json(const Committable& committable);
[[nodiscard]] Result<Part> part_from_json(std::string_view text);
[[nodiscard]] Result<Committable> committable_from_json(std::string_view text);

/// `range` as at most `parts_max` parts of about the same length, none but the last below `sequences_min`.
/// Requires: a range that is not empty, parts_max >= 1, sequences_min >= 1.
[[nodiscard]] std::vector<Part> split(SeqRange range, int32_t parts_max, int64_t sequences_min);

/// The slice of all `parts` from what their executions left: exactly one for each part, whichever succeeded; up to the first
/// in which the plan ends, and then with the columns that are asked for. Of a part that only failed, its failure;
/// kUnavailable: an execution of a part is missing altogether. Everything in `left` that belongs to none of the parts is
/// passed over.
[[nodiscard]] Result<std::shared_ptr<Slice>> assemble(const std::vector<Part>& parts, const std::vector<Committable>& left,
                                                      std::vector<InputColumn>* new_columns);

/// 128 random bits as 32 hexadecimal digits.
[[nodiscard]] std::string new_id();

}  // namespace weir::cluster
