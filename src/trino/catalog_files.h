#pragma once

#include <memory>
#include <string>
#include <vector>

#include "schema/table_schema.h"
#include "trino/generated_files.h"
#include "trino/names.h"

namespace weir::trino {

/// What the files for a Trino server are made from. Secrets are named by their environment variables only.
struct CatalogOptions {
  std::string pipeline;
  Names names;  ///< An empty clickhouse_catalog: no ClickHouse.
  std::string trino_user = "weir";
  std::string lake_url;
  std::string s3_region_env = "AWS_REGION";
  std::string s3_endpoint_env;    ///< Empty: AWS itself.
  std::string s3_access_key_env;  ///< Empty, with the secret's: Trino's own chain of credentials.
  std::string s3_secret_key_env;
  std::string clickhouse_url;  ///< Empty: not known here; ${ENV:WEIR_CLICKHOUSE_ADDRESS}, host:port, stands in its place.
  std::string clickhouse_user = "default";
  std::string clickhouse_password_env;  ///< Empty: none.
  std::vector<std::shared_ptr<const Plan>> tables;
};

/// Everything that a Trino server needs to show the pipeline's tables: catalog/<name>.properties of each catalog,
/// rules.json, access-control.properties, clickhouse.sql (the user to give Trino), tables.sql (schemas and registration),
/// views.sql (the views without weir) and README.md.
[[nodiscard]] std::vector<GeneratedFile> catalog_files(const CatalogOptions& options);

}  // namespace weir::trino
