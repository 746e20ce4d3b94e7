#include "clickhouse/status_mapping.h"

#include <gtest/gtest.h>

namespace weir::clickhouse {
namespace {

StatusCode insert_code(int exception, std::string_view message = "Code: x. DB::Exception: text") {
  return from_exception(500, exception, message, Effect::kInsert).code();
}

TEST(StatusMapping, AnUnknownOutcomeStaysUnknownForAnInsertAndIsTriedAgainForWhatMayBeRepeated) {
  EXPECT_EQ(from_transport(outcome_unknown("cut"), Effect::kInsert).code(), StatusCode::kOutcomeUnknown);
  EXPECT_EQ(from_transport(outcome_unknown("cut"), Effect::kIdempotent).code(), StatusCode::kUnavailable);
  EXPECT_EQ(from_transport(unavailable("refused"), Effect::kInsert).code(), StatusCode::kUnavailable);
  EXPECT_EQ(from_transport(invalid_argument("url"), Effect::kIdempotent).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(from_transport(resource_exhausted("large"), Effect::kInsert).code(), StatusCode::kResourceExhausted);
}

TEST(StatusMapping, TheStatementsOwnRefusalIsFencedButAnotherThrowIfIsUnknown) {
  EXPECT_EQ(insert_code(395, "Code: 395. DB::Exception: fenced: while executing"), StatusCode::kFenced);
  EXPECT_EQ(insert_code(395, "Code: 395. DB::Exception: user's own"), StatusCode::kOutcomeUnknown);
}

TEST(StatusMapping, RefusalsAtTheDoorMayBeRepeatedAsTheyAre) {
  for (const int code : {202, 216, 242, 252, 745}) EXPECT_EQ(insert_code(code), StatusCode::kUnavailable) << code;
  EXPECT_EQ(insert_code(243), StatusCode::kResourceExhausted);
}

TEST(StatusMapping, WhatMayComeFromBetweenTheTokenAndThePartIsUnknown) {
  // Time-out, memory limit, cancellation, failing disk, logical error, a code nobody knows yet.
  for (const int code : {159, 241, 394, 74, 75, 76, 1001, 49, 99'999}) {
    EXPECT_EQ(insert_code(code), StatusCode::kOutcomeUnknown) << code;
  }
}

TEST(StatusMapping, WhateverAViewOfTheUsersThrowsIsUnknown) {
  for (const int code : {6, 60, 252, 395, 497}) {
    EXPECT_EQ(insert_code(code, "DB::Exception: fenced: while pushing to view db.v"), StatusCode::kOutcomeUnknown)
        << code;
  }
}

TEST(StatusMapping, ValuesAreRejectedButAStatementThatDoesNotFitIsNotTheRowsFault) {
  for (const int code : {6, 27, 33, 69, 70, 117, 131, 321, 349, 376, 407, 469}) {
    EXPECT_EQ(insert_code(code), StatusCode::kRejected) << code;
  }
  for (const int code : {16, 20, 47, 53, 62, 115}) EXPECT_EQ(insert_code(code), StatusCode::kInvalidArgument) << code;
}

TEST(StatusMapping, WhoWeAreAndWhatIsMissingIsSaidAsItIs) {
  for (const int code : {164, 192, 193, 497, 516}) EXPECT_EQ(insert_code(code), StatusCode::kPermissionDenied) << code;
  for (const int code : {60, 81, 218}) EXPECT_EQ(insert_code(code), StatusCode::kNotFound) << code;
}

TEST(StatusMapping, AnAnswerThatIsNotClickHousesIsUnknownForAnInsert) {
  EXPECT_EQ(from_exception(502, 0, "<html>", Effect::kInsert).code(), StatusCode::kOutcomeUnknown);
  EXPECT_EQ(from_exception(502, 0, "<html>", Effect::kIdempotent).code(), StatusCode::kUnavailable);
  EXPECT_EQ(from_exception(401, 0, "", Effect::kInsert).code(), StatusCode::kPermissionDenied);
}

TEST(StatusMapping, AnExceptionInsideABodyIsFound) {
  EXPECT_EQ(exception_code_in("1\t2\nCode: 241. DB::Exception: Memory limit"), 241);
  EXPECT_EQ(exception_code_in("Code: red"), 0);
  EXPECT_EQ(exception_code_in(""), 0);
}

}  // namespace
}  // namespace weir::clickhouse
