#include "trino/statement_page.h"

#include <utility>

namespace weir::trino {
namespace {

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Only the path of nextUri counts. Its host is how the server sees itself, which behind a proxy is not how we reach it;
// and credentials go to no host but the one of the pipeline file.
Result<std::string> path_of(const std::string& uri) {
  const size_t scheme_end = uri.find("://");
  const size_t path = scheme_end == std::string::npos ? std::string::npos : uri.find('/', scheme_end + 3);
  if (path == std::string::npos) return unavailable("Trino named a next page without a path");
  return uri.substr(path);
}

std::vector<ResultColumn> columns_of(const nlohmann::json& columns) {
  std::vector<ResultColumn> read;
  for (const auto& column : columns) {
    if (column.is_object()) read.push_back({text_of(column, "name"), text_of(column, "type")});
  }
  return read;
}

StatementError error_of(const nlohmann::json& error) {
  StatementError read{.name = text_of(error, "errorName"),
                      .type = text_of(error, "errorType"),
                      .message = text_of(error, "message")};
  if (const auto code = error.find("errorCode"); code != error.end() && code->is_number_integer()) {
    read.code = code->get<int>();
  }
  return read;
}

}  // namespace

Result<StatementPage> parse_statement_page(std::string_view body) {
  auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("id") || !json.contains("stats")) {
    return unavailable("what answers is not Trino: no result of a statement");
  }
  StatementPage page{.query_id = text_of(json, "id")};
  if (const std::string next = text_of(json, "nextUri"); !next.empty()) {
    WEIR_ASSIGN_OR_RETURN(page.next_path, path_of(next));
  }
  if (const auto columns = json.find("columns"); columns != json.end() && columns->is_array()) {
    page.columns = columns_of(*columns);
  }
  if (const auto error = json.find("error"); error != json.end() && error->is_object()) page.error = error_of(*error);
  if (const auto data = json.find("data"); data != json.end() && data->is_array()) {
    page.rows.reserve(data->size());
    for (auto& row : *data) page.rows.push_back(std::move(row));
  }
  return page;
}

}  // namespace weir::trino
