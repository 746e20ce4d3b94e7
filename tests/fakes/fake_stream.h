#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/event_source.h"
#include "ports/row_transform.h"
#include "tests/fakes/faults.h"

namespace weir::fakes {

/// What an event becomes under the fake plan.
enum class EventKind : char { kRow = 'r', kReject = 'x', kFiltered = 'f', kHole = '-' };

/// A stream whose sequence s (from 1) holds events[s - 1]; shared by the processes of a test.
struct StreamHistory {
  std::vector<EventKind> events;
  Seq released{0};  ///< Highest release ever asked for.
};

/// A limits stream with fault knobs.
class FakeEventSource final : public EventSource {
 public:
  /// `batch_length` draws how many sequences the next read covers.
  FakeEventSource(StreamHistory& history, Faults faults, std::function<int64_t()> batch_length)
      : history_(history), faults_(std::move(faults)), batch_length_(std::move(batch_length)) {}

  Status seek(Seq first, const std::optional<StreamIdentity>& identity) override;
  Result<std::unique_ptr<MessageBatch>> next(const ReadLimits& limits, std::stop_token stop) override;
  Status release_through(Seq seq) override;
  Result<StreamState> state() override;

 private:
  StreamHistory& history_;
  Faults faults_;
  const std::function<int64_t()> batch_length_;
  Seq next_{1};
};

/// One event, one row (`_seq`, `_row`), or what its kind says.
class FakeRowTransform final : public RowTransform {
 public:
  Result<std::shared_ptr<const Slice>> apply(const MessageBatch& batch, SeqRange range) override;
};

/// Rows with the two identity columns that the sinks look at.
[[nodiscard]] std::shared_ptr<arrow::RecordBatch> rows_of(const std::vector<RowId>& ids);

}  // namespace weir::fakes
