#include "cli/demo_trino.h"

#include <chrono>
#include <ostream>
#include <thread>
#include <vector>

#include "app/trino_access.h"
#include "cli/text_table.h"
#include "trino/catalog_files.h"
#include "trino/generated_files.h"

namespace weir::cli {
namespace {

constexpr std::chrono::seconds kPatience{60};

constexpr std::string_view kQuery =
    "SELECT f.carrier, count(*) AS flights, round(avg(f.dep_delay), 1) AS delay, round(avg(w.wind_speed), 1) AS wind "
    "FROM lake.weir.flights f JOIN lake.weir.weather w ON w.origin = f.origin AND w.measured_at = f.scheduled_at "
    "GROUP BY f.carrier ORDER BY flights DESC LIMIT 5";

std::string cell(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

void print_result(const trino::StatementResult& result, std::ostream& out) {
  TextTable table;
  std::vector<std::string> heading;
  for (const trino::ResultColumn& column : result.columns) heading.push_back(column.name);
  table.add(heading);
  for (const nlohmann::json& row : result.rows) {
    std::vector<std::string> cells;
    for (const nlohmann::json& value : row) cells.push_back(cell(value));
    table.add(std::move(cells));
  }
  out << table.render("  ");
}

}  // namespace

Result<std::unique_ptr<DemoTrino>> DemoTrino::start(const PipelineConfig& config, app::PipelineRun& run,
                                                    const std::filesystem::path& folder, int port) {
  WEIR_ASSIGN_OR_RETURN(const auto catalogs, app::catalog_options(*run.services().engine, config));
  WEIR_RETURN_IF_ERROR(app::make_metastore_folder(config));
  WEIR_RETURN_IF_ERROR(trino::write_files(folder.string(), trino::catalog_files(catalogs)).status());
  const std::string address = "127.0.0.1:" + std::to_string(port);
  WEIR_ASSIGN_OR_RETURN(
      auto server,
      trino::EmbeddedServer::start(
          {.folder = folder,
           .port = port,
           .clickhouse_address = "127.0.0.1:" + std::to_string(run.services().clickhouse_server->http_port())}));
  WEIR_ASSIGN_OR_RETURN(auto client, trino::Client::open({.url = "http://" + address, .user = "demo"}));
  return std::unique_ptr<DemoTrino>(new DemoTrino(std::move(server), std::move(client), address));
}

bool DemoTrino::print(int64_t rows, std::ostream& out) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const nlohmann::json wanted = nlohmann::json::array({rows});
  auto count = client_->execute("SELECT count(*) FROM lake.weir.flights");
  while (!(count.ok() && count->rows.at(0) == wanted) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    count = client_->execute("SELECT count(*) FROM lake.weir.flights");
  }
  if (!count.ok() || count->rows.at(0) != wanted) {
    out << "Trino does not show the flights: " << (count.ok() ? cell(count->rows.at(0)) + " rows" : count.status().to_string())
        << "\n";
    return false;
  }
  const auto about = client_->execute(
      "SELECT table_name AS view, comment FROM system.metadata.table_comments WHERE catalog_name = 'lake' AND schema_name "
      "= 'weir' AND table_name IN ('flights', 'weather') ORDER BY 1");
  const auto answer = client_->execute(kQuery);
  if (!about.ok() || !answer.ok()) {
    out << "Trino: " << (about.ok() ? answer.status() : about.status()).to_string() << "\n";
    return false;
  }
  out << "Through Trino, lake and ClickHouse as one table each\n";
  print_result(*about, out);
  out << "\n  " << kQuery << "\n";
  print_result(*answer, out);
  out << "\n  DataGrip and every JDBC tool: jdbc:trino://" << address_ << "/lake/weir, any user, no password\n\n";
  return true;
}

}  // namespace weir::cli
