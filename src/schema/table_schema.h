#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/column_type.h"

namespace arrow {
class Schema;
}

namespace weir {

/// Where an input column's value comes from.
struct ValueSource {
  enum class Kind : uint8_t { kPointer, kHeader, kSubjectToken, kPayload };
  Kind kind = Kind::kPointer;
  std::string text;  ///< kPointer: RFC 6901 pointer; kHeader: header name.
  int token = 0;     ///< kSubjectToken: 1-based token of the subject.
};

/// Parses "/a/b", "header:Name", "subject:2", "payload". kInvalidArgument says what is wrong and what is possible.
[[nodiscard]] Result<ValueSource> parse_value_source(std::string_view text);

/// The spelling that parse_value_source reads back.
[[nodiscard]] std::string to_string(const ValueSource& source);

/// One `[[table.column]]`.
struct InputColumn {
  std::string name;
  ColumnType type;
  ValueSource from;
  bool required = false;
  std::optional<std::string> default_json;  ///< JSON text of `default`, already checked against the type.
};

enum class UnknownFields : uint8_t { kIgnore, kReject, kAddColumn };
enum class PayloadFormat : uint8_t { kJson, kNdjson, kArrow };

/// One column of the rows as the stores hold them: after SQL, before the system columns.
struct RowColumn {
  std::string name;
  ColumnType type;
  bool nullable = true;
  friend bool operator==(const RowColumn&, const RowColumn&);
};

/// What decides which rows a message becomes. Deterministic: the same plan on the same message gives the same rows.
/// Kept for good under <lake>/_weir/plans/ (docs/formats/plans.md). Immutable once made; share by const pointer.
struct Plan {
  std::string table;
  PayloadFormat format = PayloadFormat::kJson;
  UnknownFields on_unknown_field = UnknownFields::kIgnore;
  std::vector<InputColumn> input;
  std::string sql;                   ///< Empty: rows are the input columns.
  std::vector<RowColumn> rows;       ///< What the stores hold. Filled from `input`, or from the SQL's result.
  std::vector<std::string> partition_by;
  std::vector<std::string> order_by;
  int64_t message_bytes_max = 8 << 20;
  int json_depth_max = 64;

  /// Digest over everything that decides rows; equal plans have equal ids.
  [[nodiscard]] std::string id() const;
};

/// docs/formats/plans.md. plan_from_json is strict: kInvalidArgument names a missing, unknown or malformed member.
[[nodiscard]] std::string to_json(const Plan& plan);
[[nodiscard]] Result<Plan> plan_from_json(std::string_view text);

/// Names of the system columns, in the order they follow the user's columns in every batch and store.
inline constexpr std::string_view kShardColumn = "_shard";      // int32
inline constexpr std::string_view kSeqColumn = "_seq";          // int64
inline constexpr std::string_view kRowColumn = "_row";          // int32
inline constexpr std::string_view kTimeColumn = "_time";        // timestamp(us, UTC)
inline constexpr std::string_view kSubjectColumn = "_subject";  // utf8
inline constexpr int kSystemColumnCount = 5;

/// [a-z][a-z0-9_]*, at most 128 bytes; kInvalidArgument says so. `what` names the thing ("column", "table").
[[nodiscard]] Status check_name(std::string_view what, std::string_view name);

/// Arrow schema of decoded input: the input columns, then the system columns.
[[nodiscard]] std::shared_ptr<arrow::Schema> input_arrow_schema(const Plan& plan);

/// Arrow schema of the rows every sink gets: the row columns, then the system columns.
[[nodiscard]] std::shared_ptr<arrow::Schema> row_arrow_schema(const Plan& plan);

/// Sets plan->rows from the Arrow schema the SQL leads to (user columns only, system columns ignored): a column that
/// keeps an input column's name and Arrow type keeps its ColumnType (uuid, json). Nullable is what `result` says: a
/// required column that passes through stays not nullable, because input_arrow_schema says so. Then checks the names,
/// that lists and structs are not nullable, and that partition_by (DATE, INT or STRING columns) and order_by exist and
/// are not nullable.
[[nodiscard]] Status set_rows_from_sql(const arrow::Schema& result, Plan* plan);

/// The same for a plan without SQL.
[[nodiscard]] Status set_rows_from_input(Plan* plan);

}  // namespace weir
