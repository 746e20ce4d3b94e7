#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/row_digest.h"
#include "base/clock.h"
#include "batch/slice.h"
#include "engine/engine.h"
#include "engine/sql_plan.h"
#include "lake/plan_store.h"
#include "nats/connection.h"
#include "nats/source_options.h"
#include "schema/table_schema.h"
#include "transform/table_transform.h"

namespace weir::audit {

struct StreamReplayOptions {
  nats::SourceOptions source;         ///< Stream, shard, base of the incarnation; subjects: those of the table.
  std::shared_ptr<const Plan> plan;   ///< In force now: its columns are what is hashed.
  std::chrono::seconds patience{30};  ///< No event for so long, though there must be: kUnavailable.
};

/// Makes the rows and dead letters of a table once more from the events that its stream still holds, each sequence by the
/// plan that is in force there. Nothing is written anywhere. `connection`, `clock` and `engine` must outlive it. One thread
/// at a time.
class StreamReplay {
 public:
  StreamReplay(const nats::Connection& connection, const Clock& clock, const engine::Engine& engine,
               lake::PlanStore plans, StreamReplayOptions options);
  ~StreamReplay();

  /// What one replayed range came to.
  struct Output {
    std::span<const Message> messages;  ///< Of the range; of the table and of others.
    std::vector<RowPrint> rows;
    std::vector<RowPrint> letters;
  };

  /// Reads `range` in order and hands over what each part of it came to. kDataLoss: the stream no longer holds it.
  [[nodiscard]] Status each(SeqRange range, const std::function<Status(const Output&)>& take);

  /// Hashes of single columns of one row, as DigestedRows says; of a dead letter when `letter`.
  [[nodiscard]] Result<std::vector<std::vector<uint64_t>>> column_hashes(RowId id, bool letter);

 private:
  struct Transform;

  [[nodiscard]] Status transform_batch(const MessageBatch& batch, SeqRange range,
                                       const std::function<Status(const Output&)>& take);
  [[nodiscard]] Result<Transform*> transform_at(Seq seq);

  const nats::Connection& connection_;
  const Clock& clock_;
  const engine::Engine& engine_;
  const lake::PlanStore plans_;
  const StreamReplayOptions options_;
  std::optional<std::vector<lake::PlanChange>> changes_;
  std::map<std::string, std::unique_ptr<Transform>> transforms_;  // By plan id.
};

/// Rows, or dead letters, of a replayed stream. Digests of dead letters fall off when the rows are digested, and are kept.
class StreamRows final : public DigestedRows {
 public:
  /// `replay` must outlive it.
  explicit StreamRows(StreamReplay& replay) : replay_(replay) {}

  /// Digests of the dead letters over the scopes that were digested. Requires the same scopes and width to be asked for.
  [[nodiscard]] std::unique_ptr<DigestedRows> letters();

  Result<std::vector<RowDigest>> digests(const RowScope& scope, int64_t width) override;
  Result<std::vector<RowPrint>> prints(const RowScope& scope) override;
  Result<std::vector<std::vector<uint64_t>>> column_hashes(int32_t shard, RowId id) override;
  [[nodiscard]] bool may_forget() const override { return true; }
  [[nodiscard]] bool forgot(RowId id) const override;

 private:
  class Letters;

  struct Digests {
    std::vector<RowDigest> rows;
    std::vector<RowDigest> letters;
  };

  [[nodiscard]] Result<Digests> replay_digests(const RowScope& scope, int64_t width);
  [[nodiscard]] Result<std::vector<RowPrint>> replay_prints(const RowScope& scope, bool letters);

  StreamReplay& replay_;
  std::map<std::pair<int64_t, int64_t>, std::vector<RowDigest>> letters_;  // By first sequence and width.
  std::vector<Seq> events_;  // Sequences with an event, of the last prints().
};

/// Columns of `_dead_letters` that a replay must make again exactly: all but the words of the reason.
[[nodiscard]] const std::vector<std::string>& hashed_letter_columns();

}  // namespace weir::audit
