#include "trino/catalog_files.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "trino/catalog_readme.h"
#include "trino/publisher.h"
#include "trino/sql_text.h"
#include "trino/view_text.h"

namespace weir::trino {
namespace {

std::string env(const std::string& name) { return "${ENV:" + name + "}"; }

bool is_s3(const CatalogOptions& options) { return options.lake_url.starts_with("s3://"); }

// Value of a line of a .properties file, which is read as ISO 8859-1 with \uXXXX for the rest.
std::string property(std::string_view utf8) {
  std::string out;
  for (size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    if (lead < 0x80) {
      if (lead == '\\') out += '\\';
      out += utf8[i++];
      continue;
    }
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    char32_t code = lead & (0xFFU >> (length + 1));
    for (size_t j = 1; j < length && i + j < utf8.size(); ++j) code = code << 6 | (static_cast<unsigned char>(utf8[i + j]) & 0x3FU);
    char text[16];
    if (code > 0xFFFF) {
      code -= 0x10000;
      std::snprintf(text, sizeof text, "\\u%04X\\u%04X", 0xD800U + static_cast<unsigned>(code >> 10),
                    0xDC00U + static_cast<unsigned>(code & 0x3FFU));
    } else {
      std::snprintf(text, sizeof text, "\\u%04X", static_cast<unsigned>(code));
    }
    out += text;
    i += length;
  }
  return out;
}

std::string lake_properties(const CatalogOptions& options, bool admin) {
  std::string text = admin ? "# Registers the lake's tables and holds the views over them. For weir alone.\n"
                           : "# The lake, for everybody: reads only.\n";
  text += "connector.name=delta_lake\nhive.metastore=file\n";
  if (is_s3(options)) {
    text += "hive.metastore.catalog.dir=" + property(options.lake_url) +
            "/_weir/trino/metastore\nfs.native-s3.enabled=true\ns3.region=" + env(options.s3_region_env) + "\n";
    if (!options.s3_endpoint_env.empty()) {
      text += "s3.endpoint=" + env(options.s3_endpoint_env) + "\ns3.path-style-access=true\n";
    }
    if (!options.s3_access_key_env.empty()) {
      text += "s3.aws-access-key=" + env(options.s3_access_key_env) + "\ns3.aws-secret-key=" + env(options.s3_secret_key_env) +
              "\n";
    }
  } else {
    text += "hive.metastore.catalog.dir=local:///_weir/trino/metastore\nfs.native-local.enabled=true\nlocal.location=" +
            property(options.lake_url.substr(std::string_view("file://").size())) + "\n";
  }
  return text + (admin ? "delta.security=ALLOW_ALL\ndelta.register-table-procedure.enabled=true\n"
                       : "delta.security=READ_ONLY\n");
}

std::string clickhouse_properties(const CatalogOptions& options) {
  std::string address = options.clickhouse_url;
  const bool secure = address.starts_with("https://");
  if (const size_t scheme = address.find("://"); scheme != std::string::npos) address.erase(0, scheme + 3);
  while (address.ends_with('/')) address.pop_back();
  const std::string host = address.empty() ? env("WEIR_CLICKHOUSE_ADDRESS") : property(address);
  return "# ClickHouse, for the newest rows. People read them through the views of the lake's catalog.\n"
         "# Server and driver would both compress (compress=0); times are in UTC; max() of no rows is NULL.\n"
         "connector.name=clickhouse\nconnection-url=jdbc:clickhouse:" +
         std::string(secure ? "https:" : "") + "//" + host +
         "/?compress=0&custom_http_params=session_timezone=UTC,aggregate_functions_null_for_empty=1" +
         (secure ? "&ssl=true" : "") + "\n# Better a user that sees the views only: clickhouse.sql.\nconnection-user=" +
         property(options.clickhouse_user) + "\nconnection-password=" +
         (options.clickhouse_password_env.empty() ? "" : env(options.clickhouse_password_env)) +
         "\nclickhouse.map-string-as-varchar=true\n";
}

// The rules of Trino's file based access control are regular expressions.
std::string escaped_pattern(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                       static_cast<unsigned char>(c) >= 0x80;
    if (!plain) out += '\\';
    out += c;
  }
  return out;
}

// The first rule that fits counts. The lake stays "all": its connector is read-only by itself, and a rule that says so
// would hide the text of views.
std::string rules(const CatalogOptions& options) {
  const std::string weir = escaped_pattern(options.trino_user);
  nlohmann::ordered_json rules;
  rules["catalogs"] = {{{"user", weir}, {"catalog", options.names.admin_catalog}, {"allow", "all"}},
                       {{"catalog", options.names.admin_catalog}, {"allow", "none"}}};
  if (!options.names.clickhouse_catalog.empty()) {
    rules["catalogs"].push_back({{"catalog", options.names.clickhouse_catalog}, {"allow", "read-only"}});
  }
  rules["catalogs"].push_back({{"allow", "all"}});
  nlohmann::ordered_json procedure = {{"user", weir},
                                      {"catalog", options.names.admin_catalog},
                                      {"schema", "system"},
                                      {"procedure", "register_table|unregister_table"}};
  procedure["privileges"] = {"EXECUTE"};
  rules["procedures"].push_back(std::move(procedure));
  return rules.dump(2) + "\n";
}

std::string clickhouse_sql(const CatalogOptions& options) {
  const std::string database = "`" + options.names.view_database() + "`";
  return "-- A ClickHouse user for Trino: it reads the views that weir keeps for Trino, and sees nothing else.\n"
         "-- readonly = 2, not 1: Trino's driver sends settings with its queries. Put your password in place of <password>,\n"
         "-- then name the user, and an environment variable for the password, in catalog/" +
         options.names.clickhouse_catalog +
         ".properties.\n"
         "CREATE USER IF NOT EXISTS trino IDENTIFIED BY '<password>'\n"
         "  SETTINGS readonly = 2, session_timezone = 'UTC', aggregate_functions_null_for_empty = 1;\n"
         "GRANT SELECT ON " +
         database +
         ".* TO trino;\n"
         "\n-- What weir's own user needs besides its tables, unless it may do everything:\n"
         "-- GRANT CREATE DATABASE, CREATE VIEW, DROP VIEW ON " +
         database + ".* TO `" + options.clickhouse_user + "`;\n-- GRANT SET DEFINER ON `" + options.clickhouse_user +
         "` TO `" + options.clickhouse_user + "`;\n";
}

std::string registration(const CatalogOptions& options, const std::string& name, const std::string& folder) {
  return "CALL " + quote_identifier(options.names.admin_catalog) + ".system.register_table(" + quote_string(kLakeSchema) +
         ", " + quote_string(name) + ", " + quote_string(table_location(options.lake_url, folder)) + ");\n";
}

std::string tables_sql(const CatalogOptions& options) {
  const std::string catalog = quote_identifier(options.names.admin_catalog);
  std::string text =
      "-- What weir run and weir trino FILE refresh do first. A table can be registered once weir has made it in the lake.\n";
  for (const std::string_view schema : {kViewSchema, kLakeSchema}) {
    text += "CREATE SCHEMA IF NOT EXISTS " + catalog + "." + quote_identifier(schema) + ";\n";
  }
  for (const auto& table : options.tables) text += registration(options, table->table, table->table);
  return text + registration(options, std::string(kDeadLetterView), "_dead_letters");
}

std::string views_sql(const CatalogOptions& options) {
  std::string text =
      "-- Views of the lake alone, for a Trino server that weir cannot reach. Where weir keeps the views, do not run this:\n"
      "-- it leaves alone what it did not make.\n";
  for (const auto& table : options.tables) {
    text += create_view_sql(qualified(options.names.admin_catalog, kViewSchema, table->table),
                            "all rows from the lake; made by hand", table_view_query(options.names, *table, {})) +
            ";\n";
  }
  return text;
}

}  // namespace

std::vector<GeneratedFile> catalog_files(const CatalogOptions& options) {
  std::vector<GeneratedFile> files = {
      {"catalog/" + options.names.lake_catalog + ".properties", lake_properties(options, false)},
      {"catalog/" + options.names.admin_catalog + ".properties", lake_properties(options, true)}};
  const bool hot = !options.names.clickhouse_catalog.empty();
  if (hot) {
    files.push_back({"catalog/" + options.names.clickhouse_catalog + ".properties", clickhouse_properties(options)});
    files.push_back({"clickhouse.sql", clickhouse_sql(options)});
  }
  files.push_back({"rules.json", rules(options)});
  files.push_back({"access-control.properties",
                   "# Copy to Trino's etc folder, with the path where rules.json is then.\n"
                   "access-control.name=file\nsecurity.config-file=etc/rules.json\n"});
  files.push_back({"tables.sql", tables_sql(options)});
  files.push_back({"views.sql", views_sql(options)});
  files.push_back({"README.md", catalog_readme(options)});
  return files;
}

}  // namespace weir::trino
