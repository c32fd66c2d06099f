// What the world does to a store: power that goes, disks that fill up.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
using Catch::Contains;

namespace {

std::string many_decisions(int first, int count) {
  std::string toml;
  for (int i = first; i < first + count; ++i)
    toml += decision_toml(fmt::format("d{}", i), fmt::format("n{}.example.org", i));
  return toml;
}

}  // namespace

TEST_CASE("what a writer reported as recorded survives kill -9") {
  TemporaryFolder folder;
  int report[2];
  REQUIRE(::pipe(report) == 0);
  const pid_t writer = ::fork();
  if (writer == 0) {
    // No Catch2 in here: the child leaves by signal or _exit only.
    ::close(report[0]);
    try {
      auto store = Store::open(folder / "policy.db", Store::Mode::read_write, kNow);
      for (int i = 0; i < 1000; ++i) {
        const auto toml =
            (i == 0 ? authority_toml() : std::string()) + decision_toml(fmt::format("d{}", i), "example.org");
        const auto batch = parse_decision_file(toml, "test.toml", kNow);
        if (!batch || !intake(store, *batch, Guards{}, "writer", kNow)) ::_exit(2);
        if (::write(report[1], &i, sizeof i) != sizeof i) ::_exit(3);
      }
    } catch (...) {
      ::_exit(4);
    }
    ::_exit(5);
  }
  REQUIRE(writer > 0);
  ::close(report[1]);
  int last = -1;
  while (last < 7) REQUIRE(::read(report[0], &last, sizeof last) == sizeof last);
  ::kill(writer, SIGKILL);  // in the midst of whatever comes next
  int status = 0;
  REQUIRE(::waitpid(writer, &status, 0) == writer);
  REQUIRE(WIFSIGNALED(status));
  int more = 0;
  while (::read(report[0], &more, sizeof more) == sizeof more) last = more;
  ::close(report[0]);

  auto store = open_store(folder);  // the lock went with the process
  for (int i = 0; i <= last; ++i) CHECK(store.decision(fmt::format("d{}", i)).has_value());
  CHECK(store.verify_log().problems.empty());
  take_in(store, decision_toml("after", "example.org"));
}

TEST_CASE("a full store says so, keeps what it had, and goes on when there is room") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + many_decisions(0, 1));
  store.limit_pages(1);  // no more than it has now
  std::string text;
  try {
    take_in(store, many_decisions(100, 200));
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::disk_full);
    text = error.what();
  }
  CHECK_THAT(text, Contains("disk full: nothing was recorded"));
  CHECK(store.last_log_sequence() == 2);
  CHECK_FALSE(store.decision("d100").has_value());
  CHECK(store.decision("d0").has_value());
  store.limit_pages(1'000'000);
  take_in(store, many_decisions(100, 200));
  CHECK(store.last_log_sequence() == 202);
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("a write that the system refuses is told as such and loses nothing") {
  TemporaryFolder folder;
  {
    auto store = open_store(folder);
    take_in(store, authority_toml());
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    try {
      auto store = Store::open(folder / "policy.db", Store::Mode::read_write, kNow);
      const auto batch = parse_decision_file(many_decisions(0, 300), "test.toml", kNow);
      struct rlimit limit{};
      ::getrlimit(RLIMIT_FSIZE, &limit);
      limit.rlim_cur = 200 * 1024;  // the write-ahead log will not fit
      ::setrlimit(RLIMIT_FSIZE, &limit);
      try {
        (void)intake(store, *batch, Guards{}, "child", kNow);
        ::_exit(2);
      } catch (const StoreError& error) {
        if (error.kind() != StoreError::Kind::disk_full) ::_exit(3);
      }
      if (store.last_log_sequence() != 1) ::_exit(4);
      limit.rlim_cur = limit.rlim_max;
      ::setrlimit(RLIMIT_FSIZE, &limit);
      if (!intake(store, *batch, Guards{}, "child", kNow)) ::_exit(5);
    } catch (...) {
      ::_exit(6);
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  auto store = open_store(folder);
  CHECK(store.last_log_sequence() == 301);
  CHECK(store.verify_log().problems.empty());
}
