#pragma once

#include <array>
#include <span>
#include <string_view>

#include "telemetry/metrics.h"

// Every metric of the product. docs/metrics.md is rendered from this file and checked by a test.
namespace weir::metric {

inline constexpr std::array<std::string_view, 2> kByTable = {"table", "shard"};
inline constexpr std::array<std::string_view, 2> kByTableStep = {"table", "step"};
inline constexpr std::array<std::string_view, 1> kOneTable = {"table"};
inline constexpr std::array<std::string_view, 2> kByStream = {"stream", "shard"};

// From a fast local commit to a store that hardly answers.
inline constexpr std::array kSecondsBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                               0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0, 300.0};

// --- nats: what is read
inline constexpr MetricSpec kSourceMessages{"weir_nats_source_messages_total",
                                            MetricKind::kCounter,
                                            kByStream,
                                            "Messages read from the stream; reading again counts again.",
                                            {}};
inline constexpr MetricSpec kSourceBytes{"weir_nats_source_bytes_total",
                                         MetricKind::kCounter,
                                         kByStream,
                                         "Payload and header bytes read from the stream; reading again counts again.",
                                         {}};
inline constexpr MetricSpec kSourceReconnects{"weir_nats_source_reconnects_total",
                                              MetricKind::kCounter,
                                              kByStream,
                                              "Times the connection to NATS was lost and found again.",
                                              {}};

// --- pipeline: what events became. events = rows + filtered + dead letters
inline constexpr MetricSpec kEvents{"weir_pipeline_input_events_total",
                                    MetricKind::kCounter,
                                    kByTable,
                                    "Events that are in the lake as a row, a dead letter, or filtered.",
                                    {}};
inline constexpr MetricSpec kRows{
    "weir_pipeline_output_rows_total", MetricKind::kCounter, kByTable, "Rows the plan made of them.", {}};
inline constexpr MetricSpec kFiltered{
    "weir_pipeline_filtered_events_total", MetricKind::kCounter, kByTable, "Events left out by the plan's SQL.", {}};
inline constexpr MetricSpec kDeadLetters{"weir_pipeline_dead_letter_events_total",
                                         MetricKind::kCounter,
                                         kByTable,
                                         "Events rejected and kept as dead letters.",
                                         {}};
inline constexpr MetricSpec kIgnoredFields{
    "weir_pipeline_ignored_fields_total",
    MetricKind::kCounter,
    kByTable,
    "Names of fields that could get no column under on_unknown_field = \"add_column\".",
    {}};
inline constexpr MetricSpec kQueueBytes{"weir_pipeline_queue_held_bytes",
                                        MetricKind::kGauge,
                                        kByTable,
                                        "Memory held by slices that are not yet in every attached store.",
                                        {}};
inline constexpr MetricSpec kLagEvents{"weir_pipeline_lag_events",
                                       MetricKind::kGauge,
                                       kByTable,
                                       "Sequences between the end of the stream and the lake position.",
                                       {}};
inline constexpr MetricSpec kLagSeconds{
    "weir_pipeline_lag_seconds",
    MetricKind::kGauge,
    kByTable,
    "Age of the newest event in the lake while there are newer ones; 0 without lag.",
    {}};
inline constexpr MetricSpec kStopped{"weir_pipeline_stopped_state",
                                     MetricKind::kGauge,
                                     kByTable,
                                     "1 when the shard stopped and a person has to decide, else 0.",
                                     {}};

// --- lake
inline constexpr MetricSpec kLakePosition{
    "weir_lake_position_sequence", MetricKind::kGauge, kByTable, "Every event up to this _seq is in the lake.", {}};
inline constexpr MetricSpec kLakeCommits{
    "weir_lake_commits_total", MetricKind::kCounter, kByTable, "Delta commits that landed.", {}};
inline constexpr MetricSpec kLakeCommitSeconds{"weir_lake_commit_seconds", MetricKind::kHistogram, kByTable,
                                               "Time of one Delta commit, data files and sync included.",
                                               kSecondsBuckets};
inline constexpr MetricSpec kLakeFreshnessSeconds{"weir_lake_freshness_seconds", MetricKind::kHistogram, kByTable,
                                                  "From publish to visible in the lake, oldest event of each commit.",
                                                  kSecondsBuckets};
inline constexpr MetricSpec kLakeReconciliations{"weir_lake_reconciliations_total",
                                                 MetricKind::kCounter,
                                                 kByTable,
                                                 "Commits with unknown outcome that the table itself had to settle.",
                                                 {}};

// --- clickhouse
inline constexpr MetricSpec kHotPosition{"weir_clickhouse_position_sequence",
                                         MetricKind::kGauge,
                                         kByTable,
                                         "Every event after hot_start up to this _seq is in ClickHouse.",
                                         {}};
inline constexpr MetricSpec kHotMode{"weir_clickhouse_mode_state",
                                     MetricKind::kGauge,
                                     kByTable,
                                     "0 none (lake-only), 1 detached, 2 catching up, 3 live.",
                                     {}};
inline constexpr MetricSpec kHotInserts{
    "weir_clickhouse_inserts_total", MetricKind::kCounter, kByTable, "INSERT statements that landed.", {}};
inline constexpr MetricSpec kHotRows{
    "weir_clickhouse_inserted_rows_total", MetricKind::kCounter, kByTable, "Rows that landed.", {}};
inline constexpr MetricSpec kHotInsertSeconds{"weir_clickhouse_insert_seconds", MetricKind::kHistogram, kByTable,
                                              "Time of one INSERT.", kSecondsBuckets};
inline constexpr MetricSpec kHotFreshnessSeconds{"weir_clickhouse_freshness_seconds", MetricKind::kHistogram, kByTable,
                                                 "From publish to visible in ClickHouse, oldest event of each slice.",
                                                 kSecondsBuckets};
inline constexpr MetricSpec kHotReconciliations{"weir_clickhouse_reconciliations_total",
                                                MetricKind::kCounter,
                                                kByTable,
                                                "INSERTs with unknown outcome that were read back and settled.",
                                                {}};

// --- maintain
inline constexpr MetricSpec kMaintainSeconds{
    "weir_maintain_round_seconds", MetricKind::kHistogram, {}, "Time of one round of upkeep, all tables.", kSecondsBuckets};
inline constexpr MetricSpec kMaintainFiles{"weir_maintain_removed_files_total",
                                           MetricKind::kCounter,
                                           kByTableStep,
                                           "Files that upkeep replaced by larger ones (compact) or deleted (vacuum).",
                                           {}};
inline constexpr MetricSpec kMaintainFailures{
    "weir_maintain_failures_total", MetricKind::kCounter, kByTableStep, "Steps of upkeep that failed.", {}};
inline constexpr MetricSpec kMaintainParts{
    "weir_maintain_active_parts", MetricKind::kGauge, kOneTable, "Active parts of the table in ClickHouse.", {}};

// --- telemetry
inline constexpr MetricSpec kSuppressedLines{"weir_telemetry_suppressed_lines_total",
                                             MetricKind::kCounter,
                                             {},
                                             "Log lines held back because the same message repeated.",
                                             {}};

inline constexpr std::array kAll = {&kSourceMessages,
                                    &kSourceBytes,
                                    &kSourceReconnects,
                                    &kEvents,
                                    &kRows,
                                    &kFiltered,
                                    &kDeadLetters,
                                    &kIgnoredFields,
                                    &kQueueBytes,
                                    &kLagEvents,
                                    &kLagSeconds,
                                    &kStopped,
                                    &kLakePosition,
                                    &kLakeCommits,
                                    &kLakeCommitSeconds,
                                    &kLakeFreshnessSeconds,
                                    &kLakeReconciliations,
                                    &kHotPosition,
                                    &kHotMode,
                                    &kHotInserts,
                                    &kHotRows,
                                    &kHotInsertSeconds,
                                    &kHotFreshnessSeconds,
                                    &kHotReconciliations,
                                    &kMaintainSeconds,
                                    &kMaintainFiles,
                                    &kMaintainFailures,
                                    &kMaintainParts,
                                    &kSuppressedLines};

}  // namespace weir::metric
