#include "backfill/file_csv_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "backfill/file_columns.h"
#include "backfill/file_csv_record.h"
#include "backfill/file_json_text.h"
#include "backfill/file_oversized_row.h"
#include "backfill/file_window.h"
#include "decode/json_number.h"
#include "decode/json_string.h"

namespace weir::backfill {
namespace {

constexpr size_t kHeaderBytesMax = 1 << 20;

// How the text of a field is written into JSON, by the type of the column that takes it.
enum class Spelling : uint8_t { kText, kNumber, kBool, kJson, kNested, kOther };

Spelling spelling_of(const InputColumn* column) {
  if (column == nullptr) return Spelling::kText;
  switch (column->type.kind) {
    case TypeKind::kString:
    case TypeKind::kBinary: return Spelling::kText;
    case TypeKind::kBool: return Spelling::kBool;
    case TypeKind::kJson: return Spelling::kJson;
    case TypeKind::kList:
    case TypeKind::kStruct: return Spelling::kNested;
    case TypeKind::kDate:
    case TypeKind::kTimestamp:
    case TypeKind::kUuid: return Spelling::kOther;
    default: return Spelling::kNumber;
  }
}

struct CsvColumn {
  std::string name;
  std::string key;  // "\"name\":" as in the JSON.
  Spelling spelling = Spelling::kText;
};

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

class CsvReader final : public FileReader {
 public:
  CsvReader(FileText text, const Plan& plan, const FileOrigin& origin)
      : window_(std::move(text)),
        plan_(plan),
        record_bytes_max_(static_cast<size_t>(plan.message_bytes_max)),
        origin_(origin) {}

  // Reads the header line.
  Status start() {
    WEIR_RETURN_IF_ERROR(window_.skip_byte_order_mark());
    std::string fault;
    const auto scanned = scan(kHeaderBytesMax, &fault);
    if (!scanned.ok()) return scanned.status();
    if (*scanned == CsvScan::kNeedMore) return data_loss("is empty: a CSV file begins with a header line");
    if (*scanned == CsvScan::kBroken) return data_loss("line 1 is no CSV header: " + fault);
    std::set<std::string> names;
    std::vector<std::string> in_order;
    for (const CsvField& field : record_.fields) {
      CsvColumn column{.name = std::string(csv_value(field, &scratch_)), .key = {}};
      if (!names.insert(column.name).second) {
        return invalid_argument("line 1: the header names the column \"" + column.name + "\" twice");
      }
      append_json_string(column.name, &column.key);
      column.key.push_back(':');
      column.spelling = spelling_of(column_at(plan_, {column.name}));
      in_order.push_back(column.name);
      columns_.push_back(std::move(column));
    }
    consume_record();
    return check_column_names(plan_, in_order, &notes_);
  }

  Status seek(Seq first) override {
    while (next_ < first) {
      WEIR_ASSIGN_OR_RETURN(const bool more, skip_empty_lines());
      if (!more) return data_loss("ends at row " + to_string(next_ - 1) + ", before row " + to_string(first));
      std::string fault;
      WEIR_ASSIGN_OR_RETURN(const CsvScan scanned, scan(record_bytes_max_, &fault));
      if (scanned == CsvScan::kRecord) {
        consume_record();
      } else {
        WEIR_RETURN_IF_ERROR(consume_line().status());
      }
      next_ = next_ + 1;
    }
    return ok_status();
  }

  Result<std::unique_ptr<FileBatch>> next(const ReadLimits& limits) override {
    FileBatchBuilder batch(next_, origin_);
    const Seq first = next_;
    while (next_ - first < limits.messages_max && batch.bytes() < limits.bytes_max) {
      WEIR_ASSIGN_OR_RETURN(const bool more, skip_empty_lines());
      if (!more) break;
      WEIR_RETURN_IF_ERROR(read_row(&batch));
      next_ = next_ + 1;
    }
    return batch.finish(next_ - 1);
  }

  int64_t bytes_read() const override { return window_.bytes_read(); }
  std::optional<int64_t> rows() const override { return std::nullopt; }
  const std::vector<std::string>& notes() const override { return notes_; }

 private:
  // False at the end of the file.
  Result<bool> skip_empty_lines() {
    for (;;) {
      while (window_.bytes().size() < 2 && !window_.ended()) WEIR_RETURN_IF_ERROR(window_.grow());
      const std::string_view rest = window_.bytes();
      if (rest.empty() || rest == "\r") return false;
      const size_t empty = rest.starts_with('\n') ? 1 : rest.starts_with("\r\n") ? 2 : 0;
      if (empty == 0) return true;
      window_.consume(empty);
      ++line_;
    }
  }

  // The record that begins here, into record_. kBroken also when it does not end within `bytes_max`; kNeedMore only at the
  // end of the file.
  Result<CsvScan> scan(size_t bytes_max, std::string* fault) {
    for (;;) {
      const std::string_view rest = window_.bytes();
      if (!rest.empty()) {
        const CsvScan scanned = scan_csv_record(rest, window_.ended(), &record_, fault);
        if (scanned == CsvScan::kBroken) return scanned;
        if (scanned == CsvScan::kRecord && record_.bytes <= bytes_max) return scanned;
        if (rest.size() > bytes_max) {
          *fault = "it does not end within " + std::to_string(bytes_max) + " bytes";
          return CsvScan::kBroken;
        }
      }
      if (window_.ended()) return CsvScan::kNeedMore;
      WEIR_RETURN_IF_ERROR(window_.grow());
    }
  }

  Status read_row(FileBatchBuilder* batch) {
    std::string fault;
    WEIR_ASSIGN_OR_RETURN(const CsvScan scanned, scan(record_bytes_max_, &fault));
    if (scanned != CsvScan::kRecord) return reject_line(fault, batch);
    const std::string_view raw = window_.bytes().substr(0, record_.bytes);
    if (record_.fields.size() != columns_.size()) {
      batch->add_reject(next_, fault_at(std::to_string(record_.fields.size()) + " fields, the header has " +
                                        std::to_string(columns_.size())),
                        without_line_end(raw));
    } else if (RowFault wrong = write_row(&batch->payload()); wrong.any()) {
      batch->add_reject(next_, std::move(wrong), without_line_end(raw));
    } else {
      batch->add_row(next_);
    }
    consume_record();
    return ok_status();
  }

  // Quotes that do not pair up say nothing about where the record ends: only this line is given up, and the next one is
  // taken for the beginning of a record.
  Status reject_line(const std::string& fault, FileBatchBuilder* batch) {
    WEIR_ASSIGN_OR_RETURN(const size_t length, window_.line_length(record_bytes_max_ + 1));
    const std::string_view line = window_.bytes().substr(0, length);
    if (length <= record_bytes_max_) {
      batch->add_reject(next_, fault_at(fault), without_line_end(line));
      return consume_line().status();
    }
    const std::string begin(oversized_excerpt(line));
    WEIR_ASSIGN_OR_RETURN(const int64_t bytes, consume_line());
    batch->add_reject(next_, oversized_row(bytes, record_bytes_max_), begin);
    return ok_status();
  }

  RowFault write_row(std::string* json) {
    json->push_back('{');
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) json->push_back(',');
      json->append(columns_[i].key);
      if (!write_value(record_.fields[i], columns_[i].spelling, json)) {
        RowFault fault{.code = RejectCode::kInvalidJson, .pointer = {}, .reason = "line " + std::to_string(line_) + ": no JSON"};
        append_pointer_token(columns_[i].name, &fault.pointer);
        return fault;
      }
    }
    json->push_back('}');
    return {};
  }

  // An empty field is NULL; in quotes it is the empty text for columns that can hold it.
  bool write_value(const CsvField& field, Spelling spelling, std::string* json) {
    if (field.text.empty() && !(field.quoted && spelling == Spelling::kText)) {
      json->append("null");
      return true;
    }
    const std::string_view text = csv_value(field, &scratch_);
    JsonNumber number;
    switch (spelling) {
      case Spelling::kNumber:
        if (!scan_json_number(text, &number)) break;
        json->append(text);
        return true;
      case Spelling::kBool: {
        const bool is_true = equals_ignoring_case(text, "true");
        if (!is_true && !equals_ignoring_case(text, "false")) break;
        json->append(is_true ? "true" : "false");
        return true;
      }
      case Spelling::kJson:
      case Spelling::kNested:
        if (is_json(text)) {
          json->append(text);
          return true;
        }
        if (spelling == Spelling::kJson) return false;
        break;
      case Spelling::kText:
      case Spelling::kOther: break;
    }
    append_json_string(text, json);
    return true;
  }

  [[nodiscard]] RowFault fault_at(const std::string& what) const {
    return {.code = RejectCode::kInvalidCsv, .pointer = {}, .reason = "line " + std::to_string(line_) + ": " + what};
  }

  static std::string_view without_line_end(std::string_view raw) {
    if (raw.ends_with('\n')) raw.remove_suffix(1);
    if (raw.ends_with('\r')) raw.remove_suffix(1);
    return raw;
  }

  void consume_record() {
    line_ += std::ranges::count(window_.bytes().substr(0, record_.bytes), '\n');
    window_.consume(record_.bytes);
  }

  Result<int64_t> consume_line() {
    ++line_;
    return window_.skip_line();
  }

  FileWindow window_;
  const Plan& plan_;
  const size_t record_bytes_max_;
  const FileOrigin& origin_;
  std::vector<CsvColumn> columns_;
  std::vector<std::string> notes_;
  CsvRecord record_;  // Of the last scan(); views the window.
  std::string scratch_;
  Seq next_{1};
  int64_t line_ = 1;  // Of the file, at which the window begins.
};

}  // namespace

Result<std::unique_ptr<FileReader>> open_csv_reader(const FileInput& input, const Plan& plan,
                                                    const FileOrigin& origin) {
  WEIR_ASSIGN_OR_RETURN(FileText text, FileText::open(input));
  auto reader = std::make_unique<CsvReader>(std::move(text), plan, origin);
  WEIR_RETURN_IF_ERROR(reader->start());
  return std::unique_ptr<FileReader>(std::move(reader));
}

}  // namespace weir::backfill
