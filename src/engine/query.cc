#include "engine/query.h"

#include <arrow/c/abi.h>

#include "engine/c_data.h"
#include "engine/status_mapping.h"

namespace weir::engine {

Result<std::shared_ptr<arrow::RecordBatchReader>> query(const Engine& engine, const std::vector<QueryTable>& tables,
                                                        const std::string& sql) {
  std::vector<weir_query_table> raw;
  raw.reserve(tables.size());
  for (const QueryTable& table : tables) raw.push_back({table.name.c_str(), table.snapshot->handle()});
  ArrowArrayStream stream{};
  CallOutcome outcome;
  weir_query(engine.handle(), raw.data(), raw.size(), sql.c_str(), &stream, outcome.out());
  if (!outcome.ok()) return outcome.status("query");
  return import_reader(&stream);
}

}  // namespace weir::engine
