/* Walks every call chain of weir_engine.h as a plain C program.
 *
 *   abi_test DIR            the chains, in an empty folder DIR; leaves DIR/lake behind
 *   abi_test DIR --bench    measures commits and file writing instead
 *
 * DIR may be s3://BUCKET/PREFIX (AWS_* in the environment); disk faults are left out then.
 *
 * Exits 1 at the first check that fails, saying which. */

#include <stdio.h>
#include <string.h>

#include "chains.h"
#include "expectations.h"
#include "flights_table.h"
#include "measurements.h"
#include "weir_engine.h"

int main(int argc, char** argv) {
  if (argc < 2 || (argv[1][0] != '/' && strncmp(argv[1], "s3://", 5) != 0)) {
    fprintf(stderr, "usage: abi_test /ABSOLUTE/DIR|s3://BUCKET/PREFIX [--bench]\n");
    return 2;
  }
  bool local = argv[1][0] == '/';
  snprintf(g_lake, sizeof g_lake, "%s%s/lake", local ? "file://" : "", argv[1]);
  snprintf(g_table, sizeof g_table, "%s/deep/t", g_lake);
  g_chain = "engine";
  CHECK(weir_abi_version() == WEIR_ABI_VERSION);
  weir_engine_options options = {2, 256 << 20};
  g_engine = weir_engine_open(&options, &g_status);
  OK();
  if (argc > 2) {
    measure();
  } else {
    weir_table* table = chain_create();
    chain_write_and_commit(table);
    chain_bad_rows(table);
    chain_query(table);
    chain_checkpoint(&table);
    chain_maintain(table);
    if (local) chain_disk_faults();
    chain_changes();
    chain_creators();
    chain_writers();
    chain_plan();
    chain_objects();
    chain_nulls(table);
    chain_engine_freed_first();
    weir_table_free(table);
    printf("abi_test: all chains passed\n");
  }
  weir_engine_free(g_engine);
  return 0;
}
