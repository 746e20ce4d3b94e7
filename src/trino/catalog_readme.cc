#include "trino/catalog_readme.h"

#include <vector>

namespace weir::trino {
namespace {

std::string variables(const CatalogOptions& options) {
  std::vector<std::string> names;
  if (options.lake_url.starts_with("s3://")) {
    for (const std::string& name : {options.s3_region_env, options.s3_endpoint_env, options.s3_access_key_env,
                                    options.s3_secret_key_env}) {
      if (!name.empty()) names.push_back(name);
    }
  }
  if (!options.names.clickhouse_catalog.empty()) {
    if (options.clickhouse_url.empty()) names.emplace_back("WEIR_CLICKHOUSE_ADDRESS");
    if (!options.clickhouse_password_env.empty()) names.push_back(options.clickhouse_password_env);
  }
  if (names.empty()) return "";
  std::string text = "\n   They name these environment variables, which Trino has to be started with:";
  for (const std::string& name : names) text += " `" + name + "`";
  return text + ".";
}

}  // namespace

std::string catalog_readme(const CatalogOptions& options) {
  const Names& names = options.names;
  const bool hot = !names.clickhouse_catalog.empty();
  const bool local = !options.lake_url.starts_with("s3://");
  std::string text = "# Trino for the pipeline " + options.pipeline +
                     "\n\nFiles for a Trino server (proven with 476), made by `weir trino FILE --out DIR`. Made again, they "
                     "replace only\nwhat nobody changed; for a file that somebody did, `<file>.new` appears beside it. No "
                     "file holds a secret.\n\n## To try it\n\n    tools/trino.sh up <this folder>\n\nin the source folder of "
                     "weir starts a server on this machine, for the url of `[trino]` in the pipeline file.\n\n"
                     "## A Trino that you have\n\n";
  text += "1. Copy `catalog/*.properties` into `etc/catalog/` of every node." + variables(options) + "\n";
  if (local) {
    text += "   The lake is a folder (`" + options.lake_url +
            "`): every node must see it under the same path, and Trino's user must be allowed\n   to write below "
            "`_weir/trino` in it.\n";
  }
  if (hot) {
    text += "2. Give Trino a ClickHouse user of its own: `clickhouse.sql`. Name it in `catalog/" + names.clickhouse_catalog +
            ".properties`.\n3. In `etc/config.properties` of every node say\n\n       sql.forced-session-time-zone=UTC\n\n"
            "   Without it, times from ClickHouse would be shifted by the zone of whoever asks. The views notice, and fail\n"
            "   with a message that says so.\n";
  }
  text += std::string(hot ? "4" : "2") +
          ". Let people read and weir write. With Trino's file based access control: copy `rules.json` and\n"
          "   `access-control.properties` into `etc/`. If you have rules already, add these in front of yours. What they say: "
          "only\n   `" +
          options.trino_user + "` uses the catalog `" + names.admin_catalog +
          "` and its procedures `register_table` and `unregister_table`" +
          (hot ? ";\n   nobody writes through `" + names.clickhouse_catalog + "`.\n" : ".\n");
  text += std::string(hot ? "5" : "3") +
          ". Restart Trino, put its address into `[trino]` of the pipeline file, and start `weir run FILE`. It registers the\n"
          "   tables, makes the views, and keeps them current. `weir trino FILE refresh` does it once, while nothing runs.\n\n";
  text += "If weir cannot reach Trino: run `tables.sql`, then `views.sql`, as `" + options.trino_user +
          "`. Those views show the lake alone.\n\n## What people see\n\n| in Trino | is |\n|---|---|\n";
  for (const auto& table : options.tables) {
    text += "| `" + names.lake_catalog + ".weir." + table->table + "` | " +
            (hot ? "rows of the lake, and from ClickHouse those that the lake does not have yet" : "rows of the lake") + " |\n";
  }
  text += "| `" + names.lake_catalog + ".weir.dead_letters` | events that became no row, and why |\n| `" +
          names.lake_catalog + ".weir.status` | where the rows of each table come from, and how new they are |\n| `" +
          names.lake_catalog + ".weir_lake.*` | the tables of the lake as they are |\n";
  return text;
}

}  // namespace weir::trino
