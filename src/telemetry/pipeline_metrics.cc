#include "telemetry/pipeline_metrics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "telemetry/metric_names.h"

namespace weir {
namespace {

std::vector<std::string> label_values(std::string_view first, int32_t shard) {
  return {std::string(first), std::to_string(shard)};
}

std::string_view kind_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter: return "counter";
    case MetricKind::kGauge: return "gauge";
    case MetricKind::kHistogram: return "histogram";
  }
  return "";
}

}  // namespace

TableMetrics::TableMetrics(MetricsRegistry& registry, std::string_view table, int32_t shard)
    : events(registry.counter(metric::kEvents, label_values(table, shard))),
      rows(registry.counter(metric::kRows, label_values(table, shard))),
      filtered(registry.counter(metric::kFiltered, label_values(table, shard))),
      dead_letters(registry.counter(metric::kDeadLetters, label_values(table, shard))),
      ignored_fields(registry.counter(metric::kIgnoredFields, label_values(table, shard))),
      queue_bytes(registry.gauge(metric::kQueueBytes, label_values(table, shard))),
      lag_events(registry.gauge(metric::kLagEvents, label_values(table, shard))),
      lag_seconds(registry.gauge(metric::kLagSeconds, label_values(table, shard))),
      stopped(registry.gauge(metric::kStopped, label_values(table, shard))),
      lake_position(registry.gauge(metric::kLakePosition, label_values(table, shard))),
      lake_commits(registry.counter(metric::kLakeCommits, label_values(table, shard))),
      lake_commit_seconds(registry.histogram(metric::kLakeCommitSeconds, label_values(table, shard))),
      lake_freshness_seconds(registry.histogram(metric::kLakeFreshnessSeconds, label_values(table, shard))),
      lake_reconciliations(registry.counter(metric::kLakeReconciliations, label_values(table, shard))),
      hot_position(registry.gauge(metric::kHotPosition, label_values(table, shard))),
      hot_mode(registry.gauge(metric::kHotMode, label_values(table, shard))),
      hot_inserts(registry.counter(metric::kHotInserts, label_values(table, shard))),
      hot_rows(registry.counter(metric::kHotRows, label_values(table, shard))),
      hot_insert_seconds(registry.histogram(metric::kHotInsertSeconds, label_values(table, shard))),
      hot_freshness_seconds(registry.histogram(metric::kHotFreshnessSeconds, label_values(table, shard))),
      hot_reconciliations(registry.counter(metric::kHotReconciliations, label_values(table, shard))) {}

SourceMetrics::SourceMetrics(MetricsRegistry& registry, std::string_view stream, int32_t shard)
    : messages(registry.counter(metric::kSourceMessages, label_values(stream, shard))),
      bytes(registry.counter(metric::kSourceBytes, label_values(stream, shard))),
      reconnects(registry.counter(metric::kSourceReconnects, label_values(stream, shard))) {}

MaintenanceMetrics::MaintenanceMetrics(MetricsRegistry& registry, std::string_view table,
                                       const std::vector<std::string>& step_names)
    : round_seconds(registry.histogram(metric::kMaintainSeconds)),
      active_parts(registry.gauge(metric::kMaintainParts, {std::string(table)})) {
  for (const std::string& step : step_names) {
    const std::vector<std::string> labels{std::string(table), step};
    steps.emplace(step, Step{.removed_files = registry.counter(metric::kMaintainFiles, labels),
                             .failures = registry.counter(metric::kMaintainFailures, labels)});
  }
}

std::string render_metrics_reference() {
  std::string page =
      "# Metrics\n\n"
      "What `GET /metrics` serves, in Prometheus text format. Rendered from `src/telemetry/metric_names.h`; a test "
      "compares\n"
      "the two (run it with `WEIR_UPDATE_DOCS=1` to rewrite this page).\n\n"
      "| metric | kind | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricSpec* spec : metric::kAll) {
    page += fmt::format("| `{}` | {} | {} | {} |\n", spec->name, kind_name(spec->kind),
                        spec->labels.empty() ? "none" : fmt::format("{}", fmt::join(spec->labels, ", ")), spec->help);
  }
  page += fmt::format("\nHistograms of seconds have the buckets {}.\n", fmt::join(metric::kSecondsBuckets, ", "));
  return page;
}

}  // namespace weir
