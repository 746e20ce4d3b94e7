// publish_events URL STREAM EVENTS [EVENTS_PER_S]: makes a limits stream in files with the subjects `<stream>.>` and
// publishes events into it, as fast as it can or at a steady rate. Prints what it did as JSON.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "bench/flight_event.h"
#include "nats/connection.h"
#include "nats/publisher.h"
#include "nats/stream_admin.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kStepsPerSecond = 200;  // at a steady rate, events go out in this many small bursts

weir::Status publish(const std::string& url, const std::string& stream, int64_t events, int64_t rate) {
  WEIR_ASSIGN_OR_RETURN(const auto connection, weir::nats::Connection::open({.url = url}));
  WEIR_ASSIGN_OR_RETURN(const auto admin, weir::nats::StreamAdmin::open(*connection));
  WEIR_RETURN_IF_ERROR(admin.create({.name = stream, .subjects = {stream + ".>"}}));
  WEIR_ASSIGN_OR_RETURN(const auto publisher, weir::nats::Publisher::open(*connection));
  const std::string subject = stream + ".ua.ewr";
  const auto started = Clock::now();
  const int64_t burst = rate == 0 ? events : std::max<int64_t>(1, rate / kStepsPerSecond);
  for (int64_t i = 0; i < events; ++i) {
    if (rate != 0 && i % burst == 0) {
      std::this_thread::sleep_until(started + std::chrono::nanoseconds(1'000'000'000 * i / rate));
    }
    const std::string payload = weir::bench::flight_event(i);
    WEIR_RETURN_IF_ERROR(publisher->publish(subject, {.payload = payload, .message_id = {}, .headers = {}}));
  }
  WEIR_RETURN_IF_ERROR(publisher->flush());
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  std::printf("{\"events\":%lld,\"seconds\":%.3f}\n", static_cast<long long>(publisher->confirmed()), seconds);
  return weir::ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: publish_events URL STREAM EVENTS [EVENTS_PER_S]\n");
    return 2;
  }
  const auto status = publish(argv[1], argv[2], std::atoll(argv[3]), argc > 4 ? std::atoll(argv[4]) : 0);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return 1;
}
