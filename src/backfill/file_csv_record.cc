#include "backfill/file_csv_record.h"

namespace weir::backfill {
namespace {

constexpr size_t kNone = std::string_view::npos;

class RecordScan {
 public:
  RecordScan(std::string_view text, bool at_end, CsvRecord* record, std::string* fault)
      : text_(text), at_end_(at_end), record_(*record), fault_(*fault) {}

  CsvScan run() {
    record_.fields.clear();
    for (;;) {
      const CsvScan field = at_ < text_.size() && text_[at_] == '"' ? scan_quoted() : scan_bare();
      if (field != CsvScan::kRecord) return field;
      // What ends the field: a comma, a line end, or the end of the file.
      if (at_ < text_.size() && text_[at_] == ',') {
        ++at_;
        if (at_ == text_.size() && !at_end_) return CsvScan::kNeedMore;
        continue;
      }
      if (at_ < text_.size()) at_ += text_[at_] == '\r' ? 2 : 1;
      record_.bytes = at_;
      return CsvScan::kRecord;
    }
  }

 private:
  CsvScan scan_bare() {
    const size_t begin = at_;
    size_t end = begin;
    while (end < text_.size() && text_[end] != ',' && text_[end] != '\n' && text_[end] != '"') ++end;
    if (end == text_.size()) end = kNone;
    if (end == kNone && !at_end_) return CsvScan::kNeedMore;
    at_ = end == kNone ? text_.size() : end;
    if (end != kNone && text_[end] == '"') return broken("a quote stands inside a field that does not begin with one");
    if (end != kNone && text_[end] == '\n' && end > begin && text_[end - 1] == '\r') --at_;
    // The last line of a file may lack its LF and still have its CR.
    if (end == kNone && at_ > begin && text_[at_ - 1] == '\r') {
      record_.fields.push_back({.text = text_.substr(begin, at_ - 1 - begin)});
      return CsvScan::kRecord;
    }
    record_.fields.push_back({.text = text_.substr(begin, at_ - begin)});
    return CsvScan::kRecord;
  }

  CsvScan scan_quoted() {
    const size_t begin = at_ + 1;
    bool escaped = false;
    for (size_t from = begin;;) {
      const size_t quote = text_.find('"', from);
      if (quote == kNone) return at_end_ ? broken("a quoted field is not closed") : CsvScan::kNeedMore;
      if (quote + 1 == text_.size() && !at_end_) return CsvScan::kNeedMore;
      if (quote + 1 < text_.size() && text_[quote + 1] == '"') {
        escaped = true;
        from = quote + 2;
        continue;
      }
      at_ = quote + 1;
      const CsvScan end = behind_quote();
      const CsvField field{.text = text_.substr(begin, quote - begin), .quoted = true, .escaped = escaped};
      if (end == CsvScan::kRecord) record_.fields.push_back(field);
      return end;
    }
  }

  CsvScan behind_quote() {
    if (at_ == text_.size() || text_[at_] == ',' || text_[at_] == '\n') return CsvScan::kRecord;
    if (text_[at_] == '\r') {
      if (at_ + 1 < text_.size() && text_[at_ + 1] == '\n') return CsvScan::kRecord;
      if (at_ + 1 == text_.size()) {
        if (!at_end_) return CsvScan::kNeedMore;
        at_ = text_.size();
        return CsvScan::kRecord;
      }
    }
    return broken("something stands between a closing quote and the next comma");
  }

  CsvScan broken(const char* why) {
    fault_ = "field " + std::to_string(record_.fields.size() + 1) + ": " + why;
    return CsvScan::kBroken;
  }

  const std::string_view text_;
  const bool at_end_;
  CsvRecord& record_;
  std::string& fault_;
  size_t at_ = 0;
};

}  // namespace

std::string_view csv_value(const CsvField& field, std::string* scratch) {
  if (!field.escaped) return field.text;
  scratch->clear();
  for (size_t i = 0; i < field.text.size(); ++i) {
    scratch->push_back(field.text[i]);
    if (field.text[i] == '"') ++i;
  }
  return *scratch;
}

CsvScan scan_csv_record(std::string_view text, bool at_end, CsvRecord* record, std::string* fault) {
  return RecordScan(text, at_end, record, fault).run();
}

}  // namespace weir::backfill
