#include "chains.h"
#include "expectations.h"
#include "flights_table.h"

void chain_objects(void) {
  g_chain = "objects";
  weir_store_options store = {true};
  const char* path = "_weir/plans/flights/p1.json";
  weir_object_put(g_engine, g_lake, &store, path, "{\"a\":1}", 7, WEIR_PUT_CREATE, &g_status);
  OK();
  weir_object_put(g_engine, g_lake, &store, path, "{\"a\":2}", 7, WEIR_PUT_CREATE, &g_status);
  EXPECT(WEIR_ALREADY_EXISTS, NULL);
  expect_text(weir_object_get(g_engine, g_lake, path, &g_status), "{\"a\":1}");
  weir_object_put(g_engine, g_lake, NULL, path, "{\"a\":3}", 7, WEIR_PUT_OVERWRITE, &g_status);
  OK();
  expect_text(weir_object_get(g_engine, g_lake, path, &g_status), "{\"a\":3}");
  weir_store_options unsynced = {false};
  weir_object_put(g_engine, g_lake, &unsynced, "_weir/empty", NULL, 0, WEIR_PUT_CREATE, &g_status);
  OK();
  weir_object_put(g_engine, g_lake, &unsynced, "_weir/empty", NULL, 0, WEIR_PUT_CREATE, &g_status);
  EXPECT(WEIR_ALREADY_EXISTS, NULL);
  weir_buffer b = weir_object_get(g_engine, g_lake, "_weir/empty", &g_status);
  OK();
  CHECK(b.size == 0);
  weir_buffer_free(&b);
  expect_text(weir_object_list(g_engine, g_lake, "_weir", &g_status),
              "[{\"path\":\"_weir/empty\",\"size\":0},{\"path\":\"_weir/plans/flights/p1.json\",\"size\":7}]");
  expect_text(weir_object_list(g_engine, g_lake, "_weir/nothing", &g_status), "[]");
  b = weir_object_get(g_engine, g_lake, "_weir/nothing", &g_status);
  CHECK(b.data == NULL);
  EXPECT(WEIR_NOT_FOUND, NULL);
  weir_object_put(g_engine, g_lake, NULL, "a/../../b", "x", 1, WEIR_PUT_CREATE, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, NULL);
  weir_object_put(g_engine, g_lake, NULL, "", "x", 1, WEIR_PUT_CREATE, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, NULL);
  g_chain = "objects, deleted";
  weir_object_delete(g_engine, g_lake, &store, "_weir/empty", &g_status);
  OK();
  weir_object_delete(g_engine, g_lake, NULL, "_weir/empty", &g_status);
  OK();
  expect_text(weir_object_list(g_engine, g_lake, "_weir", &g_status),
              "[{\"path\":\"_weir/plans/flights/p1.json\",\"size\":7}]");
  weir_object_delete(g_engine, g_lake, NULL, "", &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "empty");
}
