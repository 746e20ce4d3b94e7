#include "config/config_change.h"

namespace weir {

std::vector<std::string> changed_sections(const PipelineConfig& before, const PipelineConfig& after) {
  std::vector<std::string> changed;
  const auto compare = [&](const char* name, const auto& a, const auto& b) {
    if (!(a == b)) changed.emplace_back(name);
  };
  compare("pipeline", before.pipeline, after.pipeline);
  compare("nats", before.nats, after.nats);
  compare("lake", before.lake, after.lake);
  compare("clickhouse", before.clickhouse, after.clickhouse);
  compare("engine", before.engine, after.engine);
  compare("http", before.http, after.http);
  compare("trino", before.trino, after.trino);
  compare("limits", before.limits, after.limits);
  return changed;
}

bool table_changed(const TableSection& before, const TableSection& after) {
  return before.plan.id() != after.plan.id() || before.stream != after.stream || before.subjects != after.subjects ||
         before.shards != after.shards || before.clickhouse_retention != after.clickhouse_retention;
}

}  // namespace weir
