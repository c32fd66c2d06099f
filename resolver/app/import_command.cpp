#include "resolver/app/import_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "resolver/app/control.hpp"
#include "resolver/app/list_import.hpp"

namespace placard::app {
namespace {

constexpr std::chrono::milliseconds kEvery{250};
constexpr int kBar = 30;  // columns

struct Reading {
  std::uint64_t octets = 0, total = 0, rules = 0;
};

/// What the server says of the import that it is at; nothing read where it says nothing.
Reading of_server(const std::string& socket) {
  Reading reading;
  const auto line = control_call(socket, R"({"operation":"import_progress","json":true})", std::chrono::seconds(2));
  if (!line) return reading;
  const auto reply = nlohmann::json::parse(*line, nullptr, false);
  if (!reply.is_object() || !reply.contains("output") || !reply["output"].is_string()) return reading;
  const auto told = nlohmann::json::parse(reply["output"].get<std::string>(), nullptr, false);
  const auto number = [&told](const char* key) {
    return told.is_object() && told.contains(key) && told[key].is_number() ? told[key].get<std::uint64_t>() : 0;
  };
  return {number("octets"), number("total"), number("rules")};
}

void draw(const Reading& reading) {
  if (reading.total == 0) return;
  const auto done = std::min(reading.octets, reading.total);
  const auto filled = static_cast<int>(done * kBar / reading.total);
  std::cerr << fmt::format("\r[{:#<{}}{:<{}}] {:3} %  {} rules{}", "", filled, "", kBar - filled,
                           done * 100 / reading.total, reading.rules, done == reading.total ? ", taking them in " : "")
            << std::flush;
}

/// Draws until it goes, then leaves the line empty.
class Bar {
 public:
  Bar(std::string socket, const ImportProgress& own) : socket_(std::move(socket)), own_(own) {
    thread_ = std::thread([this] { run(); });
  }
  ~Bar() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_all();
    thread_.join();
    std::cerr << "\r\033[K" << std::flush;
  }
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kEvery, [this] { return over_; })) {
      lock.unlock();
      draw(own_.total > 0 ? Reading{own_.octets, own_.total, own_.rules} : of_server(socket_));
      lock.lock();
    }
  }

  const std::string socket_;
  const ImportProgress& own_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace

Output import_with_progress(const Options& options, const std::string& request, const Rendering& rendering) {
  ImportProgress progress;
  if (::isatty(STDERR_FILENO) == 0) return perform(options, request, rendering, &progress);
  const Bar bar(options.fixed.control_socket, progress);
  return perform(options, request, rendering, &progress);
}

}  // namespace placard::app
