#include "cli/demo_publisher.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "app/demo_events.h"
#include "nats/publisher.h"
#include "nats/stream_admin.h"

namespace weir::cli {
namespace {

constexpr int64_t kCorrupted = 100;
constexpr int64_t kPacedFlights = 20'000;
constexpr int64_t kPacedPerSecond = 2'000;
constexpr int64_t kPacedBurst = 20;
constexpr int64_t kAllFlights = 336'776;

// The text of a field of an event that we made ourselves.
std::string field_of(std::string_view event, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  const size_t begin = event.find(key) + key.size();
  return std::string(event.substr(begin, event.find('"', begin) - begin));
}

class FlightPublisher {
 public:
  FlightPublisher(nats::Publisher& publisher, int64_t total, Published* published)
      : publisher_(publisher), total_(total), published_(published) {}

  Status take(std::string_view event, const std::stop_token& stop) {
    if (stop.stop_requested()) return shutting_down("publishing the demo's events");
    const std::string subject = "flights." + field_of(event, "origin");
    WEIR_RETURN_IF_ERROR(publisher_.publish(subject, {.payload = event, .message_id = {}, .headers = {}}));
    ++published_->flights;
    ++sent_;
    if (sent_ % std::max<int64_t>(1, total_ / kCorrupted) == 0 && published_->corrupted < kCorrupted) {
      const auto& kinds = app::demo_corruptions();
      const auto& kind = kinds[static_cast<size_t>(published_->corrupted) % kinds.size()];
      const std::string broken = kind.apply(std::string(event));
      WEIR_RETURN_IF_ERROR(publisher_.publish(subject, {.payload = broken, .message_id = {}, .headers = {}}));
      ++published_->flights;
      ++published_->corrupted;
    }
    if (total_ - sent_ < kPacedFlights) pace();
    return ok_status();
  }

 private:
  void pace() {
    const auto now = std::chrono::steady_clock::now();
    if (!published_->paced.exchange(true)) paced_since_ = now;
    if (++paced_ % kPacedBurst != 0) return;
    std::this_thread::sleep_until(paced_since_ + std::chrono::milliseconds(paced_ * 1000 / kPacedPerSecond));
  }

  nats::Publisher& publisher_;
  const int64_t total_;
  Published* const published_;
  int64_t sent_ = 0;
  int64_t paced_ = 0;
  std::chrono::steady_clock::time_point paced_since_{};
};

}  // namespace

Status publish_demo(const nats::Connection& connection, const std::filesystem::path& data, int64_t flights_max,
                    Published* published, const std::stop_token& stop) {
  WEIR_ASSIGN_OR_RETURN(const auto publisher, nats::Publisher::open(connection));
  WEIR_RETURN_IF_ERROR(app::for_each_csv_row_as_json(data / "weather.csv", INT64_MAX, [&](std::string_view event) {
    ++published->weather;
    return publisher->publish("weather." + field_of(event, "origin"), {.payload = event, .message_id = {}, .headers = {}});
  }));
  FlightPublisher flights(*publisher, std::min(flights_max, kAllFlights), published);
  WEIR_RETURN_IF_ERROR(app::for_each_csv_row_as_json(
      data / "flights.csv", flights_max, [&](std::string_view event) { return flights.take(event, stop); }));
  WEIR_RETURN_IF_ERROR(publisher->flush());
  published->done = true;
  return ok_status();
}

}  // namespace weir::cli
