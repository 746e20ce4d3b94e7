#include "backfill/file_json_reader.h"

#include <utility>

#include "backfill/file_window.h"
#include "backfill/file_oversized_row.h"

namespace weir::backfill {
namespace {

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

class JsonReader final : public FileReader {
 public:
  JsonReader(FileText text, size_t line_bytes_max, const FileOrigin& origin)
      : window_(std::move(text)), line_bytes_max_(line_bytes_max), origin_(origin) {}

  Status start() { return window_.skip_byte_order_mark(); }

  Status seek(Seq first) override {
    while (next_ < first) {
      WEIR_ASSIGN_OR_RETURN(const bool more, more_bytes());
      if (!more) return data_loss("ends at line " + to_string(next_ - 1) + ", before line " + to_string(first));
      WEIR_RETURN_IF_ERROR(window_.skip_line().status());
      next_ = next_ + 1;
    }
    return ok_status();
  }

  Result<std::unique_ptr<FileBatch>> next(const ReadLimits& limits) override {
    FileBatchBuilder batch(next_, origin_);
    const Seq first = next_;
    while (next_ - first < limits.messages_max && batch.bytes() < limits.bytes_max) {
      WEIR_ASSIGN_OR_RETURN(const bool more, more_bytes());
      if (!more) break;
      WEIR_RETURN_IF_ERROR(read_line(&batch));
      next_ = next_ + 1;
    }
    return batch.finish(next_ - 1);
  }

  int64_t bytes_read() const override { return window_.bytes_read(); }
  std::optional<int64_t> rows() const override { return std::nullopt; }
  const std::vector<std::string>& notes() const override { return notes_; }

 private:
  Result<bool> more_bytes() {
    while (window_.bytes().empty() && !window_.ended()) WEIR_RETURN_IF_ERROR(window_.grow());
    return !window_.bytes().empty();
  }

  Status read_line(FileBatchBuilder* batch) {
    WEIR_ASSIGN_OR_RETURN(const size_t length, window_.line_length(line_bytes_max_ + 1));
    if (length > line_bytes_max_) {
      const std::string begin(oversized_excerpt(window_.bytes()));
      WEIR_ASSIGN_OR_RETURN(const int64_t bytes, window_.skip_line());
      batch->add_reject(next_, oversized_row(bytes, line_bytes_max_), begin);
      return ok_status();
    }
    std::string_view line = window_.bytes().substr(0, length);
    if (!is_blank(line)) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      batch->payload().append(line);
      batch->add_row(next_);
    }
    window_.consume(std::min(length + 1, window_.bytes().size()));
    return ok_status();
  }

  FileWindow window_;
  const size_t line_bytes_max_;
  const FileOrigin& origin_;
  Seq next_{1};
  const std::vector<std::string> notes_;
};

}  // namespace

Result<std::unique_ptr<FileReader>> open_json_reader(const FileInput& input, const Plan& plan,
                                                     const FileOrigin& origin) {
  WEIR_ASSIGN_OR_RETURN(FileText text, FileText::open(input));
  auto reader = std::make_unique<JsonReader>(std::move(text), static_cast<size_t>(plan.message_bytes_max), origin);
  WEIR_RETURN_IF_ERROR(reader->start());
  return std::unique_ptr<FileReader>(std::move(reader));
}

}  // namespace weir::backfill
