#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/services.h"
#include "app/shard.h"
#include "backfill/progress.h"
#include "config/pipeline_config.h"
#include "nats/jetstream_api.h"

namespace weir::app {

/// What filling a table from its stream would read. Sequences are the stores', with the incarnation's base.
struct StreamFillPlan {
  nats::StreamInfo stream;
  SeqRange range;                        ///< Not yet in the table; empty: it has everything.
  bool table_exists = false;
  pipeline::RunningCounts counts;        ///< What the table has.
  std::optional<int64_t> bytes;          ///< Of the whole stream, as the server counts.
};

/// Asks NATS and the lake; changes nothing. `section` with its rows resolved. kNotFound: there is no such stream.
[[nodiscard]] Result<StreamFillPlan> plan_stream_fill(const engine::Engine& engine, const PipelineConfig& config,
                                                      const TableSection& section);

struct StreamFillOptions {
  std::function<bool()> stopping;                           ///< True once a signal came. Polled.
  std::function<void(const backfill::Progress&)> progress;  ///< A few times a second, in events. May be empty.
};

struct StreamFillReport {
  Seq position{0};  ///< Everything of the stream up to here is in the table.
  pipeline::RunningCounts counts;
};

/// Fills one table from its stream, beside a process that may be running the stream's other tables: the same source,
/// transform and sinks as live, without ClickHouse, under a lease of the table's own. The table is registered with its
/// position before the first event is read. Done when what the stream got meanwhile is too little to matter; whoever runs the
/// table next goes on exactly behind the position. May be interrupted anywhere and called again.
class StreamFill {
 public:
  /// Starts the services; `config` must have the table's rows resolved. kInvalidArgument: no such table in the file, or it
  /// follows another table. Telemetry must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<StreamFill>> open(const PipelineConfig& config, const std::string& table,
                                                                Telemetry telemetry, StreamFillOptions options);

  /// kConflict: a running process feeds or fills the table. kFenced: one took it over meanwhile; it goes on from there.
  /// kDataLoss: the stream lost events that the table lacks (G9). kUnavailable: asked to stop before the end.
  [[nodiscard]] Result<StreamFillReport> run();

 private:
  StreamFill(PipelineConfig config, Telemetry telemetry, StreamFillOptions options);

  [[nodiscard]] Status refuse_when_fed();
  [[nodiscard]] Result<std::optional<Epoch>> epoch_in_lake() const;
  [[nodiscard]] Result<int64_t> round();
  void watch(Shard& shard, const std::stop_token& done);

  const PipelineConfig config_;  // Of this table alone, without ClickHouse.
  Telemetry telemetry_;
  const StreamFillOptions options_;
  std::unique_ptr<Services> services_;
  StreamFillReport report_;
  bool interrupted_ = false;
  NewColumns new_columns_;  // Asked for by the last round's events.
};

}  // namespace weir::app
