#include "backfill/file_parquet_reader.h"

#include <arrow/array.h>
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <algorithm>
#include <utility>

#include "backfill/file_columns.h"
#include "backfill/file_json_value.h"
#include "backfill/file_oversized_row.h"
#include "decode/json_string.h"

namespace weir::backfill {
namespace {

constexpr int64_t kBatchRowsMax = 8'192;
constexpr int64_t kBatchBytes = 4 << 20;  // Of Arrow data read at a time, by the file's own sizes.

Status damaged(const std::string& what) { return data_loss("is no whole Parquet file: " + what); }

// Everything the library throws or returns ends here.
template <typename Call>
auto guarded(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const parquet::ParquetException& e) {
    return damaged(e.what());
  } catch (const std::bad_alloc&) {
    return resource_exhausted("no memory to read the file");
  }
}

// Finds the type behind a pointer; null where it leads nowhere or through something that is no struct.
const arrow::DataType* type_at(const arrow::Schema& schema, const std::vector<std::string>& names) {
  if (names.empty()) return nullptr;
  const auto top = schema.GetFieldByName(names.front());
  const arrow::DataType* type = top == nullptr ? nullptr : top->type().get();
  for (size_t i = 1; i < names.size() && type != nullptr; ++i) {
    if (type->id() != arrow::Type::STRUCT) return nullptr;
    const auto field = static_cast<const arrow::StructType&>(*type).GetFieldByName(names[i]);
    type = field == nullptr ? nullptr : field->type().get();
  }
  return type;
}

Status check_types(const Plan& plan, const arrow::Schema& schema) {
  for (const InputColumn& column : plan.input) {
    if (column.from.kind != ValueSource::Kind::kPointer) continue;
    const auto names = pointer_names(column.from.text);
    const arrow::DataType* type = type_at(schema, names);
    if (type == nullptr) continue;
    const std::string context = "column \"" + column.name + "\"";
    WEIR_RETURN_IF_ERROR(check_writable(*schema.GetFieldByName(names.front())->type()).with_context(context));
    WEIR_RETURN_IF_ERROR(check_fits(*type, column.type).with_context(context));
  }
  return ok_status();
}

class ParquetReader final : public FileReader {
 public:
  ParquetReader(const Plan& plan, const FileOrigin& origin, int64_t size_bytes)
      : plan_(plan), origin_(origin), size_bytes_(size_bytes) {}

  Status start(const FileInput& input) {
    WEIR_ASSIGN_OR_RETURN(const auto file, input.random_access());
    return guarded([&] { return open(file); });
  }

  Status seek(Seq first) override {
    if (first.value > rows_ + 1) {
      return data_loss("has " + std::to_string(rows_) + " rows, and row " + to_string(first) + " is asked for");
    }
    next_ = first;
    return ok_status();
  }

  Result<std::unique_ptr<FileBatch>> next(const ReadLimits& limits) override {
    return guarded([&] { return read(limits); });
  }

  int64_t bytes_read() const override { return rows_ == 0 ? size_bytes_ : size_bytes_ * ((next_.value - 1) * 1'000 / rows_) / 1'000; }
  std::optional<int64_t> rows() const override { return rows_; }
  const std::vector<std::string>& notes() const override { return notes_; }

 private:
  Status open(const std::shared_ptr<arrow::io::RandomAccessFile>& file) {
    parquet::ReaderProperties properties = parquet::default_reader_properties();
    properties.enable_buffered_stream();  // Not whole column chunks in memory.
    auto parquet_file = parquet::ParquetFileReader::Open(file, properties);
    const auto metadata = parquet_file->metadata();
    rows_ = metadata->num_rows();
    int64_t bytes = 0;
    for (int i = 0; i < metadata->num_row_groups(); ++i) {
      group_rows_.push_back(metadata->RowGroup(i)->num_rows());
      bytes += metadata->RowGroup(i)->total_byte_size();
    }
    parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
    arrow_properties.set_pre_buffer(false);
    const int64_t row_bytes = std::max<int64_t>(1, rows_ == 0 ? 1 : bytes / rows_);
    arrow_properties.set_batch_size(std::clamp<int64_t>(kBatchBytes / row_bytes, 1, kBatchRowsMax));
    auto reader =
        parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(parquet_file), arrow_properties);
    if (!reader.ok()) return damaged(reader.status().message());
    file_ = std::move(reader).ValueUnsafe();
    std::shared_ptr<arrow::Schema> schema;
    if (const auto got = file_->GetSchema(&schema); !got.ok()) return damaged(got.message());
    return take_schema(*schema);
  }

  Status take_schema(const arrow::Schema& schema) {
    std::vector<std::string> names = schema.field_names();
    std::vector<std::string> sorted = names;
    std::ranges::sort(sorted);
    if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end()) {
      return invalid_argument("has the column \"" + *twice + "\" twice");
    }
    WEIR_RETURN_IF_ERROR(check_column_names(plan_, names, &notes_));
    WEIR_RETURN_IF_ERROR(check_types(plan_, schema));
    for (const auto& field : schema.fields()) {
      const Status writable = check_writable(*field->type());
      if (!writable.ok()) {
        notes_.push_back("left out: column " + field->name() + ", since " + writable.message());
        shapes_.emplace_back(std::nullopt);
        continue;
      }
      shapes_.emplace_back(json_shape(plan_, field->name(), *field->type()));
    }
    return ok_status();
  }

  Result<std::unique_ptr<FileBatch>> read(const ReadLimits& limits) {
    FileBatchBuilder batch(next_, origin_);
    const Seq first = next_;
    while (next_.value <= rows_ && next_ - first < limits.messages_max && batch.bytes() < limits.bytes_max) {
      if (held_ == nullptr || held_at_ == held_->num_rows()) WEIR_RETURN_IF_ERROR(read_rows());
      add_row(&batch);
      ++held_at_;
      next_ = next_ + 1;
    }
    return batch.finish(next_ - 1);
  }

  // The batch that row next_ is in, into held_. The first time, groups before it are not read at all.
  Status read_rows() {
    int64_t behind = 0;
    if (rows_reader_ == nullptr) {
      std::vector<int> groups;
      int64_t before = 0;
      for (size_t i = 0; i < group_rows_.size(); ++i) {
        if (before + group_rows_[i] >= next_.value) {
          groups.push_back(static_cast<int>(i));
        } else {
          behind += group_rows_[i];
        }
        before += group_rows_[i];
      }
      auto reader = file_->GetRecordBatchReader(groups);
      if (!reader.ok()) return damaged(reader.status().message());
      rows_reader_ = std::move(reader).ValueUnsafe();
      held_last_ = behind;
    }
    do {
      const auto status = rows_reader_->ReadNext(&held_);
      if (!status.ok()) return damaged("at row " + to_string(next_) + ": " + status.message());
      if (held_ == nullptr) return damaged("ends at row " + to_string(next_ - 1) + " of " + std::to_string(rows_));
      held_last_ += held_->num_rows();
    } while (held_last_ < next_.value);
    held_at_ = next_.value - (held_last_ - held_->num_rows()) - 1;
    return ok_status();
  }

  void add_row(FileBatchBuilder* batch) {
    std::string& json = batch->payload();
    const size_t begin = json.size();
    json.push_back('{');
    RowFault fault;
    bool first = true;
    for (int i = 0; i < held_->num_columns(); ++i) {
      const auto& shape = shapes_[static_cast<size_t>(i)];
      if (!shape) continue;
      if (!std::exchange(first, false)) json.push_back(',');
      json.append(shape->key);
      if (append_json_value(*held_->column(i), held_at_, *shape, &json) || fault.any()) continue;
      fault = {.code = RejectCode::kInvalidJson, .pointer = {}, .reason = "a json column takes a text that is no JSON"};
      append_pointer_token(shape->name, &fault.pointer);
    }
    json.push_back('}');
    const auto bytes = static_cast<int64_t>(json.size() - begin);
    if (bytes <= plan_.message_bytes_max && !fault.any()) return batch->add_row(next_);
    std::string row = json.substr(begin);
    if (bytes > plan_.message_bytes_max) {
      fault = oversized_row(bytes, static_cast<size_t>(plan_.message_bytes_max));
      row = oversized_excerpt(row);
    }
    batch->add_reject(next_, std::move(fault), row);
  }

  const Plan& plan_;
  const FileOrigin& origin_;
  const int64_t size_bytes_;
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::unique_ptr<arrow::RecordBatchReader> rows_reader_;  // Before file_ in destruction: it refers to it.
  std::vector<int64_t> group_rows_;
  std::vector<std::optional<JsonShape>> shapes_;  // Per column; empty: left out.
  std::vector<std::string> notes_;
  int64_t rows_ = 0;
  Seq next_{1};
  std::shared_ptr<arrow::RecordBatch> held_;
  int64_t held_at_ = 0;    // Of row next_ in held_.
  int64_t held_last_ = 0;  // Number of held_'s last row in the file.
};

}  // namespace

Result<std::unique_ptr<FileReader>> open_parquet_reader(const FileInput& input, const Plan& plan,
                                                        const FileOrigin& origin) {
  auto reader = std::make_unique<ParquetReader>(plan, origin, input.size_bytes());
  WEIR_RETURN_IF_ERROR(reader->start(input));
  return std::unique_ptr<FileReader>(std::move(reader));
}

}  // namespace weir::backfill
