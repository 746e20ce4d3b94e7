#include "lake/dead_letter_table.h"

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <string>

#include "batch/arrow_memory.h"
#include "lake/lake_layout.h"
#include "schema/table_schema.h"

namespace weir::lake {
namespace {

// Length of the well-formed UTF-8 character at the start of `text` (Unicode table 3-7); 0 when there is none.
size_t character_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  size_t length = 0;
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) length = 2;
  if (lead >= 0xE0 && lead <= 0xEF) length = 3;
  if (lead >= 0xF0 && lead <= 0xF4) length = 4;
  if (lead == 0xE0) second_min = 0xA0;
  if (lead == 0xED) second_max = 0x9F;  // No surrogates.
  if (lead == 0xF0) second_min = 0x90;
  if (lead == 0xF4) second_max = 0x8F;  // Nothing above U+10FFFF.
  if (length == 0 || text.size() < length || byte(1) < second_min || byte(1) > second_max) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const size_t length = character_length(text);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

struct Builders {
  arrow::StringBuilder table;
  arrow::Int32Builder shard;
  arrow::Int64Builder seq;
  arrow::Int32Builder row;
  arrow::TimestampBuilder time{arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool()};
  arrow::StringBuilder subject;
  arrow::StringBuilder code;
  arrow::StringBuilder pointer;
  arrow::StringBuilder reason;
  arrow::BinaryBuilder payload;
  arrow::BinaryBuilder headers;

  arrow::Status append(std::string_view table_name, int32_t shard_number, const Reject& reject) {
    ARROW_RETURN_NOT_OK(table.Append(table_name));
    ARROW_RETURN_NOT_OK(shard.Append(shard_number));
    ARROW_RETURN_NOT_OK(seq.Append(reject.seq.value));
    ARROW_RETURN_NOT_OK(row.Append(reject.row));
    ARROW_RETURN_NOT_OK(time.Append(reject.time_us));
    ARROW_RETURN_NOT_OK(subject.Append(valid_utf8(reject.subject)));
    ARROW_RETURN_NOT_OK(code.Append(valid_utf8(reject.code)));
    ARROW_RETURN_NOT_OK(pointer.Append(valid_utf8(reject.pointer)));
    ARROW_RETURN_NOT_OK(reason.Append(valid_utf8(reject.reason)));
    ARROW_RETURN_NOT_OK(payload.Append(reject.payload));
    return headers.Append(reject.headers);
  }

  arrow::Result<arrow::ArrayVector> finish() {
    arrow::ArrayVector columns;
    for (arrow::ArrayBuilder* builder : std::initializer_list<arrow::ArrayBuilder*>{
             &table, &shard, &seq, &row, &time, &subject, &code, &pointer, &reason, &payload, &headers}) {
      ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
      columns.push_back(std::move(column));
    }
    return columns;
  }
};

}  // namespace

std::shared_ptr<arrow::Schema> dead_letter_schema() {
  const auto field = [](std::string_view name, const std::shared_ptr<arrow::DataType>& type) {
    return arrow::field(std::string(name), type, /*nullable=*/false);
  };
  return arrow::schema(
      {field("table", arrow::utf8()), field(kShardColumn, arrow::int32()), field(kSeqColumn, arrow::int64()),
       field(kRowColumn, arrow::int32()), field(kTimeColumn, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
       field(kSubjectColumn, arrow::utf8()), field("code", arrow::utf8()), field("pointer", arrow::utf8()),
       field("reason", arrow::utf8()), field("payload", arrow::binary()), field("headers", arrow::binary())});
}

TableDefinition dead_letter_definition(std::string_view pipeline, std::string_view table) {
  TableDefinition definition;
  definition.name = std::string(kDeadLetterTable);
  definition.schema = dead_letter_schema();
  definition.partition_by = {"table"};
  definition.properties = {
      {std::string(kPipelineProperty), std::string(pipeline)},
      {std::string(kTableProperty), std::string(kDeadLetterTable)},
      {"delta.appendOnly", "true"},
      {"delta.dataSkippingStatsColumns", "_shard,_seq,_row,_time,_subject,code"},
  };
  // Table names are [a-z][a-z0-9_]*: nothing to escape.
  if (!table.empty()) definition.row_filter = "\"table\" = '" + std::string(table) + "'";
  return definition;
}

Result<std::shared_ptr<arrow::RecordBatch>> reject_batch(std::string_view table, int32_t shard,
                                                         std::span<const Reject* const> rejects) {
  Builders builders;
  for (const Reject* reject : rejects) {
    if (const auto status = builders.append(table, shard, *reject); !status.ok()) return from_arrow(status);
  }
  auto columns = builders.finish();
  if (!columns.ok()) return from_arrow(columns.status());
  return arrow::RecordBatch::Make(dead_letter_schema(), static_cast<int64_t>(rejects.size()),
                                  std::move(columns).ValueUnsafe());
}

}  // namespace weir::lake
