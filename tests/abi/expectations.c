#include "expectations.h"

#include <string.h>

const char* g_chain = "";
weir_status g_status;

void expect_at(const char* file, int line, int32_t code, const char* text) {
  const char* message = g_status.message.data ? g_status.message.data : "";
  if (g_status.code != code || (text != NULL && strcasestr(message, text) == NULL)) {
    fprintf(stderr, "%s:%d: [%s] expected code %d%s%s, got %d: %s\n", file, line, g_chain, code,
            text ? " and the text " : "", text ? text : "", g_status.code, message);
    exit(1);
  }
  if (code == 0) {
    CHECK(g_status.message.data == NULL);
  } else {
    CHECK(g_status.message.size > 0 && strlen(message) == g_status.message.size);
  }
  weir_buffer_free(&g_status.message);
}

void expect_text(weir_buffer b, const char* text) {
  OK();
  if (b.data == NULL || strstr(b.data, text) == NULL) {
    fprintf(stderr, "[%s] expected %s in: %s\n", g_chain, text, b.data ? b.data : "(null)");
    exit(1);
  }
  CHECK(b.data[b.size] == '\0');
  weir_buffer_free(&b);
  CHECK(b.data == NULL && b.size == 0);
  weir_buffer_free(&b);
}
