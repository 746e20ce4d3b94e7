#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backfill/job.h"
#include "base/status.h"
#include "engine/object_store.h"

namespace weir::backfill {

/// The jobs of a lake: `_weir/jobs/<table>/<number, 20 digits>/{spec,progress,control}.json`. A spec is put once and
/// never changed; the other two are overwritten, progress by the executor and control by commands. Job n can be made
/// only when job n - 1 has ended: that is how two backfills of one table exclude each other, wherever they were
/// started. Thread-safe.
class JobStore {
 public:
  explicit JobStore(engine::ObjectStore objects) : objects_(std::move(objects)) {}

  /// Makes the table's next job from `spec` (its number is set here). kAlreadyExists: another job has not ended; the
  /// message names it, its state, and the commands that watch, resume or cancel it, where `file` is the pipeline file.
  [[nodiscard]] Result<JobRecord> create(JobSpec spec, const JobControl& control, const std::string& file) const;

  /// Every job of the table, by number.
  [[nodiscard]] Result<std::vector<JobRecord>> list(std::string_view table) const;

  /// The table's last job; empty when it never had one.
  [[nodiscard]] Result<std::optional<JobRecord>> last(std::string_view table) const;

  /// kNotFound: there is no such job.
  [[nodiscard]] Result<JobRecord> read(std::string_view table, int64_t number) const;

  [[nodiscard]] Status put_progress(const JobSpec& spec, const JobProgress& progress) const;
  [[nodiscard]] Status put_control(const JobSpec& spec, const JobControl& control) const;

 private:
  [[nodiscard]] Result<std::vector<int64_t>> numbers(std::string_view table) const;

  engine::ObjectStore objects_;
};

}  // namespace weir::backfill
