#include "config/key_reference.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace weir {
namespace {

using enum KeyKind;

constexpr KeySpec kPipelineKeys[] = {
    {.key = "name",
     .required = true,
     .meaning = "Names this pipeline in NATS (`weir_<name>`), logs and status. Letters, digits, `_` and `-`; never "
                "change it."},
    {.key = "data_dir",
     .fallback = "\"/var/lib/weir\"",
     .meaning = "Folder for embedded servers, spill files and locks. An absolute path."},
    {.key = "shutdown_timeout",
     .kind = kDuration,
     .fallback = "\"30s\"",
     .min = "1s",
     .max = "1h",
     .meaning = "How long a stop may drain and commit."},
};

constexpr KeySpec kNatsKeys[] = {
    {.key = "url",
     .fallback = "\"nats://127.0.0.1:4222\"",
     .meaning = "`nats://` or `tls://` servers, several separated by commas, or `embedded` for one inside Weir."},
    {.key = "credentials_file", .meaning = "NATS credentials file (JWT and key seed)."},
    {.key = "user", .meaning = "User name; needs `password_env`."},
    {.key = "password_env", .kind = kEnvName, .meaning = "Environment variable with the user's password."},
    {.key = "token_env", .kind = kEnvName, .meaning = "Environment variable with an authentication token."},
    {.key = "tls_ca", .meaning = "PEM file of the authority that signed the server's certificate."},
    {.key = "tls_cert", .meaning = "PEM file of our certificate; needs `tls_key`."},
    {.key = "tls_key", .meaning = "PEM file of our certificate's key; needs `tls_cert`."},
};

constexpr KeySpec kLakeKeys[] = {
    {.key = "url",
     .required = true,
     .meaning = "Where the tables live: `file:///absolute/path` or `s3://bucket/prefix` (endpoint, region and "
                "credentials from "
                "the environment)."},
    {.key = "commit_interval",
     .kind = kDuration,
     .fallback = "\"1s\"",
     .min = "10ms",
     .max = "1h",
     .meaning = "Time between commits of a table."},
    {.key = "target_file_size",
     .kind = kSize,
     .fallback = "\"128MiB\"",
     .min = "1MiB",
     .max = "4GiB",
     .meaning = "A commit is made earlier when this much is ready."},
    {.key = "sync",
     .kind = kBool,
     .fallback = "true",
     .meaning = "Local lake: sync files, log and folders before events are acknowledged. Without it a power loss may "
                "lose events."},
};

constexpr KeySpec kClickHouseKeys[] = {
    {.key = "url",
     .fallback = "\"http://127.0.0.1:8123\"",
     .meaning = "The HTTP interface, `http://` or `https://`, or `embedded` for one inside Weir."},
    {.key = "database", .fallback = "\"weir\"", .meaning = "Database of the tables; made when missing."},
    {.key = "user", .fallback = "\"default\"", .meaning = "User name."},
    {.key = "password_env",
     .kind = kEnvName,
     .meaning = "Environment variable with the user's password; without it, none is sent."},
    {.key = "tls_ca",
     .meaning =
         "PEM file of the authority that signed the server's certificate; without it, those that the system trusts."},
    {.key = "flush_interval",
     .kind = kDuration,
     .fallback = "\"100ms\"",
     .min = "1ms",
     .max = "1m",
     .meaning = "Longest time events wait before they are inserted."},
    {.key = "sync", .kind = kBool, .fallback = "true", .meaning = "ClickHouse syncs inserted parts to disk."},
};

constexpr KeySpec kEngineKeys[] = {
    {.key = "kind",
     .kind = kChoice,
     .fallback = "\"local\"",
     .choices = "local | ballista",
     .meaning =
         "Where events are read and made into rows: in this process, within milliseconds, or by the executors of a "
         "Ballista cluster, in jobs of seconds (docs/cluster.md)."},
    {.key = "scheduler", .meaning = "URL of the Ballista scheduler, `http://host:port`. Needed with `ballista`."},
    {.key = "batch_interval",
     .kind = kDuration,
     .fallback = "\"2s\"",
     .min = "100ms",
     .max = "1h",
     .meaning = "With `ballista`: how long a job waits for more events."},
    {.key = "batch_events",
     .kind = kInteger,
     .fallback = "1000000",
     .min = "1000",
     .max = "1000000000",
     .meaning = "With `ballista`: sequences of one job at most; as many start one at once."},
    {.key = "job_timeout",
     .kind = kDuration,
     .fallback = "\"10m\"",
     .min = "1s",
     .max = "20m",
     .meaning = "With `ballista`: a job that takes longer is cancelled, and its events are read again."},
    {.key = "memory_limit",
     .kind = kSize,
     .fallback = "\"1GiB\"",
     .min = "64MiB",
     .max = "1TiB",
     .meaning = "Memory SQL may use before it spills to `data_dir`."},
};

constexpr KeySpec kHttpKeys[] = {
    {.key = "listen",
     .fallback = "\"127.0.0.1:8642\"",
     .meaning = "Address and port of health, metrics, status and console. Port 0 takes a free one."},
    {.key = "token_env",
     .kind = kEnvName,
     .meaning = "Environment variable with the bearer token requests must carry; needed when `listen` is not a "
                "loopback address."},
};

constexpr KeySpec kTrinoKeys[] = {
    {.key = "url", .fallback = "\"http://127.0.0.1:8080\"", .meaning = "The coordinator, `http://` or `https://`."},
    {.key = "user", .fallback = "\"weir\"", .meaning = "User name."},
    {.key = "password_env",
     .kind = kEnvName,
     .meaning = "Environment variable with the user's password; needs `https://`."},
    {.key = "jwt_env", .kind = kEnvName, .meaning = "Environment variable with a JSON web token; needs `https://`."},
    {.key = "tls_ca", .meaning = "PEM file of the authority that signed the coordinator's certificate."},
    {.key = "lake_catalog", .fallback = "\"lake\"", .meaning = "Read-only catalog of the lake for users."},
    {.key = "admin_catalog",
     .fallback = "\"lakeadmin\"",
     .meaning = "Catalog that registers tables and owns the views."},
    {.key = "clickhouse_catalog", .fallback = "\"clickhouse\"", .meaning = "Catalog of ClickHouse."},
    {.key = "refresh_interval",
     .kind = kDuration,
     .fallback = "\"5s\"",
     .min = "1s",
     .max = "1h",
     .meaning = "How often the views move on."},
};

constexpr KeySpec kMaintenanceKeys[] = {
    {.key = "interval",
     .kind = kDuration,
     .fallback = "\"10m\"",
     .min = "0s",
     .max = "30d",
     .meaning = "Time between rounds of upkeep; `0s` turns them off (then run `weir maintain` by other means)."},
    {.key = "retention",
     .kind = kDuration,
     .fallback = "\"168h\"",
     .min = "1h",
     .max = "168h",
     .meaning = "How long versions of the tables stay readable: files that only older ones refer to are deleted."},
};

constexpr KeySpec kLimitsKeys[] = {
    {.key = "message_bytes",
     .kind = kSize,
     .fallback = "\"8MiB\"",
     .min = "1KiB",
     .max = "64MiB",
     .meaning = "A larger message becomes a dead letter."},
    {.key = "json_depth",
     .kind = kInteger,
     .fallback = "64",
     .min = "1",
     .max = "1024",
     .meaning = "JSON nested deeper becomes a dead letter."},
    {.key = "lease_timeout",
     .kind = kDuration,
     .fallback = "\"10s\"",
     .min = "1s",
     .max = "10m",
     .meaning = "A process that was silent for this long may be replaced."},
    {.key = "ready_lag",
     .kind = kDuration,
     .fallback = "\"60s\"",
     .min = "1s",
     .max = "30d",
     .meaning = "`/readyz` says no when the lake is further behind the stream."},
};

constexpr KeySpec kTableKeys[] = {
    {.key = "name", .required = true, .meaning = "Name in every store: `[a-z][a-z0-9_]*`."},
    {.key = "stream", .meaning = "JetStream stream that holds the events. Needed unless there is `from_table`."},
    {.key = "subjects",
     .kind = kTextList,
     .meaning = "Subjects of the stream this table takes; wildcards allowed. Needed with `stream`."},
    {.key = "shards",
     .kind = kInteger,
     .fallback = "1",
     .min = "1",
     .max = "1024",
     .meaning = "Shards of the stream; fixed once the table exists. More than 1 is not supported yet."},
    {.key = "start",
     .kind = kStart,
     .fallback = "\"first\"",
     .meaning = "Where a new table begins: `first`, `new`, a stream sequence, or an RFC 3339 time. Without effect on a "
                "table that "
                "exists."},
    {.key = "format",
     .kind = kChoice,
     .fallback = "\"json\"",
     .choices = "json | ndjson | arrow",
     .meaning =
         "What a message holds: one JSON object, one per line, or an Arrow IPC stream. `arrow` is not supported yet."},
    {.key = "on_unknown_field",
     .kind = kChoice,
     .fallback = "\"ignore\"",
     .choices = "ignore | reject | add_column",
     .meaning =
         "What a field of the payload without a column leads to. `add_column`: a nullable column of its name and "
         "type, from this event on (docs/schema-evolution.md)."},
    {.key = "partition_by",
     .kind = kTextList,
     .fallback = "[]",
     .meaning = "Columns that partition the lake table and the ClickHouse table: dates, integers or strings."},
    {.key = "order_by", .kind = kTextList, .fallback = "[]", .meaning = "ClickHouse sorting key."},
    {.key = "clickhouse_retention",
     .kind = kDuration,
     .min = "1h",
     .max = "36500d",
     .meaning = "ClickHouse keeps rows this long, by `_time`. Without it: for ever."},
    {.key = "sql",
     .meaning = "Row-wise SELECT over `input` (the columns below): projection, filter, scalar functions. Without it "
                "rows are the "
                "columns below."},
    {.key = "from_table",
     .meaning =
         "Another table of this file, whose rows are `input` of `sql`: this one follows its commits. Excludes "
         "`stream`, `subjects`, `shards`, `start`, `format`, `on_unknown_field` and columns; those of the table are "
         "what `sql` selects."},
};

constexpr KeySpec kColumnKeys[] = {
    {.key = "name", .required = true, .meaning = "Name of the column: `[a-z][a-z0-9_]*`."},
    {.key = "type",
     .required = true,
     .meaning = "`bool`, `int8`..`int64`, `uint8`..`uint64`, `float32`, `float64`, `decimal(p,s)`, `string`, `binary`, "
                "`date`, "
                "`timestamp`, `uuid`, `json`, `list<T>`, `struct<name:T,...>`."},
    {.key = "from",
     .meaning = "Where the value comes from: a JSON Pointer, `header:Name`, `subject:2` (a token), or `payload`. "
                "Default `/<name>`."},
    {.key = "required",
     .kind = kBool,
     .fallback = "false",
     .meaning = "An event without the value becomes a dead letter."},
    {.key = "default",
     .kind = kAny,
     .meaning =
         "Value for events without one, written as TOML; excludes `required`. A column with neither is nullable."},
};

constexpr std::array kSections = {
    SectionSpec{"pipeline", "[pipeline]", "The pipeline as a whole.", kPipelineKeys},
    SectionSpec{"nats", "[nats]", "Where events come from.", kNatsKeys},
    SectionSpec{"lake", "[lake]", "The Delta lake: the ledger that everything else follows.", kLakeKeys},
    SectionSpec{"clickhouse", "[clickhouse]", "The hot copy. Leave the section out for a lake-only pipeline.",
                kClickHouseKeys},
    SectionSpec{"engine", "[engine]", "Where SQL runs.", kEngineKeys},
    SectionSpec{"http", "[http]", "Health, metrics, status and console.", kHttpKeys},
    SectionSpec{"trino", "[trino]", "Keeps the views over lake and ClickHouse current.", kTrinoKeys},
    SectionSpec{"maintenance", "[maintenance]",
                "Upkeep of the lake inside `weir run`: compaction, checkpoints, clean-up.", kMaintenanceKeys},
    SectionSpec{"limits", "[limits]", "What bounds memory, waiting and bad events.", kLimitsKeys},
    SectionSpec{"table", "[[table]]", "One table. At least one; repeat the heading for more.", kTableKeys},
    SectionSpec{"table.column", "[[table.column]]",
                "One input column of the table above it. At least one, unless the table has `from_table`.",
                kColumnKeys},
};

}  // namespace

std::span<const SectionSpec> config_sections() { return kSections; }

const SectionSpec& config_section(std::string_view name) {
  const auto it =
      std::find_if(kSections.begin(), kSections.end(), [&](const SectionSpec& spec) { return spec.name == name; });
  assert(it != kSections.end());
  return *it;
}

const KeySpec* find_key(const SectionSpec& section, std::string_view key) {
  const auto it =
      std::find_if(section.keys.begin(), section.keys.end(), [&](const KeySpec& spec) { return spec.key == key; });
  return it == section.keys.end() ? nullptr : &*it;
}

}  // namespace weir
