#include "nats/status_mapping.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace weir::nats {
namespace {

using nlohmann::json;

StatusCode of_answer(const char* text) { return from_api_answer(json::parse(text), "call").code(); }

TEST(StatusMapping, ALostAnswerIsUnknownOnlyForWhatWrites) {
  EXPECT_EQ(from_nats(NATS_TIMEOUT, Effect::kReads, "x").code(), StatusCode::kUnavailable);
  EXPECT_EQ(from_nats(NATS_TIMEOUT, Effect::kWrites, "x").code(), StatusCode::kOutcomeUnknown);
  EXPECT_EQ(from_nats(NATS_CONNECTION_DISCONNECTED, Effect::kWrites, "x").code(), StatusCode::kOutcomeUnknown);
  EXPECT_EQ(from_nats(NATS_ERR, Effect::kWrites, "x").code(), StatusCode::kOutcomeUnknown);
  EXPECT_EQ(from_nats(NATS_NO_RESPONDERS, Effect::kWrites, "x").code(), StatusCode::kUnavailable);
  EXPECT_TRUE(from_nats(NATS_OK, Effect::kWrites, "x").ok());
}

TEST(StatusMapping, AnErrorObjectIsReadByItsNumber) {
  EXPECT_EQ(of_answer(R"({"stream":"S","seq":1})"), StatusCode::kOk);
  EXPECT_EQ(of_answer(R"({"error":{"code":400,"err_code":10071,"description":"wrong last sequence"}})"),
            StatusCode::kConflict);
  EXPECT_EQ(of_answer(R"({"error":{"code":404,"err_code":10059,"description":"no"}})"), StatusCode::kNotFound);
  EXPECT_EQ(of_answer(R"({"error":{"code":503,"err_code":10008,"description":"no"}})"), StatusCode::kUnavailable);
  EXPECT_EQ(of_answer(R"({"error":{"code":503,"err_code":10039,"description":"no"}})"), StatusCode::kInvalidArgument);
}

TEST(StatusMapping, AnUnreadableErrorObjectIsAnErrorNotAnException) {
  for (const char* text : {R"({"error":"text"})", R"({"error":{"code":"four"}})", R"({"error":null})"}) {
    EXPECT_FALSE(from_api_answer(json::parse(text), "call").ok()) << text;
  }
}

}  // namespace
}  // namespace weir::nats
