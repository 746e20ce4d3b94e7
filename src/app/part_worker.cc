#include "app/part_worker.h"

#include <chrono>
#include <utility>
#include <vector>

#include "app/live_transform.h"
#include "app/services.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "cluster/committable_store.h"
#include "lake/dead_letter_table.h"
#include "lake/lake_layout.h"
#include "nats/read_range.h"
#include "nats/stream_source.h"

namespace weir::app {
namespace {

// Of rows and of rejects, in memory, before they become files.
constexpr int64_t kHeldBytesMax = 64 << 20;
// How long the stream may have nothing for us before the part is given up.
constexpr std::chrono::seconds kPatience{30};

PipelineConfig config_of(const cluster::StreamJob& job) {
  PipelineConfig config;
  config.pipeline.name = job.pipeline;
  config.nats = job.nats;
  config.lake = job.lake;
  return config;
}

/// Slices on their way into files of one part.
class PartFiles {
 public:
  PartFiles(LakeTable& table, LakeTable& dead_letters, const cluster::StreamJob& job, cluster::Committable* committable)
      : table_(table), dead_letters_(dead_letters), job_(job), committable_(*committable) {}

  Status add(const Slice& slice) {
    committable_.events += slice.events;
    committable_.filtered += slice.filtered;
    committable_.staged.rejects += slice.reject_count();
    if (committable_.first_time_us == 0) committable_.first_time_us = slice.first_time_us;
    if (slice.last_event.value > 0) {
      committable_.last_event = slice.last_event;
      committable_.last_time_us = slice.last_time_us;
    }
    if (slice.row_count() > 0) rows_.push_back(slice.rows);
    rejects_.insert(rejects_.end(), slice.rejects.begin(), slice.rejects.end());
    held_bytes_ += slice.bytes;
    return held_bytes_ > kHeldBytesMax ? flush() : ok_status();
  }

  Status flush() {
    held_bytes_ = 0;
    if (!rows_.empty()) WEIR_RETURN_IF_ERROR(write(table_, std::exchange(rows_, {}), &committable_.staged.files));
    if (rejects_.empty()) return ok_status();
    std::vector<const Reject*> rejects;
    for (const Reject& reject : rejects_) rejects.push_back(&reject);
    WEIR_ASSIGN_OR_RETURN(const auto letters, lake::reject_batch(job_.plan.table, job_.shard, rejects));
    rejects_.clear();
    return write(dead_letters_, {letters}, &committable_.staged.reject_files);
  }

 private:
  static Status write(LakeTable& table, const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows,
                      std::vector<std::string>* descriptions) {
    WEIR_ASSIGN_OR_RETURN(const auto files, table.write_files(rows));
    WEIR_ASSIGN_OR_RETURN(descriptions->emplace_back(), files->describe());
    return ok_status();
  }

  LakeTable& table_;
  LakeTable& dead_letters_;
  const cluster::StreamJob& job_;
  cluster::Committable& committable_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> rows_;
  std::vector<Reject> rejects_;
  int64_t held_bytes_ = 0;
};

}  // namespace

Result<std::shared_ptr<nats::Connection>> PartWorker::connection(const PipelineConfig& config) {
  const NatsSection& nats = config.nats;
  const auto variable = [](const std::optional<SecretVariable>& secret) { return secret ? secret->name : std::string(); };
  const std::vector<std::string> key{config.pipeline.name, nats.url,      nats.credentials_file, nats.user,   variable(nats.password),
                                     variable(nats.token), nats.tls_ca, nats.tls_cert,         nats.tls_key};
  std::lock_guard lock(mutex_);
  auto& connection = connections_[key];
  // One that was refused stays closed, though what was refused may be right by now.
  if (connection == nullptr || connection->check().code() == StatusCode::kPermissionDenied) {
    connection = nullptr;
    WEIR_ASSIGN_OR_RETURN(connection, open_nats(config, ""));
  }
  return connection;
}

Status PartWorker::work(const std::string& spec, const std::string& part, const std::function<bool()>& stopped) {
  WEIR_ASSIGN_OR_RETURN(const cluster::StreamJob job, cluster::stream_job_from_json(spec));
  cluster::Committable committable;
  WEIR_ASSIGN_OR_RETURN(committable.part, cluster::part_from_json(part));
  committable.execution = cluster::new_id();
  committable.failure = fill(job, stopped, &committable);
  if (committable.failure.code() == StatusCode::kShuttingDown) return committable.failure;
  if (!committable.failure.ok()) {
    log_.warn("a part failed", {{"table", job.plan.table},
                                {"range", to_string(committable.part.range)},
                                {"reason", committable.failure.to_string()}});
  }
  crash_point("part_written");
  cluster::LakeCommittables committables(lake_objects(engine_, config_of(job)),
                                         lake::committable_folder(job.plan.table, job.shard));
  WEIR_RETURN_IF_ERROR(committables.put(job.id, committable));
  crash_point("part_stored");
  return ok_status();
}

Status PartWorker::fill(const cluster::StreamJob& job, const std::function<bool()>& stopped,
                        cluster::Committable* committable) {
  const PipelineConfig config = config_of(job);
  const SeqRange range = committable->part.range;
  const lake::TableOwner owner{.pipeline = job.pipeline, .stream = job.stream, .shards = job.shards};
  WEIR_ASSIGN_OR_RETURN(const auto table, lake::DeltaLakeTable::open(engine_, lake_options(config),
                                                                     lake::rows_definition(job.plan, owner, Seq{1})));
  WEIR_ASSIGN_OR_RETURN(const auto dead_letters,
                        lake::DeltaLakeTable::open(engine_, lake_options(config),
                                                   lake::dead_letter_definition(job.pipeline, job.plan.table)));
  transform::TableTransformOptions making{.shard = job.shard, .takes_subject = {}, .sql = {}};
  making.new_columns_max = job.new_columns_max;
  making.ignored = [&](const IgnoredField& field) {
    {
      std::lock_guard lock(mutex_);
      if (!told_fields_.insert(job.plan.table + "." + field.name).second) return;
    }
    log_.warn("a field gets no column and is ignored",
              {{"table", job.plan.table}, {"field", field.name}, {"reason", field.reason}});
  };
  WEIR_ASSIGN_OR_RETURN(const auto transform,
                        make_transform(engine_, std::make_shared<const Plan>(job.plan), job.subjects, std::move(making)));
  WEIR_ASSIGN_OR_RETURN(const auto nats, connection(config));
  nats::SourceOptions options;
  options.stream = job.stream;
  options.subjects = job.subjects;
  options.base = job.base;
  WEIR_ASSIGN_OR_RETURN(const auto source, nats::StreamSource::create(*nats, system_clock(), std::move(options)));
  WEIR_RETURN_IF_ERROR(source->seek(range.first, StreamIdentity{.created_us = job.created_us}));

  PartFiles files(*table, *dead_letters, job, committable);
  const auto take = [&](const MessageBatch& batch, SeqRange piece) -> Result<bool> {
    WEIR_ASSIGN_OR_RETURN(const auto slice, transform.table->apply(batch, piece));
    WEIR_RETURN_IF_ERROR(files.add(*slice));
    if (!slice->ends_plan) return true;
    committable->ends_plan_after = slice->range.last;
    committable->new_columns = transform.table->new_columns();
    return false;
  };
  WEIR_RETURN_IF_ERROR(nats::read_range(*source, range, kPatience, stopped, take));
  return files.flush();
}

}  // namespace weir::app
