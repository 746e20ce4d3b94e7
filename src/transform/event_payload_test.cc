#include "transform/event_payload.h"

#include <gtest/gtest.h>

namespace weir::transform {
namespace {

TEST(EventPayload, AJsonMessageIsOneEvent) { EXPECT_EQ(event_payload(PayloadFormat::kJson, "{\n}", 0), "{\n}"); }

TEST(EventPayload, AnNdjsonEventIsItsLineAndBlankLinesCount) {
  const std::string_view payload = "{\"n\":1}\r\n\n{\"n\":2}\n{\"n\":3}";
  EXPECT_EQ(event_payload(PayloadFormat::kNdjson, payload, 0), "{\"n\":1}\r");
  EXPECT_EQ(event_payload(PayloadFormat::kNdjson, payload, 2), "{\"n\":2}");
  EXPECT_EQ(event_payload(PayloadFormat::kNdjson, payload, 3), "{\"n\":3}");
}

TEST(EventPayload, AnOrdinalWithoutALineMeansTheWholePayload) {
  EXPECT_EQ(event_payload(PayloadFormat::kNdjson, "{}\n", 1), "{}\n");
  EXPECT_EQ(event_payload(PayloadFormat::kNdjson, "", 0), "");
}

}  // namespace
}  // namespace weir::transform
