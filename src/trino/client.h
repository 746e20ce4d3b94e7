#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "trino/options.h"
#include "trino/statement_page.h"
#include "web/http_client.h"

namespace weir::trino {

/// The whole result of one statement.
struct StatementResult {
  std::string query_id;
  std::vector<ResultColumn> columns;
  std::vector<nlohmann::json> rows;
};

/// Where and as whom one statement runs, beside what Options say.
struct StatementContext {
  std::string catalog;            ///< Empty: names in the statement are whole.
  std::string schema;             ///< Needs a catalog.
  std::string time_zone = "UTC";  ///< Of the session, unless the server forces another.
};

/// What GET /v1/info says.
struct ServerInfo {
  std::string version;
  bool starting = false;
};

/// SQL statements of Weir's own over Trino's statement protocol. Thread-safe; a statement runs on the calling thread and
/// is cancelled on the server when it is not waited for any longer. Neither password nor token is ever in an error.
class Client {
 public:
  /// Does not connect. kInvalidArgument: check_options().
  [[nodiscard]] static Result<std::unique_ptr<Client>> open(const Options& options);

  /// Asks for the version; needs no credentials. kUnavailable: nobody answers, or it is not Trino.
  [[nodiscard]] Result<ServerInfo> info(std::stop_token stop = {});

  /// Runs one statement to its end. An error of the statement: from_statement_error(). kUnavailable: Trino does not
  /// answer, is busy for longer than statement_timeout, or lost the statement; it may have taken effect, so only
  /// statements that may be repeated belong here. kShuttingDown: `stop` was asked for. kResourceExhausted: more rows than
  /// result_rows_max.
  [[nodiscard]] Result<StatementResult> execute(std::string_view sql, std::stop_token stop = {},
                                                const StatementContext& context = {});

  [[nodiscard]] const Options& options() const { return options_; }

 private:
  Client(Options options, std::unique_ptr<web::HttpClient> http);

  [[nodiscard]] std::vector<std::string> headers(const StatementContext& context) const;
  [[nodiscard]] Result<StatementPage> page(web::Request request, std::chrono::steady_clock::time_point deadline);
  void cancel(const std::string& path);

  const Options options_;
  const std::unique_ptr<web::HttpClient> http_;
};

}  // namespace weir::trino
