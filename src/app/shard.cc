#include "app/shard.h"

#include <algorithm>
#include <utility>

#include "app/gap.h"
#include "app/hot_parts.h"
#include "app/lease_request.h"
#include "app/start_position.h"
#include "cluster/stream_job.h"
#include "lake/dead_letter_table.h"
#include "lake/incarnation_store.h"
#include "lake/lake_layout.h"
#include "nats/range_source.h"
#include "nats/stream_source.h"
#include "nats/subject_match.h"
#include "schema/plan_evolution.h"

namespace weir::app {

Shard::Shard(Services& services, const PipelineConfig& config, ShardOptions options, Telemetry telemetry)
    : services_(services), config_(config), options_(options), telemetry_(telemetry) {}

Shard::~Shard() {
  if (lease_) lease_->let_go();
}

Result<std::unique_ptr<Shard>> Shard::open(Services& services, const PipelineConfig& config,
                                           std::vector<const TableSection*> tables, ShardOptions options,
                                           Telemetry telemetry, std::stop_token stop) {
  std::unique_ptr<Shard> shard(new Shard(services, config, options, telemetry));
  shard->stream_ = tables.front()->stream;
  WEIR_RETURN_IF_ERROR(shard->prepare(tables, stop).with_context("stream " + shard->stream_));
  return shard;
}

Status Shard::prepare(const std::vector<const TableSection*>& tables, const std::stop_token& stop) {
  WEIR_RETURN_IF_ERROR(read_stream());
  for (const TableSection* section : tables) {
    WEIR_RETURN_IF_ERROR(
        nats::check_subjects(stream_info_, section->subjects).with_context("table " + section->plan.table));
    WEIR_RETURN_IF_ERROR(open_table(*section).with_context("table " + section->plan.table));
  }
  WEIR_RETURN_IF_ERROR(take_lease(stop));
  // Positions are final only from here on: the older holder can commit nothing any more. And since waiting for the lease may
  // have taken days, the stream is looked at again.
  WEIR_RETURN_IF_ERROR(fence_ledgers());
  WEIR_RETURN_IF_ERROR(read_stream());
  WEIR_RETURN_IF_ERROR(accept_gap_if_asked());
  for (const auto& parts : tables_) {
    WEIR_RETURN_IF_ERROR(settle_plan(*parts).with_context("table " + parts->plan->table));
    WEIR_RETURN_IF_ERROR(build_transform(*parts).with_context("table " + parts->plan->table));
    WEIR_RETURN_IF_ERROR(build_sinks(*parts, stop).with_context("table " + parts->plan->table));
  }
  return build_runner();
}

Status Shard::read_stream() {
  WEIR_ASSIGN_OR_RETURN(const auto admin, nats::StreamAdmin::open(*services_.nats));
  auto found = admin.info(stream_);
  if (found.status().code() == StatusCode::kNotFound) {
    return not_found("there is no such stream; create it (`nats stream add " + stream_ +
                     "`), or correct `stream` in the pipeline file");
  }
  WEIR_RETURN_IF_ERROR(found.status());
  stream_info_ = std::move(*found);
  const lake::IncarnationStore incarnations(lake_objects(*services_.engine, config_));
  WEIR_ASSIGN_OR_RETURN(const auto incarnation, incarnations.current(stream_));
  base_ = incarnation ? incarnation->base : 0;
  return ok_status();
}

Status Shard::fence_ledgers() {
  for (const auto& parts : tables_) {
    const std::string app_id = position_app_id(parts->plan->table, 0);
    WEIR_RETURN_IF_ERROR(pipeline::LakeLedger(*parts->lake_table, app_id, epoch_).take_over().status());
    WEIR_RETURN_IF_ERROR(pipeline::LakeLedger(*parts->dead_letter_table, app_id, epoch_, Seq{0}).take_over().status());
  }
  return ok_status();
}

Status Shard::open_table(const TableSection& section) {
  auto parts = std::make_unique<TableParts>();
  parts->section = &section;
  WEIR_ASSIGN_OR_RETURN(const int64_t first, first_stream_sequence(*services_.nats, stream_info_, section.start));
  parts->first = Seq{first + base_};
  WEIR_RETURN_IF_ERROR(choose_plan(*parts));
  WEIR_ASSIGN_OR_RETURN(
      parts->dead_letter_table,
      lake::DeltaLakeTable::open_or_create(*services_.engine, lake_options(config_),
                                           lake::dead_letter_definition(config_.pipeline.name, section.plan.table)));
  parts->metrics = std::make_unique<TableMetrics>(telemetry_.metrics, section.plan.table, 0);
  tables_.push_back(std::move(parts));
  return ok_status();
}

// Opens what depends on the plan.
Status Shard::open_stores(TableParts& parts) {
  const TableSection& section = *parts.section;
  const lake::TableOwner owner{
      .pipeline = config_.pipeline.name, .stream = section.stream, .shards = section.shards};
  lake::TableDefinition definition = lake::rows_definition(*parts.plan, owner, parts.first);
  definition.crash_points = true;
  WEIR_ASSIGN_OR_RETURN(parts.lake_table, lake::DeltaLakeTable::open_or_create(*services_.engine, lake_options(config_),
                                                                               std::move(definition)));
  if (services_.clickhouse == nullptr) return ok_status();
  WEIR_ASSIGN_OR_RETURN(parts.hot_table, open_hot_table(services_, config_, section, *parts.plan, telemetry_));
  return ok_status();
}

Result<Seq> Shard::lake_position(const TableParts& parts) const {
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, parts.lake_table->snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto position, snapshot->txn(position_app_id(parts.plan->table, 0)));
  return Seq{position.value_or(0)};
}

Status Shard::take_lease(const std::stop_token& stop) {
  Epoch at_least{0};
  for (const auto& parts : tables_) {
    WEIR_ASSIGN_OR_RETURN(const Epoch seen, highest_epoch(parts->plan->table, *parts->lake_table,
                                                          *parts->dead_letter_table, parts->hot_table.get()));
    at_least = std::max(at_least, seen);
  }
  WEIR_ASSIGN_OR_RETURN(lease_, HeldLease::open(services_, telemetry_,
                                                options_.beside_the_stream
                                                    ? table_lease(config_, tables_.front()->plan->table)
                                                    : stream_lease(config_, stream_)));
  if (!options_.beside_the_stream) {
    // A backfill that runs because nobody else was there makes way.
    if (const Status asked = ask_for_lease(*services_.key_value, stream_); !asked.ok()) {
      telemetry_.log.warn("the lease was not asked for", {{"stream", stream_}, {"reason", asked.to_string()}});
    }
  }
  WEIR_ASSIGN_OR_RETURN(epoch_, lease_->take(at_least, stop));
  return ok_status();
}

Status Shard::build_transform(TableParts& parts) {
  transform::TableTransformOptions options;
  options.shard = 0;
  if (parts.plan->on_unknown_field == UnknownFields::kAddColumn) {
    options.new_columns_max = std::max(0, kAddedColumnsMax - parts.added_columns);
    options.ignored = [this, &parts](const IgnoredField& field) {
      std::set<std::string>* told = options_.told_fields;
      if (told != nullptr && !told->insert(parts.plan->table + "." + field.name).second) return;
      parts.metrics->ignored_fields.add();
      telemetry_.log.warn("a field gets no column and is ignored",
                          {{"table", parts.plan->table}, {"field", field.name}, {"reason", field.reason}});
    };
  }
  WEIR_ASSIGN_OR_RETURN(parts.transform, make_transform(*services_.engine, parts.plan, parts.section->subjects, options));
  parts.committables = std::make_unique<cluster::LakeCommittables>(lake_objects(*services_.engine, config_),
                                                                   lake::committable_folder(parts.plan->table, options.shard));
  // We hold the lease: whoever left something there will not come for it.
  WEIR_RETURN_IF_ERROR(parts.committables->sweep());
  return config_.engine.ballista ? build_staged(parts, options.new_columns_max) : ok_status();
}

Status Shard::build_staged(TableParts& parts, std::optional<int> new_columns_max) {
  if (cluster_ == nullptr) {
    const auto timeout = std::chrono::duration_cast<std::chrono::seconds>(config_.engine.job_timeout);
    cluster_ = std::make_unique<BallistaRunner>(*services_.engine, config_.engine.scheduler, timeout);
  }
  cluster::StreamJob job{.id = {},
                         .pipeline = config_.pipeline.name,
                         .nats = config_.nats,
                         .lake = config_.lake,
                         .stream = stream_,
                         .subjects = parts.section->subjects,
                         .base = base_,
                         .created_us = stream_info_.created_us,
                         .shard = 0,
                         .shards = parts.section->shards,
                         .plan = *parts.plan,
                         .new_columns_max = new_columns_max};
  if (services_.nats_server != nullptr) job.nats.url = services_.nats_server->url();
  parts.staged = std::make_unique<cluster::StagedTransform>(
      *cluster_, *parts.committables,
      cluster::StagedTransformOptions{.shard = job.shard,
                                      .plan_id = parts.plan->id(),
                                      .spec = [job](const std::string& id) mutable {
                                        job.id = id;
                                        return cluster::to_json(job);
                                      }});
  return ok_status();
}

Status Shard::build_sinks(TableParts& parts, const std::stop_token& stop) {
  const std::string& table = parts.plan->table;
  WEIR_ASSIGN_OR_RETURN(const Seq position, lake_position(parts));
  parts.lake = std::make_unique<pipeline::LakeSink>(*parts.lake_table,
                                                    pipeline::LakeSinkOptions{.table = table,
                                                                              .shard = 0,
                                                                              .epoch = epoch_,
                                                                              .stream_base = base_,
                                                                              .stream_created_us = stream_info_.created_us});
  parts.dead_letters = std::make_unique<pipeline::DeadLetterSink>(
      *parts.dead_letter_table, table, 0, epoch_,
      [table](const std::vector<const Reject*>& rejects) { return lake::reject_batch(table, 0, rejects); });
  if (parts.hot_table == nullptr) return ok_status();
  parts.hot = std::make_unique<pipeline::HotSink>(
      *parts.hot_table, *services_.key_value,
      pipeline::HotSinkOptions{.table = table, .shard = 0, .epoch = epoch_, .lake_position = position},
      quarantine_of(services_, config_, telemetry_, table, 0));
  return keep_start(*parts.hot, stop);
}

Result<std::unique_ptr<EventSource>> Shard::open_source() {
  if (cluster_ != nullptr) {
    WEIR_ASSIGN_OR_RETURN(auto ranges, nats::RangeSource::create(*services_.nats, telemetry_.clock,
                                                                 {.stream = stream_,
                                                                  .base = base_,
                                                                  .sequences_max = config_.engine.batch_events,
                                                                  .gather = config_.engine.batch_interval}));
    ranges_ = ranges.get();
    return std::unique_ptr<EventSource>(std::move(ranges));
  }
  nats::SourceOptions options;
  options.stream = stream_;
  options.base = base_;
  for (const auto& parts : tables_) {
    options.subjects.insert(options.subjects.end(), parts->section->subjects.begin(), parts->section->subjects.end());
  }
  WEIR_ASSIGN_OR_RETURN(auto events, nats::StreamSource::create(*services_.nats, telemetry_.clock, std::move(options)));
  return std::unique_ptr<EventSource>(std::move(events));
}

Status Shard::build_runner() {
  std::vector<pipeline::TablePorts> ports;
  pipeline::CoordinatorOptions coordinator;
  Seq highest{-1};
  for (const auto& parts : tables_) {
    RowTransform* const transform = parts->staged ? static_cast<RowTransform*>(parts->staged.get()) : parts->transform.table.get();
    ports.push_back({.transform = transform,
                     .lake_table = parts->lake_table.get(),
                     .lake = parts->lake.get(),
                     .dead_letters = parts->dead_letters.get(),
                     .hot = parts->hot.get(),
                     .shard = 0});
    pipeline::TableOptions table;
    table.name = parts->plan->table;
    table.has_hot = parts->hot != nullptr;
    table.commit_interval = config_.lake.commit_interval;
    if (parts->staged) {
      table.commit_interval = milliseconds(0);  // A job has gathered for long enough.
      table.staged = true;
    }
    if (config_.clickhouse) table.flush_interval = config_.clickhouse->flush_interval;
    coordinator.tables.push_back(table);
    WEIR_ASSIGN_OR_RETURN(const auto snapshot, parts->lake_table->snapshot());
    WEIR_ASSIGN_OR_RETURN(const Seq position, lake_position(*parts));
    if (position > highest) {
      highest = position;
      WEIR_ASSIGN_OR_RETURN(identity_, pipeline::stream_identity(*snapshot, parts->plan->table, 0));
    }
  }
  if (options_.until_caught_up) goal_ = options_.goal.value_or(end_at_start());
  coordinator.goal = goal_;
  if (cluster_ != nullptr) {
    // Between two attempts of one table the others have to get their range, which gathers first.
    coordinator.transform_retry.max = std::max(coordinator.transform_retry.max, 2 * config_.engine.batch_interval);
  }
  WEIR_ASSIGN_OR_RETURN(source_, open_source());
  source_metrics_ = std::make_unique<SourceMetrics>(telemetry_.metrics, stream_, 0);
  const ReadLimits limits{.messages_max = 20'000,
                          .bytes_max = 8 << 20,
                          .wait = milliseconds(100)};
  executor_ = std::make_unique<pipeline::Executor>(*source_, identity_, std::move(ports), limits);
  runner_ = std::make_unique<pipeline::ShardRunner>(
      std::move(coordinator), *executor_, telemetry_.clock,
      [this](const pipeline::Action& action, const pipeline::Event& event, std::chrono::microseconds took) {
        observe(action, event, took);
      });
  return ok_status();
}

Status Shard::run() {
  if (const auto lost = lease_->lost()) return *lost;
  lease_->when_lost([this](const Status& status) { runner_->abort(status); });
  Status status;
  {
    const auto jobs = build_jobs();
    std::jthread thread;
    if (jobs) thread = std::jthread([&jobs, stop = jobs_stop_.get_token()] { jobs->run(stop); });
    status = runner_->run();
    jobs_stop_.request_stop();
  }
  if (status.code() == StatusCode::kFenced) lease_->note_lost(status);
  lease_->let_go();
  return status;
}

NewColumns Shard::new_columns() const {
  NewColumns columns;
  if (!runner_->plan_ended()) return columns;
  for (const auto& parts : tables_) {
    const auto& asked_for = parts->staged ? parts->staged->new_columns() : parts->transform.table->new_columns();
    if (!asked_for.empty()) columns[parts->plan->table] = asked_for;
  }
  return columns;
}

void Shard::drain(std::optional<std::chrono::milliseconds> timeout) {
  jobs_stop_.request_stop();  // They would only hold the last commits up.
  runner_->drain(timeout);
  // A job that runs now would take its time, and is done anew by whoever goes on.
  if (ranges_ != nullptr) ranges_->give_up();
}

Result<Seq> Shard::stream_end() {
  WEIR_ASSIGN_OR_RETURN(const StreamState state, source_->state());
  return state.last;
}

}  // namespace weir::app
