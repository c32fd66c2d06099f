// A load that waits for nothing but answers: known questions in closed loops, or at a rate, and what an answer cost the
// server.
//
//   blast SERVER PORT QUESTIONS SECONDS [WORD=VALUE...]
//
// QUESTIONS is a file of lines "NAME TYPE"; they are asked in turn, again and again. Words:
//   pid=N[,N]     whose processor time (of all threads) is divided by the answers
//   sockets=16    each with a port of its own ...
//   window=16     ... and so many questions open
//   once=1        every question once, and no more
//   start=N       begins with the N-th question
//   edns=1 do=0   an OPT (1,232 octets) and its DO; cookie=1: with a client cookie
//   case=0        1: letters of names in random case
//   rate=0        so many questions a second, whatever comes back, as long as a window has room; what could not be
//                 asked in time, because the clients did not get their processor, is left out
//   stops=N[,N]   processors that are watched for stops of the machine (stops.hpp), the first one for other programs
//                 than those of pid=, too: "undisturbed" then has the latencies of questions that no stop met, nor what
//                 had gathered in one
//   fresh=0       this share of them is for names that nobody has asked for yet (the first label is made up)
// A question without an answer for a quarter of a second is given up. One line of JSON comes out. Latencies are of
// known questions only, up to the moment the kernel took the answer (SO_TIMESTAMPNS), so that they are the server's;
// all of them are told as well, as how many there were in each hundredth of an octave of microseconds.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <list>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/processor_time.hpp"
#include "tests/bench/stops.hpp"
#include "zones/wire/writer.hpp"

namespace placard {
namespace {

using Clock = std::chrono::system_clock;  // that of the kernel's stamps
using Words = std::map<std::string, std::string>;

constexpr auto kPatience = std::chrono::milliseconds(250);
constexpr std::size_t kBatch = 64;
constexpr double kSteps = 100;  // of an octave
constexpr std::uint16_t kCookie = 10;
constexpr std::size_t kClientCookie = 8;
constexpr std::size_t kFreshLabel = 10;
constexpr auto kTick = std::chrono::microseconds(50);      // between two looks at what is due
constexpr auto kTooLate = std::chrono::microseconds(200);  // what was due before then is left out

/// All questions, written once.
class Questions {
 public:
  Questions(const char* file, const Words& words) {
    std::ifstream in(file);
    std::mt19937 random(1);
    std::string text, type;
    while (in >> text >> type) {
      const auto name = wire::Name::from_text(text);
      const auto number = wire::record_type_from_text(type);
      if (!name || !number) continue;
      std::array<std::uint8_t, 512> packet;
      wire::MessageWriter writer(packet, packet.size());
      wire::Header header;
      header.rd = true;
      writer.header(header);
      writer.question(*name, *number, wire::RecordClass::in);
      const std::array<std::uint8_t, kClientCookie> cookie{1, 2, 3, 4, 5, 6, 7, 8};
      const wire::MessageWriter::EdnsOption option{kCookie, cookie};
      if (words.at("edns") == "1")
        writer.edns(1'232, words.at("do") == "1", wire::Rcode::noerror, {&option, words.at("cookie") == "1" ? 1U : 0U});
      const auto octets = *writer.finish();
      if (words.at("case") == "1") {
        for (std::size_t i = wire::kHeaderSize; packet[i] != 0; i += packet[i] + 1U)
          for (std::size_t k = i + 1; k <= i + packet[i]; ++k)
            if (std::isalpha(packet[k]) != 0 && (random() & 1U) != 0) packet[k] ^= 0x20U;
      }
      starts_.push_back(octets_.size());
      octets_.insert(octets_.end(), octets.begin(), octets.end());
    }
    starts_.push_back(octets_.size());
    if (size() == 0) {
      std::fputs("blast: no questions\n", stderr);
      std::exit(2);
    }
  }
  std::size_t size() const { return starts_.size() - 1; }
  wire::Bytes operator[](std::size_t n) const { return {octets_.data() + starts_[n], starts_[n + 1] - starts_[n]}; }

 private:
  std::vector<std::uint8_t> octets_;
  std::vector<std::size_t> starts_;
};

/// One port with its window of open questions. An id is a place in the window and how often that was used.
class Port {
 public:
  Port(const char* server, std::uint16_t port, std::size_t window) : open_(window) {
    sockaddr_storage to{};
    socklen_t size = sizeof(sockaddr_in);
    auto* v4 = reinterpret_cast<sockaddr_in*>(&to);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&to);
    if (inet_pton(AF_INET, server, &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
    } else if (inet_pton(AF_INET6, server, &v6->sin6_addr) == 1) {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      size = sizeof(sockaddr_in6);
    }
    fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&to), size) != 0) {
      std::perror("blast");
      std::exit(1);
    }
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    for (std::size_t i = 0; i < window; ++i) free_.push_back(i);
  }

  template <class Next>
  std::size_t send(const Next& next, std::size_t most) {
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> parts;
    std::array<std::array<std::uint8_t, 512>, kBatch> packets;
    std::array<std::size_t, kBatch> places;
    std::size_t made = 0;
    const auto now = Clock::now();
    for (; made < std::min(kBatch, most) && !free_.empty(); ++made) {
      bool fresh = false;
      const wire::Bytes question = next(fresh);
      if (question.empty()) break;
      places[made] = free_.back();
      free_.pop_back();
      std::memcpy(packets[made].data(), question.data(), question.size());
      Open& open = open_[places[made]];
      open = {now, static_cast<std::uint16_t>(open.use + 1), true, fresh};
      const auto id = static_cast<std::uint16_t>(places[made] << 8U | (open.use & 0xffU));
      packets[made][0] = static_cast<std::uint8_t>(id >> 8U);
      packets[made][1] = static_cast<std::uint8_t>(id);
      parts[made] = {packets[made].data(), question.size()};
      messages[made].msg_hdr.msg_iov = &parts[made];
      messages[made].msg_hdr.msg_iovlen = 1;
    }
    if (made > 0) sendmmsg(fd, messages.data(), static_cast<unsigned>(made), 0);
    return made;
  }

  template <class Done>
  void receive(const Done& done) {
    static std::array<std::array<std::uint8_t, 2'048>, kBatch> packets;  // one thread
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> parts;
    std::array<std::array<std::uint8_t, 64>, kBatch> stamps;
    for (std::size_t i = 0; i < kBatch; ++i) {
      messages[i].msg_hdr.msg_control = stamps[i].data();
      messages[i].msg_hdr.msg_controllen = stamps[i].size();
      parts[i] = {packets[i].data(), packets[i].size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int count = recvmmsg(fd, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < count; ++i) {
      const auto& packet = packets[static_cast<std::size_t>(i)];
      if (messages[static_cast<std::size_t>(i)].msg_len < wire::kHeaderSize || packet[0] >= open_.size()) continue;
      Open& open = open_[packet[0]];
      if (!open.is || (open.use & 0xffU) != packet[1]) continue;
      open.is = false;
      free_.push_back(packet[0]);
      done(open.at, open.fresh ? Clock::duration(-1) : stamp(messages[static_cast<std::size_t>(i)].msg_hdr) - open.at,
           packet[3] & 15U);
    }
  }

  std::size_t give_up(Clock::time_point now) {
    std::size_t lost = 0;
    for (std::size_t i = 0; i < open_.size(); ++i) {
      if (!open_[i].is || open_[i].at + kPatience > now) continue;
      open_[i].is = false;
      free_.push_back(i);
      ++lost;
    }
    return lost;
  }
  bool is_idle() const { return free_.size() == open_.size(); }

  int fd = -1;

 private:
  struct Open {
    Clock::time_point at;
    std::uint16_t use = 0;
    bool is = false, fresh = false;
  };
  static Clock::time_point stamp(msghdr& message) {
    timespec at{};
    for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part))
      if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS)
        std::memcpy(&at, CMSG_DATA(part), sizeof at);
    return Clock::time_point(std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec));
  }
  std::vector<Open> open_;
  std::vector<std::size_t> free_;
};

/// How many in each hundredth of an octave of microseconds.
using Counts = std::map<int, std::size_t>;

void count(Counts& counts, double microseconds) {
  ++counts[static_cast<int>(kSteps * std::log2(std::max(microseconds, 1.0)))];
}

void print(const char* name, const Counts& counts) {
  std::printf("\"%s\": {", name);
  for (const char* before = ""; const auto& [step, number] : counts)
    std::printf("%s\"%d\": %zu", std::exchange(before, ", "), step, number);
  std::putchar('}');
}

struct Run {
  std::size_t answered = 0, lost = 0;
  std::array<std::size_t, 16> rcodes{};
  std::vector<double> latencies;  // microseconds
  std::vector<std::pair<Clock::time_point, double>> asked;
  Counts undisturbed;
  double seconds = 0, processor = 0, stopped = 0;

  /// What was asked from a stop's begin on, until as much time again has passed after it (a server at half of what
  /// saturates it has then made up for it, and for what was left from the stop before), or was open when it began,
  /// was disturbed.
  void leave_out(std::vector<Stops::Stop> stops) {
    std::ranges::sort(stops, {}, &Stops::Stop::from);
    Clock::time_point made_up_for{};
    for (Stops::Stop& each : stops) {
      stopped += std::chrono::duration<double>(each.to - each.from).count() / seconds;
      made_up_for = each.to + (each.to - each.from) + std::max(Clock::duration::zero(), made_up_for - each.from);
      each.to = made_up_for;
    }
    std::ranges::sort(asked);
    auto first = stops.begin();
    for (const auto& [at, took] : asked) {
      const auto answered_at =
          at + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::micro>(took));
      while (first != stops.end() && first->to < at) ++first;
      if (first == stops.end() || first->from > answered_at) count(undisturbed, took);
    }
  }

  void print() {
    std::ranges::sort(latencies);
    const auto percentile = [&](double share) {
      return latencies.empty() ? 0
                               : latencies[static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1))];
    };
    std::printf(
        "{\"answered\": %zu, \"lost\": %zu, \"per_second\": %.0f, \"cpu_us\": %.3f, \"noerror\": %zu, \"nxdomain\": "
        "%zu, "
        "\"servfail\": %zu, \"refused\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"stopped\": "
        "%.4f, ",
        answered, lost, static_cast<double>(answered) / seconds,
        answered > 0 ? processor * 1e6 / static_cast<double>(answered) : 0, rcodes[0], rcodes[3], rcodes[2], rcodes[5],
        percentile(.5), percentile(.99), percentile(.999), stopped);
    Counts all;
    for (const double each : latencies) count(all, each);
    placard::print("latencies", all);
    std::fputs(", ", stdout);
    placard::print("undisturbed", undisturbed);
    std::puts("}");
  }
};

/// `question` with another first label. `made_up`: where it is put; it holds one at a time.
wire::Bytes with_fresh_label(wire::Bytes question, std::uint64_t number, std::span<std::uint8_t> made_up) {
  const std::size_t rest = wire::kHeaderSize + 1U + question[wire::kHeaderSize];
  auto* to = std::copy_n(question.begin(), wire::kHeaderSize, made_up.begin()).base();
  *to++ = kFreshLabel;
  for (std::size_t i = 0; i < kFreshLabel; ++i, number >>= 4U) *to++ = static_cast<std::uint8_t>('a' + (number & 15U));
  to = std::copy(question.begin() + static_cast<std::ptrdiff_t>(rest), question.end(), to);
  return {made_up.data(), static_cast<std::size_t>(to - made_up.data())};
}

Run blast(const char* server, std::uint16_t port, const Questions& questions, double seconds, const Words& words) {
  std::vector<Port> ports;
  for (int i = 0; i < std::stoi(words.at("sockets")); ++i)
    ports.emplace_back(server, port, std::stoul(words.at("window")));
  std::vector<pollfd> polled;
  for (const auto& each : ports) polled.push_back({each.fd, POLLIN, 0});
  std::size_t next = std::stoul(words.at("start")), left = words.at("once") == "1" ? questions.size() : SIZE_MAX;
  const std::string& pids = words.at("pid");
  const double rate = std::stod(words.at("rate")), fresh_share = std::stod(words.at("fresh"));
  std::list<Stops> stops;
  std::istringstream watched(words.at("stops"));
  std::vector<clockid_t> measured = processor_clocks(pids);
  for (std::string processor; std::getline(watched, processor, ',');)
    stops.emplace_back(std::stoi(processor), std::exchange(measured, {}));
  std::mt19937_64 random(std::random_device{}());
  std::array<std::uint8_t, 512> made_up;
  Run run;
  const double before = processor_time(pids);
  const auto began = Clock::now(),
             end = began + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const auto question = [&](bool& fresh) -> wire::Bytes {
    if (left == 0) return {};
    --left;
    const auto known = questions[next++ % questions.size()];
    fresh = fresh_share > 0 && static_cast<double>(random() >> 11U) < fresh_share * 0x1p53;
    return fresh ? with_fresh_label(known, random(), made_up) : known;
  };
  double due = 0;  // questions
  std::size_t turn = 0;
  auto looked = began, counted = began;
  for (auto now = began;; now = Clock::now()) {
    const bool asking = now < end && left > 0;
    if (!asking && std::ranges::all_of(ports, &Port::is_idle)) break;
    if (asking && rate > 0) {
      due += std::chrono::duration<double>(now - counted).count() * rate;
      due = std::min(due, std::max(1.0, std::chrono::duration<double>(kTooLate).count() * rate));
      for (std::size_t tried = 0; due >= 1 && tried < ports.size(); ++tried)
        due -= static_cast<double>(ports[turn++ % ports.size()].send(question, static_cast<std::size_t>(due)));
    } else if (asking) {
      for (auto& each : ports) each.send(question, kBatch);
    }
    counted = now;
    if (rate > 0) {
      const timespec tick{0, std::chrono::nanoseconds(kTick).count()};
      nanosleep(&tick, nullptr);
    }
    poll(polled.data(), polled.size(), rate > 0 ? 0 : 10);
    const auto arrived = Clock::now();
    for (std::size_t i = 0; i < ports.size(); ++i) {
      if ((polled[i].revents & POLLIN) == 0) continue;
      ports[i].receive([&](Clock::time_point at, Clock::duration took, unsigned rcode) {
        ++run.answered;
        ++run.rcodes[rcode];
        if (took < Clock::duration::zero()) return;
        run.latencies.push_back(std::chrono::duration<double, std::micro>(took).count());
        if (!stops.empty()) run.asked.emplace_back(at, run.latencies.back());
      });
    }
    if (arrived - looked < kPatience / 5) continue;
    looked = arrived;
    for (auto& each : ports) run.lost += each.give_up(arrived);
  }
  run.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  run.processor = processor_time(pids) - before;
  std::vector<Stops::Stop> seen;
  for (Stops& each : stops) {
    if (!each.end()) {
      std::fputs("blast: stops= needs the right to real-time scheduling\n", stderr);
      std::exit(1);
    }
    seen.insert(seen.end(), each.seen().begin(), each.seen().end());
  }
  run.leave_out(std::move(seen));
  return run;
}

}  // namespace
}  // namespace placard

int main(int count, char** arguments) {
  if (count < 5) {
    std::fputs("usage: blast SERVER PORT QUESTIONS SECONDS [WORD=VALUE...]\n", stderr);
    return 2;
  }
  placard::Words words{{"pid", ""}, {"sockets", "16"}, {"window", "16"}, {"once", "0"}, {"start", "0"}, {"edns", "1"},
                       {"do", "0"}, {"cookie", "0"},   {"case", "0"},    {"rate", "0"}, {"fresh", "0"}, {"stops", ""}};
  prctl(PR_SET_TIMERSLACK, 1);  // nanoseconds: a tick is a tick
  for (int i = 5; i < count; ++i) {
    const std::string word = arguments[i];
    const auto at = word.find('=');
    if (at == std::string::npos || !words.contains(word.substr(0, at))) {
      std::fprintf(stderr, "blast: what is %s?\n", arguments[i]);
      return 2;
    }
    words[word.substr(0, at)] = word.substr(at + 1);
  }
  const placard::Questions questions(arguments[3], words);
  placard::blast(arguments[1], static_cast<std::uint16_t>(std::atoi(arguments[2])), questions, std::atof(arguments[4]),
                 words)
      .print();
}
