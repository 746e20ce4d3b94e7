#include "app/demo_events.h"

#include <arrow/array.h>
#include <arrow/csv/api.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <cctype>
#include <cstdlib>

#include "process/child_process.h"

namespace weir::app {
namespace {

bool is_number(std::string_view text) {
  if (text.empty() || (text[0] != '-' && std::isdigit(static_cast<unsigned char>(text[0])) == 0)) return false;
  char* end = nullptr;
  const std::string copy(text);
  std::strtod(copy.c_str(), &end);
  return *end == '\0';
}

// The data has no character that JSON would escape, which the reader below does not rely on: it is checked here.
Status append_value(std::string_view value, std::string* json) {
  if (value.empty() || value == "NA") {
    json->append("null");
  } else if (is_number(value)) {
    json->append(value);
  } else if (value.find_first_of("\"\\") == std::string_view::npos) {
    json->append("\"").append(value).append("\"");
  } else {
    return invalid_argument("the demo's data holds a value that needs escaping: " + std::string(value));
  }
  return ok_status();
}

arrow::Result<std::shared_ptr<arrow::csv::StreamingReader>> open_csv(const std::filesystem::path& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::ReadableFile::Open(path));
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = false;
  auto convert = arrow::csv::ConvertOptions::Defaults();
  // Every column as text: what looks like a number is written as it stands, digit for digit.
  ARROW_ASSIGN_OR_RAISE(const auto probe,
                        arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), file, read,
                                                          arrow::csv::ParseOptions::Defaults(), convert));
  for (const auto& field : probe->schema()->fields()) convert.column_types[field->name()] = arrow::utf8();
  ARROW_ASSIGN_OR_RAISE(const auto again, arrow::io::ReadableFile::Open(path));
  return arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), again, read,
                                           arrow::csv::ParseOptions::Defaults(), convert);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// `"key":` up to the comma or brace that ends its value.
std::string with_value(std::string text, const std::string& key, std::string_view value) {
  const std::string name = "\"" + key + "\":";
  const size_t at = text.find(name);
  if (at == std::string::npos) return text;
  const size_t begin = at + name.size();
  return text.replace(begin, text.find_first_of(",}", begin) - begin, value);
}

}  // namespace

Result<std::filesystem::path> demo_data_folder() {
  const char* named = std::getenv("WEIR_DEMO_DATA");
  const std::filesystem::path folder = named != nullptr ? std::filesystem::path(named) : cache_folder() / "demo-data";
  std::error_code error;
  if (std::filesystem::exists(folder / "flights.csv", error)) return folder;
  return not_found("no flights.csv in " + folder.string() +
                   ": run tools/bootstrap.sh, or name the folder in WEIR_DEMO_DATA");
}

Status for_each_csv_row_as_json(const std::filesystem::path& file, int64_t limit,
                                const std::function<Status(std::string_view json)>& take) {
  const auto reader = open_csv(file);
  if (!reader.ok()) return invalid_argument(file.string() + ": " + reader.status().message());
  std::string json;
  int64_t taken = 0;
  while (taken < limit) {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (const auto status = (*reader)->ReadNext(&batch); !status.ok()) {
      return invalid_argument(file.string() + ": " + status.message());
    }
    if (batch == nullptr) break;
    for (int64_t row = 0; row < batch->num_rows() && taken < limit; ++row, ++taken) {
      json = "{";
      for (int i = 0; i < batch->num_columns(); ++i) {
        const auto& column = static_cast<const arrow::StringArray&>(*batch->column(i));
        json.append(i == 0 ? "\"" : ",\"").append(batch->column_name(i)).append("\":");
        WEIR_RETURN_IF_ERROR(append_value(column.IsNull(row) ? std::string_view() : column.GetView(row), &json));
      }
      json += "}";
      WEIR_RETURN_IF_ERROR(take(json));
    }
  }
  return ok_status();
}

const std::vector<Corruption>& demo_corruptions() {
  static const std::vector<Corruption> corruptions{
      {"truncated", "invalid_json", [](std::string e) { return e.substr(0, e.size() / 2); }},
      {"trailing bytes", "invalid_json", [](std::string e) { return e + "}"; }},
      {"invalid UTF-8", "invalid_utf8", [](std::string e) { return with_value(std::move(e), "carrier", "\"\xff\xfe\""); }},
      {"not a number", "invalid_json", [](std::string e) { return with_value(std::move(e), "distance", "NaN"); }},
      {"the same key twice", "duplicate_key", [](std::string e) { return replaced(std::move(e), "{", "{\"flight\":1,"); }},
      {"wrong type", "wrong_type", [](std::string e) { return with_value(std::move(e), "distance", "\"far\""); }},
      {"number out of range", "out_of_range", [](std::string e) { return with_value(std::move(e), "distance", "99999999999"); }},
      {"impossible date", "bad_timestamp",
       [](std::string e) { return with_value(std::move(e), "time_hour", "\"2013-02-30T10:00:00Z\""); }},
      {"missing field", "missing_field", [](std::string e) { return replaced(std::move(e), "\"carrier\"", "\"carier\""); }},
      {"empty", "empty", [](std::string) { return std::string(); }},
  };
  return corruptions;
}

std::string demo_pipeline_file(const std::filesystem::path& data_dir, int http_port, int trino_port) {
  const std::string trino = trino_port == 0 ? "" : "\n[trino]\nurl = \"http://127.0.0.1:" + std::to_string(trino_port) + "\"\n";
  return R"toml([pipeline]
name = "demo"
data_dir = ")toml" + data_dir.string() + R"toml("

[nats]
url = "embedded"

[lake]
url = "file://)toml" + (data_dir / "lake").string() + R"toml("

[clickhouse]
url = "embedded"
database = "demo"

[http]
listen = "127.0.0.1:)toml" + std::to_string(http_port) + R"toml("
)toml" + trino + R"toml(
[[table]]
name = "flights"
stream = "FLIGHTS"
subjects = ["flights.>"]
partition_by = ["origin"]
order_by = ["carrier", "scheduled_at"]
# Flights that never took off have no air time.
sql = "SELECT *, CAST(scheduled_at AS DATE) AS day FROM input WHERE air_time IS NOT NULL"
column = [
  { name = "scheduled_at", type = "timestamp", from = "/time_hour", required = true },
  { name = "carrier", type = "string", required = true },
  { name = "flight", type = "int32", required = true },
  { name = "tailnum", type = "string" },
  { name = "origin", type = "string", from = "subject:2", required = true },
  { name = "dest", type = "string", required = true },
  { name = "dep_delay", type = "int32" },
  { name = "arr_delay", type = "int32" },
  { name = "air_time", type = "int32" },
  { name = "distance", type = "int32", required = true },
]

[[table]]
name = "weather"
stream = "WEATHER"
subjects = ["weather.>"]
partition_by = ["origin"]
order_by = ["measured_at"]
sql = "SELECT *, (temp - 32) * 5 / 9 AS celsius FROM input WHERE temp IS NOT NULL"
column = [
  { name = "measured_at", type = "timestamp", from = "/time_hour", required = true },
  { name = "origin", type = "string", required = true },
  { name = "temp", type = "decimal(6,2)" },
  { name = "wind_speed", type = "float64" },
  { name = "pressure", type = "float64" },
  { name = "visib", type = "float64" },
]
)toml";
}

}  // namespace weir::app
