#include "clickhouse/client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "clickhouse/lz4_body.h"
#include "clickhouse/sql_text.h"
#include "schema/table_schema.h"

namespace weir::clickhouse {
namespace {

constexpr int64_t kVersionMajorMin = 26;  // The protocol is proven on 26.7.
constexpr int kServerProbes = 4;

struct Setting {
  std::string_view name;
  std::string_view value;
};

// Every statement: what a user's profile might change under us.
constexpr std::array<Setting, 4> kStatementSettings{{
    {"wait_end_of_query", "1"},  // errors come before the status line, never behind a 200
    {"use_query_cache", "0"},    // positions are read from the table, not from an old answer
    {"enable_parallel_replicas", "0"},
    {"mutations_sync", "2"},  // ALTER .. DELETE returns when it is done
}};

// Every INSERT: one block in, one part out, kept under its token, NULL never replaced. docs/formats/clickhouse.md.
constexpr std::array<Setting, 13> kInsertSettings{{
    {"async_insert", "0"},
    {"max_insert_block_size", "100000000"},
    {"max_block_size", "100000000"},
    {"min_insert_block_size_rows", "100000000"},
    {"min_insert_block_size_bytes", "0"},
    {"max_insert_threads", "1"},
    {"max_partitions_per_insert_block", "1"},  // a second partition would be a second part: refuse it
    {"throw_on_max_partitions_per_insert_block", "1"},
    {"insert_deduplicate", "1"},
    {"insert_null_as_default", "0"},
    {"input_format_null_as_default", "0"},
    {"replace_running_query", "0"},
    {"materialized_views_ignore_errors", "0"},
}};

// Names that came or will go: sent only where the server has them, because an unknown setting is an error.
constexpr std::array<Setting, 3> kVersionedInsertSettings{{
    {"deduplicate_insert", "enable"},
    {"deduplicate_insert_select", "force_enable"},
    {"max_insert_block_size_bytes", "0"},
}};

void append_pair(std::string* query, std::string_view name, std::string_view value) {
  if (!query->empty()) *query += '&';
  *query += name;
  *query += '=';
  *query += percent_encode(value);
}

void append_statement(std::string* query, const Statement& statement) {
  for (const auto& [name, value] : statement.parameters) {
    append_pair(query, "param_" + name, escape_parameter(value));
  }
  for (const auto& [name, value] : statement.settings) append_pair(query, name, value);
}

bool is_loopback(std::string_view url) {
  const size_t host = url.find("://") + 3;
  const std::string_view rest = url.substr(host);
  return rest.starts_with("127.") || rest.starts_with("localhost") || rest.starts_with("[::1]");
}

Status check_answer(const HttpResponse& answer, Effect effect) {
  const int code = answer.exception_code != 0 ? answer.exception_code
                   : answer.status != 200     ? exception_code_in(answer.body)
                                              : 0;
  if (answer.status == 200 && code == 0) return ok_status();
  return from_exception(answer.status, code, answer.body, effect);
}

}  // namespace

Client::Client(const Options& options, std::unique_ptr<HttpClient> http)
    : options_(options),
      compress_(options.compression == Compression::kLz4 ||
                (options.compression == Compression::kAuto && !is_loopback(options.url))),
      http_(std::move(http)) {}

Result<std::unique_ptr<Client>> Client::open(const Options& options) {
  if (Status status = check_name("clickhouse.database", options.database); !status.ok()) return status;
  if (options.database == "default") {
    return invalid_argument("clickhouse.database \"default\": give Weir a database of its own");
  }
  WEIR_ASSIGN_OR_RETURN(auto http, HttpClient::open(options));
  return std::unique_ptr<Client>(new Client(options, std::move(http)));
}

std::string Client::common_settings(std::chrono::milliseconds timeout) const {
  std::string query;
  for (const Setting& setting : kStatementSettings) append_pair(&query, setting.name, setting.value);
  // A second earlier than we do: a request that we gave up then does not live on in the server.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
  append_pair(&query, "max_execution_time", std::to_string(std::max<int64_t>(1, seconds - 1)));
  return query;
}

Result<HttpResponse> Client::run(const Statement& statement, bool fresh_connection,
                                 std::function<Status(std::string_view)> on_bytes) {
  HttpRequest request{.query_string = common_settings(statement.timeout.value_or(options_.request_timeout)),
                      .body = statement.sql,
                      .timeout = statement.timeout,
                      .fresh_connection = fresh_connection};
  request.on_body = std::move(on_bytes);
  append_statement(&request.query_string, statement);
  WEIR_ASSIGN_OR_RETURN(HttpResponse answer, http_->post(request));
  WEIR_RETURN_IF_ERROR(check_answer(answer, Effect::kIdempotent));
  return answer;
}

Status Client::execute(const Statement& statement) { return run(statement, false).status(); }

Result<std::vector<TextRow>> Client::query_rows(const Statement& statement) {
  Statement with_format = statement;
  with_format.sql += " FORMAT JSONCompactStringsEachRow";
  WEIR_ASSIGN_OR_RETURN(const HttpResponse answer, run(with_format, false));
  std::vector<TextRow> rows;
  std::string_view rest = answer.body;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const auto line = nlohmann::json::parse(rest.substr(0, end), nullptr, /*allow_exceptions=*/false);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.is_array()) return unavailable("ClickHouse answered a query with something other than rows");
    TextRow& row = rows.emplace_back();
    for (const auto& value : line)
      row.push_back(value.is_string() ? value.get_ref<const std::string&>() : value.dump());
  }
  return rows;
}

Result<std::string> Client::query_json(std::string_view sql) {
  WEIR_ASSIGN_OR_RETURN(HttpResponse answer, run({.sql = std::string(sql) + " FORMAT JSONEachRow"}, false));
  return std::move(answer.body);
}

Status Client::query_stream(const Statement& statement, std::function<Status(std::string_view)> on_bytes) {
  return run(statement, false, std::move(on_bytes)).status();
}

Result<ServerInfo> Client::ping() {
  WEIR_ASSIGN_OR_RETURN(const auto rows, query_rows({.sql = "SELECT version(), uptime()"}));
  if (rows.size() != 1 || rows[0].size() != 2)
    return unavailable("what answers at " + options_.url + " is not ClickHouse");
  ServerInfo info{.version = rows[0][0]};
  std::from_chars(info.version.data(), info.version.data() + info.version.size(), info.version_major);
  std::from_chars(rows[0][1].data(), rows[0][1].data() + rows[0][1].size(), info.uptime_s);
  return info;
}

Status Client::check_single_server() {
  std::string first;
  for (int i = 0; i < kServerProbes; ++i) {
    WEIR_ASSIGN_OR_RETURN(const HttpResponse answer, run({.sql = "SELECT hostName(), serverUUID() FORMAT TSV"}, true));
    if (i == 0) first = answer.body;
    if (answer.body != first) {
      return invalid_argument(options_.url + " leads to several ClickHouse servers; Weir needs the address of one, " +
                              "because rows, tokens and the fence live in one server");
    }
  }
  return ok_status();
}

Status Client::check_server() {
  WEIR_ASSIGN_OR_RETURN(const ServerInfo info, ping());
  if (info.version_major < kVersionMajorMin) {
    return invalid_argument("ClickHouse " + info.version + " at " + options_.url + " is too old: Weir needs " +
                            std::to_string(kVersionMajorMin) + " or newer");
  }
  WEIR_RETURN_IF_ERROR(check_single_server());
  std::string settings;
  for (const Setting& setting : kInsertSettings) append_pair(&settings, setting.name, setting.value);
  WEIR_ASSIGN_OR_RETURN(const auto known,
                        query_rows({.sql = "SELECT name FROM system.settings WHERE NOT is_obsolete"}));
  for (const Setting& setting : kVersionedInsertSettings) {
    const auto has_name = [&](const TextRow& row) { return row.front() == setting.name; };
    if (std::ranges::any_of(known, has_name)) append_pair(&settings, setting.name, setting.value);
  }
  const std::lock_guard lock(mutex_);
  insert_settings_ = std::move(settings);
  return ok_status();
}

Status Client::insert(const InsertStatement& insert) {
  HttpRequest request{.query_string = common_settings(options_.request_timeout), .body = insert.body, .effect = Effect::kInsert};
  {
    const std::lock_guard lock(mutex_);
    if (insert_settings_.empty()) return internal_error("insert before check_server");
    request.query_string += "&" + insert_settings_;
  }
  append_statement(&request.query_string, insert.statement);
  append_pair(&request.query_string, "query_id", insert.query_id);
  append_pair(&request.query_string, "insert_deduplication_token", insert.token);
  append_pair(&request.query_string, "query", insert.statement.sql);
  if (insert.live) request.after_first_byte = [] { crash_point("insert_first_byte"); };
  std::string frame;
  if (compress_) {
    WEIR_ASSIGN_OR_RETURN(frame, lz4_frame(insert.body));
    request.body = frame;
    request.content_encoding = "lz4";
  }
  WEIR_ASSIGN_OR_RETURN(const HttpResponse answer, http_->post(request));
  if (insert.live) crash_point("insert_answered");
  WEIR_RETURN_IF_ERROR(check_answer(answer, Effect::kInsert));
  // An INSERT has nothing to say. If it speaks, it is an exception behind a 200.
  if (!answer.body.empty()) return outcome_unknown("ClickHouse answered an INSERT with: " + answer.body.substr(0, 500));
  if (answer.written_rows < insert.rows) {
    return outcome_unknown("ClickHouse reports " + std::to_string(answer.written_rows) + " rows written of " +
                           std::to_string(insert.rows));
  }
  return ok_status();
}

}  // namespace weir::clickhouse
