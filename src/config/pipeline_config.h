#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "schema/table_schema.h"

namespace weir {

// What a pipeline file says, one struct per section. Keys, defaults and limits are those of config/key_reference.cc;
// the initialisers here repeat its defaults for callers that build options in code, and a test compares the two.

using std::chrono::milliseconds;

/// A secret that lives in an environment variable; read when connecting, never while checking a file.
struct SecretVariable {
  std::string name;
  /// kInvalidArgument names the variable when it is not set or empty.
  [[nodiscard]] Result<std::string> read() const;
  friend bool operator==(const SecretVariable&, const SecretVariable&) = default;
};

struct PipelineSection {
  std::string name;
  std::string data_dir = "/var/lib/weir";
  milliseconds shutdown_timeout{30'000};
  friend bool operator==(const PipelineSection&, const PipelineSection&) = default;
};

struct NatsSection {
  std::string url = "nats://127.0.0.1:4222";  ///< One or more, separated by commas; "embedded".
  std::string credentials_file;               ///< This and the rest: empty when not given.
  std::string user;
  std::optional<SecretVariable> password;
  std::optional<SecretVariable> token;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  [[nodiscard]] bool embedded() const { return url == "embedded"; }
  friend bool operator==(const NatsSection&, const NatsSection&) = default;
};

struct LakeSection {
  std::string url;  ///< file:///absolute/path or s3://bucket/prefix, without a slash at the end.
  milliseconds commit_interval{1'000};
  int64_t target_file_bytes = int64_t{128} << 20;
  bool sync = true;
  friend bool operator==(const LakeSection&, const LakeSection&) = default;
};

struct ClickHouseSection {
  std::string url = "http://127.0.0.1:8123";  ///< http, https, or "embedded".
  std::string database = "weir";
  std::string user = "default";
  std::optional<SecretVariable> password;
  std::string tls_ca;  ///< PEM file; empty: the system's authorities.
  milliseconds flush_interval{100};
  bool sync = true;
  [[nodiscard]] bool embedded() const { return url == "embedded"; }
  friend bool operator==(const ClickHouseSection&, const ClickHouseSection&) = default;
};

struct EngineSection {
  bool ballista = false;  ///< Events are read and made into rows by a Ballista cluster, not in this process.
  int64_t memory_bytes_max = int64_t{1} << 30;
  std::string scheduler;               ///< http://host:port of a Ballista scheduler; empty: none.
  milliseconds batch_interval{2'000};  ///< With ballista, as are the rest: how long a job waits for more events.
  int64_t batch_events = 1'000'000;    ///< Sequences of one job at most.
  milliseconds job_timeout{600'000};   ///< Then it is cancelled and its range done anew.
  friend bool operator==(const EngineSection&, const EngineSection&) = default;
};

struct HttpSection {
  std::string host = "127.0.0.1";
  uint16_t port = 8642;  ///< 0: any free one.
  std::optional<SecretVariable> token;
  friend bool operator==(const HttpSection&, const HttpSection&) = default;
};

struct TrinoSection {
  std::string url = "http://127.0.0.1:8080";
  std::string user = "weir";
  std::optional<SecretVariable> password;
  std::optional<SecretVariable> jwt;
  std::string tls_ca;
  std::string lake_catalog = "lake";
  std::string admin_catalog = "lakeadmin";
  std::string clickhouse_catalog = "clickhouse";
  milliseconds refresh_interval{5'000};
  friend bool operator==(const TrinoSection&, const TrinoSection&) = default;
};

struct MaintenanceSection {
  milliseconds interval{600'000};       ///< Between rounds of upkeep inside `weir run`; 0: none.
  milliseconds retention{604'800'000};  ///< How long versions of the lake's tables stay readable.
};

struct LimitsSection {
  int64_t message_bytes_max = int64_t{8} << 20;
  int json_depth_max = 64;
  milliseconds lease_timeout{10'000};
  milliseconds ready_lag{60'000};
  friend bool operator==(const LimitsSection&, const LimitsSection&) = default;
};

/// Where a table that does not exist yet begins to read.
struct StartPosition {
  enum class Kind : uint8_t { kFirst, kNew, kSequence, kTime };
  Kind kind = Kind::kFirst;
  int64_t sequence = 0;  ///< kSequence: the first stream sequence to take, >= 1.
  int64_t time_us = 0;   ///< kTime: takes what was stored at or after it, microseconds since 1970 UTC.
  friend bool operator==(const StartPosition&, const StartPosition&) = default;
};

struct TableSection {
  /// plan.rows is empty until resolve_rows().
  Plan plan;
  std::string stream;                 ///< Empty with from_table.
  std::vector<std::string> subjects;  ///< Likewise.
  std::string from_table;             ///< The table of this file whose rows are `input` of the SQL; empty: a stream's.
  int32_t shards = 1;
  StartPosition start;
  std::optional<milliseconds> clickhouse_retention;
  int line = 0;      ///< Of its [[table]].
  int sql_line = 0;  ///< Of its `sql` key.
  int from_table_line = 0;

  /// What the rows come from, for people and for the table's owner in the lake: "EVENTS", or "table/events". A stream's
  /// name has no slash.
  [[nodiscard]] std::string source() const { return from_table.empty() ? stream : "table/" + from_table; }
};

/// A whole pipeline file, checked. Value type.
struct PipelineConfig {
  std::string file;  ///< As named by the caller; for messages.
  PipelineSection pipeline;
  NatsSection nats;
  LakeSection lake;
  std::optional<ClickHouseSection> clickhouse;
  EngineSection engine;
  HttpSection http;
  std::optional<TrinoSection> trino;
  MaintenanceSection maintenance;
  LimitsSection limits;
  std::vector<TableSection> tables;
};

}  // namespace weir
