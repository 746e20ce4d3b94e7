#include "app/file_load.h"

#include <algorithm>
#include <utility>

#include "app/file_lease.h"
#include "app/start_position.h"
#include "backfill/file_input.h"
#include "backfill/file_loader.h"
#include "backfill/file_transform.h"
#include "engine/sql_plan.h"
#include "lake/dead_letter_table.h"
#include "lake/incarnation_store.h"
#include "lake/plan_store.h"
#include "nats/stream_admin.h"

namespace weir::app {
namespace {

constexpr int64_t kCommitBytesMax = int64_t{64} << 20;
// Many files are many commits; without checkpoints every later snapshot would read them all.
constexpr int kFilesPerCheckpoint = 10;

bool is_to_do(const FileEntry& file) { return file.state == FileState::kNew || file.state == FileState::kBegun; }

// Opens the rows' table, or creates it just as `weir run` would: with the live shards' positions before the first event
// that the table wants.
Result<std::unique_ptr<lake::DeltaLakeTable>> open_rows(Services& services, const PipelineConfig& config,
                                                        const TableSection& section) {
  const lake::TableOwner owner{.pipeline = config.pipeline.name, .stream = section.stream, .shards = section.shards};
  lake::TableDefinition definition = lake::rows_definition(section.plan, owner, Seq{1});
  definition.crash_points = true;
  auto opened = lake::DeltaLakeTable::open(*services.engine, lake_options(config), definition);
  if (opened.status().code() != StatusCode::kNotFound) return opened;
  WEIR_ASSIGN_OR_RETURN(const auto admin, nats::StreamAdmin::open(*services.nats));
  const auto stream = admin.info(section.stream);
  if (stream.status().code() == StatusCode::kNotFound) {
    return not_found("the table does not exist yet, and neither does its stream " + section.stream +
                     ", where its live events will begin: create it (`nats stream add " + section.stream + "`)");
  }
  WEIR_RETURN_IF_ERROR(stream.status());
  const lake::IncarnationStore incarnations(lake_objects(*services.engine, config));
  WEIR_ASSIGN_OR_RETURN(const auto incarnation, incarnations.current(section.stream));
  WEIR_ASSIGN_OR_RETURN(const int64_t first, first_stream_sequence(*services.nats, *stream, section.start));
  definition = lake::rows_definition(section.plan, owner, Seq{first + (incarnation ? incarnation->base : 0)});
  definition.crash_points = true;
  return lake::DeltaLakeTable::open_or_create(*services.engine, lake_options(config), std::move(definition));
}

class FileLoad {
 public:
  FileLoad(const PipelineConfig& config, const TableSection& section, const FileLoadOptions& options,
           Telemetry telemetry, const std::stop_token& stop, std::vector<FileEntry>* files)
      : config_(config), plan_(section.plan), section_(section), options_(options), telemetry_(telemetry), stop_(stop),
        files_(*files) {}

  Status run() {
    WEIR_RETURN_IF_ERROR(open());
    for (const FileEntry& file : files_) {
      if (is_to_do(file)) progress_.bytes_total = progress_.bytes_total.value_or(0) + file.size_bytes;
    }
    for (FileEntry& file : files_) {
      if (!is_to_do(file)) continue;
      if (stop_.stop_requested()) return shutting_down("stopped before " + file.path);
      const Status loaded = load(&file);
      if (loaded.code() == StatusCode::kFenced) return loaded.with_context("table " + plan_.table);
      if (loaded.code() == StatusCode::kShuttingDown) return loaded.with_context(file.path);
      if (!loaded.ok()) {
        file.state = file.state == FileState::kNew ? FileState::kRefused : FileState::kFailed;
        file.reason = loaded.message();
        telemetry_.log.error("file not loaded", {{"file", file.path}, {"reason", loaded.to_string()}});
      }
      before_this_.rows_done += file.outcome.rows_read;
      before_this_.bytes_done += file.size_bytes;
      if (++files_done_ % kFilesPerCheckpoint == 0) checkpoint();
    }
    checkpoint();
    return ok_status();
  }

 private:
  Status open() {
    PipelineConfig without_clickhouse = config_;
    without_clickhouse.clickhouse.reset();
    auto services = open_services(without_clickhouse, telemetry_);
    if (!services.ok()) {
      return services.status().with_context("loading files needs the lake, and NATS for the lease that keeps two "
                                            "loaders of a table apart");
    }
    services_ = std::move(*services);
    registry_.emplace(lake_objects(*services_->engine, config_));
    WEIR_ASSIGN_OR_RETURN(rows_, open_rows(*services_, config_, section_));
    WEIR_ASSIGN_OR_RETURN(
        dead_letters_, lake::DeltaLakeTable::open_or_create(*services_->engine, lake_options(config_),
                                                            lake::dead_letter_definition(config_.pipeline.name,
                                                                                         plan_.table)));
    if (!plan_.sql.empty()) {
      WEIR_ASSIGN_OR_RETURN(sql_, engine::SqlPlan::compile(*services_->engine, input_arrow_schema(plan_), plan_.sql));
    }
    WEIR_ASSIGN_OR_RETURN(const Epoch at_least, highest_epoch());
    WEIR_ASSIGN_OR_RETURN(lease_, FileLease::take(*services_, config_, telemetry_, plan_.table, at_least, stop_));
    return ok_status();
  }

  // Above everything the stores have seen of the files that are not in yet, should NATS have lost its part.
  Result<Epoch> highest_epoch() {
    Epoch highest{0};
    WEIR_ASSIGN_OR_RETURN(const auto unfinished, registry_->unfinished(plan_.table));
    for (lake::DeltaLakeTable* table : {rows_.get(), dead_letters_.get()}) {
      WEIR_ASSIGN_OR_RETURN(const auto snapshot, table->snapshot());
      for (const lake::FileRecord& file : unfinished) {
        WEIR_ASSIGN_OR_RETURN(const auto epoch, snapshot->txn(position_app_id(plan_.table, file.shard) + "/epoch"));
        highest = std::max(highest, Epoch{epoch.value_or(0)});
      }
    }
    return highest;
  }

  Status load(FileEntry* file) {
    WEIR_ASSIGN_OR_RETURN(const auto input, backfill::FileInput::open(file->path));
    WEIR_ASSIGN_OR_RETURN(const std::string digest, input->digest(stop_));
    if (digest != file->digest) {
      return data_loss("changed since it was looked at (digest " + file->digest + ", now " + digest +
                       "): nothing of it was written by this run; run again to load what it is now");
    }
    WEIR_ASSIGN_OR_RETURN(const lake::FileRecord record,
                          registry_->add(plan_.table, {.digest = digest,
                                                       .path = file->path,
                                                       .format = std::string(to_string(options_.format)),
                                                       .size_bytes = file->size_bytes,
                                                       .time_us = telemetry_.clock.unix_us()}));
    file->shard = record.shard;
    const auto outcome = registry_->outcome(plan_.table, digest);
    if (outcome.ok()) {  // Another loader was faster while we waited for the lease.
      file->state = FileState::kLoaded;
      file->known_before = true;
      file->outcome = *outcome;
      return ok_status();
    }
    if (outcome.status().code() != StatusCode::kNotFound) return outcome.status();
    return load_rows(*input, record, file);
  }

  Status load_rows(const backfill::FileInput& input, const lake::FileRecord& record, FileEntry* file) {
    // By the name under which it was registered, so that it reads the same when the file was moved since.
    const backfill::FileOrigin origin{.subject = record.path.substr(record.path.rfind('/') + 1),
                                      .time_us = record.time_us};
    WEIR_ASSIGN_OR_RETURN(const auto reader, backfill::open_file_reader(options_.format, input, plan_, origin));
    transform::SqlRun sql;
    if (sql_ != nullptr) sql = [this](const std::shared_ptr<arrow::RecordBatch>& rows) { return sql_->run(*rows); };
    WEIR_ASSIGN_OR_RETURN(const auto transform, backfill::FileTransform::create(plan_, record.shard, std::move(sql)));
    backfill::FileLoader loader(ports(input, record, *reader, *transform),
                                {.table = plan_.table,
                                 .shard = record.shard,
                                 .epoch = lease_->epoch(),
                                 .commit_bytes = std::min(kCommitBytesMax, config_.lake.target_file_bytes),
                                 .rows_per_second = options_.rows_per_second,
                                 .retry = {}});
    WEIR_RETURN_IF_ERROR(loader.take_over().status());
    WEIR_RETURN_IF_ERROR(settle_plan(record.shard, loader));
    file->state = FileState::kBegun;
    telemetry_.log.info("loading", {{"file", file->path}, {"shard", record.shard}, {"from_row", loader.position().value + 1}});
    const Status loaded = loader.run(stop_);
    const pipeline::RunningCounts& counts = loader.counts();
    file->outcome = {.rows_read = loader.position().value,
                     .rows = counts.rows(),
                     .filtered = counts.filtered,
                     .dead_letters = counts.rejects,
                     .finished_us = telemetry_.clock.unix_us()};
    if (!loaded.ok()) return loaded.with_context("rows 1 to " + to_string(loader.position()) + " are in");
    WEIR_RETURN_IF_ERROR(registry_->finish(plan_.table, record.digest, file->outcome));
    file->state = FileState::kLoaded;
    return ok_status();
  }

  backfill::FileLoaderPorts ports(const backfill::FileInput& input, const lake::FileRecord& record,
                                  backfill::FileReader& reader, RowTransform& transform) {
    return {.reader = reader,
            .transform = transform,
            .rows = *rows_,
            .dead_letters = *dead_letters_,
            .reject_rows =
                [table = plan_.table, shard = record.shard](const std::vector<const Reject*>& rejects) {
                  return lake::reject_batch(table, shard, rejects);
                },
            .may_commit = [this, &input, &record] { return check_before_commit(input, record); },
            .moved =
                [this](Seq position, int64_t bytes) {
                  if (!options_.progress) return;
                  backfill::Progress now = progress_;
                  now.rows_done = before_this_.rows_done + position.value;
                  now.bytes_done = before_this_.bytes_done + bytes;
                  options_.progress(now);
                }};
  }

  Status check_before_commit(const backfill::FileInput& input, const lake::FileRecord& record) const {
    WEIR_RETURN_IF_ERROR(lease_->check());
    const Status unchanged = input.check_unchanged();
    if (unchanged.code() != StatusCode::kDataLoss) return unchanged;
    WEIR_ASSIGN_OR_RETURN(const std::string now, input.digest(stop_));
    if (now == record.digest) return ok_status();  // Touched, or written with the same bytes.
    return data_loss(unchanged.message() + " (digest " + record.digest + ", now " + now +
                     "); what is in came from the old content: bring it back and run again to load the rest");
  }

  // Each row is made by the plan in force at it, also of a file that was begun under another plan.
  Status settle_plan(int32_t shard, const backfill::FileLoader& loader) const {
    const lake::PlanStore plans(lake_objects(*services_->engine, config_));
    const auto current = plans.current(plan_.table, shard);
    if (current.ok() && (*current)->id() == plan_.id()) return ok_status();
    if (!current.ok() && current.status().code() != StatusCode::kNotFound) return current.status();
    if (current.ok() && loader.dead_letter_position() > loader.position()) {
      return invalid_argument("its loading was interrupted under another plan (columns or SQL of the table): finish it "
                              "with the old pipeline file, then use the new one");
    }
    return plans.record(plan_, shard, loader.position() + 1);
  }

  void checkpoint() {
    for (lake::DeltaLakeTable* table : {rows_.get(), dead_letters_.get()}) {
      if (const Status done = table->checkpoint(); !done.ok()) {
        telemetry_.log.warn("no checkpoint", {{"table", plan_.table}, {"reason", done.to_string()}});
      }
    }
  }

  const PipelineConfig& config_;
  const Plan& plan_;
  const TableSection& section_;
  const FileLoadOptions& options_;
  Telemetry telemetry_;
  const std::stop_token stop_;
  std::vector<FileEntry>& files_;
  std::unique_ptr<Services> services_;
  std::optional<lake::FileRegistry> registry_;
  std::unique_ptr<lake::DeltaLakeTable> rows_;
  std::unique_ptr<lake::DeltaLakeTable> dead_letters_;
  std::unique_ptr<engine::SqlPlan> sql_;
  std::unique_ptr<FileLease> lease_;
  backfill::Progress progress_;     // Its totals.
  backfill::Progress before_this_;  // Of the files before the current one.
  int files_done_ = 0;
};

}  // namespace

Status load_files(const PipelineConfig& config, const TableSection& section, const FileLoadOptions& options,
                  Telemetry telemetry, const std::stop_token& stop, std::vector<FileEntry>* files) {
  if (std::ranges::none_of(*files, is_to_do)) return ok_status();
  return FileLoad(config, section, options, telemetry, stop, files).run();
}

}  // namespace weir::app
