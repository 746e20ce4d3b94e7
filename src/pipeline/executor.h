#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "pipeline/actions.h"
#include "pipeline/dead_letter_sink.h"
#include "pipeline/hot_sink.h"
#include "pipeline/lake_sink.h"
#include "ports/event_source.h"
#include "ports/lake_table.h"
#include "ports/row_transform.h"

namespace weir::pipeline {

/// The adapters of one table. All must outlive the executor.
struct TablePorts {
  RowTransform* transform = nullptr;
  LakeTable* lake_table = nullptr;
  LakeSink* lake = nullptr;
  DeadLetterSink* dead_letters = nullptr;
  HotSink* hot = nullptr;  ///< Null without ClickHouse.
  int32_t shard = 0;
};

/// Does what the coordinator asks for: one action in, one event out, blocking. Actions of different lanes may be executed at
/// the same time (see actions.h), those of one lane may not.
class Executor {
 public:
  Executor(EventSource& source, std::optional<StreamIdentity> identity, std::vector<TablePorts> tables,
           ReadLimits read_limits);

  /// Requires: not Finish.
  [[nodiscard]] Event execute(const Action& action, const std::stop_token& stop);

 private:
  Event do_read(const std::stop_token& stop);
  Event do_resolve(const Resolve& action);
  Event do_write(const Write& action);
  Event do_skip_to(const SkipTo& action);
  Event do_catch_up(const CatchUp& action, const std::stop_token& stop);
  Sink& sink(TableIndex table, SinkKind kind);
  std::optional<RunningCounts> counts(TableIndex table, SinkKind kind);

  EventSource& source_;
  std::optional<StreamIdentity> identity_;  // Source lane. Empty once the source has been told.
  const std::vector<TablePorts> tables_;
  const ReadLimits read_limits_;
};

}  // namespace weir::pipeline
