// P3: JSON -> Arrow rows against simdjson alone reading every field of the same bytes, on one core. The two alternate,
// so that a noisy machine disturbs both alike; the ratio is of the medians.
#include <arrow/record_batch.h>
#include <simdjson.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/flight_event.h"
#include "decode/decoder.h"

namespace {

constexpr int kMessages = 20'000;
constexpr int kRounds = 41;

weir::Plan plan() {
  weir::Plan plan;
  plan.table = "flights";
  for (const auto& [name, type] :
       {std::pair("carrier", "string"), std::pair("flight_number", "int32"), std::pair("tail_number", "string"),
        std::pair("origin", "string"), std::pair("dest_airport", "string"), std::pair("distance_miles", "float64"),
        std::pair("departure_delay", "int64"), std::pair("scheduled_at", "timestamp")}) {
    plan.input.push_back(
        {.name = name, .type = *weir::parse_column_type(type), .from = {.text = std::string("/") + name}});
  }
  return plan;
}

// Reads every key and value of one object by On-Demand; the sum keeps the compiler from dropping it.
uint64_t walk(simdjson::ondemand::parser* parser, std::string_view json) {
  uint64_t sum = 0;
  simdjson::ondemand::document document;
  if (parser->iterate(json.data(), json.size(), json.size() + simdjson::SIMDJSON_PADDING).get(document) !=
      simdjson::SUCCESS)
    std::abort();
  simdjson::ondemand::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS) std::abort();
  for (auto field : object) {
    std::string_view key;
    simdjson::ondemand::value value;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS || field.value().get(value) != simdjson::SUCCESS)
      std::abort();
    sum += key.size();
    simdjson::ondemand::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) std::abort();
    if (type == simdjson::ondemand::json_type::string) {
      std::string_view text;
      if (value.get_string().get(text) != simdjson::SUCCESS) std::abort();
      sum += text.size();
    } else {
      simdjson::ondemand::number number;
      if (value.get_number().get(number) != simdjson::SUCCESS) std::abort();
      sum += static_cast<uint64_t>(number.is_double());
    }
  }
  return sum;
}

// CPU time of this thread: what other processes do in between is not counted.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <typename Run>
double seconds(Run run) {
  const double start = cpu_seconds();
  run();
  return cpu_seconds() - start;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main() {
  std::string bytes;
  std::vector<std::pair<size_t, size_t>> places;
  for (int i = 0; i < kMessages; ++i) {
    const std::string json = weir::bench::flight_event(i);
    places.emplace_back(bytes.size(), json.size());
    bytes += json + "\r\n";
  }
  const size_t size = bytes.size();
  bytes.append(simdjson::SIMDJSON_PADDING, ' ');
  std::vector<weir::Message> messages;
  for (const auto& [at, length] : places) {
    messages.push_back({.seq = weir::Seq{static_cast<int64_t>(messages.size()) + 1},
                        .time_us = 1,
                        .subject = "flights.ua.ewr",
                        .payload = std::string_view(bytes).substr(at, length)});
  }
  auto decoder = *weir::Decoder::create(std::make_shared<const weir::Plan>(plan()), 0);
  simdjson::ondemand::parser parser;
  std::vector<double> ours;
  std::vector<double> theirs;
  uint64_t sum = 0;
  for (int round = 0; round < kRounds; ++round) {
    theirs.push_back(seconds([&] {
      for (const weir::Message& message : messages) sum += walk(&parser, message.payload);
    }));
    ours.push_back(seconds([&] {
      for (size_t i = 0; i < messages.size(); i += 5'000) {
        const auto batch =
            decoder->decode(std::span(messages).subspan(i, std::min<size_t>(5'000, messages.size() - i)));
        if (!batch.ok() || !batch->rejects.empty()) std::abort();
        sum += static_cast<uint64_t>(batch->rows->num_rows());
      }
    }));
  }
  const double decode = median(ours);
  const double parse = median(theirs);
  std::printf(
      "{\"id\":\"P3\",\"bytes_per_event\":%.0f,\"decode_events_s\":%.0f,\"parse_events_s\":%.0f,\"decode_ns\":%.1f,"
      "\"parse_ns\":%.1f,\"ratio\":%.3f,\"kernel\":\"%s\",\"check\":%llu}\n",
      static_cast<double>(size) / kMessages, kMessages / decode, kMessages / parse, decode / kMessages * 1e9,
      parse / kMessages * 1e9, parse / decode, simdjson::builtin_implementation()->name().c_str(),
      static_cast<unsigned long long>(sum));
}
