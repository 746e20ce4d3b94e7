#include "decode/decoder.h"

#include <arrow/record_batch.h>

#include <new>
#include <random>

#include "decode/batch_columns.h"
#include "decode/json_string.h"
#include "decode/json_tokens.h"
#include "decode/json_walker.h"
#include "decode/message_values.h"
#include "decode/nested_value.h"

namespace weir {
namespace {

constexpr int64_t kBatchBytesMax = int64_t{1} << 30;  // So that no column outgrows 32-bit offsets.
constexpr int kJsonDepthMax = 1'000;                  // Each level is a few hundred bytes of stack.

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

bool is_nested(const ColumnType& type) { return type.kind == TypeKind::kList || type.kind == TypeKind::kStruct; }

Status column_error(const InputColumn& column, const std::string& what) {
  return invalid_argument("column \"" + column.name + "\": " + what);
}

Status check_column(const InputColumn& column) {
  if (column.required && column.default_json.has_value()) {
    return column_error(column, "`required` and `default` exclude each other");
  }
  if (is_nested(column.type)) {
    if (!column.required && !column.default_json.has_value()) {
      return column_error(column, "a " + to_string(column.type) + " must be `required` or have a `default`");
    }
    if (column.from.kind != ValueSource::Kind::kPointer) {
      return column_error(column, "a " + to_string(column.type) + " comes from a JSON Pointer only");
    }
  }
  return check_default(column);
}

Status check_plan(const Plan& plan) {
  if (plan.format == PayloadFormat::kArrow) return invalid_argument("format = \"arrow\" is not supported yet");
  if (plan.message_bytes_max < 1 || plan.message_bytes_max > kBatchBytesMax) {
    return invalid_argument("message_bytes: from 1 byte to 1 GiB is possible");
  }
  if (plan.json_depth_max < 1 || plan.json_depth_max > kJsonDepthMax) {
    return invalid_argument("json_depth: from 1 to " + std::to_string(kJsonDepthMax) + " is possible");
  }
  if (plan.input.empty()) return invalid_argument("a table needs at least one column");
  for (const InputColumn& column : plan.input) WEIR_RETURN_IF_ERROR(check_column(column));
  return ok_status();
}

// Bytes that the longest default, and with it each row, can add to a column beside the payload.
int64_t default_bytes_max(const Plan& plan) {
  size_t bytes = 0;
  for (const InputColumn& column : plan.input) {
    if (column.default_json.has_value()) bytes = std::max(bytes, column.default_json->size());
  }
  return static_cast<int64_t>(bytes);
}

class PlanDecoder : public Decoder {
 public:
  PlanDecoder(std::shared_ptr<const Plan> plan, int32_t shard, std::optional<int> new_columns_max)
      : plan_(std::move(plan)),
        new_fields_(new_columns_max ? std::make_unique<NewFields>(*plan_, *new_columns_max) : nullptr),
        walker_(*plan_, random_seed(), new_fields_.get()),
        columns_(*plan_, shard),
        row_bytes_extra_(default_bytes_max(*plan_)) {
    for (uint32_t i = 0; i < plan_->input.size(); ++i) {
      if (plan_->input[i].from.kind == ValueSource::Kind::kPointer) {
        parses_payload_ = true;
      } else {
        other_columns_.push_back(i);
      }
    }
  }

  Result<DecodedBatch> decode(std::span<const Message> messages) override {
    try {
      return decode_all(messages);
    } catch (const std::bad_alloc&) {
      return resource_exhausted("no memory to decode a batch");
    }
  }

 private:
  Result<DecodedBatch> decode_all(std::span<const Message> messages) {
    WEIR_RETURN_IF_ERROR(start(messages));
    DecodedBatch batch;
    for (const Message& message : messages) {
      WEIR_RETURN_IF_ERROR(plan_->format == PayloadFormat::kNdjson ? decode_lines(message, &batch)
                                                                   : decode_event(message, message.payload, 0, &batch));
    }
    WEIR_ASSIGN_OR_RETURN(batch.rows, columns_.finish());
    if (new_fields_ != nullptr) {
      batch.new_fields = new_fields_->take_new();
      batch.ignored_fields = new_fields_->take_ignored();
    }
    return batch;
  }

  Status start(std::span<const Message> messages) {
    int64_t bytes = static_cast<int64_t>(messages.size()) * row_bytes_extra_;
    size_t payload_bytes_max = 1;
    for (const Message& message : messages) {
      bytes += static_cast<int64_t>(message.payload.size() + message.headers.size() + message.subject.size());
      payload_bytes_max = std::max({payload_bytes_max, message.payload.size(), message.headers.size(), message.subject.size()});
    }
    if (bytes > kBatchBytesMax) return invalid_argument("a batch of messages is decoded up to 1 GiB");
    WEIR_RETURN_IF_ERROR(walker_.reserve(payload_bytes_max));
    return columns_.begin(static_cast<int64_t>(messages.size()));
  }

  // Each line that is not blank is an event; its ordinal counts the blank ones too.
  Status decode_lines(const Message& message, DecodedBatch* batch) {
    if (too_large(message.payload)) return decode_event(message, message.payload, 0, batch);
    const int64_t events_before = batch->events;
    std::string_view rest = message.payload;
    for (int32_t ordinal = 0; !rest.empty(); ++ordinal) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      WEIR_RETURN_IF_ERROR(decode_event(message, line, ordinal, batch));
    }
    // Without any event it would vanish uncounted.
    if (batch->events == events_before) return decode_event(message, message.payload, 0, batch);
    return ok_status();
  }

  Status decode_event(const Message& message, std::string_view payload, int32_t ordinal, DecodedBatch* batch) {
    ++batch->events;
    ++event_;
    WEIR_RETURN_IF_ERROR(columns_.reserve_row());
    read_event(message, payload);
    if (!fault_.any() && columns_.complete(event_, &fault_)) {
      columns_.commit(message, ordinal);
      if (new_fields_ != nullptr) new_fields_->keep(message.seq);
      return ok_status();
    }
    if (new_fields_ != nullptr) new_fields_->drop();
    batch->rejects.push_back({.seq = message.seq,
                              .row = ordinal,
                              .time_us = message.time_us,
                              .subject = std::string(message.subject),
                              .code = std::string(to_string(fault_.code)),
                              .pointer = std::move(fault_.pointer),
                              .reason = std::move(fault_.reason),
                              .payload = std::string(payload),
                              .headers = std::string(message.headers)});
    fault_ = {};
    return ok_status();
  }

  [[nodiscard]] bool too_large(std::string_view payload) const {
    return static_cast<int64_t>(payload.size()) > plan_->message_bytes_max;
  }

  void read_event(const Message& message, std::string_view payload) {
    if (too_large(payload)) {
      fault_ = {RejectCode::kTooLarge, "",
                std::to_string(payload.size()) + " bytes, at most " + std::to_string(plan_->message_bytes_max) +
                    " are taken"};
      return;
    }
    if (!JsonTokens::is_utf8(message.subject)) {
      fault_ = {RejectCode::kBadSubject, "", "the subject is not valid UTF-8"};
      return;
    }
    if (parses_payload_) walker_.walk_event(payload, event_, columns_.row(), &columns_.slots(), &fault_);
    for (const uint32_t column : other_columns_) {
      if (fault_.any()) return;
      read_other_source(message, payload, &columns_.slots()[column]);
    }
  }

  // A column that comes from outside of the JSON.
  void read_other_source(const Message& message, std::string_view payload, InputSlot* slot) {
    const ValueSource& from = slot->column->from;
    std::string_view text = payload;
    bool found = true;
    if (from.kind == ValueSource::Kind::kHeader) {
      if (const RejectCode code = find_header(message.headers, from.text, &text, &found); code != RejectCode::kNone) {
        fault_ = {code, to_string(from), "the header is there more than once, or a header line has no colon"};
        return;
      }
    } else if (from.kind == ValueSource::Kind::kSubjectToken) {
      found = subject_token(message.subject, from.token, &text);
    }
    if (!found) return;
    const RejectCode code = write_text(text, slot);
    slot->written_in = event_;
    if (code == RejectCode::kNone) return;
    if (!fault_.any()) {
      const bool readable = JsonTokens::is_utf8(text);
      fault_ = {code, "", misfit_reason(code, slot->writer.type(), readable ? text : "bytes that are no UTF-8")};
    }
    if (from.kind != ValueSource::Kind::kPayload) fault_.pointer = to_string(from);
  }

  RejectCode write_text(std::string_view text, InputSlot* slot) {
    ColumnWriter& writer = slot->writer;
    const int64_t row = columns_.row();
    switch (writer.kind()) {
      case TypeKind::kString:
        if (!JsonTokens::is_utf8(text)) return RejectCode::kInvalidUtf8;
        writer.write_bytes(row, text);
        return RejectCode::kNone;
      case TypeKind::kJson:
        walker_.check_value(text, &fault_);
        if (!fault_.any()) writer.write_bytes(row, text);
        return fault_.code;
      case TypeKind::kBinary: writer.write_bytes(row, text); return RejectCode::kNone;
      case TypeKind::kBool:
        if (text != "true" && text != "false") return RejectCode::kWrongType;
        return writer.write_bool(row, text == "true");
      case TypeKind::kDecimal:
      case TypeKind::kDate:
      case TypeKind::kTimestamp:
      case TypeKind::kUuid: return writer.write_string(row, text);
      default: break;
    }
    JsonNumber number;
    return scan_json_number(text, &number) ? writer.write_number(row, number) : RejectCode::kWrongType;
  }

  const std::shared_ptr<const Plan> plan_;
  const std::unique_ptr<NewFields> new_fields_;  // Null unless such fields are reported.
  JsonWalker walker_;
  BatchColumns columns_;
  std::vector<uint32_t> other_columns_;  // Input columns that do not come from a JSON Pointer.
  bool parses_payload_ = false;
  const int64_t row_bytes_extra_;
  uint64_t event_ = 0;
  Fault fault_;
};

}  // namespace

Status check_default(const InputColumn& column) {
  if (!column.default_json.has_value()) return ok_status();
  const std::string& json = *column.default_json;
  const auto error = [&](const Fault& fault) {
    return column_error(column, "default " + excerpt(json, 80) + " is not one: " + std::string(to_string(fault.code)) +
                                    (fault.pointer.empty() ? "" : " at " + fault.pointer) + ": " + fault.reason);
  };
  JsonWalker walker(Plan{}, 0);
  WEIR_RETURN_IF_ERROR(walker.reserve(json.size()));
  Fault fault;
  walker.check_value(json, &fault);
  if (fault.any()) return error(fault);
  // As it will be written: without the white space around it.
  if (json.find_first_of(" \t\r\n") == 0 || json.find_last_of(" \t\r\n") == json.size() - 1) {
    return column_error(column, "default: white space stands around the JSON text");
  }
  if (json == "null") return column_error(column, "default null: leave the default out instead");
  ColumnWriter writer(column.type, false);
  WEIR_RETURN_IF_ERROR(writer.begin(1));
  std::string scratch;
  if (!write_json_value(json, true, 0, &writer, &scratch, &fault)) return error(fault);
  return writer.failure();
}

Result<std::unique_ptr<Decoder>> Decoder::create(std::shared_ptr<const Plan> plan, int32_t shard,
                                                 std::optional<int> new_columns_max) {
  WEIR_RETURN_IF_ERROR(check_plan(*plan));
  return std::unique_ptr<Decoder>(std::make_unique<PlanDecoder>(std::move(plan), shard, new_columns_max));
}

}  // namespace weir
