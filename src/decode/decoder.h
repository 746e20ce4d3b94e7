#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/status.h"
#include "batch/slice.h"
#include "decode/new_fields.h"
#include "ports/event_source.h"
#include "schema/table_schema.h"

namespace weir {

/// What a run of messages decodes to.
struct DecodedBatch {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< input_arrow_schema(plan), in the order of (_seq, _row); never null.
  std::vector<Reject> rejects;               ///< In the same order. Each event is a row or a reject.
  int64_t events = 0;                        ///< rows + rejects.
  std::vector<NewField> new_fields;          ///< Fields of the rows' events that ask for a column; see Decoder::create.
  std::vector<IgnoredField> ignored_fields;  ///< Fields that cannot get one, each once in the decoder's life.
};

/// Turns messages into the input rows of a plan. Deterministic: the same messages give the same batch. Nothing is coerced,
/// cut or made NULL without being asked for; docs/formats/dead-letters.md has the rules and the codes of rejects.
/// Thread-compatible: one per shard and table, kept, since it reuses its memory and learns the order of the keys.
class Decoder {
 public:
  /// kInvalidArgument names what the plan asks for that cannot be decoded: a format or a limit out of range, a column
  /// whose type cannot come from its source, a default that does not fit its type.
  /// With `new_columns_max`, top-level fields without a column are reported, for up to so many columns; no row has them.
  [[nodiscard]] static Result<std::unique_ptr<Decoder>> create(std::shared_ptr<const Plan> plan, int32_t shard,
                                                               std::optional<int> new_columns_max = std::nullopt);

  virtual ~Decoder() = default;

  /// All events of `messages`. A bad event becomes a reject; an error means the system failed: kResourceExhausted without
  /// memory, kInvalidArgument when the messages have more than 1 GiB together, the decoder stays usable.
  /// Requires: messages in the order of their sequences.
  [[nodiscard]] virtual Result<DecodedBatch> decode(std::span<const Message> messages) = 0;
};

/// Whether a column's `default_json` is JSON that, in a payload, would become a value of the column. kInvalidArgument
/// says why not. Ok without a default.
[[nodiscard]] Status check_default(const InputColumn& column);

}  // namespace weir
