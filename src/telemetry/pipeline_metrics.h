#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/metrics.h"

namespace weir {

/// The series of one table and shard, every one present (at 0) from the start. Cheap to copy, thread-safe, valid as
/// long as the registry.
struct TableMetrics {
  TableMetrics(MetricsRegistry& registry, std::string_view table, int32_t shard);

  Counter events;
  Counter rows;
  Counter filtered;
  Counter dead_letters;
  Counter ignored_fields;
  Gauge queue_bytes;
  Gauge lag_events;
  Gauge lag_seconds;
  Gauge stopped;

  Gauge lake_position;
  Counter lake_commits;
  Histogram lake_commit_seconds;
  Histogram lake_freshness_seconds;
  Counter lake_reconciliations;

  Gauge hot_position;
  Gauge hot_mode;  ///< The value of HotMode in http/status_snapshot.h: 0 none, 1 detached, 2 catching up, 3 live.
  Counter hot_inserts;
  Counter hot_rows;
  Histogram hot_insert_seconds;
  Histogram hot_freshness_seconds;
  Counter hot_reconciliations;
};

/// The series of one reader: stream and shard. Cheap to copy, thread-safe, valid as long as the registry.
struct SourceMetrics {
  SourceMetrics(MetricsRegistry& registry, std::string_view stream, int32_t shard);

  Counter messages;
  Counter bytes;
  Counter reconnects;
};

/// The series of one table's upkeep. Cheap to copy, thread-safe, valid as long as the registry.
struct MaintenanceMetrics {
  struct Step {
    Counter removed_files;
    Counter failures;
  };

  /// `step_names`: as the label's values.
  MaintenanceMetrics(MetricsRegistry& registry, std::string_view table, const std::vector<std::string>& step_names);

  Histogram round_seconds;  ///< Of all tables together.
  Gauge active_parts;
  std::map<std::string, Step> steps;
};

/// docs/metrics.md: every metric with kind, labels and meaning.
[[nodiscard]] std::string render_metrics_reference();

}  // namespace weir
