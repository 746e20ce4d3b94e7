#include "trino/catalog_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace weir::trino {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

CatalogOptions local_options() {
  CatalogOptions options{.pipeline = "p", .lake_url = "file:///var/lib/weir/lake"};
  options.clickhouse_url = "http://ch.example:8123";
  options.clickhouse_user = "weir";
  options.clickhouse_password_env = "CH_PASSWORD";
  auto plan = std::make_shared<Plan>();
  plan->table = "orders";
  plan->rows = {{.name = "a", .type = {.kind = TypeKind::kInt64}}};
  options.tables = {plan};
  return options;
}

std::string text_of(const CatalogOptions& options, const std::string& path) {
  for (const GeneratedFile& file : catalog_files(options)) {
    if (file.path == path) return file.text;
  }
  return "no file " + path;
}

TEST(LakeCatalogs, ShareOneMetastoreAndDifferInWhatTheyMay) {
  const std::string common =
      "connector.name=delta_lake\nhive.metastore=file\nhive.metastore.catalog.dir=local:///_weir/trino/metastore\n"
      "fs.native-local.enabled=true\nlocal.location=/var/lib/weir/lake\n";
  EXPECT_EQ(text_of(local_options(), "catalog/lake.properties"),
            "# The lake, for everybody: reads only.\n" + common + "delta.security=READ_ONLY\n");
  EXPECT_EQ(text_of(local_options(), "catalog/lakeadmin.properties"),
            "# Registers the lake's tables and holds the views over them. For weir alone.\n" + common +
                "delta.security=ALLOW_ALL\ndelta.register-table-procedure.enabled=true\n");
}

TEST(LakeCatalogs, OfABucketTakeCredentialsFromTheEnvironment) {
  CatalogOptions options = local_options();
  options.lake_url = "s3://bucket/prefix";
  EXPECT_THAT(text_of(options, "catalog/lake.properties"),
              AllOf(HasSubstr("hive.metastore.catalog.dir=s3://bucket/prefix/_weir/trino/metastore\n"),
                    HasSubstr("fs.native-s3.enabled=true\ns3.region=${ENV:AWS_REGION}\ndelta.security")));
  options.s3_endpoint_env = "AWS_ENDPOINT_URL";
  options.s3_access_key_env = "AWS_ACCESS_KEY_ID";
  options.s3_secret_key_env = "AWS_SECRET_ACCESS_KEY";
  EXPECT_THAT(text_of(options, "catalog/lake.properties"),
              HasSubstr("s3.endpoint=${ENV:AWS_ENDPOINT_URL}\ns3.path-style-access=true\ns3.aws-access-key=${ENV:"
                        "AWS_ACCESS_KEY_ID}\ns3.aws-secret-key=${ENV:AWS_SECRET_ACCESS_KEY}\n"));
  EXPECT_THAT(text_of(options, "tables.sql"), HasSubstr("'orders', 's3://bucket/prefix/orders'"));
}

TEST(LakeCatalogs, SpellWhatIsNotAsciiAsPropertiesDo) {
  CatalogOptions options = local_options();
  options.lake_url = "file:///data/\u00e9\u20ac\U0001F600\\x";
  EXPECT_THAT(text_of(options, "catalog/lake.properties"),
              HasSubstr("local.location=/data/\\u00E9\\u20AC\\uD83D\\uDE00\\\\x\n"));
}

TEST(ClickHouseCatalog, NamesThePasswordsVariableAndTheSettingsThatMakeItRight) {
  EXPECT_THAT(text_of(local_options(), "catalog/clickhouse.properties"),
              AllOf(HasSubstr("connection-url=jdbc:clickhouse://ch.example:8123/?compress=0&custom_http_params="
                              "session_timezone=UTC,aggregate_functions_null_for_empty=1\n"),
                    HasSubstr("connection-user=weir\nconnection-password=${ENV:CH_PASSWORD}\n"),
                    HasSubstr("clickhouse.map-string-as-varchar=true\n")));
}

TEST(ClickHouseCatalog, OverTlsAndOfAnEmbeddedServer) {
  CatalogOptions options = local_options();
  options.clickhouse_url = "https://ch.example:8443/";
  options.clickhouse_password_env = "";
  EXPECT_THAT(text_of(options, "catalog/clickhouse.properties"),
              AllOf(HasSubstr("=jdbc:clickhouse:https://ch.example:8443/?"), HasSubstr("&ssl=true\n"),
                    HasSubstr("connection-password=\n")));
  options.clickhouse_url = "";
  EXPECT_THAT(text_of(options, "catalog/clickhouse.properties"),
              HasSubstr("=jdbc:clickhouse://${ENV:WEIR_CLICKHOUSE_ADDRESS}/?"));
  EXPECT_THAT(text_of(options, "README.md"), HasSubstr("`WEIR_CLICKHOUSE_ADDRESS`"));
}

TEST(Rules, LetOnlyWeirIntoTheAdminCatalog) {
  CatalogOptions options = local_options();
  options.trino_user = "weir.bot";
  const auto rules = nlohmann::json::parse(text_of(options, "rules.json"));
  ASSERT_EQ(rules["catalogs"].size(), 4U);
  EXPECT_EQ(rules["catalogs"][0], nlohmann::json({{"user", "weir\\.bot"}, {"catalog", "lakeadmin"}, {"allow", "all"}}));
  EXPECT_EQ(rules["catalogs"][1], nlohmann::json({{"catalog", "lakeadmin"}, {"allow", "none"}}));
  EXPECT_EQ(rules["catalogs"][2], nlohmann::json({{"catalog", "clickhouse"}, {"allow", "read-only"}}));
  EXPECT_EQ(rules["catalogs"][3], nlohmann::json({{"allow", "all"}}));
  EXPECT_EQ(rules["procedures"][0]["procedure"], "register_table|unregister_table");
  EXPECT_EQ(rules["procedures"][0]["privileges"], nlohmann::json({"EXECUTE"}));
}

TEST(SqlFiles, RegisterTablesAndGiveTrinoAUserThatSeesTheViewsOnly) {
  EXPECT_THAT(text_of(local_options(), "tables.sql"),
              AllOf(HasSubstr("CREATE SCHEMA IF NOT EXISTS \"lakeadmin\".\"weir\";\n"),
                    HasSubstr("CALL \"lakeadmin\".system.register_table('weir_lake', 'orders', 'local:///orders');\n"),
                    HasSubstr("CALL \"lakeadmin\".system.register_table('weir_lake', 'dead_letters', "
                              "'local:///_dead_letters');\n")));
  EXPECT_THAT(text_of(local_options(), "clickhouse.sql"),
              AllOf(HasSubstr("readonly = 2, session_timezone = 'UTC', aggregate_functions_null_for_empty = 1"),
                    HasSubstr("GRANT SELECT ON `weir_trino`.* TO trino;\n")));
  EXPECT_THAT(text_of(local_options(), "views.sql"),
              HasSubstr("CREATE OR REPLACE VIEW \"lakeadmin\".\"weir\".\"orders\" COMMENT"));
}

TEST(CatalogFiles, OfALakeOnlyPipelineSayNothingOfClickHouse) {
  CatalogOptions options = local_options();
  options.names.clickhouse_catalog = "";
  for (const GeneratedFile& file : catalog_files(options)) {
    EXPECT_THAT(file.path, Not(HasSubstr("clickhouse")));
    EXPECT_THAT(file.text, Not(HasSubstr("ClickHouse"))) << file.path;
  }
}

}  // namespace
}  // namespace weir::trino
