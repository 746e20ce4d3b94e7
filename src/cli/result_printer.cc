#include "cli/result_printer.h"

#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>

#include "batch/arrow_memory.h"
#include "cli/text_table.h"

namespace weir::cli {
namespace {

// Writes what arrow's sinks produce into a std::ostream.
class OstreamSink final : public arrow::io::OutputStream {
 public:
  explicit OstreamSink(std::ostream& out) : out_(out) { set_mode(arrow::io::FileMode::WRITE); }
  arrow::Status Write(const void* data, int64_t size) override {
    out_.write(static_cast<const char*>(data), size);
    written_ += size;
    return out_ ? arrow::Status::OK() : arrow::Status::IOError("cannot write the result");
  }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return written_; }

 private:
  std::ostream& out_;
  int64_t written_ = 0;
};

nlohmann::json json_value(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return nullptr;
  switch (column.type_id()) {
    case arrow::Type::BOOL: return static_cast<const arrow::BooleanArray&>(column).Value(row);
    case arrow::Type::INT8: return static_cast<const arrow::Int8Array&>(column).Value(row);
    case arrow::Type::INT16: return static_cast<const arrow::Int16Array&>(column).Value(row);
    case arrow::Type::INT32: return static_cast<const arrow::Int32Array&>(column).Value(row);
    case arrow::Type::INT64: return static_cast<const arrow::Int64Array&>(column).Value(row);
    case arrow::Type::UINT64: return static_cast<const arrow::UInt64Array&>(column).Value(row);
    case arrow::Type::FLOAT: return static_cast<const arrow::FloatArray&>(column).Value(row);
    case arrow::Type::DOUBLE: return static_cast<const arrow::DoubleArray&>(column).Value(row);
    default: return cell_text(column, row);
  }
}

Status each_batch(arrow::RecordBatchReader& reader, const std::ostream& out,
                  const std::function<Status(const arrow::RecordBatch&)>& take) {
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    // Errors on the way come from the query: a division by zero, a lost file.
    if (const auto status = reader.ReadNext(&batch); !status.ok()) return unavailable(status.message());
    if (batch == nullptr) return ok_status();
    WEIR_RETURN_IF_ERROR(take(*batch));
    if (!out) return unavailable("the result cannot be written to standard output");
  }
}

Status print_table(arrow::RecordBatchReader& reader, std::ostream& out) {
  TextTable table;
  std::vector<std::string> heading;
  for (const auto& field : reader.schema()->fields()) heading.push_back(field->name());
  table.add(std::move(heading));
  WEIR_RETURN_IF_ERROR(each_batch(reader, out, [&](const arrow::RecordBatch& batch) {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      std::vector<std::string> cells;
      for (const auto& column : batch.columns()) cells.push_back(cell_text(*column, row));
      table.add(std::move(cells));
    }
    return ok_status();
  }));
  out << table.render();
  return ok_status();
}

Status print_json(arrow::RecordBatchReader& reader, std::ostream& out) {
  return each_batch(reader, out, [&](const arrow::RecordBatch& batch) {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      nlohmann::ordered_json object = nlohmann::ordered_json::object();
      for (int i = 0; i < batch.num_columns(); ++i) object[batch.column_name(i)] = json_value(*batch.column(i), row);
      out << object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
    }
    return ok_status();
  });
}

Status print_csv(arrow::RecordBatchReader& reader, std::ostream& out) {
  const auto quoted = [](const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string result = "\"";
    for (const char c : text) result += c == '"' ? "\"\"" : std::string(1, c);
    return result + "\"";
  };
  for (int i = 0; i < reader.schema()->num_fields(); ++i) {
    out << (i == 0 ? "" : ",") << quoted(reader.schema()->field(i)->name());
  }
  out << "\n";
  return each_batch(reader, out, [&](const arrow::RecordBatch& batch) {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      for (int i = 0; i < batch.num_columns(); ++i) {
        out << (i == 0 ? "" : ",") << quoted(cell_text(*batch.column(i), row));
      }
      out << "\n";
    }
    return ok_status();
  });
}

Status print_arrow(arrow::RecordBatchReader& reader, std::ostream& out) {
  OstreamSink sink(out);
  auto writer = arrow::ipc::MakeStreamWriter(&sink, reader.schema());
  if (!writer.ok()) return from_arrow(writer.status());
  WEIR_RETURN_IF_ERROR(each_batch(
      reader, out, [&](const arrow::RecordBatch& batch) { return from_arrow((*writer)->WriteRecordBatch(batch)); }));
  return from_arrow((*writer)->Close());
}

}  // namespace

std::string cell_text(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return "";
  const auto scalar = column.GetScalar(row);
  return scalar.ok() ? (*scalar)->ToString() : "?";
}

Status print_result(arrow::RecordBatchReader& reader, std::string_view format, std::ostream& out) {
  if (format == "csv") return print_csv(reader, out);
  if (format == "json") return print_json(reader, out);
  if (format == "arrow") return print_arrow(reader, out);
  return print_table(reader, out);
}

}  // namespace weir::cli
