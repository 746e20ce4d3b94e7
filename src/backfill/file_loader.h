#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "backfill/file_reader.h"
#include "base/clock.h"
#include "base/retry.h"
#include "pipeline/dead_letter_sink.h"
#include "pipeline/lake_sink.h"
#include "ports/row_transform.h"

namespace weir::backfill {

struct FileLoaderOptions {
  std::string table;
  int32_t shard = -1;                     ///< Of the file: below 0.
  Epoch epoch;
  int64_t commit_bytes = 64 << 20;        ///< One commit holds about this much, as rows in memory.
  ReadLimits read{.messages_max = 20'000};
  int64_t rows_per_second = 0;            ///< Throttle; 0: none.
  int attempts_max = 10;                  ///< Of one commit, while the store does not answer.
  RetryPolicy retry;
};

/// What a loader works on; all borrowed.
struct FileLoaderPorts {
  FileReader& reader;
  RowTransform& transform;
  LakeTable& rows;
  LakeTable& dead_letters;
  pipeline::DeadLetterSink::RejectRows reject_rows;
  std::function<Status()> may_commit;                            ///< Asked before each commit; anything but ok ends the load.
  std::function<void(Seq position, int64_t bytes_read)> moved;  ///< After each batch; may be empty.
};

/// Rows of one file into the lake, exactly once, through the sinks that live events go through: the file is a shard of its
/// own, its rows are the sequences, and the position is in the table. So a load that was interrupted anywhere goes on
/// behind the position. One thread.
class FileLoader {
 public:
  FileLoader(FileLoaderPorts ports, FileLoaderOptions options);

  /// Fences older loaders of the shard out and returns how far the file is in. kFenced: a newer loader has it.
  [[nodiscard]] Result<Seq> take_over();

  /// Loads what is behind the position. kShuttingDown when stopped, after a last commit; otherwise the first failure that
  /// repeating does not mend. Requires: take_over().
  [[nodiscard]] Status run(const std::stop_token& stop);

  [[nodiscard]] Seq position() const { return lake_.position(); }
  /// At or above position() when a load was interrupted between the two commits.
  [[nodiscard]] Seq dead_letter_position() const { return dead_letters_.position(); }
  [[nodiscard]] const pipeline::RunningCounts& counts() const { return lake_.counts(); }
  [[nodiscard]] int64_t commits() const { return commits_; }

 private:
  Status take(const MessageBatch& batch);
  Status add_slice(const MessageBatch& batch, SeqRange range);
  Status commit(const std::stop_token& stop);
  Status write_once();
  Status resolve(Seq last);
  void throttle(const std::stop_token& stop);

  const FileLoaderPorts ports_;
  const FileLoaderOptions options_;
  pipeline::DeadLetterSink dead_letters_;
  pipeline::LakeSink lake_;
  std::vector<std::shared_ptr<const Slice>> pending_;
  int64_t pending_bytes_ = 0;
  int64_t rows_read_ = 0;
  int64_t commits_ = 0;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace weir::backfill
