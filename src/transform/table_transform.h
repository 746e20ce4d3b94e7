#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "batch/slice.h"
#include "decode/decoder.h"
#include "ports/row_transform.h"
#include "schema/table_schema.h"
#include "transform/sql_rows.h"

namespace arrow {
class Schema;
}

namespace weir::transform {

struct TableTransformOptions {
  int32_t shard = 0;
  std::function<bool(std::string_view subject)> takes_subject;  ///< Empty: the table takes every message.
  SqlRun sql;                                                   ///< Set exactly when the plan has SQL.
  /// Set for live events of a plan with on_unknown_field = "add_column": how many columns its fields may still ask for.
  /// Otherwise they are ignored: whoever reads events again has the plan that was made for them.
  std::optional<int> new_columns_max;
  std::function<void(const IgnoredField&)> ignored;  ///< Told of a field that gets no column, once each. May be empty.
};

/// The transform of one table and shard under one plan. Owns its decoder; `sql` is called on the thread that calls
/// apply(). Thread-compatible: one apply() at a time.
class TableTransform final : public RowTransform {
 public:
  /// kInvalidArgument: the plan cannot be decoded, or has SQL without options.sql or the reverse.
  [[nodiscard]] static Result<std::unique_ptr<TableTransform>> create(std::shared_ptr<const Plan> plan,
                                                                      TableTransformOptions options);

  Result<std::shared_ptr<const Slice>> apply(const MessageBatch& batch, SeqRange range) override;

  /// What the fields behind a slice that ended the plan ask for: those of its message and of the rest of the batch, so that
  /// columns which come together are added together. Same thread as apply().
  [[nodiscard]] const std::vector<InputColumn>& new_columns() const { return new_columns_; }

 private:
  TableTransform(std::shared_ptr<const Plan> plan, TableTransformOptions options, std::unique_ptr<Decoder> decoder);

  [[nodiscard]] Result<DecodedBatch> decode(std::span<const Message> messages, SeqRange* range);
  [[nodiscard]] std::span<const Message> messages_of_table(std::span<const Message> in_range);
  [[nodiscard]] Status run_sql(std::span<const Message> messages, const std::shared_ptr<arrow::RecordBatch>& input,
                               Slice* slice) const;
  [[nodiscard]] Status reject_unplaceable(std::span<const Message> messages, Slice* slice) const;
  [[nodiscard]] Result<Reject> reject_of(std::span<const Message> messages, RowId id, std::string_view code,
                                         std::string reason) const;

  const std::shared_ptr<const Plan> plan_;
  const TableTransformOptions options_;
  const std::string plan_id_;
  const std::shared_ptr<arrow::Schema> row_schema_;
  const std::unique_ptr<Decoder> decoder_;
  std::vector<Message> chosen_;  // Kept between calls for its memory.
  std::vector<InputColumn> new_columns_;
};

}  // namespace weir::transform
