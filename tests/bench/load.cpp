// Clients of a resolver: questions for names that are each asked once, and what became of them, as one line of JSON.
//
//   load SERVER PORT TEMPLATE SECONDS RATE WINDOW CLIENTS FIRST [PID [COUNT]]
//
// In TEMPLATE, % stands for the number of the question and & for that number modulo 1,000. RATE: questions a second,
// whatever comes back (open loop); 0: WINDOW questions are open at any time (closed loop). CLIENTS addresses from FIRST
// on ask in turn. PID: whose processor time is divided by the answers; 0: nobody's. COUNT: so many questions, and no
// more. A question is lost when no NOERROR or NXDOMAIN came for it within two seconds.
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "tests/bench/processor_time.hpp"
#include "zones/wire/writer.hpp"

namespace placard {
namespace {

constexpr double kPatience = 2.0;  // seconds
constexpr int kBatch = 32;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Wanted {
  std::string server, name;
  int port = 53;
  double seconds = 5, rate = 0;
  std::size_t window = 64;
  int clients = 1;
  std::string first = "127.0.0.1", pid;
  std::uint64_t count = UINT64_MAX;  // questions
};

class Load {
 public:
  explicit Load(Wanted wanted) : wanted_(std::move(wanted)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    in_addr first{};
    inet_pton(AF_INET, wanted_.first.c_str(), &first);
    for (int i = 0; i < wanted_.clients; ++i) open(ntohl(first.s_addr) + static_cast<std::uint32_t>(i));
  }

  void run() {
    const double cpu_before = wanted_.pid.empty() ? 0 : processor_time(wanted_.pid);
    const double began = now(), end = began + wanted_.seconds;
    for (;;) {
      const double at = now();
      if (at < end && sent_ < wanted_.count) {
        const double due = (at - began) * wanted_.rate;
        while (wanted_.rate > 0 ? static_cast<double>(sent_) < due : open_ < wanted_.window) {
          if (sent_ == wanted_.count || !send(at)) break;
        }
      } else if (open_ == 0 || at > end + kPatience) {
        break;
      }
      std::array<epoll_event, 64> events;
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1);
      for (int i = 0; i < count; ++i) receive(clients_[events[static_cast<std::size_t>(i)].data.u32]);
      expire(now());
    }
    report(began, cpu_before);
  }

 private:
  struct Client {
    int socket = -1;
    std::uint16_t next = 0;
    std::vector<double> asked = std::vector<double>(65'536);  // when; 0: not open
  };
  struct Open {
    double at;
    std::uint32_t client;
    std::uint16_t id;
  };

  void open(std::uint32_t address) {
    Client client;
    client.socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int size = 8 << 20;
    setsockopt(client.socket, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    sockaddr_in from{}, to{};
    from.sin_family = to.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(address);
    to.sin_port = htons(static_cast<std::uint16_t>(wanted_.port));
    inet_pton(AF_INET, wanted_.server.c_str(), &to.sin_addr);
    if (bind(client.socket, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0 ||
        connect(client.socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
      std::perror("load");
      std::exit(1);
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<std::uint32_t>(clients_.size());
    epoll_ctl(epoll_, EPOLL_CTL_ADD, client.socket, &event);
    clients_.push_back(std::move(client));
  }

  bool send(double at) {
    const auto number = static_cast<std::uint32_t>(sent_ % clients_.size());
    Client& client = clients_[number];
    const std::uint16_t id = client.next;
    if (client.asked[id] != 0) return false;  // all ids are open
    std::string name;
    for (const char letter : wanted_.name) {
      if (letter == '%') {
        name += std::to_string(sent_);
      } else if (letter == '&') {
        name += std::to_string(sent_ % 1'000);
      } else {
        name += letter;
      }
    }
    std::array<std::uint8_t, 512> packet;
    wire::MessageWriter writer(packet, packet.size());
    wire::Header header;
    header.id = id;
    header.rd = true;
    writer.header(header);
    writer.question(*wire::Name::from_text(name), wire::RecordType::a, wire::RecordClass::in);
    writer.edns(1'232, false, wire::Rcode::noerror);
    const auto octets = *writer.finish();
    if (::send(client.socket, octets.data(), octets.size(), 0) < 0) return false;
    ++client.next;
    ++sent_;
    ++open_;
    client.asked[id] = at;
    waiting_.push_back({at, number, id});
    return true;
  }

  void receive(Client& client) {
    std::array<std::uint8_t, 2'048> reply;
    for (int i = 0; i < kBatch; ++i) {
      const ssize_t size = recv(client.socket, reply.data(), reply.size(), 0);
      if (size < 12) return;
      const auto id = static_cast<std::uint16_t>(reply[0] << 8 | reply[1]);
      if (client.asked[id] == 0) continue;
      latencies_.push_back(now() - client.asked[id]);
      client.asked[id] = 0;
      --open_;
      ++rcodes_[reply[3] & 15U];
    }
  }

  void expire(double at) {
    while (!waiting_.empty() && (waiting_.front().at + kPatience < at ||
                                 clients_[waiting_.front().client].asked[waiting_.front().id] != waiting_.front().at)) {
      const Open& oldest = waiting_.front();
      double& asked = clients_[oldest.client].asked[oldest.id];
      if (asked == oldest.at) {
        asked = 0;
        --open_;
      }
      waiting_.pop_front();
    }
  }

  void report(double began, double cpu_before) {
    std::ranges::sort(latencies_);
    const auto percentile = [&](double share) {
      if (latencies_.empty()) return 0.0;
      const auto place = static_cast<std::size_t>(share * static_cast<double>(latencies_.size() - 1));
      return latencies_[place] * 1e3;
    };
    const auto answered = static_cast<double>(rcodes_[0] + rcodes_[3]);
    const double cpu = wanted_.pid.empty() ? 0 : processor_time(wanted_.pid) - cpu_before;
    const auto sent = static_cast<double>(sent_);
    std::printf(
        "{\"sent\": %.0f, \"answered\": %.0f, \"lost_percent\": %.3f, \"per_second\": %.0f, \"cpu_us\": %.2f, "
        "\"servfail\": %zu, \"refused\": %zu, \"p50_ms\": %.2f, \"p90_ms\": %.2f, \"p99_ms\": %.2f, \"p999_ms\": "
        "%.2f}\n",
        sent, answered, sent > 0 ? 100 * (sent - answered) / sent : 0, answered / wanted_.seconds,
        answered > 0 ? cpu * 1e6 / answered : 0, rcodes_[2], rcodes_[5], percentile(.5), percentile(.9),
        percentile(.99), percentile(.999));
    (void)began;
  }

  Wanted wanted_;
  int epoll_;
  std::vector<Client> clients_;
  std::deque<Open> waiting_;
  std::vector<double> latencies_;
  std::array<std::size_t, 16> rcodes_{};
  std::size_t sent_ = 0, open_ = 0;
};

}  // namespace
}  // namespace placard

int main(int count, char** words) {
  if (count < 9) {
    std::fputs("usage: load SERVER PORT TEMPLATE SECONDS RATE WINDOW CLIENTS FIRST [PID [COUNT]]\n", stderr);
    return 2;
  }
  placard::Wanted wanted;
  wanted.server = words[1];
  wanted.port = std::atoi(words[2]);
  wanted.name = words[3];
  wanted.seconds = std::atof(words[4]);
  wanted.rate = std::atof(words[5]);
  wanted.window = static_cast<std::size_t>(std::atoi(words[6]));
  wanted.clients = std::atoi(words[7]);
  wanted.first = words[8];
  if (count > 9 && std::strcmp(words[9], "0") != 0) wanted.pid = words[9];
  if (count > 10) wanted.count = std::strtoull(words[10], nullptr, 10);
  placard::Load(std::move(wanted)).run();
  return 0;
}
