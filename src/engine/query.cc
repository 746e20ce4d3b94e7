#include "engine/query.h"

#include <arrow/c/abi.h>

#include "engine/c_data.h"
#include "engine/status_mapping.h"

namespace weir::engine {

Result<std::shared_ptr<arrow::RecordBatchReader>> query(const Engine& engine, const std::vector<QueryTable>& tables,
                                                        const std::string& sql, const Cluster* cluster) {
  // Reserved, so that the pointers into `paths` stay.
  std::vector<std::vector<const char*>> paths;
  paths.reserve(tables.size());
  std::vector<weir_query_table> raw;
  raw.reserve(tables.size());
  for (const QueryTable& table : tables) {
    weir_query_table& entry = raw.emplace_back(weir_query_table{
        .name = table.name.c_str(), .snapshot = table.snapshot->handle(), .files = nullptr, .file_count = 0});
    if (!table.files) continue;
    std::vector<const char*>& files = paths.emplace_back();
    for (const std::string& path : *table.files) files.push_back(path.c_str());
    entry.file_count = files.size();
    files.push_back(nullptr);  // No files are not all files: the pointer must not be null.
    entry.files = files.data();
  }
  weir_cluster on{};
  if (cluster != nullptr) {
    on = {.scheduler_url = cluster->scheduler_url.c_str(),
          .tasks = cluster->tasks,
          .timeout_seconds = static_cast<uint32_t>(cluster->timeout.count())};
  }
  ArrowArrayStream stream{};
  CallOutcome outcome;
  weir_query(engine.handle(), raw.data(), raw.size(), sql.c_str(), cluster != nullptr ? &on : nullptr, &stream,
             outcome.out());
  if (!outcome.ok()) return outcome.status("query");
  return import_reader(&stream);
}

}  // namespace weir::engine
