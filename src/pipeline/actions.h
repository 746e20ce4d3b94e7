#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "batch/slice.h"
#include "pipeline/lake_sink.h"
#include "ports/event_source.h"

// What the coordinator asks for and what it is told: plain values, no IO. The executor turns one action into one event.
namespace weir::pipeline {

using SlicePtr = std::shared_ptr<const Slice>;
using BatchPtr = std::shared_ptr<const MessageBatch>;
using TableIndex = size_t;  ///< Position of the table in the coordinator's options.

enum class SinkKind { kLake, kDeadLetters, kHot };

// --- actions. Those of one lane run one at a time, in the order given; lanes run beside each other.

struct Seek {  ///< Source lane.
  Seq first;
};
struct Read {};  ///< Source lane.
struct Transform {  ///< Source lane.
  TableIndex table;
  BatchPtr batch;
  SeqRange range;
};
struct Release {  ///< Source lane.
  Seq through;
};
struct Resolve {  ///< Lane of the sink: lake and dead letters share one per table, ClickHouse has one per table.
  TableIndex table;
  SinkKind sink;
  Seq lake_position{0};  ///< Where the lake is, as far as is known: a dropped ClickHouse table begins anew there.
};
struct Write {
  TableIndex table;
  SinkKind sink;
  std::vector<SlicePtr> slices;
};
struct CatchUp {  ///< ClickHouse lane: rows of the range from the lake into ClickHouse.
  TableIndex table;
  SeqRange range;
};
struct Settle {  ///< ClickHouse lane: store the position that rides with the next announcement.
  TableIndex table;
};
struct Look {  ///< ClickHouse lane: does it answer, and is the table still the one that was resolved?
  TableIndex table;
};
struct SkipTo {  ///< ClickHouse lane: what it lacks up to here is left to history.
  TableIndex table;
  Seq position;
};
struct Checkpoint {  ///< Lake lane.
  TableIndex table;
};
struct Finish {  ///< Nothing more will be asked. Ok: drained on request, or because a plan ended.
  Status status;
};

using Action = std::variant<Seek, Read, Transform, Release, Resolve, Write, CatchUp, Settle, Look, SkipTo, Checkpoint,
                            Finish>;

// --- events

struct Sought {
  Status status;
};
struct BatchRead {
  Result<BatchPtr> batch;
};
struct Transformed {
  TableIndex table;
  Result<SlicePtr> slice;
};
struct Released {
  Status status;
};
struct Resolved {
  TableIndex table;
  SinkKind sink;
  Result<Seq> position;
  std::optional<RunningCounts> counts;  ///< Lake only.
};
struct Written {
  TableIndex table;
  SinkKind sink;
  Status status;
  Seq position;                         ///< Of the sink afterwards; meaningless on failure.
  std::optional<RunningCounts> counts;  ///< Lake only.
};
struct CaughtUp {
  TableIndex table;
  Status status;
  Seq position;
};
struct Settled {
  TableIndex table;
  Status status;
};
struct Looked {
  TableIndex table;
  Status status;
};
struct Skipped {
  TableIndex table;
  Status status;
  Seq position;  ///< Of ClickHouse afterwards; meaningless on failure.
};
struct Checkpointed {
  TableIndex table;
  Status status;
};
struct Recheck {  ///< Somebody wants ClickHouse looked at again.
  TableIndex table;
  int64_t number;  ///< Grows with every request; TableProgress::rechecked() tells when it is done.
};
struct SkipAhead {  ///< Somebody wants ClickHouse to stop catching up and go on live; a backfill brings the rest.
  TableIndex table;
};
struct Tick {};
struct Drain {};  ///< Stop reading, commit what was read, finish.

using Event = std::variant<Sought, BatchRead, Transformed, Released, Resolved, Written, CaughtUp, Settled, Looked, Skipped,
                           Checkpointed, Recheck, SkipAhead, Tick, Drain>;

}  // namespace weir::pipeline
