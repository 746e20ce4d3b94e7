#include "engine/delta_table.h"

#include <arrow/c/abi.h>

#include <nlohmann/json.hpp>

#include "engine/c_data.h"
#include "engine/status_mapping.h"

namespace weir::engine {
namespace {

using nlohmann::json;

// The ABI's borrowed views of our options; valid as long as the options are.
std::vector<weir_txn> raw_txns(const std::vector<Txn>& txns) {
  std::vector<weir_txn> raw;
  raw.reserve(txns.size());
  for (const Txn& txn : txns) raw.push_back({txn.app_id.c_str(), txn.version});
  return raw;
}

std::vector<weir_property> raw_properties(const std::map<std::string, std::string>& properties) {
  std::vector<weir_property> raw;
  raw.reserve(properties.size());
  for (const auto& [key, value] : properties) raw.push_back({key.c_str(), value.c_str()});
  return raw;
}

std::vector<const char*> raw_strings(const std::vector<std::string>& strings) {
  std::vector<const char*> raw;
  raw.reserve(strings.size());
  for (const std::string& text : strings) raw.push_back(text.c_str());
  return raw;
}

weir_commit_options raw_commit(const std::vector<weir_txn>& txns, const std::string& info) {
  return {.txns = txns.data(), .txn_count = txns.size(), .info_json = info.empty() ? nullptr : info.c_str()};
}

// Sets a member of a request to what the caller wrote as JSON.
Status set_json(json& request, const char* member, std::string_view text) {
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return invalid_argument(std::string(member) + " is not JSON: " + std::string(text));
  request[member] = std::move(value);
  return {};
}

Result<std::string> maintain(weir_table& table, const std::string& url, const char* operation, const json& request) {
  std::string options;
  try {
    options = request.dump();
  } catch (const json::exception& e) {
    return invalid_argument(url + ": " + operation + ": the options are not UTF-8: " + e.what());
  }
  CallOutcome outcome;
  std::string text = take_buffer(weir_table_maintain(&table, operation, options.c_str(), outcome.out()));
  if (!outcome.ok()) return outcome.status(url);
  return text;
}

std::vector<std::string> deleted_paths(const json& done) {
  return done.at("files_deleted").get<std::vector<std::string>>();
}

// Runs `read` on the engine's JSON answer; whatever is wrong with it is a defect of ours, not of the caller.
template <typename Read>
auto read_answer(const std::string& text, Read read) -> Result<decltype(read(json()))> {
  try {
    return read(json::parse(text));
  } catch (const json::exception& e) {
    return internal_error("the engine answered in an unexpected way: " + std::string(e.what()));
  }
}

}  // namespace

int64_t Snapshot::version() const { return weir_snapshot_version(handle_.get()); }

Result<std::optional<int64_t>> Snapshot::txn(std::string_view app_id) const {
  const std::string id(app_id);
  int64_t version = 0;
  CallOutcome outcome;
  const bool found = weir_snapshot_txn(handle_.get(), id.c_str(), &version, outcome.out());
  if (!outcome.ok()) return outcome.status("reading the transaction " + id);
  return found ? std::optional(version) : std::nullopt;
}

Result<TableDescription> Snapshot::describe(bool with_files) const {
  CallOutcome outcome;
  const std::string text = take_buffer(weir_snapshot_describe(handle_.get(), with_files, outcome.out()));
  if (!outcome.ok()) return outcome.status("reading the table's log");
  return parse_table_description(text);
}

Result<std::unique_ptr<DeltaTable>> DeltaTable::create(const Engine& engine, const std::string& url,
                                                       const StoreOptions& store, const arrow::Schema& schema,
                                                       const CreateOptions& options) {
  const auto columns = raw_strings(options.partition_columns);
  const auto properties = raw_properties(options.properties);
  const auto txns = raw_txns(options.txns);
  const weir_table_options raw{.partition_columns = columns.data(),
                               .partition_column_count = columns.size(),
                               .properties = properties.data(),
                               .property_count = properties.size(),
                               .txns = txns.data(),
                               .txn_count = txns.size(),
                               .description = options.description.empty() ? nullptr : options.description.c_str()};
  const weir_store_options raw_store{.sync = store.sync};
  ArrowSchema exported{};
  WEIR_RETURN_IF_ERROR(export_schema(schema, &exported));
  CallOutcome outcome;
  Handle<weir_table> handle(
      weir_table_create(engine.handle(), url.c_str(), &raw_store, &exported, &raw, outcome.out()));
  if (!outcome.ok()) return outcome.status("creating " + url);
  return std::unique_ptr<DeltaTable>(new DeltaTable(url, std::move(handle)));
}

Result<std::unique_ptr<DeltaTable>> DeltaTable::open(const Engine& engine, const std::string& url,
                                                     const StoreOptions& store) {
  const weir_store_options raw_store{.sync = store.sync};
  CallOutcome outcome;
  Handle<weir_table> handle(weir_table_open(engine.handle(), url.c_str(), &raw_store, outcome.out()));
  if (!outcome.ok()) return outcome.status("opening " + url);
  return std::unique_ptr<DeltaTable>(new DeltaTable(url, std::move(handle)));
}

Result<std::unique_ptr<Snapshot>> DeltaTable::snapshot(std::optional<int64_t> version) {
  CallOutcome outcome;
  Handle<weir_snapshot> handle(
      weir_table_snapshot(handle_.get(), version.value_or(-1), /*timestamp_ms=*/-1, outcome.out()));
  if (!outcome.ok()) return outcome.status(url_);
  return std::make_unique<Snapshot>(std::move(handle));
}

Result<std::unique_ptr<Snapshot>> DeltaTable::snapshot_at(int64_t unix_ms) {
  if (unix_ms < 0) return invalid_argument(url_ + ": " + std::to_string(unix_ms) + " ms is before 1970");
  CallOutcome outcome;
  Handle<weir_snapshot> handle(weir_table_snapshot(handle_.get(), /*version=*/-1, unix_ms, outcome.out()));
  if (!outcome.ok()) return outcome.status(url_);
  return std::make_unique<Snapshot>(std::move(handle));
}

Result<std::unique_ptr<WrittenFiles>> DeltaTable::write(const std::shared_ptr<arrow::Schema>& schema,
                                                        std::vector<std::shared_ptr<arrow::RecordBatch>> batches,
                                                        const WriteOptions& options) {
  ArrowArrayStream stream{};
  WEIR_RETURN_IF_ERROR(export_batches(schema, std::move(batches), &stream));
  return write_stream(&stream, options);
}

Result<std::unique_ptr<WrittenFiles>> DeltaTable::write(std::shared_ptr<arrow::RecordBatchReader> rows,
                                                        const WriteOptions& options) {
  ArrowArrayStream stream{};
  WEIR_RETURN_IF_ERROR(export_reader(std::move(rows), &stream));
  return write_stream(&stream, options);
}

Result<std::unique_ptr<WrittenFiles>> DeltaTable::write_stream(ArrowArrayStream* rows, const WriteOptions& options) {
  const weir_write_options raw{.target_file_bytes = static_cast<uint64_t>(options.target_file_bytes),
                               .zstd_level = options.zstd_level,
                               .name_prefix = options.name_prefix.empty() ? nullptr : options.name_prefix.c_str()};
  CallOutcome outcome;
  Handle<weir_files> handle(weir_files_write(handle_.get(), rows, &raw, outcome.out()));
  if (!outcome.ok()) return outcome.status("writing data files of " + url_);
  return with_sizes(std::move(handle));
}

Result<std::unique_ptr<WrittenFiles>> DeltaTable::adopt(const std::vector<std::string>& descriptions) {
  const auto texts = raw_strings(descriptions);
  CallOutcome outcome;
  Handle<weir_files> handle(weir_files_adopt(handle_.get(), texts.data(), texts.size(), outcome.out()));
  if (!outcome.ok()) return outcome.status("taking files of " + url_ + " over");
  return with_sizes(std::move(handle));
}

Result<std::string> WrittenFiles::describe() const {
  CallOutcome outcome;
  std::string text = take_buffer(weir_files_describe(handle_.get(), outcome.out()));
  if (!outcome.ok()) return outcome.status("describing data files");
  return text;
}

Result<std::unique_ptr<WrittenFiles>> DeltaTable::with_sizes(Handle<weir_files> handle) const {
  CallOutcome described;
  const std::string text = take_buffer(weir_files_describe(handle.get(), described.out()));
  if (!described.ok()) return described.status(url_);
  WEIR_ASSIGN_OR_RETURN(const auto sizes, read_answer(text, [](const json& files) {
                          return std::pair(files.at("num_rows").get<int64_t>(), files.at("size_bytes").get<int64_t>());
                        }));
  return std::make_unique<WrittenFiles>(std::move(handle), sizes.first, sizes.second);
}

Result<std::unique_ptr<Snapshot>> DeltaTable::commit(const Snapshot& base, const WrittenFiles* files,
                                                     const std::vector<Txn>& txns, std::string_view info_json) {
  const auto raw_list = raw_txns(txns);
  const std::string info(info_json);
  const weir_commit_options raw = raw_commit(raw_list, info);
  CallOutcome outcome;
  Handle<weir_snapshot> handle(
      weir_commit(base.handle(), files == nullptr ? nullptr : files->handle(), &raw, outcome.out()));
  if (!outcome.ok()) return outcome.status("committing to " + url_);
  return std::make_unique<Snapshot>(std::move(handle));
}

Result<std::unique_ptr<Snapshot>> DeltaTable::set_schema(const Snapshot& base, const arrow::Schema& schema,
                                                         const std::vector<Txn>& txns, std::string_view info_json) {
  const auto raw_list = raw_txns(txns);
  const std::string info(info_json);
  const weir_commit_options raw = raw_commit(raw_list, info);
  ArrowSchema exported{};
  WEIR_RETURN_IF_ERROR(export_schema(schema, &exported));
  CallOutcome outcome;
  Handle<weir_snapshot> handle(weir_table_set_schema(handle_.get(), base.handle(), &exported, &raw, outcome.out()));
  if (!outcome.ok()) return outcome.status("changing the schema of " + url_);
  return std::make_unique<Snapshot>(std::move(handle));
}

Result<DeleteResult> DeltaTable::delete_rows(const std::string& predicate_sql, const std::vector<Txn>& txns,
                                             std::string_view info_json) {
  json request = {{"predicate", predicate_sql}, {"txns", json::object()}};
  for (const Txn& txn : txns) request["txns"][txn.app_id] = txn.version;
  if (!info_json.empty()) WEIR_RETURN_IF_ERROR(set_json(request, "info", info_json));
  WEIR_ASSIGN_OR_RETURN(const std::string text, maintain(*handle_, url_, "delete", request));
  return read_answer(text, [](const json& done) {
    const json& rows = done.at("num_deleted_rows");
    return DeleteResult{.version = done.at("version").get<int64_t>(),
                        .rows_deleted = rows.is_null() ? -1 : rows.get<int64_t>()};
  });
}

Result<int64_t> DeltaTable::checkpoint() {
  WEIR_ASSIGN_OR_RETURN(const std::string text, maintain(*handle_, url_, "checkpoint", json::object()));
  return read_answer(text, [](const json& done) { return done.at("version").get<int64_t>(); });
}

Result<OptimizeResult> DeltaTable::optimize(const OptimizeOptions& options) {
  json request = {{"z_order", options.z_order}, {"max_concurrent_tasks", options.max_concurrent_tasks}};
  if (options.target_file_bytes > 0) request["target_size"] = options.target_file_bytes;
  if (!options.partition_filters_json.empty()) {
    WEIR_RETURN_IF_ERROR(set_json(request, "partition_filters", options.partition_filters_json));
  }
  WEIR_ASSIGN_OR_RETURN(const std::string text, maintain(*handle_, url_, "optimize", request));
  return read_answer(text, [](const json& done) {
    return OptimizeResult{.version = done.at("version").get<int64_t>(),
                          .files_added = done.at("num_files_added").get<int64_t>(),
                          .files_removed = done.at("num_files_removed").get<int64_t>()};
  });
}

Result<std::vector<std::string>> DeltaTable::vacuum(const VacuumOptions& options) {
  json request = {{"dry_run", options.dry_run}, {"enforce_retention", options.enforce_retention}};
  if (options.retention_hours) request["retention_hours"] = *options.retention_hours;
  WEIR_ASSIGN_OR_RETURN(const std::string text, maintain(*handle_, url_, "vacuum", request));
  return read_answer(text, deleted_paths);
}

Result<std::vector<std::string>> DeltaTable::clean_log(const CleanLogOptions& options) {
  json request = {{"dry_run", options.dry_run}};
  if (options.retention_hours) request["retention_hours"] = *options.retention_hours;
  WEIR_ASSIGN_OR_RETURN(const std::string text, maintain(*handle_, url_, "clean_log", request));
  return read_answer(text, deleted_paths);
}

}  // namespace weir::engine
