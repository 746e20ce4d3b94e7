#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "clickhouse/http_client.h"
#include "clickhouse/options.h"

namespace weir::clickhouse {

/// One SQL statement. `parameters` fill its {name:Type} places, so no value is ever pasted into the text.
struct Statement {
  std::string sql;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<std::pair<std::string, std::string>> settings;
  std::optional<std::chrono::milliseconds> timeout;  ///< Instead of Options::request_timeout.
};

/// An INSERT whose rows travel in the request's body.
struct InsertStatement {
  Statement statement;   ///< Ends with FORMAT Native.
  std::string query_id;  ///< Unique among running statements.
  std::string token;     ///< For deduplication.
  std::string_view body;
  int64_t rows = 0;  ///< The server must report at least this many as written.
  bool live = true;  ///< Passes the crash points of live INSERTs (base/crash_point.h).
};

struct ServerInfo {
  std::string version;  ///< As the server spells it, e.g. "26.7.2.1".
  int64_t version_major = 0;
  int64_t uptime_s = 0;
};

using TextRow = std::vector<std::string>;

/// ClickHouse statements over HTTP: settings, parameters, exceptions. Thread-safe. Owns its connections.
class Client {
 public:
  /// Does not connect. kInvalidArgument: malformed options, a database name that check_name() refuses, or "default".
  [[nodiscard]] static Result<std::unique_ptr<Client>> open(const Options& options);

  /// Asks for the version. kUnavailable: not reachable; kPermissionDenied: wrong user or password.
  [[nodiscard]] Result<ServerInfo> ping();

  /// Refuses (kInvalidArgument, saying why) a server that Weir's protocol does not hold on: one older than 26, or
  /// several servers behind one address. Also learns which settings this version has, so call it before the first
  /// insert.
  [[nodiscard]] Status check_server();

  /// Runs a statement whose result does not matter and which may be repeated.
  [[nodiscard]] Status execute(const Statement& statement);

  /// Small results: every value as text, NULL as "\N".
  [[nodiscard]] Result<std::vector<TextRow>> query_rows(const Statement& statement);

  /// Small results for people and tools: one JSON object per line (FORMAT JSONEachRow).
  [[nodiscard]] Result<std::string> query_json(std::string_view sql);

  /// Streams an answer; `statement` names its FORMAT. Nothing is delivered unless the whole query succeeded on the
  /// server.
  [[nodiscard]] Status query_stream(const Statement& statement, std::function<Status(std::string_view)> on_bytes);

  /// Sends one INSERT. See status_mapping.h for what each failure means.
  [[nodiscard]] Status insert(const InsertStatement& insert);

  [[nodiscard]] const Options& options() const { return options_; }

 private:
  Client(const Options& options, std::unique_ptr<HttpClient> http);
  [[nodiscard]] Result<HttpResponse> run(const Statement& statement, bool fresh_connection,
                                         std::function<Status(std::string_view)> on_bytes = {});
  [[nodiscard]] std::string common_settings(std::chrono::milliseconds timeout) const;
  [[nodiscard]] Status check_single_server();

  const Options options_;
  const bool compress_;
  const std::unique_ptr<HttpClient> http_;
  std::mutex mutex_;
  std::string insert_settings_;  ///< Percent-encoded; guarded by mutex_. Empty until check_server().
};

}  // namespace weir::clickhouse
