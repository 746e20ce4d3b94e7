#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/erasure.h"
#include "audit/table_audit.h"
#include "base/ids.h"
#include "base/status.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"

namespace weir::app {

struct AuditRunOptions {
  std::string table;            ///< Only this one; empty: all.
  std::optional<Seq> from_seq;  ///< Only these sequences.
  std::optional<Seq> to_seq;
  bool stream = true;           ///< Compare with the stream where it still holds events.
  std::function<void(const std::string&)> progress = {};  ///< What is looked at now. May be empty.
};

/// Audits the tables of a pipeline, whether it runs or not. Connects to what the file names; embedded servers that do not
/// run are started. Changes nothing. An error names the store that did not answer; tables that were never made are left
/// out, and asking for one by name is kNotFound.
[[nodiscard]] Result<std::vector<audit::TableReport>> run_audit(const engine::Engine& engine,
                                                                const PipelineConfig& config,
                                                                const AuditRunOptions& options);

struct EraseOptions {
  std::string table;
  std::string where;   ///< SQL predicate on one row.
  std::string reason;  ///< Kept on record.
  bool dry_run = false;
};

/// Deletes rows of one table on request, in the lake and in ClickHouse; audit::erase_rows() says how and what fails.
[[nodiscard]] Result<audit::ErasureOutcome> run_erasure(const engine::Engine& engine, const PipelineConfig& config,
                                                        const EraseOptions& options);

}  // namespace weir::app
